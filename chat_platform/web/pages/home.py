"""The first page, and whether the portal is well.

What belongs here: choosing a class, ``/health``. What does not: pages of a class.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, RedirectResponse, Response

from chat_platform.errors import ChatPlatformError
from chat_platform.web import access

router = APIRouter()


@router.get("/")
def first_page(visit: access.SignedIn) -> Response:
    """The classes of the visitor; straight into the class where there is one only."""
    rooms = [room for room in visit.services.classes.values() if room.class_id in visit.account.members]
    if len(rooms) == 1:
        return RedirectResponse(f"/c/{rooms[0].class_id}/lectures", 303)
    return visit.page("classes.html", rooms=rooms)


@router.get("/health")
def health(visit: access.Anybody) -> Response:
    """Whether app database and published tables answer; 503 while one does not. Nothing else is told."""
    states = {"app_database": "ok"}
    try:
        visit.services.accounts.any_account()
    except Exception as error:  # whatever it is, it is not well
        states["app_database"] = error.code if isinstance(error, ChatPlatformError) else type(error).__name__
    for class_id, room in visit.services.classes.items():
        try:
            states[f"published:{class_id}"] = f"version {room.published.version.number}"
        except ChatPlatformError as error:
            states[f"published:{class_id}"] = error.code
    well = all(state == "ok" or state.startswith("version ") for state in states.values())
    return JSONResponse({"ok": well, "parts": states}, 200 if well else 503)
