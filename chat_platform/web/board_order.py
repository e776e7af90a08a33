"""Which questions a page of the board shows, and in which order.

What belongs here: filters and orders over the questions of a published version (``question_columns``) together with
those that the mart does not have. What does not: where the latter come from and who sees which name (``board``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chat_platform.web.published import PinnedReader
from chat_platform.web.question_columns import ROLES, STATES, grouped_places, lecture_rows, question_columns

if TYPE_CHECKING:
    import numpy as np

    from chat_platform.web.board import Filters

_NOWHERE = -2
"""Rowid of no lecture."""
_OPEN, _NOT_QUESTION = STATES.index("open"), STATES.index("not_question")
_FOUND = "select rowid as row from marts.lecture_questions where found_by = 'model'"
_MINE = f"{_FOUND} and person_id = $person"
# Case means nothing in Korean, and a plain search takes half the time.
_CONTAINS = f"{_FOUND} and contains(text, $text)"
_MATCHES = f"{_FOUND} and regexp_matches(text, regexp_escape($text), 'i')"


@dataclass(frozen=True)
class Noted:
    """What people said of some questions of the mart; all arrays are of one length.

    Attributes:
        places: of the questions; int32.
        states: where in ``STATES``, -1 where the mart's own state stands; int8.
        votes: int32.
        follows: int32.
        hidden: the class does not see who asked; bool.
    """

    places: np.ndarray
    states: np.ndarray
    votes: np.ndarray
    follows: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True)
class Added:
    """A question that the mart does not have.

    Attributes:
        asked_at: microseconds since 1970.
        mine: the visitor asked it.
    """

    question_id: str
    conversation_id: str | None
    asked_at: int
    role: str | None
    text: str
    mine: bool
    state: str
    votes: int
    follows: int
    hidden: bool


@dataclass(frozen=True)
class Viewer:
    """Who looks at the board.

    Attributes:
        person_id: person of the class that the visitor is, once proven.
        staff: sees who hides from the class.
        followed: ids of the questions that the visitor follows.
    """

    person_id: str | None
    staff: bool
    followed: Collection[str] = ()


class Ordered:
    """The questions that fit filters, in their order.

    Args:
        published: version that is read.
        filters: what is asked for.
        viewer: who asks.
        noted: what people said of the mart's questions.
        added: questions that the mart does not have.
    """

    def __init__(
        self,
        published: PinnedReader,
        filters: Filters,
        viewer: Viewer,
        noted: Noted,
        added: Sequence[Added],
    ) -> None:
        self._published = published
        self._filters = filters
        self._viewer = viewer
        self._noted = noted
        self._columns = question_columns(published)
        self._added = [one for one in added if self._fits(one)]

    def part(self, begin: int, number: int) -> tuple[list[int | str], int]:
        """Some of them, as rowid of the mart or id of one that the mart does not have, and how many there are."""
        codes = self._codes()[begin : begin + number].tolist()
        found: list[int | str] = [
            int(self._columns.rows[code]) if code >= 0 else self._added[-1 - code].question_id
            for code in codes
        ]
        return found, int(self._fitting.sum()) + len(self._added)

    @cached_property
    def _state(self) -> np.ndarray:
        """State of every question of the mart, as people say."""
        state = self._columns.state.copy()
        said = self._noted.states >= 0
        state[self._noted.places[said]] = self._noted.states[said]
        return state

    @cached_property
    def _fitting(self) -> np.ndarray:
        """Whether a question of the mart fits."""
        filters, columns = self._filters, self._columns
        state = filters.state
        fitting = self._state == STATES.index(state) if state else self._state != _NOT_QUESTION
        if filters.lecture:
            fitting &= columns.lecture == lecture_rows(self._published).get(filters.lecture, _NOWHERE)
        if filters.role:
            fitting &= columns.role == ROLES.index(filters.role)
            if not self._viewer.staff:
                fitting[self._noted.places[self._noted.hidden]] = False
        if filters.mine:
            fitting &= self._where(_MINE, {"person": self._viewer.person_id})
        if filters.followed:
            places = columns.places(self._published, self._viewer.followed)
            fitting &= self._at(list(places.values()))
        if filters.text:
            fitting &= self._holding(filters.text)
        return fitting

    def _holding(self, text: str) -> np.ndarray:
        """Questions that hold a text: kept as bits, since whoever searches turns pages and sorts."""
        import numpy as np

        sql = _MATCHES if _has_case(text) else _CONTAINS
        key = ("questions that hold", text)
        bits = self._published.kept(key, lambda: np.packbits(self._where(sql, {"text": text})))
        return np.unpackbits(bits, count=len(self._columns.rows)).astype(bool)

    def _where(self, sql: str, values: dict[str, Any]) -> np.ndarray:
        return self._at(self._columns.places_of_rows(self._published.columns(sql, values)["row"]))

    def _at(self, places: Any) -> np.ndarray:
        import numpy as np

        found = np.zeros(len(self._columns.rows), bool)
        found[places] = True
        return found

    def _fits(self, one: Added) -> bool:
        filters = self._filters
        return (
            (one.state == filters.state if filters.state else one.state != "not_question")
            and (not filters.lecture or one.conversation_id == filters.lecture)
            and (not filters.role or (one.role == filters.role and (self._viewer.staff or not one.hidden)))
            and (not filters.mine or one.mine)
            and (not filters.followed or one.question_id in self._viewer.followed)
            and (not filters.text or _holds(one.text, filters.text))
        )

    def _codes(self) -> np.ndarray:
        """Places of the mart, and below 0 those of ``self._added``."""
        import numpy as np

        everything = range(len(self._added))
        if self._filters.sort == "oldest":
            is_open = self._state == _OPEN
            parts = [
                self._by_age(self._fitting & is_open, [i for i in everything if self._added[i].state == "open"]),
                self._by_age(self._fitting & ~is_open, [i for i in everything if self._added[i].state != "open"]),
            ]  # fmt: skip
        elif self._filters.sort == "followed":
            parts = self._best_first(lambda votes, follows: (-follows, -votes))
        elif self._filters.sort == "voted":
            parts = self._best_first(lambda votes, follows: (-votes, -follows))
        elif self._filters.sort == "similar":
            alike = grouped_places(self._published)
            parts = [alike[self._fitting[alike]], self._by_age(self._but(alike), everything, newest=True)]
        else:
            parts = [self._by_age(self._fitting, everything, newest=True)]
        return np.concatenate(parts)

    def _best_first(self, key: Callable[[int, int], tuple[int, int]]) -> list[np.ndarray]:
        """Those with votes or followers by these, then the others, the newest first."""
        import numpy as np

        noted, asked_at = self._noted, self._columns.asked_at
        liked = (noted.votes > 0) | (noted.follows > 0)
        liked &= self._fitting[noted.places]
        chosen = (column[liked].tolist() for column in (noted.votes, noted.follows, noted.places))
        best = [
            (*key(votes, follows), -int(asked_at[place]), place)
            for votes, follows, place in zip(*chosen, strict=True)
        ]
        others = []
        for i, one in enumerate(self._added):
            if one.votes or one.follows:
                best.append((*key(one.votes, one.follows), -one.asked_at, -1 - i))
            else:
                others.append(i)
        best_codes = np.array([row[-1] for row in sorted(best)], np.int32)
        return [best_codes, self._by_age(self._but(noted.places[liked]), others, newest=True)]

    def _but(self, places: np.ndarray) -> np.ndarray:
        fitting = self._fitting.copy()
        fitting[places] = False
        return fitting

    def _by_age(self, chosen: np.ndarray, added: Iterable[int], *, newest: bool = False) -> np.ndarray:
        """Chosen questions of the mart and added ones by their moment."""
        import numpy as np

        order, sign = (self._columns.newest, -1) if newest else (self._columns.oldest, 1)
        places = order[chosen[order]]
        ordered = sorted(added, key=lambda i: (sign * self._added[i].asked_at, -i))
        if not ordered:
            return places
        moments = [sign * self._added[i].asked_at for i in ordered]
        at = (sign * self._columns.asked_at[places]).searchsorted(moments)
        return np.insert(places, at, [-1 - i for i in ordered])


def _has_case(text: str) -> bool:
    return text.lower() != text.upper()


def _holds(text: str, wanted: str) -> bool:
    if _has_case(wanted):
        return re.search(re.escape(wanted), text, re.IGNORECASE) is not None
    return wanted in text
