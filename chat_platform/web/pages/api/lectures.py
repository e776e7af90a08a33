"""Lectures and their chats.

What belongs here: the routes below ``/c/{class_id}/lectures``. Direct and removed messages are in none of them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.web.access import Visit
from chat_platform.web.board import Board
from chat_platform.web.pages.api.common import (
    USUAL,
    ApiModel,
    ApiRoute,
    LectureReader,
    Limit,
    NumberCursor,
    Page,
    SpeakerReader,
    TextCursor,
    keepable,
    key_of,
    number_of,
    page_of,
)
from chat_platform.web.parameters import IsoDate

router = APIRouter(prefix="/c/{class_id}/lectures", route_class=ApiRoute, tags=["lectures"])

ConversationId = Annotated[
    str, Path(max_length=400, description="Id of the lecture.", examples=["zoom-20260302-5b7e2c1a7647"])
]

_NAMING = frozenset({"author_name", "person_id", "name", "role"})
"""What tells who wrote a message."""
# The place of a lecture in the list, newest first: its date, and its id for a total order.
_PLACE = "coalesce(strftime(lecture_date, '%Y-%m-%d'), '0000-00-00') || ' ' || conversation_id"
_COLUMNS = """
    conversation_id, source, kind, lecture_date, title, started_at, duration_s, link, state, messages, replies,
    reactions, speakers
"""
_LECTURES = f"""
    select {_COLUMNS}, {_PLACE} as place from marts.lectures
    where ($since is null or lecture_date >= $since) and ($until is null or lecture_date <= $until)
        and ($search is null or contains(lower(title), lower($search)))
        and ($after is null or {_PLACE} < $after)
    order by place desc
    limit $limit
"""  # noqa: S608  only our own columns are put in
_LECTURE = f"select {_COLUMNS} from marts.lectures where conversation_id = $lecture"  # noqa: S608
_MINUTES = """
    select minute, messages, speakers from marts.lecture_minutes
    where conversation_id = $lecture and minute > $after order by minute limit $limit
"""
_PEAKS = """
    select peak, from_minute, to_minute, minute, first_at, messages, speakers, baseline, ratio, rank, link
    from marts.lecture_peaks where conversation_id = $lecture and peak > $after order by peak limit $limit
"""
_TOP = """
    select rank_in_conversation as rank, message_id, sent_at, person_id, name, text, reactions, emojis, link
    from marts.top_messages where conversation_id = $lecture and rank_in_conversation > $after
    order by rank_in_conversation limit $limit
"""
_WORDS = """
    select rank, lemma, occurrences from marts.lecture_words
    where conversation_id = $lecture and rank > $after order by rank limit $limit
"""
_SPEAKERS = """
    select rank, person_id, name, role, messages, replies, reactions_received from marts.lecture_speakers
    where conversation_id = $lecture and rank > $after order by rank limit $limit
"""
_MESSAGES = """
    with shown as (
        select message_id, position, kind, sent_at, offset_s, author_name, identity_id, text, parent_id
        from core.messages
        where conversation_id = $lecture and visibility = 'everyone' and not removed
            and position > $after and ($search is null or contains(lower(text), lower($search)))
        order by position
        limit $limit
    ),
    counted as (
        select message_id, emoji, sum("count")::bigint as number
        from core.reactions
        where conversation_id = $lecture and not removed and message_id in (select message_id from shown)
        group by message_id, emoji
    ),
    reacted as (
        select message_id, list({'emoji': emoji, 'count': number} order by number desc, emoji) as reactions
        from counted group by message_id
    )
    select
        shown.* exclude (identity_id), identities.person_id, people.name, people.role,
        coalesce(reacted.reactions, []) as reactions
    from shown
    left join reacted on reacted.message_id = shown.message_id
    left join core.identities as identities
        on identities.identity_id = shown.identity_id and identities.state <> 'ambiguous'
    left join core.people as people on people.person_id = identities.person_id
    order by shown.position
