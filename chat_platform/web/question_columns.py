"""The questions of a published version by what the board filters and sorts them by.

What belongs here: some columns of ``marts.lecture_questions``, kept in memory as long as the version lasts, and where
a question stands in them. What does not: what people said of questions, pages of the board (``board``), texts.

Only questions that the model found are here, with what became of them in the chat: what people did on the portal the
board reads from the app database, newer than the mart knows it.

A question is known by its place, its number among these rows of the mart from 0. To count and cut 300,000 questions
takes these columns a few milliseconds of one processor and 13 MB; the mart itself, joined with what people said,
takes fifty times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat_platform.web.published import PinnedReader

if TYPE_CHECKING:
    import numpy as np

STATES = ("open", "answered", "endorsed", "not_question")
ROLES = ("student", "teacher", "staff")

_SEPARATOR = "\x1f"
_COLUMNS = """
    select
        q.rowid as row, epoch_us(q.asked_at) as asked_at,
        cast(list_position($states, if(q.answered_in = 'chat', 'answered', 'open')) - 1 as tinyint) as state,
        cast(coalesce(list_position($roles, q.role), 0) - 1 as tinyint) as role,
        cast(coalesce(l.rowid, -1) as integer) as lecture, hash(q.message_id) as mark
    from marts.lecture_questions as q
    left join marts.lectures as l on l.conversation_id = q.conversation_id
    where q.found_by = 'model'
    order by q.rowid
"""
_MARKS = """
    select hash(name) as mark from (select unnest(string_split($names, chr(31))) as name)
"""
_NAMES = """
    select rowid as row, message_id from marts.lecture_questions
    where rowid in (select unnest(string_split($rows, ',')::bigint[]))
"""
_ALIKE = """
    select q.rowid as row
    from marts.lecture_questions as q
    inner join ml.question_groups as g on g.message_id = q.message_id
    inner join marts.similar_questions as a on a.group_id = g.group_id
    where q.found_by = 'model'
    order by a.questions desc, a.group_id, q.asked_at, q.rowid
"""


@dataclass(frozen=True)
class QuestionColumns:
    """A value for each question, in the order of the mart.

    Attributes:
        rows: rowid in the mart, ascending; int64.
        asked_at: microseconds since 1970; int64.
        state: where in ``STATES``; int8.
        role: of the asker, where in ``ROLES``, -1 for none of them; int8.
        lecture: rowid of the lecture in ``marts.lectures``; int32.
        newest: places, the newest question first; int32.
        oldest: places, the oldest question first; int32.
        marks: hash of the id, ascending; uint64.
        marked: place of the question of each of ``marks``; int32.
    """

    rows: np.ndarray
    asked_at: np.ndarray
    state: np.ndarray
    role: np.ndarray
    lecture: np.ndarray
    newest: np.ndarray
    oldest: np.ndarray
    marks: np.ndarray
    marked: np.ndarray

    def places_of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Place of each rowid of the mart."""
        return self.rows.searchsorted(rows)

    def places(self, published: PinnedReader, ids: Iterable[str]) -> dict[str, int]:
        """Question id → place, of those that the mart has."""
        wanted = set(ids)
        rows = ",".join(map(str, self.likely_rows(published, wanted)))
        names = published.query(_NAMES, {"rows": rows}) if rows else []
        return {
            row["message_id"]: int(self.places_of_rows(row["row"]))
            for row in names
            if row["message_id"] in wanted
        }

    def likely_rows(self, published: PinnedReader, ids: Iterable[str]) -> list[int]:
        """Rowids of the questions of these ids, and of any that share a hash with one of them; ascending."""
        wanted = sorted({name for name in ids if name and _SEPARATOR not in name})
        if not wanted or not len(self.rows):
            return []
        marks = published.query(_MARKS, {"names": _SEPARATOR.join(wanted)})
        return [
            int(self.rows[place]) for place in sorted({p for row in marks for p in self._marked(row["mark"])})
        ]

    def _marked(self, mark: int) -> list[int]:
        import numpy as np

        wanted = np.uint64(mark)
        begin, end = self.marks.searchsorted(wanted), self.marks.searchsorted(wanted, "right")
        return self.marked[begin:end].tolist()


def question_columns(published: PinnedReader) -> QuestionColumns:
    """The columns of the version that is read; made once."""
    return published.kept(("question columns",), lambda: _read(published), lasting=True)


def lecture_rows(published: PinnedReader) -> dict[str, int]:
    """Conversation id → rowid of the lecture in ``marts.lectures``."""

    def read() -> dict[str, int]:
        rows = published.query("select conversation_id, rowid as row from marts.lectures")
        return {row["conversation_id"]: row["row"] for row in rows}

    return published.kept(("rows of lectures",), read, lasting=True)


def grouped_places(published: PinnedReader) -> np.ndarray:
    """Places of questions that were asked more than once, the largest groups first; int32."""

    def read() -> Any:
        import numpy as np

        rows = published.columns(_ALIKE)["row"]
        return question_columns(published).places_of_rows(rows).astype(np.int32)

    return published.kept(("questions asked alike",), read, lasting=True, large=True)


def _read(published: PinnedReader) -> QuestionColumns:
    import numpy as np

    columns = published.columns(_COLUMNS, {"states": list(STATES), "roles": list(ROLES)})
    asked_at, by_mark = columns["asked_at"], columns["mark"].argsort()
    # Of two questions of one moment the mart's first one is shown first, whichever way the board is sorted.
    return QuestionColumns(
        rows=columns["row"],
        asked_at=asked_at,
        state=columns["state"],
        role=columns["role"],
        lecture=columns["lecture"],
        newest=(-asked_at).argsort(kind="stable").astype(np.int32),
        oldest=asked_at.argsort(kind="stable").astype(np.int32),
        marks=columns["mark"][by_mark],
        marked=by_mark.astype(np.int32),
    )
