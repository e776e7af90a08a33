"""People: the own page, the class for those who teach it, bands for everybody else.

What belongs here: the routes, who sees what, what is noted in the log. What does not: figures (``people_figures``),
comparisons (``bands``), the archive of own data (``own_data``), consents (``pages.consents``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response, StreamingResponse

from chat_platform.errors import WebError
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.contributions import contributions
from chat_platform.web import access, own_data, people_figures
from chat_platform.web.bands import Bands, class_bands
from chat_platform.web.exports import attachment

router = APIRouter()

VIEWED = "person.viewed"
EXPORTED = "export.own_data"
Sort = Literal["name", "messages", "active", "last", "silent", "trend", "received", "given", "asked"]


@router.get("/c/{class_id}/people")
def people(
    visit: access.Member,
    q: Annotated[str, Query(max_length=100)] = "",
    sort: Sort = "name",
    order: Literal["asc", "desc"] = "asc",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """The class: person by person for staff, in bands for students."""
    if not visit.is_staff:
        return visit.page("people/bands.html", bands=_bands(visit))
    listed = people_figures.class_page(visit.published, search=q, sort=sort, direction=order, number=page)
    asked = {"q": q, "sort": sort, "order": order}
    if visit.request.headers.get("hx-request"):
        return visit.page("people/list.html", listed=listed, asked=asked)
    return visit.page(
        "people/class.html",
        listed=listed,
        asked=asked,
        days=people_figures.class_days(visit.published),
        silent=people_figures.silent_people(visit.published),
        responses=people_figures.teacher_responses(visit.published),
    )


@router.get("/c/{class_id}/people/me")
def own_page(visit: access.Member) -> Response:
    """Everything about oneself, and who looked at it."""
    found = people_figures.person(visit.published, visit.person_id) if visit.person_id else None
    if found is None:
        return visit.page("people/unlinked.html", linked=visit.person_id is not None)
    looks = visit.services.audit.about(visit.room.class_id, found["person_id"], action=VIEWED)
    agreed = found["person_id"] in ConsentLog(visit.room.workspace.database).active(AUTHOR_MODEL)
    return visit.page(
        "people/person.html",
        **_about(visit, found),
        own=True,
        looks=looks,
        agreed=agreed,
        bands=_bands(visit),
    )


@router.post("/c/{class_id}/people/me/export")
def export(visit: access.Member) -> Response:
    """Everything that the platform holds of oneself, as one archive."""
    archive = own_data.archive(visit)
    visit.audit(EXPORTED, visit.person_id)
    return StreamingResponse(
        archive,
        media_type="application/zip",
        headers={"Content-Disposition": attachment(f"own-data-{visit.room.class_id}", "zip")},
    )


@router.get("/c/{class_id}/people/{person_id}")
def somebody(visit: access.Staff, person_id: str) -> Response:
    """A person's page for those who teach; the person sees that they looked."""
    if person_id == visit.person_id:
        return RedirectResponse(f"/c/{visit.room.class_id}/people/me", 303)
    found = people_figures.person(visit.published, person_id)
    if found is None:
        raise WebError("CP-WEB-001")
    visit.audit(VIEWED, person_id)
    return visit.page("people/person.html", **_about(visit, found), own=False)


def _about(visit: access.Visit, found: dict[str, Any]) -> dict[str, Any]:
    person_id, published = found["person_id"], visit.published
    return {
        "person": found,
        "figures": people_figures.figures(published, person_id),
        "days": people_figures.days(published, person_id),
        "words": people_figures.words(published, person_id),
        "own_words": people_figures.own_words(published, person_id),
        "board": contributions(visit.services.database, visit.room.class_id, person_id),
    }


def _bands(visit: access.Visit) -> dict[str, Bands]:
    settings = visit.services.settings
    today = datetime.now(settings.zone).date()
    return class_bands(visit.published, settings.web.smallest_group, today)
