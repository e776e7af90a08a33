"""Published versions, and going back to the one before.

What belongs here: the pages. What does not: the copies and the pointer (``storage.publication``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import StorageError
from chat_platform.storage.publication import PublishedVersion
from chat_platform.web import access
from chat_platform.web.dagster_links import DagsterLinks
from chat_platform.web.parameters import LARGEST

router = APIRouter(prefix="/c/{class_id}/operations/publication")


@router.get("")
def publication(visit: access.Operator) -> Response:
    """Versions that are kept, the one that is read, and what is wrong with it."""
    folder = visit.room.workspace.publication
    return visit.page(
        "operations/publication.html",
        versions=folder.kept()[::-1],
        current=_found(folder.current),
        previous=_found(folder.previous),
        state=visit.room.published.state(),
        links=DagsterLinks.of(visit.services.settings),
    )


@router.get("/rollback")
def rollback_page(visit: access.Operator) -> Response:
    """Where it leads, and the button."""
    folder = visit.room.workspace.publication
    return visit.page(
        "operations/publication_rollback.html", before=folder.current(), after=folder.previous()
    )


@router.post("/rollback")
def rollback(visit: access.Operator, seen: Annotated[int, Field(ge=1, le=LARGEST), Form()]) -> Response:
    """Point to the version before; readers have it within a second."""
    after = visit.room.workspace.publication.rollback(seen=seen)
    visit.audit("publication rolled back", str(after.number), before=seen)
    return RedirectResponse(f"/c/{visit.room.class_id}/operations/publication", 303)


def _found(find: Callable[[], PublishedVersion]) -> PublishedVersion | None:
    try:
        return find()
    except StorageError:
        return None  # ``state`` says why