"""


class Lecture(ApiModel):
    """A recording or saved chat."""

    conversation_id: str = Field(examples=["zoom-20260302-5b7e2c1a7647"])
    source: str = Field(description="`zoom` or `zoom_file`.", examples=["zoom"])
    kind: str = Field(description="`recording` or `saved_chat`.", examples=["recording"])
    lecture_date: date | None = Field(description="In the class's time zone.", examples=["2026-03-02"])
    title: str | None = Field(examples=["3/2 강의"])
    started_at: datetime | None = Field(description="First moment of the recording, UTC.")
    duration_s: float | None = Field(description="Length in seconds.", examples=[10469.0])
    link: str | None = Field(description="Opens the recording.")
    state: str = Field(
        description="`announced`, `fetched`, `parsed`, `quarantined`, `failed` or `gone`.",
        examples=["parsed"],
    )
    messages: int = Field(examples=[125])
    replies: int = Field(examples=[28])
    reactions: int = Field(examples=[23])
    speakers: int = Field(description="People who wrote.", examples=[35])


class Minute(ApiModel):
    """A minute of a lecture, also one in which nobody wrote."""

    minute: int = Field(description="From 0 at the start of the recording.", examples=[46])
    messages: int = Field(description="Messages and replies.", examples=[7])
    speakers: int = Field(examples=[6])


class Peak(ApiModel):
    """A moment when the room woke up."""

    peak: int = Field(description="In the order of time, from 1.", examples=[1])
    from_minute: int
    to_minute: int
    minute: int = Field(description="First minute of the strongest window.")
    first_at: datetime | None
    messages: int = Field(description="In the strongest window.")
    speakers: int
    baseline: float | None = Field(description="What is usual in this lecture.")
    ratio: float | None = Field(description="Messages over baseline.")
    rank: int = Field(description="By messages, from 1.")
    link: str | None = Field(description="Opens the recording at that second.")


class TopMessage(ApiModel):
    """A message with many reactions."""

    rank: int = Field(description="Within the lecture, from 1.", examples=[1])
    message_id: str
    sent_at: datetime
    person_id: str | None
    name: str | None = Field(description="Null when it is not for you.", examples=["김하늘"])
    text: str
    reactions: int = Field(examples=[5])
    emojis: int = Field(description="Different ones.", examples=[2])
    link: str | None = Field(description="Opens the recording at that second.")


class LectureWord(ApiModel):
    """A word of a lecture's chat."""

    rank: int = Field(examples=[1])
    lemma: str = Field(description="Dictionary form.", examples=["함수"])
    occurrences: int = Field(examples=[12])


class Speaker(ApiModel):
    """Somebody who wrote in a lecture."""

    rank: int = Field(examples=[1])
    person_id: str | None
    name: str = Field(examples=["김하늘"])
    role: str | None = Field(examples=["student"])
    messages: int = Field(examples=[9])
    replies: int = Field(examples=[2])
    reactions_received: int = Field(examples=[3])


class Reaction(ApiModel):
    """An emoji on a message."""

    emoji: str = Field(examples=["👍"])
    count: int = Field(examples=[3])


class Message(ApiModel):
    """A message or reply that everybody in the room could read."""

    message_id: str
    position: int = Field(description="Order within the lecture.", examples=[0])
    kind: str = Field(description="`message` or `reply`.", examples=["message"])
    sent_at: datetime
    offset_s: float | None = Field(description="Seconds from the start of the recording.")
    author_name: str | None = Field(
        description="Name as it was shown in the chat; null, as all that tells the author, when it is not for you."
    )
    person_id: str | None = Field(description="Person behind the name; null while that is not known.")
    name: str | None = Field(description="Name of the person.")
    role: str | None = Field(description="`teacher`, `staff` or `student`.")
    text: str
    parent_id: str | None = Field(description="Message that this reply answers.")
    reactions: list[Reaction]


