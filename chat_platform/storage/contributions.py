"""What somebody gave to the portal, as numbers.

What belongs here: counting a person's questions and answers on the board. What does not: the questions and answers
themselves (``asked``, ``answers``), what they said in chats (published tables).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from chat_platform.storage.portal_models import AnswerVote, Membership, PortalAnswer, PortalQuestion


@dataclass(frozen=True)
class Contributions:
    """Counts of what stands on the board and was not deleted.

    Attributes:
        votes: of others for the answers.
    """

    questions: int = 0
    answers: int = 0
    endorsed: int = 0
    votes: int = 0


def contributions(engine: Engine, class_id: str, person_id: str) -> Contributions:
    """What the account of a person wrote in a class; zeros for somebody without an account."""
    account = (
        select(Membership.account_id)
        .where(Membership.class_id == class_id, Membership.person_id == person_id)
        .scalar_subquery()
    )
    asked = select(func.count()).where(
        PortalQuestion.class_id == class_id,
        PortalQuestion.account_id == account,
        PortalQuestion.deleted_at.is_(None),
    )
    own = (
        PortalAnswer.class_id == class_id,
        PortalAnswer.account_id == account,
        PortalAnswer.deleted_at.is_(None),
    )
    answered = select(func.count(), func.count(PortalAnswer.endorsed_at)).where(*own)
    voted = (
        select(func.count())
        .select_from(AnswerVote)
        .join(PortalAnswer, PortalAnswer.answer_id == AnswerVote.answer_id)
        .where(*own, AnswerVote.account_id != account)
    )
    with Session(engine) as session:
        answers, endorsed = session.execute(answered).one()
        return Contributions(session.scalars(asked).one(), answers, endorsed, session.scalars(voted).one())
