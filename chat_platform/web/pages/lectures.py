"""Lectures: the list, and the page of one with its chat.

What belongs here: the routes, who sees what. What does not: figures (``lecture_facts``), the chat (``chats``), tiles
(``tiles``), questions (``pages.questions``).
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.web import access, lecture_facts
from chat_platform.web.board import Board, Filters
from chat_platform.web.chats import Chat
from chat_platform.web.lecture_facts import LectureFacts, ListFilters, Sort
from chat_platform.web.pages.tiles import cards, reader_of
from chat_platform.web.parameters import LARGEST, Day, PageNumber, Word
from chat_platform.web.tile_data import Asked
from chat_platform.web.tiles import published_tiles, visible

router = APIRouter()

SPEAKERS = 15
Kind = Literal["", "recording", "saved_chat"]


@router.get("/c/{class_id}/lectures")
def lectures(
    visit: access.Member,
    q: Annotated[Word, Query()] = None,
    kind: Kind = "",
    since: Annotated[Day, Query(alias="from")] = None,
    until: Annotated[Day, Query(alias="to")] = None,
    asked: Literal["", "1"] = "",
    sort: Sort = "date",
    order: Literal["asc", "desc"] = "desc",
    page: PageNumber = 1,
) -> Response:
    """The list of lectures; on its first page the statistics of the class."""
    filters = ListFilters(
        text=_nfc(q),
        kind=kind or None,
        since=since,
        until=until,
        asked=bool(asked),
        # Students see few people as "< k"; an order by their number would tell more.
        sort="date" if sort == "speakers" and not visit.is_staff else sort,
        descending=order == "desc",
        page=page,
    )
    listed = lecture_facts.lectures(visit.published, filters)
    if visit.request.headers.get("hx-request"):
        return visit.page("lectures/list.html", listed=listed, filters=filters, reader=reader_of(visit))
    plain = filters == ListFilters()
    return visit.page(
        "lectures/lectures.html",
        listed=listed,
        filters=filters,
        reader=reader_of(visit),
        cards=cards(visit, "class") if plain else [],
    )


@router.get("/c/{class_id}/lectures/{conversation_id}")
def lecture(
    visit: access.Member,
    conversation_id: str,
    q: Annotated[Word, Query()] = None,
    after: Annotated[int, Query(ge=-1, le=LARGEST)] = -1,
    around: Annotated[Word, Query()] = None,
    at: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
) -> Response:
    """A lecture: figures, volume, peaks, liked messages, words, questions, then the chat."""
    facts = lecture_facts.lecture(visit.published, conversation_id)
    if facts is None:
        raise WebError("CP-WEB-001")
    board = Board(visit)
    nameless = board.hidden()
    chat = Chat(visit.published, facts.lecture, nameless)
    text = _nfc(q)
    values: dict[str, Any] = {
        "facts": facts,
        "lecture": facts.lecture,
        "q": text,
        "found": chat.search(text) if text else None,
        "chat": None if text else chat.page(after=after, around=around, at=at),
        "chosen": around,
        "questions_in_chat": _questions(facts, board),
    }
    if visit.request.headers.get("hx-request"):
        return visit.page("lectures/chat.html", **values)
    own = next((one for one in facts.speakers if one["person_id"] == visit.person_id), None)
    tiles = visible(published_tiles(visit.published), visit.role, "lecture")
    return visit.page(
        "lectures/lecture.html",
        **values,
        board=board.page(Filters(lecture=conversation_id)),
        own=own if visit.person_id else None,
        speakers=facts.speakers[:SPEAKERS] if visit.is_staff else [],
        reader=reader_of(visit),
        nameless=nameless,
        timeline={**facts.timeline, "name": visit.tr("messages", "메시지")},
        word_items=[{"name": word["lemma"], "value": word["occurrences"]} for word in facts.words],
        tiles=tiles,
        asked=Asked(lecture=conversation_id),
    )


def _questions(facts: LectureFacts, board: Board) -> dict[str, str]:
    """Messages marked as questions: what the model found, but for those that people say are none."""
    marked, verdicts = {}, board.verdicts()
    for message_id, state in facts.question_ids.items():
        verdict = verdicts.get(message_id)
        if verdict is None or verdict.is_question is not False:
            marked[message_id] = state
    return marked


def _nfc(text: str | None) -> str | None:
    # Messages are stored so; what a Mac types is often not.
    return unicodedata.normalize("NFC", text).strip() if text else None
