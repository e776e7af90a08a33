"""What a digest says: a week of a class, from the published tables and from the portal.

What belongs here: asking for it. What does not: how it looks (``render``, ``slack``), who gets it (``sending``).

Of people only what they said in public before the class is repeated, with their names; of figures only sums of the
class, and a number of people below the smallest group is ``None`` (shown as "< k"). Direct and removed messages are
in none of the tables that are asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from chat_platform.digest.weeks import Week
from chat_platform.storage.asked import AskedStore, number_of
from chat_platform.storage.board import BoardStore
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.portal_models import PortalAnswer
from chat_platform.storage.verdicts import verdicts

Query = Callable[[str, Sequence[Any]], list[dict[str, Any]]]
"""Asks the published tables: SQL with parameters → rows."""

TOP_MESSAGES = 5
PEAKS = 3
OPEN_SHOWN = 8
ANSWERED_SHOWN = 8
LECTURES_SHOWN = 20
AMBIGUOUS = "(ambiguous) "
"""How the marts mark a name that fits several people."""

_LECTURES = """
select
    lectures.conversation_id, lectures.lecture_date, lectures.title, lectures.started_at, lectures.link,
    lectures.duration_s, lectures.state, lectures.messages, lectures.replies, lectures.reactions, lectures.speakers,
    summary.asked
from marts.lectures
left join marts.question_summary as summary on summary.conversation_id = lectures.conversation_id
where lectures.lecture_date between ? and ?
order by lectures.lecture_date, lectures.started_at nulls last, lectures.conversation_id
limit ?
"""
# By the days, by which these tables are sorted: by the lectures alone all of them would be read.
_PEAKS = """
select peaks.conversation_id, peaks.minute, peaks.first_at, peaks.messages, peaks.speakers, peaks.link,
    date_diff('second', lectures.started_at, peaks.first_at) as second
from marts.lecture_peaks as peaks
inner join marts.lectures on lectures.conversation_id = peaks.conversation_id
where peaks.lecture_date between ? and ? and peaks.rank <= ?
order by peaks.conversation_id, peaks.first_at
"""
# As lists, since the lectures of a week have thousands of minutes.
_MINUTES = """
select conversation_id, list(minute) as minutes, list(messages) as messages from marts.lecture_minutes
where lecture_date between ? and ? and list_contains(?, conversation_id)
group by conversation_id
"""
_TOP = """
select message_id, conversation_id, local_date, name, text, reactions, link from marts.top_messages
where source = 'zoom' and local_date between ? and ? and text <> ''
order by reactions desc, emojis desc, sent_at, message_id limit ?
"""
_ACTIVITY = """
select local_date, zoom_messages, slack_messages from marts.daily_activity
where local_date between ? and ? order by local_date
"""
_WRITERS = """
select count(distinct participant_id) as people from marts.participation_daily
where local_date between ? and ? and messages + replies > 0
"""
# Questions of students first, since it is the class that is asked to answer. What was typed on the portal comes from
# there.
_OPEN = """
select message_id, conversation_id, lecture_date, name, role, text, offset_s, link, count(*) over () as total
from marts.open_questions
where lecture_date between ? and ? and text <> '' and found_by <> 'portal' and message_id not in (select unnest(?))
order by role in ('teacher', 'staff') nulls first, answered_elsewhere_id is not null, probability desc nulls last,
    asked_at, message_id
limit ?
"""
_TEXTS = """
select message_id, conversation_id, text from marts.lecture_questions where message_id in (select unnest(?))
"""


@dataclass(frozen=True)
class Peak:
    """A moment when the room woke up.

    Attributes:
        second: of the recording; ``None`` where nobody knows when it began.
        speakers: people who wrote; ``None``: fewer than the smallest group.
        link: opens the recording at that second.
    """

    minute: int
    second: int | None
    messages: int
    speakers: int | None
    link: str | None


@dataclass(frozen=True)
class Lecture:
    """A lecture of the week.

    Attributes:
        messages: messages and replies.
        speakers: people who wrote; ``None``: fewer than the smallest group.
        asked: questions; ``None`` while the question model has not read it.
        has_chat: whether its chat has arrived.
        minutes: (minute, messages), for the picture.
    """

    conversation_id: str
    lecture_date: date
    title: str
    started_at: datetime | None
    link: str | None
    messages: int
    reactions: int
    speakers: int | None
    asked: int | None
    has_chat: bool
    peaks: tuple[Peak, ...] = ()
    minutes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class TopMessage:
    """A message in a lecture's chat that many reacted to.

    Attributes:
        name: of the author; ``None`` where it is a question whose asker hides.
    """

    message_id: str
    conversation_id: str
    local_date: date
    name: str | None
    text: str
    reactions: int
    link: str | None


@dataclass(frozen=True)
class Question:
    """A question that waits for an answer.

    Attributes:
        name: of who asked; ``None`` where that is known to staff only.
        conversation_id: lecture; ``None`` for a question of the portal about none.
        link: opens the recording at that second.
    """

    question_id: str
    text: str
    name: str | None
    asked_on: date
    conversation_id: str | None
    link: str | None = None


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question that was answered on the portal in the week, and how its first (or endorsed) answer begins."""

    question_id: str
    text: str
    answer: str
    answers: int
    endorsed: bool