@router.get("", response_model=Page[Lecture])
def lectures(
    visit: LectureReader,
    response: Response,
    since: Annotated[IsoDate | None, Query(description="First date.")] = None,
    until: Annotated[IsoDate | None, Query(description="Last date.")] = None,
    search: Annotated[str | None, Query(max_length=100, description="Part of the title.")] = None,
    limit: Limit = USUAL,
    cursor: TextCursor = None,
) -> dict[str, Any]:
    """Lectures, the newest first."""
    keepable(visit, response)
    wanted = {
        "since": since,
        "until": until,
        "search": search,
        "after": key_of(cursor),
        "limit": limit + 1,
    }
    return page_of(visit, response, visit.published.query(_LECTURES, wanted), limit, lambda row: row["place"])


@router.get("/{conversation_id}", response_model=Lecture)
def lecture(visit: LectureReader, response: Response, conversation_id: ConversationId) -> dict[str, Any]:
    """One lecture."""
    keepable(visit, response)
    return _known(visit, conversation_id)


@router.get("/{conversation_id}/minutes", response_model=Page[Minute])
def minutes(
    visit: LectureReader,
    response: Response,
    conversation_id: ConversationId,
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """How much was written in each minute."""
    return _numbered(visit, response, _MINUTES, conversation_id, limit, cursor, "minute")


@router.get("/{conversation_id}/peaks", response_model=Page[Peak])
def peaks(
    visit: LectureReader,
    response: Response,
    conversation_id: ConversationId,
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """Moments when the room woke up, in the order of time."""
    return _numbered(visit, response, _PEAKS, conversation_id, limit, cursor, "peak")


@router.get("/{conversation_id}/top-messages", response_model=Page[TopMessage])
def top_messages(
    visit: LectureReader,
    response: Response,
    conversation_id: ConversationId,
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """Messages with most reactions."""
    return _numbered(visit, response, _TOP, conversation_id, limit, cursor, "rank", Board(visit).hidden())


@router.get("/{conversation_id}/words", response_model=Page[LectureWord])
def words(
    visit: LectureReader,
    response: Response,
    conversation_id: ConversationId,
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """Words that the chat used most."""
    return _numbered(visit, response, _WORDS, conversation_id, limit, cursor, "rank")


@router.get("/{conversation_id}/speakers", response_model=Page[Speaker])
def speakers(
    visit: SpeakerReader,
    response: Response,
    conversation_id: ConversationId,
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """Who wrote how much, for staff only.

    Students read names beside messages, as they did in the room, but no statistics of single people.
    """
    return _numbered(visit, response, _SPEAKERS, conversation_id, limit, cursor, "rank")


@router.get("/{conversation_id}/messages", response_model=Page[Message])
def messages(
    visit: LectureReader,
    response: Response,
    conversation_id: ConversationId,
    search: Annotated[str | None, Query(max_length=100, description="Part of the text.")] = None,
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """The chat, in its order."""
    hidden = Board(visit).hidden()
    return _numbered(
        visit, response, _MESSAGES, conversation_id, limit, cursor, "position", hidden, search=search
    )


def _known(visit: Visit, conversation_id: str) -> dict[str, Any]:
    found = visit.published.row(_LECTURE, {"lecture": conversation_id})
    if found is None:
        raise WebError("CP-WEB-001")
    return found


def _numbered(
    visit: Visit,
    response: Response,
    sql: str,
    conversation_id: str,
    limit: int,
    cursor: str | None,
    key: str,
    hidden: frozenset[str] = frozenset(),
    **more: Any,
) -> dict[str, Any]:
    """A part of a lecture, in the order of a number.

    Args:
        hidden: messages whose author the visitor must not see.
    """
    keepable(visit, response, *sorted(hidden))
    _known(visit, conversation_id)
    wanted = {"lecture": conversation_id, "after": number_of(cursor), "limit": limit + 1, **more}
    rows = [
        {**row, **dict.fromkeys(_NAMING & row.keys())} if row.get("message_id") in hidden else row
        for row in visit.published.query(sql, wanted)
    ]
    return page_of(visit, response, rows, limit, lambda row: row[key])
