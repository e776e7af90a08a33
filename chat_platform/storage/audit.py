"""The log of what must be known later: sign-ins, exports, changes of roles, looks at somebody else's page.

What belongs here: adding entries and reading them. What does not: deciding what is noted (``web.pages``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, or_, select
from sqlalchemy.orm import Session

from chat_platform.storage.app_database import write_session
from chat_platform.storage.portal_models import Account, AuditEntry, Membership

PAGE = 50
LONGEST = 400
"""Longest text of an entry, characters: what a request brings is cut to it."""


@dataclass(frozen=True)
class Noted:
    """An entry of the log.

    Attributes:
        name: of the account, as it is called now; ``None`` where nobody was signed in or the account is gone.
        detail: facts of this case, never a secret.
        address: of the caller.
    """

    audit_id: int
    at: datetime
    account_id: int | None
    name: str | None
    class_id: str | None
    action: str
    subject: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None


class AuditLog:
    """The log in the app database; rows are only added.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(
        self,
        action: str,
        *,
        account_id: int | None,
        class_id: str | None = None,
        subject: str | None = None,
        detail: Mapping[str, Any] | None = None,
        address: str | None = None,
    ) -> int:
        """Add an entry.

        Args:
            action: what was done, dotted, the general word first: ``export.tile``, ``role.changed``.
            account_id: who did it; ``None`` where nobody is signed in.
            class_id: class that it is about; ``None`` for what is about an account only.
            subject: what it was done to: a person's id, a login, a tile.
            detail: facts that can be written as JSON; never a secret.
            address: of the caller.

        Returns:
            Its number.
        """
        facts = {key: _short(value) for key, value in (detail or {}).items()}
        with write_session(self._engine) as session:
            row = AuditEntry(
                action=action,
                account_id=account_id,
                class_id=class_id,
                subject=_short(subject),
                detail=json.dumps(facts, ensure_ascii=False, default=str) if facts else None,
                address=address,
            )
            session.add(row)
            session.flush()
            return row.audit_id

    def list(
        self,
        class_id: str,
        *,
        action: str | None = None,
        who: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        with_nobodys: bool = False,
        before: int | None = None,
        limit: int = PAGE,
    ) -> Sequence[Noted]:
        """Entries about a class, and what its members did to their own accounts; newest first.

        Args:
            action: first words of the action: ``export`` finds ``export.tile``.
            who: part of a login or name.
            since: at this moment or later.
            until: before this moment.
            with_nobodys: also what is about no class and was done by no member of any: failed sign-ins.
            before: number of the last entry of the page before.
            limit: most entries.
        """
        members = select(Membership.account_id)
        here = members.where(Membership.class_id == class_id)
        of_class = [
            AuditEntry.class_id == class_id,
            and_(AuditEntry.class_id.is_(None), AuditEntry.account_id.in_(here)),
        ]
        if with_nobodys:
            nobody = or_(AuditEntry.account_id.is_(None), AuditEntry.account_id.not_in(members))
            of_class.append(and_(AuditEntry.class_id.is_(None), nobody))
        query = (
            select(AuditEntry, Account.name)
            .outerjoin(Account, Account.account_id == AuditEntry.account_id)
            .where(or_(*of_class))
            .order_by(AuditEntry.audit_id.desc())
            .limit(limit)
        )
        if action:
            exact = AuditEntry.action == action
            query = query.where(or_(exact, AuditEntry.action.startswith(f"{action}.", autoescape=True)))
        if who:
            query = query.where(
                or_(
                    Account.login.icontains(who, autoescape=True),
                    Account.name.icontains(who, autoescape=True),
                )
            )
        if since is not None:
            query = query.where(AuditEntry.at >= since)
        if until is not None:
            query = query.where(AuditEntry.at < until)
        if before is not None:
            query = query.where(AuditEntry.audit_id < before)
        with Session(self._engine) as session:
            return [_noted(row, name) for row, name in session.execute(query)]

    def about(self, class_id: str, subject: str, *, action: str, limit: int = PAGE) -> Sequence[Noted]:
        """What was done to somebody or something of a class, newest first.

        Args:
            subject: as it was noted.
            action: exactly this one.
            limit: most entries.
        """
        query = (
            select(AuditEntry, Account.name)
            .outerjoin(Account, Account.account_id == AuditEntry.account_id)
            .where(
                AuditEntry.class_id == class_id, AuditEntry.subject == subject, AuditEntry.action == action
            )
            .order_by(AuditEntry.audit_id.desc())
            .limit(limit)
        )
        with Session(self._engine) as session:
            return [_noted(row, name) for row, name in session.execute(query)]


def _noted(row: AuditEntry, name: str | None) -> Noted:
    detail = json.loads(row.detail) if row.detail else {}
    return Noted(
        row.audit_id, row.at, row.account_id, name, row.class_id, row.action, row.subject, detail, row.address
    )  # fmt: skip


def _short(value: Any) -> Any:
    # PostgreSQL stores no zero characters, and SQLite stops reading at them.
    return value.replace("\0", "")[:LONGEST] if isinstance(value, str) else value
