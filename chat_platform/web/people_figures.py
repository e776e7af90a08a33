"""What the published tables say of people: of one person, and of the class for those who teach it.

What belongs here: queries and their shapes. What does not: who may see which (``pages.people``), comparisons
(``bands``), what people wrote on the portal (``storage.contributions``).

Everything is counted over public messages. A name that fits several people belongs to nobody here.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from chat_platform.web.published import PinnedReader

PAGE = 50
WORDS = 20
MOST_DAYS = 400
RESPONSES = 60

Row = dict[str, Any]

SORTS: dict[str, str] = {
    "name": "name",
    "messages": "messages",
    "active": "active_days",
    "last": "last_written_date",
    "silent": "silent_lecture_days",
    "trend": "average_last_4 - coalesce(average_previous_4, average_last_4)",
    "received": "reactions_received",
    "given": "reactions_given",
    "asked": "asked",
}
"""What the list of the class can be sorted by: name in addresses → expression."""

_PERSON = """
    select people.person_id, people.name, people.role, people.team, people.origin
    from core.people as people
    where people.person_id = $person_id and not people.is_bot
"""
_TOTALS = """
    select
        coalesce(sum(messages), 0)::bigint as messages,
        coalesce(sum(replies), 0)::bigint as replies,
        coalesce(sum(reactions_given), 0)::bigint as reactions_given,
        coalesce(sum(reactions_received), 0)::bigint as reactions_received,
        count(*) as days,
        min(local_date) as first_date,
        max(local_date) as last_date
    from marts.participation_daily
    where person_id = $person_id
"""
_TREND = """
    select lecture_days, active_days, last_written_date, silent_lecture_days, average_last_4, average_previous_4
    from marts.participation_trend
    where person_id = $person_id
"""
_QUESTIONS = """
    select
        count(*) filter (where person_id = $person_id) as asked,
        count(*) filter (where person_id = $person_id and state = 'answered') as asked_and_answered,
        count(*) filter (where answered_by = $person_id) as answered
    from marts.lecture_questions
    where person_id = $person_id or answered_by = $person_id
"""
# Days on which a lecture had a chat are there also when the person was silent: that is what a trend is about.
_DAYS = """
    with daily as (
        select local_date, messages + replies as messages, reactions_given, reactions_received
        from marts.participation_daily
        where person_id = $person_id
    ),
    silent as (
        select distinct lecture_date as local_date, 0 as messages, 0 as reactions_given, 0 as reactions_received
        from marts.lectures
        where
            messages + replies > 0
            and lecture_date >= (select min(local_date) from daily)
            and lecture_date not in (select local_date from daily)
    )
    select * from daily
    union all
    select * from silent
    order by local_date desc
    limit $limit
"""
_WORDS = """
    select lemma, occurrences, share from marts.person_words
    where person_id = $person_id
    order by rank
    limit $limit
"""
_OWN_WORDS = """
    select lemma, occurrences, rest_occurrences, z_score from marts.person_distinctive_words
    where person_id = $person_id
    order by rank
    limit $limit
"""
_CLASS = """
    with asked as (
        select person_id, count(*) as asked from marts.lecture_questions where person_id is not null group by all
    ),
    listed as (
        select
            people.person_id,
            people.name,
            people.role,
            people.team,
            coalesce(trend.messages, 0) as messages,
            coalesce(trend.active_days, 0) as active_days,
            coalesce(trend.lecture_days, 0) as lecture_days,
            trend.last_written_date,
            trend.silent_lecture_days,
            trend.average_last_4,
            trend.average_previous_4,
            coalesce(reacted.reactions, 0) as reactions_received,
            coalesce(reactors.reactions, 0) as reactions_given,
            coalesce(asked.asked, 0) as asked
        from core.people as people
        left join marts.participation_trend as trend on trend.person_id = people.person_id
        left join marts.reacted as reacted on reacted.person_id = people.person_id
        left join marts.reactors as reactors on reactors.person_id = people.person_id
        left join asked on asked.person_id = people.person_id
        where not people.is_bot and contains(lower(people.name), lower($search))
    )
    select *, count(*) over () as found from listed
    order by {order} {direction} nulls last, name, person_id
    limit $limit offset $offset
"""
_CLASS_DAYS = """
    select
        lecture_date,
        sum(messages + replies)::bigint as messages,
        max(speakers) as speakers,
        sum(reactions)::bigint as reactions
    from marts.lectures
    where messages + replies > 0
    group by lecture_date
    order by lecture_date desc
    limit $limit
