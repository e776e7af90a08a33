"""Who is in a class: the list that its operators see and change.

What belongs here: members of a class, taking one out, closing an account. What does not: giving roles and linking to
people (``accounts``), inviting (``invitations``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import keep_an_operator, within
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import Account, Membership, WebSession


@dataclass(frozen=True)
class ClassMember:
    """An account in a class.

    Attributes:
        proof: how it was proven that the account is this person: ``slack`` or ``operator``.
        seen_at: last use by a browser that is still signed in.
    """

    account_id: int
    login: str
    name: str
    role: str
    person_id: str | None
    proof: str | None
    linked_by: str | None
    linked_at: datetime | None
    created_at: datetime
    disabled_at: datetime | None
    seen_at: datetime | None


class MemberStore:
    """Members in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, class_id: str) -> list[ClassMember]:
        """Everybody in a class: operators, teachers, students, each by name."""
        seen = (
            select(WebSession.account_id, func.max(WebSession.seen_at).label("seen_at"))
            .group_by(WebSession.account_id)
            .subquery()
        )
        query = (
            select(Membership, Account, seen.c.seen_at)
            .join(Account, Account.account_id == Membership.account_id)
            .outerjoin(seen, seen.c.account_id == Membership.account_id)
            .where(Membership.class_id == class_id)
        )
        with Session(self._engine) as session:
            found = [_member(row, account, seen_at) for row, account, seen_at in session.execute(query)]
        order = {"operator": 0, "teacher": 1, "student": 2}
        return sorted(found, key=lambda member: (order[member.role], member.name, member.account_id))

    def get(self, class_id: str, account_id: int) -> ClassMember:
        """One member.

        Raises:
            WebError: CP-WEB-001 when the account is not in the class.
        """
        found = next((member for member in self.of(class_id) if member.account_id == account_id), None)
        if found is None:
            raise WebError("CP-WEB-001")
        return found

    def remove(self, class_id: str, account_id: int) -> None:
        """Take an account out of a class; the account and what it wrote stay.

        Raises:
            WebError: CP-WEB-001 when it is not in the class, CP-WEB-016 when it is the last operator.
        """
        with write_session(self._engine) as session:
            row = session.get(Membership, (account_id, class_id))
            if row is None:
                raise WebError("CP-WEB-001")
            keep_an_operator(session, row)
            session.delete(row)

    def disable(self, account_id: int, *, rights: Collection[str]) -> None:
        """Close an account and sign it out everywhere; what it wrote stays.

        Args:
            account_id: account that is closed.
            rights: classes in which whoever closes it is operator.

        Raises:
            WebError: CP-WEB-001 without such an account, CP-WEB-003 when it is in further classes, CP-WEB-016 when
                it is the last operator of one.
        """
        with write_session(self._engine) as session:
            account, rows = _closable(session, account_id, rights)
            for row in rows:
                keep_an_operator(session, row)
            account.disabled_at = account.disabled_at or utc_now()
            session.execute(delete(WebSession).where(WebSession.account_id == account_id))

    def enable(self, account_id: int, *, rights: Collection[str]) -> None:
        """Open a closed account again.

        Raises:
            WebError: CP-WEB-001, -003 as ``disable``.
        """
        with write_session(self._engine) as session:
            account, _ = _closable(session, account_id, rights)
            account.disabled_at = None


def _closable(session: Session, account_id: int, rights: Collection[str]) -> tuple[Account, list[Membership]]:
    account = session.get(Account, account_id)
    if account is None:
        raise WebError("CP-WEB-001")
    return account, within(session, account_id, rights)


def _member(row: Membership, account: Account, seen_at: datetime | None) -> ClassMember:
    return ClassMember(
        account.account_id,
        account.login,
        account.name,
        row.role,
        row.person_id,
        row.proof,
        row.linked_by,
        row.linked_at,
        row.created_at,
        account.disabled_at,
        seen_at,
    )
