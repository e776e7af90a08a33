"""The questions of a class: those that the model found in the chats, and those asked on the portal.

What belongs here: putting published tables and app database together, filters and order, who is shown as the asker.
What does not: pages (``pages.questions``), rules about answers (``storage.answers``), what corrections mean
(``storage.verdicts``).

What the mart has to filter and sort by is kept in memory as long as a version lasts (``question_columns``); rows are
read of the few questions that are shown. The mart knows the portal as it was when it was built; here the portal
speaks for itself: of the mart only the model's questions are taken, with what the chat made of them, and those that
it left out since people said that they are none.

States, the first that fits: ``not_question`` (people say so), ``endorsed`` (a teacher endorsed an answer of the
portal), ``answered`` (on the portal or in the chat), ``open``. A message that people answered on the portal stays on
the board when a newer model finds no question in it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any

from chat_platform.storage.asked import Asked, AskedStore, number_of
from chat_platform.storage.board import BoardStore, Counts
from chat_platform.storage.follows import FollowStore
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.question_states import is_wanted, role_in_class, state_of
from chat_platform.storage.verdicts import Verdict, verdicts
from chat_platform.web.access import Visit
from chat_platform.web.board_order import Added, Noted, Ordered, Viewer
from chat_platform.web.moments import microseconds
from chat_platform.web.published import PinnedReader
from chat_platform.web.question_columns import ROLES, STATES, question_columns
from chat_platform.web.recordings import safe_link

SORTS = ("newest", "oldest", "followed", "voted", "similar")
PAGE = 20
MOST_PAGES = 10_000
LONGEST_SEARCH = 200
OFFERED = 200
"""Lectures in the list of a form: nobody reads ten thousand, and each page would carry a megabyte of them."""
_RECENT = 2_000

_SEPARATOR = "\x1f"
_COLUMNS = """
    q.message_id, q.conversation_id, q.lecture_date, q.title, q.asked_at, q.offset_s, q.participant_id, q.person_id,
    q.name, q.role, q.text, q.probability, if(q.answered_in = 'chat', 'answered', 'open') as state, q.answer_basis,
    q.answer_message_id, q.answers, q.link
"""

_PROMOTED = """
    select
        m.message_id, m.conversation_id, l.lecture_date, l.title, m.sent_at as asked_at,
        coalesce(m.offset_s, epoch(m.sent_at) - epoch(l.started_at)) as offset_s,
        p.participant_id, p.person_id, p.name, p.role, m.text, null as probability, 'open' as state,
        null as answer_basis, null as answer_message_id, 0 as answers, null as link
    from core.messages as m
    inner join marts.lectures as l on l.conversation_id = m.conversation_id
    left join intermediate.int_participants as p on p.identity_id = m.identity_id
    where list_contains(string_split($ids, chr(31)), m.message_id)
        and not m.removed and m.visibility = 'everyone' and not coalesce(p.is_bot, false)
"""

# Known to the mart no more; whether the chat answered is seen again when the metrics are built.
_LEFT_OUT = """
    select
        f.message_id, f.conversation_id, l.lecture_date, l.title, f.sent_at as asked_at,
        coalesce(f.offset_s, epoch(f.sent_at) - epoch(l.started_at)) as offset_s,
        p.participant_id, p.person_id, p.name, p.role, f.text, f.probability, 'open' as state,
        null as answer_basis, null as answer_message_id, 0 as answers, null as link
    from core.portal_questions as said
    inner join intermediate.int_questions as f on f.message_id = said.message_id
    inner join intermediate.int_question_champion as champion on champion.model_version = f.model_version
    inner join marts.lectures as l on l.conversation_id = f.conversation_id
    inner join intermediate.int_participants as p on p.identity_id = f.identity_id
    where said.state = 'not_question' and not p.is_bot