"""
_SILENT = """
    select person_id, name, last_written_date, silent_lecture_days, days_silent, active_days, messages_before,
        average_before
    from marts.silent_people
    order by average_before desc, name, person_id
    limit $limit
"""
_RESPONSES = """
    select person_id, name, conversation_id, kind, conversation_date, responses, median_s, p90_s
    from marts.teacher_responses
    where person_id is not null
    order by conversation_date desc nulls last, name, conversation_id
    limit $limit
"""


@dataclass(frozen=True)
class ClassPage:
    """A page of the list of the class.

    Attributes:
        rows: at most ``PAGE``.
        found: people that the search finds.
        number: of the page, from 1.
    """

    rows: list[Row]
    found: int
    number: int

    @property
    def pages(self) -> int:
        """Number of pages, 1 at least."""
        return max(1, -(-self.found // PAGE))


def person(published: PinnedReader, person_id: str) -> Row | None:
    """Name, role, team and origin of a person who is no program; ``None`` when there is none of this id."""
    return published.row(_PERSON, {"person_id": person_id})


def figures(published: PinnedReader, person_id: str) -> Row:
    """What somebody did, as numbers.

    Keys: messages, replies, reactions_given, reactions_received, days, first_date, last_date, lecture_days,
    active_days, last_written_date, silent_lecture_days, average_last_4, average_previous_4, asked,
    asked_and_answered, answered. Those of the trend are ``None`` for somebody who was silent in every lecture.
    """
    about = {"person_id": person_id}
    trend = published.row(_TREND, about) or dict.fromkeys(
        (
            "lecture_days",
            "active_days",
            "last_written_date",
            "silent_lecture_days",
            "average_last_4",
            "average_previous_4",
        )
    )
    return {**(published.row(_TOTALS, about) or {}), **trend, **(published.row(_QUESTIONS, about) or {})}


def days(published: PinnedReader, person_id: str) -> list[Row]:
    """What somebody did by date, oldest first; dates of lectures in which they were silent as zeros.

    Keys: local_date, messages (replies too), reactions_given, reactions_received.
    """
    return published.query(_DAYS, {"person_id": person_id, "limit": MOST_DAYS})[::-1]


def words(published: PinnedReader, person_id: str) -> list[Row]:
    """Words used most. Keys: lemma, occurrences, share."""
    return published.query(_WORDS, {"person_id": person_id, "limit": WORDS})


def own_words(published: PinnedReader, person_id: str) -> list[Row]:
    """Words that tell somebody from the room. Keys: lemma, occurrences, rest_occurrences, z_score."""
    return published.query(_OWN_WORDS, {"person_id": person_id, "limit": WORDS})


def class_page(
    published: PinnedReader,
    *,
    search: str = "",
    sort: str = "name",
    direction: Literal["asc", "desc"] = "asc",
    number: int = 1,
) -> ClassPage:
    """People of the class, also those who never wrote.

    Args:
        search: part of the name.
        sort: a key of ``SORTS``; another one is read as ``name``.
        number: of the page, from 1; one behind the last has no rows.
    """
    wanted = unicodedata.normalize("NFC", search.strip())
    order = SORTS.get(sort, SORTS["name"])
    sql = _CLASS.format(order=order, direction="desc" if direction == "desc" else "asc")

    def make() -> ClassPage:
        rows = published.query(sql, {"search": wanted, "limit": PAGE, "offset": (number - 1) * PAGE})
        return ClassPage(rows, rows[0]["found"] if rows else 0, number)

    # What is searched for is different each time; the list as it opens is the same for everybody.
    return make() if wanted else published.kept(("class page", sort, direction, number), make)


def class_days(published: PinnedReader) -> list[Row]:
    """The class by date of lecture, oldest first. Keys: lecture_date, messages, speakers, reactions."""
    return published.kept("class days", lambda: published.query(_CLASS_DAYS, {"limit": MOST_DAYS})[::-1])


def silent_people(published: PinnedReader) -> list[Row]:
    """Who became silent, whoever wrote most before first; ``marts.silent_people``."""
    return published.kept("silent people", lambda: published.query(_SILENT, {"limit": PAGE}))


def teacher_responses(published: PinnedReader) -> list[Row]:
    """How soon teachers reply, the latest conversations first; ``marts.teacher_responses``."""
    return published.kept("teacher responses", lambda: published.query(_RESPONSES, {"limit": RESPONSES}))
