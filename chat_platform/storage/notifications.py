"""What happened to questions that an account follows, or to what it wrote.

What belongs here: writing notifications within the change that they tell of, reading them, marking them as read. What
does not: who follows (``follows``), how they are worded (``templates/notifications``).

Nobody is told of what they did themselves. A notification names an answer's author, never who asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from chat_platform.storage.app_database import writing
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import Account, Notification

KINDS = ("answer", "answer_edited", "endorsed", "endorsement_lost", "answer_removed", "became_question")
PAGE = 30


@dataclass(frozen=True)
class Notice:
    """A notification as it is shown.

    Attributes:
        kind: one of ``KINDS``.
        actor: name of who did it, as the account is called now.
    """

    notification_id: int
    kind: str
    question_id: str
    answer_id: int | None
    actor: str | None
    created_at: datetime
    read_at: datetime | None


def notify(
    session: Session,
    accounts: Iterable[int],
    kind: str,
    *,
    class_id: str,
    question_id: str,
    actor_id: int,
    answer_id: int | None = None,
) -> None:
    """Tell accounts of something, in the transaction that does it; the one who does it is left out.

    An account that was told the same of the same answer, and has not read it yet, is not told again.
    """
    told = set(
        session.scalars(
            select(Notification.account_id).where(
                Notification.class_id == class_id,
                Notification.kind == kind,
                Notification.question_id == question_id,
                Notification.answer_id == answer_id if answer_id else Notification.answer_id.is_(None),
                Notification.read_at.is_(None),
            )
        )
    )
    session.add_all(
        Notification(
            account_id=account_id,
            class_id=class_id,
            kind=kind,
            question_id=question_id,
            answer_id=answer_id,
            actor_id=actor_id,
        )
        for account_id in sorted(set(accounts) - told - {actor_id})
    )


class NotificationStore:
    """Notifications of one class in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        class_id: the class.
    """

    def __init__(self, engine: Engine, class_id: str) -> None:
        self._engine = engine
        self._class_id = class_id

    def unread(self, account_id: int) -> int:
        """How many an account has not read."""
        query = select(func.count()).where(
            Notification.account_id == account_id,
            Notification.class_id == self._class_id,
            Notification.read_at.is_(None),
        )
        with Session(self._engine) as session:
            return session.scalars(query).one()

    def list(self, account_id: int, *, before: int | None = None, limit: int = PAGE) -> list[Notice]:
        """Newest first.

        Args:
            before: number of the last one of the page before.
        """
        query = (
            select(Notification, Account.name)
            .outerjoin(Account, Account.account_id == Notification.actor_id)
            .where(Notification.account_id == account_id, Notification.class_id == self._class_id)
            .order_by(Notification.notification_id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(Notification.notification_id < before)
        with Session(self._engine) as session:
            return [
                Notice(
                    row.notification_id, row.kind, row.question_id, row.answer_id, name, row.created_at, row.read_at
                )
                for row, name in session.execute(query)
            ]  # fmt: skip

    def mark_read(self, account_id: int, *, up_to: int | None = None, only: int | None = None) -> int:
        """Mark notifications of an account as read.

        Args:
            up_to: number of the newest one that was seen; one that came later stays unread.
            only: number of a single one.

        Returns:
            How many were unread before.
        """
        change = update(Notification).where(
            Notification.account_id == account_id,
            Notification.class_id == self._class_id,
            Notification.read_at.is_(None),
        )
        if up_to is not None:
            change = change.where(Notification.notification_id <= up_to)
        if only is not None:
            change = change.where(Notification.notification_id == only)
        with writing(self._engine) as connection:
            return connection.execute(change.values(read_at=utc_now())).rowcount

    def became_question(self, message_id: str, account_id: int, *, actor_id: int) -> None:
        """Tell the author of a message that it is a question now; once, however often that changes."""
        with writing(self._engine) as connection, Session(connection) as session:
            known = select(Notification.notification_id).where(
                Notification.account_id == account_id,
                Notification.class_id == self._class_id,
                Notification.kind == "became_question",
                Notification.question_id == message_id,
            )
            if session.scalars(known.limit(1)).first() is None:
                notify(
                    session,
                    [account_id],
                    "became_question",
                    class_id=self._class_id,
                    question_id=message_id,
                    actor_id=actor_id,
                )
            session.flush()