"""


@dataclass(frozen=True)
class Filters:
    """What of the board is asked for.

    Attributes:
        state: one of ``STATES``; ``None``: all but what is no question.
        lecture: conversation.
        role: of who asked; whoever hides from the class has none there.
        mine: only what the visitor asked.
        followed: only what the visitor follows.
        text: words that stand in the question, as typed.
        sort: one of ``SORTS``.
        page: from 1.
    """

    state: str | None = None
    lecture: str | None = None
    role: str | None = None
    mine: bool = False
    followed: bool = False
    text: str = ""
    sort: str = "newest"
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        """Filters of an address; what makes no sense is left out."""
        page = query.get("page", "")
        return cls(
            state=_one_of(query.get("state"), STATES),
            lecture=query.get("lecture") or None,
            role=_one_of(query.get("role"), ROLES),
            mine=query.get("mine") == "1",
            followed=query.get("followed") == "1",
            text=query.get("text", "").replace("\0", "").strip()[:LONGEST_SEARCH],
            sort=_one_of(query.get("sort"), SORTS) or SORTS[0],
            page=min(max(int(page), 1), MOST_PAGES) if page.isascii() and page.isdecimal() and len(page) < 9 else 1,
        )  # fmt: skip

    def query(self, **changes: Any) -> dict[str, str]:
        """The address's query for these filters with changes, without what says nothing."""
        changed = replace(self, **changes)
        values = {
            "state": changed.state,
            "lecture": changed.lecture,
            "role": changed.role,
            "mine": "1" if changed.mine else None,
            "followed": "1" if changed.followed else None,
            "text": changed.text,
            "sort": changed.sort if changed.sort != SORTS[0] else None,
            "page": str(changed.page) if changed.page > 1 else None,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def is_common(self) -> bool:
        """Whether many readers ask just this, and get the same."""
        return not (self.lecture or self.text or self.mine or self.followed) and self.page <= 3


@dataclass(frozen=True)
class Asker:
    """Who asked, as the visitor may see it.

    Attributes:
        name: ``None`` when it is not for the visitor.
        role: as ``name``.
        hidden: the class does not see the name.
        is_me: the visitor.
    """

    name: str | None
    role: str | None
    hidden: bool
    is_me: bool


@dataclass(frozen=True)
class Question:
    """A question as the visitor may see it.

    Attributes:
        state: one of ``STATES``.
        chat_answers: replies in the chat; 0 where the answer is only likely.
        answer_basis: ``reply`` or ``next_message``, where the chat answered.
        counts: what people did about it on the portal.
        is_portal: it was asked on the portal.
        link: opens the recording at that second.
    """

    question_id: str
    conversation_id: str | None
    lecture_date: Any
    title: str | None
    asked_at: datetime
    offset_s: float | None
    text: str
    state: str
    asker: Asker
    counts: Counts
    verdict: Verdict | None
    is_portal: bool
    probability: float | None = None
    answer_basis: str | None = None
    answer_message_id: str | None = None
    chat_answers: int = 0
    link: str | None = None
    participant_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Page:
    """A page of the board."""

    questions: Sequence[Question]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True)
class _Said:
    """What people said of the questions of a published version; the same for every reader.

    Attributes:
        promoted: message id → row like one of the mart, of messages that are questions by people's word only, and of
            those that the mart left out by their word.
        noted: of the mart's questions.
    """

    mark: Any
    counts: dict[str, Counts]
    hidden: dict[str, int]
    verdicts: dict[str, Verdict]
    promoted: dict[str, dict[str, Any]]
    noted: Noted


