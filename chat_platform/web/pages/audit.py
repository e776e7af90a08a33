"""The log of a class, for its operators.

What belongs here: showing and filtering it. What does not: what is noted (every page, by ``visit.audit``).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.storage.audit import PAGE
from chat_platform.web import access
from chat_platform.web.parameters import LARGEST

router = APIRouter()

ACTIONS = {
    "sign-in": ("sign-ins", "로그인"),
    "sign-out": ("sign-outs", "로그아웃"),
    "export": ("exports", "내보내기"),
    "person": ("pages of people, links to people", "사람 페이지 열람·연결"),
    "role": ("roles", "역할"),
    "invitation": ("invitations", "초대"),
    "account": ("accounts", "계정"),
    "password": ("passwords", "비밀번호"),
    "provider": ("sign-in providers", "외부 로그인"),
    "token": ("tokens", "토큰"),
    "model": ("models", "모델"),
}
"""First word of an action → what the filter calls it, in English and Korean."""


@router.get("/c/{class_id}/audit")
def audit_page(
    visit: access.Operator,
    action: Annotated[str, Query(max_length=60)] = "",
    who: Annotated[str, Query(max_length=100)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """A page of the log, newest first."""
    services, class_id = visit.services, visit.room.class_id
    last_day = _day(until)
    rows = services.audit.list(
        class_id,
        action=action or None,
        who=who.replace("\0", "").strip() or None,
        since=_midnight(visit, _day(since)),
        until=_midnight(visit, last_day + timedelta(days=1)) if last_day else None,
        with_nobodys=class_id == services.settings.web.class_id,
        before=before,
        limit=PAGE + 1,
    )
    shown, more = rows[:PAGE], len(rows) > PAGE
    filters = {"action": action, "who": who, "since": since, "until": until}
    kept = {name: value for name, value in filters.items() if value}
    return visit.page(
        "audit/audit.html",
        rows=shown,
        actions=ACTIONS,
        filters=filters,
        older=f"?{urlencode({**kept, 'before': shown[-1].audit_id})}" if more else None,
        newest=f"?{urlencode(kept)}" if before is not None else None,
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise WebError("CP-WEB-006", "day") from None
    if not 1970 <= found.year <= 2999:
        raise WebError("CP-WEB-006", "day")
    return found


def _midnight(visit: access.Visit, day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), visit.services.settings.zone)
