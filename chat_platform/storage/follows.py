"""Who wants to know what becomes of a question.

What belongs here: following, unfollowing, who follows. What does not: what they are told (``notifications``).
"""

from __future__ import annotations

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from chat_platform.storage.app_database import write_session
from chat_platform.storage.portal_models import QuestionFollow


def start_following(session: Session, class_id: str, question_id: str, account_id: int) -> None:
    """Follow, within a change that makes an account a follower; who follows already goes on."""
    if session.get(QuestionFollow, (class_id, question_id, account_id)) is None:
        session.add(QuestionFollow(class_id=class_id, question_id=question_id, account_id=account_id))


def followers(session: Session, class_id: str, question_id: str) -> set[int]:
    """Accounts that follow a question."""
    return set(
        session.scalars(
            select(QuestionFollow.account_id).where(
                QuestionFollow.class_id == class_id, QuestionFollow.question_id == question_id
            )
        )
    )


class FollowStore:
    """Follows of one class in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        class_id: the class.
    """

    def __init__(self, engine: Engine, class_id: str) -> None:
        self._engine = engine
        self._class_id = class_id

    def follow(self, question_id: str, account_id: int) -> None:
        """Follow a question."""
        with write_session(self._engine) as session:
            start_following(session, self._class_id, question_id, account_id)

    def unfollow(self, question_id: str, account_id: int) -> None:
        """Follow it no more."""
        with write_session(self._engine) as session:
            session.execute(
                delete(QuestionFollow).where(
                    QuestionFollow.class_id == self._class_id,
                    QuestionFollow.question_id == question_id,
                    QuestionFollow.account_id == account_id,
                )
            )

    def followed_by(self, account_id: int) -> frozenset[str]:
        """Ids of the questions that an account follows."""
        query = select(QuestionFollow.question_id).where(
            QuestionFollow.class_id == self._class_id, QuestionFollow.account_id == account_id
        )
        with Session(self._engine) as session:
            return frozenset(session.scalars(query))
