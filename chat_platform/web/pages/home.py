"""The first page, and whether the portal is well.

What belongs here: choosing a class, ``/health``, the icon. What does not: pages of a class.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, RedirectResponse, Response

from chat_platform.web import access
from chat_platform.web.health import check_health
from chat_platform.web.static_files import asset_url

router = APIRouter()


@router.get("/")
def first_page(visit: access.SignedIn) -> Response:
    """The classes of the visitor; straight into the class where there is one only."""
    rooms = [room for room in visit.services.classes.values() if room.class_id in visit.account.members]
    if len(rooms) == 1:
        return RedirectResponse(f"/c/{rooms[0].class_id}/lectures", 303)
    return visit.page("classes.html", rooms=rooms)


@router.get("/favicon.ico")
def icon(visit: access.Whoever) -> Response:
    """Where the icon is, for whoever asks without having read it in a page."""
    return RedirectResponse(asset_url("icon.svg"), 307)


@router.get("/health")
def health(visit: access.Whoever) -> Response:
    """Whether app database and published tables answer; 503 while one does not.

    An earlier version that is read because the newest is damaged is a warning: the portal serves. Nothing else is
    told.
    """
    found = check_health(visit.services)
    return JSONResponse(
        {"ok": found.well, "parts": found.parts, "warnings": found.warnings}, 200 if found.well else 503
    )
