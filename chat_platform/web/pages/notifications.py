"""What happened to questions that the visitor follows.

What belongs here: the page, marking as read. What does not: who is told of what (``storage.notifications``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from chat_platform.storage.notifications import PAGE, NotificationStore
from chat_platform.web import access
from chat_platform.web.board import Board
from chat_platform.web.pages.questions import address_of
from chat_platform.web.parameters import LARGEST
from chat_platform.web.writing import allow_write

router = APIRouter()


@router.get("/c/{class_id}/notifications")
def notifications(
    visit: access.Member, before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None
) -> Response:
    """Newest first; a question that is on the board no more is named, not linked."""
    notices = _store(visit).list(visit.account.account_id, before=before)
    return visit.page(
        "notifications/list.html",
        notices=notices,
        questions=Board(visit).some({notice.question_id for notice in notices}) if notices else {},
        more=notices[-1].notification_id if len(notices) == PAGE else None,
    )


@router.post("/c/{class_id}/notifications/read")
def read_all(visit: access.Member, up_to: Annotated[int, Form(ge=1, le=LARGEST)]) -> Response:
    """Mark everything up to the newest one that was shown as read."""
    allow_write(visit)
    _store(visit).mark_read(visit.account.account_id, up_to=up_to)
    return RedirectResponse(f"/c/{visit.room.class_id}/notifications", 303)


@router.post("/c/{class_id}/notifications/open")
def open_one(
    visit: access.Member,
    notification_id: Annotated[int, Form(ge=1, le=LARGEST)],
) -> Response:
    """Mark one as read and go to what it is about; somebody else's leads nowhere."""
    allow_write(visit)
    store = _store(visit)
    found = store.list(visit.account.account_id, before=notification_id + 1, limit=1)
    home = f"/c/{visit.room.class_id}/notifications"
    if not found or found[0].notification_id != notification_id:
        return RedirectResponse(home, 303)
    store.mark_read(visit.account.account_id, only=notification_id)
    notice = found[0]
    answer = None if notice.kind == "answer_removed" else notice.answer_id
    return RedirectResponse(address_of(visit, notice.question_id, answer), 303)


def _store(visit: access.Visit) -> NotificationStore:
    return NotificationStore(visit.services.database, visit.room.class_id)