class _Recent:
    """Rows of the mart that were looked at last, in one version of it; any number of threads may use it."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question_id: str) -> dict[str, Any] | None:
        """The row, if it is among them."""
        with self._lock:
            if question_id in self._rows:
                self._rows.move_to_end(question_id)
            return self._rows.get(question_id)

    def put(self, question_id: str, row: dict[str, Any]) -> None:
        """Remember a row instead of the one that was not looked at for longest."""
        with self._lock:
            self._rows[question_id] = row
            if len(self._rows) > _RECENT:
                self._rows.popitem(last=False)


class Board:
    """The questions of the class of a visit."""

    def __init__(self, visit: Visit) -> None:
        class_id = visit.room.class_id
        self._visit = visit
        # One version as long as a request lasts: rows of the mart are known by their places.
        self._published = visit.published
        self._asked = AskedStore(visit.services.database, class_id)
        self._store = BoardStore(visit.services.database, class_id)
        self._follows = FollowStore(visit.services.database, class_id)
        self._labels = LabelLog(visit.room.workspace.database)

    def page(self, filters: Filters) -> Page:
        """A page of questions; beyond the last one it is empty."""
        said = self._said
        found, total = self._places(filters, said)
        rows = self._rows([place for place in found if isinstance(place, int)])
        ids = [rows[place]["message_id"] if isinstance(place, int) else place for place in found]
        asked, by_id = self._asked_of(ids), {row["message_id"]: row for row in rows.values()}
        questions = (self._question(question_id, by_id.get(question_id), said, asked) for question_id in ids)
        return Page([question for question in questions if question is not None], total, filters.page)

    def question(self, question_id: str) -> Question | None:
        """One question, also one that people say is none; ``None`` where nothing says that there is one."""
        one = self._asked.get(question_id)
        if one is not None:
            return self._question(question_id, None, self._said, {question_id: one})
        if number_of(question_id) is not None:
            return None
        return self._question(question_id, self._mart_rows([question_id]).get(question_id), self._said, {})

    def some(self, question_ids: Iterable[str]) -> dict[str, Question]:
        """Question id → question, of those that are on the board; a few at most."""
        ids = list(question_ids)
        said, asked = self._said, self._asked_of(ids)
        rows = self._mart_rows([question_id for question_id in ids if number_of(question_id) is None])
        found = {
            question_id: self._question(question_id, rows.get(question_id), said, asked)
            for question_id in ids
        }
        return {question_id: question for question_id, question in found.items() if question is not None}

    def hidden(self) -> frozenset[str]:
        """Ids of questions whose asker the visitor must not see."""
        if self._visit.is_staff:
            return frozenset()
        return frozenset(
            question_id
            for question_id, account_id in self._said.hidden.items()
            if account_id != self._visit.account.account_id
        )

    def verdicts(self) -> Mapping[str, Verdict]:
        """Message id → what people say of it, for those of which they said anything."""
        return self._said.verdicts

    @cached_property
    def _said(self) -> _Said:
        """What people said when it was first asked for: a page is of one moment."""
        staff = self._store.staff()
        mark = (self._store.mark(), self._labels.mark(), frozenset(staff.items()))
        key = ("board", mark)
        return self._published.kept(key, lambda: self._make_said(mark, staff))

    def _make_said(self, mark: Any, staff: Mapping[int, str]) -> _Said:
        counts, hidden = self._store.counts(), self._asked.hidden()
        said = verdicts(self._labels.standing(), staff)
        wanted = sorted(
            question_id
            for question_id in {*said, *(name for name, count in counts.items() if count.answers)}
            if number_of(question_id) is None and is_wanted(said.get(question_id), counts.get(question_id))
        )
        # The chat is searched for those only that the mart does not have.
        places = question_columns(self._published).places(self._published, [*counts, *said, *hidden, *wanted])
        missing = [question_id for question_id in wanted if question_id not in places]
        promoted = self._published.query(_PROMOTED, {"ids": _SEPARATOR.join(missing)}) if missing else []
        left_out = self._published.kept(("questions left out",), lambda: self._published.query(_LEFT_OUT))
        by_id = {row["message_id"]: row for row in (*promoted, *left_out)}
        return _Said(mark, counts, hidden, said, by_id, _noted(places, counts, said, hidden))

    def _places(self, filters: Filters, said: _Said) -> tuple[list[int | str], int]:
        """What a page shows, and how many there are in all: rows of the mart, and ids of what it does not have."""
        if not filters.is_common:
            return self._find(filters, said)
        key = ("board page", said.mark, self._visit.is_staff, filters)
        return self._published.kept(key, lambda: self._find(filters, said))

    def _find(self, filters: Filters, said: _Said) -> tuple[list[int | str], int]:
        followed = self._follows.followed_by(self._visit.account.account_id) if filters.followed else ()
        viewer = Viewer(self._visit.person_id, self._visit.is_staff, followed)
        ordered = Ordered(self._published, filters, viewer, said.noted, self._added(said))
        return ordered.part(PAGE * (filters.page - 1), PAGE)

    def _added(self, said: _Said) -> list[Added]:
        """Questions that the mart does not have."""
        me = self._visit.account.account_id
        rows = [
            (
                one.question_id, one.conversation_id, one.created_at, role_in_class(one.role), one.text,
                one.account_id == me,
            )
            for one in self._asked.all()
        ]  # fmt: skip
        rows += [
            (row["message_id"], row["conversation_id"], row["asked_at"], row["role"], row["text"], self._is_me(row))
            for row in said.promoted.values()
        ]  # fmt: skip
        found = []
        for question_id, conversation_id, asked_at, role, text, mine in rows:
            count = said.counts.get(question_id, _NOTHING)
            state = state_of("open", count, said.verdicts.get(question_id))
            is_hidden = question_id in said.hidden
            found.append(
                Added(
                    question_id, conversation_id, microseconds(asked_at), role, text, mine, state, count.votes,
                    count.follows, is_hidden,
                )
            )  # fmt: skip
        return found

    def _asked_of(self, question_ids: Iterable[str]) -> dict[str, Asked]:
        """Questions of the portal by id, of those that are some."""
        return {one.question_id: one for one in self._asked.some(question_ids)}

    def _mart_rows(self, question_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Question id → row of the mart; a page that is looked at again does not search it again."""
        recent = self._published.kept(("recent questions",), _Recent)
        found = {name: recent.get(name) for name in question_ids}
        missing = [name for name, row in found.items() if row is None and _SEPARATOR not in name]
        if missing:
            likely = question_columns(self._published).likely_rows(self._published, missing)
            for row in self._rows(likely).values():
                recent.put(row["message_id"], row)
                if row["message_id"] in found:
                    found[row["message_id"]] = row
        return {name: row for name, row in found.items() if row is not None}

    def _rows(self, places: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Place → row of the mart."""
        rows = self._published.query(
            f"""
            select q.rowid as place, {_COLUMNS} from marts.lecture_questions as q
            where q.rowid in (select unnest(string_split($places, ',')::bigint[]))
            """,  # noqa: S608  columns are ours
            {"places": ",".join(map(str, places))},
        ) if places else []  # fmt: skip
        return {row["place"]: row for row in rows}

    def _question(
        self, question_id: str, row: dict[str, Any] | None, said: _Said, asked: Mapping[str, Asked]
    ) -> Question | None:
        counts, verdict = said.counts.get(question_id, _NOTHING), said.verdicts.get(question_id)
        one = asked.get(question_id)
        if one is not None:
            return self._of_portal(one, counts, hidden=question_id in said.hidden)
        row = row or said.promoted.get(question_id)
        if row is None:
            return None
        is_me = self._is_me(row) or said.hidden.get(question_id) == self._visit.account.account_id
        return Question(
            question_id=question_id,
            conversation_id=row["conversation_id"],
            lecture_date=row["lecture_date"],
            title=row["title"],
            asked_at=row["asked_at"],
            offset_s=row["offset_s"],
            text=row["text"],
            state=state_of(row["state"], counts, verdict),
            asker=self._asker(row["name"], row["role"], hidden=question_id in said.hidden, is_me=is_me),
            counts=counts,
            verdict=verdict,
            is_portal=False,
            probability=row["probability"],
            answer_basis=row["answer_basis"],
            answer_message_id=row["answer_message_id"],
            chat_answers=row["answers"],
            link=safe_link(row["link"]),
            participant_id=row["participant_id"],
        )

    def _of_portal(self, one: Asked, counts: Counts, *, hidden: bool) -> Question:
        lecture = lectures(self._visit).get(one.conversation_id or "")
        return Question(
            question_id=one.question_id,
            conversation_id=lecture["conversation_id"] if lecture else None,
            lecture_date=lecture["lecture_date"] if lecture else None,
            title=lecture["title"] if lecture else None,
            asked_at=one.created_at,
            offset_s=one.offset_s,
            text=one.text,
            state=state_of("open", counts, None),
            asker=self._asker(
                one.name, role_in_class(one.role), hidden=hidden,
                is_me=one.account_id == self._visit.account.account_id,
            ),
            counts=counts,
            verdict=None,
            is_portal=True,
        )  # fmt: skip

    def _asker(self, name: str | None, role: str | None, *, hidden: bool, is_me: bool) -> Asker:
        if hidden and not (is_me or self._visit.is_staff):
            return Asker(None, None, True, False)
        return Asker(name, role, hidden, is_me)

    def _is_me(self, row: Mapping[str, Any]) -> bool:
        return row["person_id"] is not None and row["person_id"] == self._visit.person_id


def lectures(visit: Visit) -> dict[str, dict[str, Any]]:
    """Conversation id → conversation_id, lecture_date, title, started_at, duration_s and link, the newest first."""
    return lectures_of(visit.published)


def lectures_of(published: PinnedReader) -> dict[str, dict[str, Any]]:
    """As ``lectures``."""
    return published.kept(
        ("lectures of the board",),
        lambda: {
            row["conversation_id"]: row
            for row in published.query(
                """
                select conversation_id, lecture_date, title, started_at, duration_s, link
                from marts.lectures order by lecture_date desc nulls last, conversation_id
                """
            )
        },
        lasting=True,
    )


def offered(visit: Visit, chosen: str | None) -> tuple[list[dict[str, Any]], bool]:
    """The lectures that a form lists, and whether there are older ones, which lead to the form from their own pages.

    Args:
        visit: to the class.
        chosen: lecture that the form has chosen; it is listed however old it is.
    """
    known = lectures(visit)
    listed = list(islice(known.values(), OFFERED))
    older = known.get(chosen or "")
    if older is not None and not any(one is older for one in listed):
        listed.append(older)
    return listed, len(known) > OFFERED


_NOTHING = Counts()


def _one_of(value: str | None, known: Sequence[str]) -> str | None:
    return value if value in known else None


def _noted(
    places: Mapping[str, int],
    counts: Mapping[str, Counts],
    said: Mapping[str, Verdict],
    hidden: Mapping[str, int],
) -> Noted:
    """What people said of the questions that the mart has, as columns."""
    import numpy as np

    names = sorted(places)
    states = [state_of("", counts.get(name), said.get(name)) for name in names]
    return Noted(
        places=np.array([places[name] for name in names], np.int32),
        states=np.array([STATES.index(state) if state else -1 for state in states], np.int8),
        votes=np.array([counts.get(name, _NOTHING).votes for name in names], np.int32),
        follows=np.array([counts.get(name, _NOTHING).follows for name in names], np.int32),
        hidden=np.array([name in hidden for name in names], bool),
    )
