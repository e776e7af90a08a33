"""Earlier questions that are like one: while it is being typed, and on its page.

What belongs here: the index of a published version, asking it. What does not: how alike two texts are
(``ml.similar``), groups of questions (``ml.question_groups``, made by the graph).

The index holds one question of each group, the newest 50,000; it is built at first use after a publication. Nothing
of it is imported before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat_platform.storage.asked import AskedStore
from chat_platform.web.access import Visit
from chat_platform.web.board import Board, Question

if TYPE_CHECKING:
    from chat_platform.ml.similar import LetterIndex

MOST = 50_000
MOST_OF_PORTAL = 300
SHOWN = 5
LEAST = 0.3
"""Letters alone are alike by their endings too: below this they say something else."""
SHORTEST = 4

_TEXTS = """
    select q.message_id, q.text
    from marts.lecture_questions as q
    left join ml.question_groups as g on g.message_id = q.message_id
    where g.group_id is null or g.group_id = q.message_id
        or q.message_id in (select representative_id from marts.similar_questions)
    order by q.asked_at desc, q.message_id
    limit $most
"""
_GROUP = """
    select other.message_id
    from ml.question_groups as own
    inner join ml.question_groups as other on other.group_id = own.group_id and other.message_id <> own.message_id
    inner join marts.lecture_questions as q on q.message_id = other.message_id
    where own.message_id = $id
    order by q.state = 'answered' desc, other.similarity desc nulls last, q.asked_at desc, other.message_id
    limit $number
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
    index = _index(visit)
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
    rows = visit.published.query(_GROUP, {"id": question.question_id, "number": 2 * SHOWN})
    if rows:
        return [row["message_id"] for row in rows]
    index = _index(visit)
    found = index.letters.nearest(question.text, 2 * SHOWN, least=LEAST)
    return [index.ids[row] for row, _ in found if index.ids[row] != question.question_id]


def _index(visit: Visit) -> _Index:
    return visit.published.kept(("similar questions",), lambda: _build(visit))


def _build(visit: Visit) -> _Index:
    from chat_platform.ml.similar import LetterIndex

    rows = visit.published.query(_TEXTS, {"most": MOST})
    return _Index([row["message_id"] for row in rows], LetterIndex([row["text"] for row in rows]))


def _shown(visit: Visit, ids: list[str]) -> list[Question]:
    known = Board(visit).some(ids) if ids else {}
    found = (known[question_id] for question_id in ids if question_id in known)
    return [question for question in found if question.state != "not_question"][:SHOWN]
