"""What the app database knows of all questions of a class at once.

What belongs here: counts by question, and a mark that is another one as soon as they are. What does not: the
questions of the chats (the marts) and putting both together (``web.board``).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import CompoundSelect, Engine, Select, String, bindparam, func, literal, select, union_all
from sqlalchemy.orm import Session

from chat_platform.storage.app_models import UtcDateTime
from chat_platform.storage.portal_models import (
    AnswerVote,
    HiddenAsker,
    Membership,
    PortalAnswer,
    PortalQuestion,
    QuestionFollow,
)


@dataclass(frozen=True)
class Counts:
    """What people did about a question on the portal.

    Attributes:
        answers: that were not removed.
        endorsed: answers among them that a teacher endorsed.
        votes: for all of its answers.
        follows: accounts that follow it.
    """

    answers: int = 0
    endorsed: int = 0
    votes: int = 0
    follows: int = 0


@dataclass(frozen=True)
class FirstAnswer:
    """When a question was first answered on the portal.

    Attributes:
        role: of the author in the class now; ``None`` for somebody who left it.
    """

    written_at: datetime
    role: str | None


def _mark() -> CompoundSelect[Any]:
    """Numbers and a moment of each of the parts that ``BoardStore.mark`` is made of, and the part's number."""
    nothing = literal(None, UtcDateTime())
    class_id = bindparam("class_id", type_=String)
    parts: tuple[Select[Any], ...] = (
        select(func.count(), func.count(PortalAnswer.deleted_at), nothing).where(
            PortalAnswer.class_id == class_id
        ),
        select(func.count(PortalAnswer.endorsed_at), literal(0), func.max(PortalAnswer.endorsed_at)).where(
            PortalAnswer.class_id == class_id, PortalAnswer.deleted_at.is_(None)
        ),
        # Of all classes: one that another class gives costs a look, telling them apart would cost each look more.
        select(func.count(), literal(0), func.max(AnswerVote.voted_at)).select_from(AnswerVote),
        select(func.count(), literal(0), func.max(QuestionFollow.created_at)).where(
            QuestionFollow.class_id == class_id
        ),
        select(func.count(), literal(0), func.max(HiddenAsker.created_at)).where(
            HiddenAsker.class_id == class_id
        ),
        select(func.count(), func.count(PortalQuestion.deleted_at), nothing).where(
            PortalQuestion.class_id == class_id
        ),
    )
    return union_all(*(part.add_columns(literal(number)) for number, part in enumerate(parts)))


# Made once: to put it together takes SQLAlchemy ten times as long as the database takes to answer.
_MARK = _mark()


class BoardStore:
    """Facts of one class in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        class_id: the class.
    """

    def __init__(self, engine: Engine, class_id: str) -> None:
        self._engine = engine
        self._class_id = class_id

    def mark(self) -> Hashable:
        """Something that is another one as soon as ``counts`` or the set of questions is; one cheap statement.

        Answers and questions are only added and removed for good, so their numbers tell. Votes, follows and
        endorsements come and go: a set from which rows go, and into which only newer ones come, is known by its size
        and its newest moment.
        """
        with Session(self._engine) as session:
            rows = session.execute(_MARK, {"class_id": self._class_id})
            # The order of the parts of a UNION ALL is nobody's promise.
            return tuple(sorted((tuple(row) for row in rows), key=itemgetter(3)))

    def counts(self) -> dict[str, Counts]:
        """Question id → counts, where there is anything to count."""
        answers = (
            select(
                PortalAnswer.question_id, func.count().label("answers"), func.count(PortalAnswer.endorsed_at)
            )
            .where(PortalAnswer.class_id == self._class_id, PortalAnswer.deleted_at.is_(None))
            .group_by(PortalAnswer.question_id)
        )
        votes = (
            select(PortalAnswer.question_id, func.count())
            .join(AnswerVote, AnswerVote.answer_id == PortalAnswer.answer_id)
            .where(PortalAnswer.class_id == self._class_id, PortalAnswer.deleted_at.is_(None))
            .group_by(PortalAnswer.question_id)
        )
        follows = (
            select(QuestionFollow.question_id, func.count())
            .where(QuestionFollow.class_id == self._class_id)
            .group_by(QuestionFollow.question_id)
        )
        with Session(self._engine) as session:
            answered = {row[0]: (row[1], row[2]) for row in session.execute(answers)}
            voted = {row[0]: row[1] for row in session.execute(votes)}
            followed = {row[0]: row[1] for row in session.execute(follows)}
        return {
            question_id: Counts(
                *answered.get(question_id, (0, 0)), voted.get(question_id, 0), followed.get(question_id, 0)
            )
            for question_id in {*answered, *voted, *followed}
        }

    def first_answers(self) -> dict[str, FirstAnswer]:
        """Question id → the oldest answer that was not removed."""
        membership = (Membership.account_id == PortalAnswer.account_id) & (
            Membership.class_id == PortalAnswer.class_id
        )
        query = (
            select(PortalAnswer.question_id, PortalAnswer.created_at, Membership.role)
            .outerjoin(Membership, membership)
            .where(PortalAnswer.class_id == self._class_id, PortalAnswer.deleted_at.is_(None))
            .order_by(PortalAnswer.created_at.desc(), PortalAnswer.answer_id.desc())
        )
        with Session(self._engine) as session:
            return {row.question_id: FirstAnswer(row.created_at, row.role) for row in session.execute(query)}

    def staff(self) -> dict[int, str]:
        """Accounts that teach or operate the class now, with their role."""
        query = select(Membership.account_id, Membership.role).where(
            Membership.class_id == self._class_id, Membership.role.in_(("teacher", "operator"))
        )
        with Session(self._engine) as session:
            return {row.account_id: row.role for row in session.execute(query)}

    def account_of(self, person_id: str) -> int | None:
        """The account that is this person, where that is proven."""
        query = select(Membership.account_id).where(
            Membership.class_id == self._class_id, Membership.person_id == person_id
        )
        with Session(self._engine) as session:
            return session.scalars(query).one_or_none()
