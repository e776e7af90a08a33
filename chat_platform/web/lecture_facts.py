"""What is known of a lecture before its chat: figures, volume, peaks, liked messages, words, speakers.

What belongs here: reading the marts of one lecture, the list of lectures. What does not: the chat (``chats``), pages.
All of it is the same for every reader of a published version, so it is read once and kept; what is not for everybody
(``speakers``) is left out by the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any, Literal

from chat_platform.web import recordings, tile_data
from chat_platform.web.chats import Chat
from chat_platform.web.published import PinnedReader

PAGE = 25
TOP_MESSAGES = 5
WORDS = 40
Row = dict[str, Any]
Sort = Literal["date", "messages", "speakers", "reactions", "questions", "title"]

_ORDERS = {
    "date": "lecture_date {0}, conversation_id {0}",
    "messages": "lectures.messages + replies {0}, conversation_id",
    "speakers": "speakers {0}, conversation_id",
    "reactions": "reactions {0}, conversation_id",
    "questions": "asked {0} nulls last, conversation_id",
    "title": "title {0} nulls last, conversation_id",
}
_LISTED = """
    select
        lectures.conversation_id, lecture_date, lectures.title, kind, state, reason, duration_s, link,
        lectures.messages + replies as messages, reactions, speakers, asked, still_open, count(*) over () as total
    from marts.lectures as lectures
    left join (
        select conversation_id, asked, still_open from marts.question_summary
    ) as questions using (conversation_id)
    where ($kind is null or kind = $kind)
        and ($since is null or lecture_date >= $since)
        and ($until is null or lecture_date <= $until)
        and (not $asked or asked > 0)
        and (
            $text is null or contains(lower(coalesce(lectures.title, '')), lower($text))
            or conversation_id in (select conversation_id from marts.lecture_words where lemma = lower($text))
        )
    order by {order}
    limit $limit offset $offset
"""
_LECTURE = "select * from marts.lectures where conversation_id = ?"
# The date lets DuckDB skip what lies elsewhere: these tables are in order of dates.
_OF_LECTURE = "conversation_id = $lecture and lecture_date = $date"
_OF_DATELESS = "conversation_id = $lecture and $date is null"


@dataclass(frozen=True)
class ListFilters:
    """Which lectures are asked for."""

    text: str | None = None
    kind: Literal["recording", "saved_chat"] | None = None
    since: date | None = None
    until: date | None = None
    asked: bool = False
    sort: Sort = "date"
    descending: bool = True
    page: int = 1


@dataclass(frozen=True)
class Lectures:
    """A page of the list."""

    rows: list[Row]
    total: int

    @property
    def pages(self) -> int:
        """Pages in all, at least one."""
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True)
class LectureFacts:
    """A lecture.

    Attributes:
        lecture: row of marts.lectures.
        minutes: messages of each minute from 0.
        peaks: minute, messages, speakers, ratio, link of marts.lecture_peaks in order of time.
        top: most reacted messages, names as shown at the source.
        words: most used words.
        questions: asked, answered, still_open of marts.question_summary; ``None`` where the model has not read it.
        question_ids: messages that are questions, by the model or by people's word → ``open`` or ``answered``.
        speakers: of marts.lecture_speakers what is shown of each participant, for staff.
        timeline: data of the chart, without names of any language.
    """

    lecture: Row
    minutes: list[int]
    peaks: list[Row]
    top: list[Row]
    words: list[Row]
    questions: Row | None
    question_ids: Mapping[str, str]
    speakers: list[Row]
    timeline: Row


def lectures(published: PinnedReader, filters: ListFilters) -> Lectures:
    """A page of the list of lectures."""

    def read() -> Lectures:
        order = _ORDERS[filters.sort].format("desc" if filters.descending else "asc")
        rows = published.query(
            _LISTED.format(order=order),
            {
                "kind": filters.kind,
                "since": filters.since,
                "until": filters.until,
                "asked": filters.asked,
                "text": filters.text,
                "limit": PAGE,
                "offset": (filters.page - 1) * PAGE,
            },
        )
        return Lectures(rows, rows[0]["total"] if rows else 0)

    return read() if filters.text else published.kept(("lectures", filters), read)


def lecture(published: PinnedReader, conversation_id: str) -> LectureFacts | None:
    """A lecture, or ``None`` where there is none of this id (days of Slack's channels are none)."""
    row = published.kept(("lecture row", conversation_id), lambda: published.row(_LECTURE, [conversation_id]))
    if row is None:
        return None
    return published.kept(("lecture", conversation_id), lambda: _facts(published, row))


def _facts(published: PinnedReader, row: Row) -> LectureFacts:
    asked = {"lecture": row["conversation_id"], "date": row["lecture_date"]}

    place = _OF_LECTURE if row["lecture_date"] else _OF_DATELESS

    def of(table: str, columns: str, order: str | None = None) -> list[Row]:
        sql = f"select {columns} from marts.{table} where {place}"  # noqa: S608  ours
        rows = published.query(sql, asked)
        # Of so few rows DuckDB takes half as long to sort them as to find them.
        return sorted(rows, key=itemgetter(order)) if order else rows

    minutes = [one["messages"] for one in of("lecture_minutes", "minute, messages", "minute")]
    peaks = of("lecture_peaks", "minute, messages, speakers, ratio, link", "minute")
    for peak in peaks:
        peak["link"] = recordings.safe_link(peak["link"])
    summary = of("question_summary", "asked, answered, still_open")
    questions = of("lecture_questions", "message_id, state")
    return LectureFacts(
        lecture={**row, "link": recordings.safe_link(row["link"])},
        minutes=minutes,
        peaks=peaks,
        top=_top(published, row),
        words=of("lecture_words", "lemma, occurrences, rank", "rank")[:WORDS],
        questions=summary[0] if summary else None,
        question_ids={one["message_id"]: one["state"] for one in questions},
        speakers=of(
            "lecture_speakers", "person_id, name, messages, replies, reactions_received, rank", "rank"
        ),
        timeline=_timeline(row, minutes, peaks),
    )


def _top(published: PinnedReader, row: Row) -> list[Row]:
    # By conversation alone: a lecture past midnight has its messages on two days.
    sql = """
        select message_id, sent_at, text, reactions, emojis, link, rank_in_conversation as rank
        from marts.top_messages
        where conversation_id = ? and rank_in_conversation <= ?
    """
    found = published.query(sql, [row["conversation_id"], TOP_MESSAGES])
    found.sort(key=itemgetter("rank"))
    shown = {
        one["message_id"]: one for one in Chat(published, row).some([one["message_id"] for one in found])
    }
    return [
        {**one, **shown[one["message_id"]], "link": recordings.safe_link(one["link"])}
        for one in found
        if one["message_id"] in shown
    ]


def _timeline(row: Row, minutes: list[int], peaks: list[Row]) -> Row:
    started = row["started_at"] or row["first_at"]
    data = tile_data.timeline(minutes, name="", link=row["link"], started_at=started)
    data["peaks"] = [{"at": peak["minute"] * 60, "label": str(peak["messages"])} for peak in peaks]
    return data