@dataclass(frozen=True)
class Totals:
    """Sums of the class.

    Attributes:
        days: (day, messages in lectures, messages on Slack), every day of the week.
        before: messages of the week before.
        people: who wrote; ``None``: fewer than the smallest group.
    """

    days: tuple[tuple[date, int, int], ...]
    before: int
    people: int | None

    @property
    def messages(self) -> int:
        """Messages and replies of the week."""
        return sum(zoom + slack for _, zoom, slack in self.days)


@dataclass(frozen=True)
class PublishedWeek:
    """What depends on the published tables and the week only."""

    lectures: tuple[Lecture, ...]
    top: tuple[TopMessage, ...]
    totals: Totals


@dataclass(frozen=True)
class Digest:
    """What a digest says, the same for everybody who gets it.

    Attributes:
        smallest_group: k of "< k".
        open_questions: how many wait; ``questions`` are the first of them.
    """

    class_id: str
    title: str
    week: Week
    smallest_group: int
    published: PublishedWeek
    questions: tuple[Question, ...]
    open_questions: int
    answered: tuple[AnsweredQuestion, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say: no lecture, nothing written, nothing asked, nothing answered."""
        nothing = not self.published.lectures and not self.published.totals.messages
        return nothing and not self.questions and not self.answered

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return {**asdict(self), "week": str(self.week)}


def published_week(query: Query, week: Week, smallest_group: int) -> PublishedWeek:
    """The part of a digest that the graph has published."""
    span = (week.monday, week.sunday)
    rows = query(_LECTURES, (*span, LECTURES_SHOWN))
    ids = [row["conversation_id"] for row in rows]
    peaks = _by_lecture(query(_PEAKS, (*span, PEAKS)))
    minutes = {
        row["conversation_id"]: tuple(sorted(zip(row["minutes"], row["messages"], strict=True)))
        for row in query(_MINUTES, (*span, ids))
    }
    lectures = tuple(
        replace(
            _lecture(row, smallest_group),
            peaks=tuple(_peak(peak, smallest_group) for peak in peaks[row["conversation_id"]]),
            minutes=minutes.get(row["conversation_id"], ()),
        )
        for row in rows
    )
    top = tuple(
        TopMessage(**{**row, "name": _name(row["name"]), "link": _web_link(row["link"])})
        for row in query(_TOP, (*span, TOP_MESSAGES))
    )
    return PublishedWeek(lectures, top, _totals(query, week, smallest_group))


def compose(
    class_id: str,
    title: str,
    week: Week,
    published: PublishedWeek,
    query: Query,
    engine: Engine,
    labels: LabelLog,
    zone: ZoneInfo,
    smallest_group: int,
) -> Digest:
    """A digest: the published part, and what people have done about questions on the portal until now.

    Args:
        query: asks the published tables that ``published`` was made from.
        engine: of the portal's app database.
        labels: of the class's home.
    """
    board, asked = BoardStore(engine, class_id), AskedStore(engine, class_id)
    answered_ids = {question_id for question_id, counts in board.counts().items() if counts.answers}
    said = verdicts(labels.standing(), board.staff())
    no_questions = {message_id for message_id, verdict in said.items() if verdict.is_question is False}
    hidden = asked.hidden()
    own = [
        Question(
            one.question_id, one.text, None if one.question_id in hidden else one.name,
            one.created_at.astimezone(zone).date(), one.conversation_id,
        )
        for one in asked.all()
        if one.question_id not in answered_ids
        and week.monday <= one.created_at.astimezone(zone).date() <= week.sunday
    ]  # fmt: skip
    left_out = sorted(answered_ids | no_questions)
    rows = query(_OPEN, (week.monday, week.sunday, left_out, OPEN_SHOWN))
    questions = (*own, *(_question(row, hidden) for row in rows))
    return Digest(
        class_id,
        title,
        week,
        smallest_group,
        replace(published, top=tuple(_nameless(one, hidden) for one in published.top)),
        questions[:OPEN_SHOWN],
        len(own) + (rows[0]["total"] if rows else 0),
        tuple(_answered(query, engine, class_id, asked, week.bounds(zone))),
    )


def _answered(
    query: Query, engine: Engine, class_id: str, asked: AskedStore, bounds: tuple[datetime, datetime]
) -> Iterable[AnsweredQuestion]:
    """Questions that got an answer or an endorsement in the week, endorsed ones first."""
    first, after = bounds
    written = (PortalAnswer.created_at >= first) & (PortalAnswer.created_at < after)
    endorsed = (PortalAnswer.endorsed_at >= first) & (PortalAnswer.endorsed_at < after)
    rows = (
        select(PortalAnswer)
        .where(PortalAnswer.class_id == class_id, PortalAnswer.deleted_at.is_(None), written | endorsed)
        .order_by(PortalAnswer.endorsed_at.is_(None), PortalAnswer.answer_id)
    )
    found: dict[str, list[PortalAnswer]] = {}
    with Session(engine) as session:
        for row in session.scalars(rows):
            found.setdefault(row.question_id, []).append(row)
    texts = _texts(query, asked, found)
    known = [(question_id, answers) for question_id, answers in found.items() if texts.get(question_id)]
    for question_id, answers in known[:ANSWERED_SHOWN]:
        best = answers[0]
        yield AnsweredQuestion(
            question_id, texts[question_id], best.body, len(answers), best.endorsed_at is not None
        )


def _texts(query: Query, asked: AskedStore, question_ids: Collection[str]) -> dict[str, str]:
    """Question id → text; those of chats as far as they are still published."""
    if not question_ids:
        return {}
    of_chats = [one for one in question_ids if number_of(one) is None]
    found = {row["message_id"]: row["text"] for row in query(_TEXTS, (of_chats,))}
    own = {one.question_id: one.text for one in asked.all()}
    return {**found, **{one: own[one] for one in question_ids if one in own}}


def _totals(query: Query, week: Week, smallest_group: int) -> Totals:
    rows = query(_ACTIVITY, (week.before.monday, week.sunday))
    by_day = {row["local_date"]: (row["zoom_messages"], row["slack_messages"]) for row in rows}
    people = query(_WRITERS, (week.monday, week.sunday))[0]["people"]
    return Totals(
        tuple((day, *by_day.get(day, (0, 0))) for day in week.days),
        sum(sum(by_day.get(day, (0, 0))) for day in week.before.days),
        _people(people, smallest_group),
    )


def _lecture(row: dict[str, Any], smallest_group: int) -> Lecture:
    return Lecture(
        row["conversation_id"],
        row["lecture_date"],
        row["title"] or row["conversation_id"],
        row["started_at"],
        _web_link(row["link"]),
        row["messages"] + row["replies"],
        row["reactions"],
        _people(row["speakers"], smallest_group),
        row["asked"],
        has_chat=row["state"] in ("parsed", "published"),
    )


def _peak(row: dict[str, Any], smallest_group: int) -> Peak:
    second = row["second"]
    return Peak(
        row["minute"],
        second if second is not None and second >= 0 else None,
        row["messages"],
        _people(row["speakers"], smallest_group),
        _web_link(row["link"]),
    )


def _question(row: dict[str, Any], hidden: Collection[str]) -> Question:
    name = None if row["message_id"] in hidden else _name(row["name"])
    return Question(
        row["message_id"],
        row["text"],
        name,
        row["lecture_date"],
        row["conversation_id"],
        _web_link(row["link"]),
    )


def _nameless(message: TopMessage, hidden: Collection[str]) -> TopMessage:
    return replace(message, name=None) if message.message_id in hidden else message


def _by_lecture(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["conversation_id"]].append(row)
    return found


def _people(count: int, smallest_group: int) -> int | None:
    return count if count == 0 or count >= smallest_group else None


def _name(name: str | None) -> str:
    return (name or "").removeprefix(AMBIGUOUS)


def _web_link(link: str | None) -> str | None:
    """An address that a mail may link to: of the web, and nothing that a browser would run."""
    try:
        return link if link and urlsplit(link).scheme in ("http", "https") else None
    except ValueError:
        return None
