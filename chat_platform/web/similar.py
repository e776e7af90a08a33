"""Earlier questions that are like one: while it is being typed, and on its page.

What belongs here: the index of a published version, asking it. What does not: how alike two texts are
(``ml.similar``), groups of questions (``ml.question_groups``, made by the graph).

The index holds one question of each group, the newest 50,000; it is built when a version is opened. Nothing of it is
imported before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat_platform.storage.asked import AskedStore
from chat_platform.web.access import Visit
from chat_platform.web.board import Board, Question
from chat_platform.web.published import PinnedReader
from chat_platform.web.question_columns import STATES, question_columns

if TYPE_CHECKING:
    from chat_platform.ml.similar import LetterIndex

MOST = 50_000
MOST_OF_PORTAL = 300
MOST_OF_GROUP = 200
"""Of a larger group, so many of the nearest are looked at."""
SHOWN = 5
LEAST = 0.3
"""Letters alone are alike by their endings too: below this they say something else."""
SHORTEST = 4

_TEXTS = """
    select q.message_id, q.text
    from marts.lecture_questions as q
    left join ml.question_groups as g on g.message_id = q.message_id
    where q.found_by <> 'portal' and (
        g.group_id is null or g.group_id = q.message_id
        or q.message_id in (select representative_id from marts.similar_questions)
    )
    order by q.asked_at desc, q.message_id
    limit $most
"""
_GROUP = "select group_id from ml.question_groups where message_id = $id"
_MEMBERS = """
    select message_id, similarity from ml.question_groups where group_id = $group and message_id <> $id
    order by similarity desc nulls last, message_id
    limit $most
"""


@dataclass(frozen=True)
class _Index:
    ids: list[str]
    letters: LetterIndex


def while_typing(visit: Visit, text: str, *, but: str | None = None) -> list[Question]:
    """Questions like a text, the nearest first; those that are none by people's word are left out.

    Args:
        text: as typed so far; nothing is found for fewer than four characters.
        but: id of a question that is left out.
    """
    if len(text.strip()) < SHORTEST:
        return []
    index = _index(visit.published)
    portal = AskedStore(visit.services.database, visit.room.class_id).newest(MOST_OF_PORTAL)
    ids = [*index.ids, *(one.question_id for one in portal)]
    found = index.letters.nearest(text, 2 * SHOWN, least=LEAST, more=[one.text for one in portal])
    return _shown(visit, [ids[row] for row, _ in found if ids[row] != but])


def of_question(visit: Visit, question: Question) -> list[Question]:
    """Questions like one that is on the board: those of its group, else by its letters."""
    if question.is_portal:
        return while_typing(visit, question.text, but=question.question_id)
    key = ("similar to", question.question_id)
    return _shown(visit, visit.published.kept(key, lambda: _like(visit, question)))


def _like(visit: Visit, question: Question) -> list[str]:
    """Ids of questions of the chats that are like one of them; the same as long as a version lasts."""
    others = _group(visit.published, question.question_id)
    if others:
        return others
    index = _index(visit.published)
    found = index.letters.nearest(question.text, 2 * SHOWN, least=LEAST)
    return [index.ids[row] for row, _ in found if index.ids[row] != question.question_id]


def _group(published: PinnedReader, question_id: str) -> list[str]:
    """Questions of its group: answered ones first, then the nearest, then the newest."""
    own = published.row(_GROUP, {"id": question_id})
    if own is None:
        return []
    asked = {"group": own["group_id"], "id": question_id, "most": MOST_OF_GROUP}
    similarity = {row["message_id"]: row["similarity"] for row in published.query(_MEMBERS, asked)}
    columns = question_columns(published)
    answered = STATES.index("answered")

    def key(name: str, place: int) -> tuple[bool, float, int, str]:
        near = similarity[name]
        return (
            columns.state[place] != answered,
            1.0 if near is None else -near,
            -int(columns.asked_at[place]),
            name,
        )

    places = columns.places(published, similarity)
    return sorted(places, key=lambda name: key(name, places[name]))[: 2 * SHOWN]


def prepare(published: PinnedReader) -> None:
    """Build the index of a version before anybody types."""
    _index(published)


def _index(published: PinnedReader) -> _Index:
    return published.kept(("similar questions",), lambda: _build(published), lasting=True, large=True)


def _build(published: PinnedReader) -> _Index:
    from chat_platform.ml.similar import LetterIndex

    columns = published.columns(_TEXTS, {"most": MOST})
    return _Index(columns["message_id"].tolist(), LetterIndex(columns["text"].tolist()))


def _shown(visit: Visit, ids: list[str]) -> list[Question]:
    known = Board(visit).some(ids) if ids else {}
    found = (known[question_id] for question_id in ids if question_id in known)
    return [question for question in found if question.state != "not_question"][:SHOWN]
