"""A question in its chat: what was said around it, and what answered it there.

What belongs here: reading one conversation, who is shown as the author. What does not: the chat of a whole lecture
(``pages.lectures``), the board (``board``).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chat_platform.web.access import Visit
from chat_platform.web.board import Question

BEFORE = 5
AFTER = 8
MOST_REPLIES = 50
_NO_SPAN = {"first": None, "last": None}

_AROUND = """
    with public as materialized (
        select message_id, parent_id, position, sent_at, offset_s, text, identity_id
        from core.messages
        where conversation_id = $conversation and sent_at between $first and $last
            and not removed and visibility = 'everyone'
    ),
    here as (
        select sent_at, position from public where message_id = $message
    ),
    around as (
        (
            select p.message_id from public as p, here as h
            where (p.sent_at, p.position) < (h.sent_at, h.position)
            order by p.sent_at desc, p.position desc limit $before
        )
        union all
        (
            select p.message_id from public as p, here as h
            where (p.sent_at, p.position) >= (h.sent_at, h.position)
            order by p.sent_at, p.position limit $after
        )
        union all
        (select p.message_id from public as p where p.parent_id = $message order by p.sent_at limit $replies)
        union all
        (select $answer)
    )
    select
        p.message_id, p.parent_id, p.sent_at, p.offset_s, p.text, i.participant_id, i.name, i.role
    from public as p
    left join intermediate.int_participants as i on i.identity_id = p.identity_id
    where p.message_id in (select message_id from around)
    order by p.sent_at, p.position
"""
# Between which moments a conversation lies lets DuckDB skip the rest of core.messages (``int_chat_spans``).
_SPAN = "select first_at as first, last_at as last from intermediate.int_chat_spans where conversation_id = ?"
_MESSAGE = """
    select m.message_id, m.conversation_id, m.text, p.person_id
    from core.messages as m
    inner join marts.lectures as l on l.conversation_id = m.conversation_id
    left join intermediate.int_participants as p on p.identity_id = m.identity_id
    where m.message_id = $message and (
            $conversation is null or (m.conversation_id = $conversation and m.sent_at between $first and $last)
        )
        and not m.removed and m.visibility = 'everyone'
"""


@dataclass(frozen=True)
class Said:
    """A message of the chat.

    Attributes:
        name: ``None`` where the author of the question on this page hides.
        is_question: it is the question itself.
        answers: ``reply`` or ``next_message``, where it answers the question.
    """

    message_id: str
    name: str | None
    role: str | None
    sent_at: datetime
    offset_s: float | None
    text: str
    is_question: bool
    answers: str | None


def around(visit: Visit, question: Question, hidden: Set[str]) -> list[Said]:
    """Messages around a question of a chat, and those that answered it, in their order.

    Args:
        hidden: questions whose asker the visitor must not see. Where this one is among them, whatever its author said
            around it is shown without a name too.
    """
    rows = _around(
        visit,
        question.conversation_id or "",
        question.question_id,
        before=BEFORE,
        after=AFTER + 1,
        replies=MOST_REPLIES,
        answer=question.answer_message_id,
    )
    return [_said(row, question, hidden) for row in rows]


def public_message(
    visit: Visit, message_id: str, conversation_id: str | None = None
) -> dict[str, Any] | None:
    """A message that the class can see: message_id, conversation_id, text and person_id.

    With its conversation it is found at once; without it every message is looked at.
    """
    span = _span(visit, conversation_id) if conversation_id else _NO_SPAN
    if span is None:
        return None
    return visit.published.row(
        _MESSAGE, {"message": message_id, "conversation": conversation_id or None, **span}
    )


def _span(visit: Visit, conversation_id: str) -> dict[str, Any] | None:
    """Between which moments the public messages of a conversation lie; ``None`` where it has none."""
    return visit.published.row(_SPAN, [conversation_id])


def _around(visit: Visit, conversation_id: str, message_id: str, **asked: Any) -> list[dict[str, Any]]:
    span = _span(visit, conversation_id)
    if span is None:
        return []
    return visit.published.query(
        _AROUND, {"conversation": conversation_id, "message": message_id, **span, **asked}
    )


def _said(row: dict[str, Any], question: Question, hidden: Set[str]) -> Said:
    is_question = row["message_id"] == question.question_id
    of_asker = row["participant_id"] is not None and row["participant_id"] == question.participant_id
    nameless = row["message_id"] in hidden or (question.question_id in hidden and (is_question or of_asker))
    answers = None
    if not is_question and not of_asker:
        if row["message_id"] == question.answer_message_id:
            answers = question.answer_basis
        elif row["parent_id"] == question.question_id:
            answers = "reply"
    return Said(
        row["message_id"],
        None if nameless else row["name"],
        None if nameless else row["role"],
        row["sent_at"],
        row["offset_s"],
        row["text"],
        is_question,
        answers,
    )


def neighbours(visit: Visit, conversation_id: str, message_id: str, hidden: Set[str]) -> list[Said]:
    """The few messages around one that nobody has called a question yet."""
    rows = _around(visit, conversation_id, message_id, before=3, after=3, replies=3, answer=None)
    return [
        Said(
            row["message_id"],
            None if row["message_id"] in hidden else row["name"],
            None if row["message_id"] in hidden else row["role"],
            row["sent_at"],
            row["offset_s"],
            row["text"],
            row["message_id"] == message_id,
            None,
        )
        for row in rows
    ]
