"""Consents: what somebody agreed to, and taking it back.

What belongs here: the page and its form, for oneself only. What does not: the log (``storage.consents``), what a
consent allows (``ingestion.author_training``, ``guessing``, ``storage.quiz``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.quiz import QuizStore
from chat_platform.storage.verdicts import signature
from chat_platform.web import access

router = APIRouter()


@router.get("/c/{class_id}/consents")
def consents(visit: access.Member) -> Response:
    """What one agreed to, since when, and what that means."""
    log = ConsentLog(visit.room.workspace.database)
    history = log.history(visit.person_id, AUTHOR_MODEL) if visit.person_id else []
    agreed = any(row["withdrawn_at"] is None for row in history)
    return visit.page("consents/own.html", history=history[::-1], agreed=agreed)


@router.post("/c/{class_id}/consents")
def change(visit: access.Member, action: Annotated[Literal["grant", "withdraw"], Form()]) -> Response:
    """Agree, or take it back; doing so twice changes nothing.

    Raises:
        WebError: CP-WEB-030 for an account that is no person of the class.
    """
    if visit.person_id is None:
        raise WebError("CP-WEB-030")
    log, by = ConsentLog(visit.room.workspace.database), signature(visit.account.account_id)
    agreed = visit.person_id in log.active(AUTHOR_MODEL)
    if action == "grant" and not agreed:
        log.grant(visit.person_id, AUTHOR_MODEL, by=by)
        visit.audit("consent.granted", visit.person_id, purpose=AUTHOR_MODEL)
    if action == "withdraw" and agreed:
        log.withdraw(visit.person_id, AUTHOR_MODEL, by=by)
        QuizStore(visit.services.database).forget(visit.room.class_id, visit.person_id)
        visit.audit("consent.withdrawn", visit.person_id, purpose=AUTHOR_MODEL)
    return RedirectResponse(f"/c/{visit.room.class_id}/consents", 303)
