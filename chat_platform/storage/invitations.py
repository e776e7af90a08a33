"""Links that make an account, add a role to one, or set its password.

What belongs here: making, showing, using and revoking invitations; the set-up link that makes the first operator;
links for who forgot their password.
What does not: the pages behind the links (``web.pages.invitations``).

The secret of a link is shown once; here is its SHA-256. A link works once.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, delete, select, update
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import NewAccount, add_account, cleaned, hashed, link, within
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import ROLES, Account, Invitation, Membership, WebSession
from chat_platform.storage.provider_accounts import connect_new

SETUP_LASTS = timedelta(days=1)
PASSWORD_LASTS = timedelta(days=1)
LONGEST_NOTE = 200
MOST_OPEN = 500
"""Most links of one class that are open at once."""


@dataclass(frozen=True)
class Invited:
    """An invitation as staff see it, without its secret."""

    invitation_id: int
    kind: str
    class_id: str
    role: str
    person_id: str | None
    account_id: int | None
    note: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_by: int | None
    revoked_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether the link still works."""
        return self.used_at is None and self.revoked_at is None and now < self.expires_at


class InvitationStore:
    """Invitations in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set_up(self, class_id: str) -> str | None:
        """A new link for the first operator; every earlier one stops working.

        Returns:
            Its secret, or ``None`` when there is an account already.
        """
        with write_session(self._engine) as session:
            if _any_account(session):
                return None
            _revoke_standing(session, Invitation.kind == "setup")
            return _add(session, "setup", class_id, "operator", lasts=SETUP_LASTS, by="chatp serve")

    def invite(
        self,
        class_id: str,
        role: str,
        *,
        by: str,
        lasts: timedelta,
        person_id: str | None = None,
        note: str | None = None,
    ) -> str:
        """A new link into a class.

        Args:
            class_id: class that it leads into.
            role: that it gives.
            by: login of who invites.
            lasts: how long the link works.
            person_id: person of the class whom the account will be; the operator who writes it here proves it.
            note: for the list of invitations.

        Returns:
            Its secret, which cannot be read again.

        Raises:
            WebError: CP-WEB-006 for an unknown role, a person whom another account is, or too many open links.
        """
        if role not in ROLES:
            raise WebError("CP-WEB-006", "role")
        with write_session(self._engine) as session:
            now = utc_now()
            rows = session.scalars(select(Invitation).where(Invitation.class_id == class_id))
            if sum(_invited(row).is_open(now) for row in rows) >= MOST_OPEN:
                raise WebError("CP-WEB-006", f"{MOST_OPEN} invitations")
            taken = select(Membership).where(
                Membership.class_id == class_id, Membership.person_id == person_id
            )
            if person_id is not None and session.scalars(taken).one_or_none() is not None:
                raise WebError("CP-WEB-006", "person")
            short = cleaned(note or "")[:LONGEST_NOTE] or None
            return _add(
                session, "invite", class_id, role, lasts=lasts, by=by, person_id=person_id, note=short
            )

    def of(self, class_id: str, *, by: str | None = None) -> list[Invited]:
        """Invitations into a class, newest first; with ``by`` those that this login made."""
        query = select(Invitation).where(Invitation.class_id == class_id, Invitation.kind == "invite")
        if by is not None:
            query = query.where(Invitation.created_by == by)
        with Session(self._engine) as session:
            rows = session.scalars(query.order_by(Invitation.invitation_id.desc()).limit(MOST_OPEN))
            return [_invited(row) for row in rows]

    def find(self, secret: str, kind: str) -> Invited:
        """The invitation behind a link that still works.

        Args:
            secret: of the link.
            kind: ``invite``, ``setup`` or ``password``.

        Raises:
            WebError: CP-WEB-014 when it does not work.
        """
        with Session(self._engine) as session:
            return _invited(_standing(session, secret, kind))

    def revoke(self, class_id: str, invitation_id: int, *, by: str | None = None) -> None:
        """Stop a link; once more, or after its use, changes nothing.

        Args:
            class_id: class that it leads into.
            invitation_id: its number.
            by: login of the only one whose links may be stopped; ``None``: anybody's.

        Raises:
            WebError: CP-WEB-001 when there is none such.
        """
        with write_session(self._engine) as session:
            row = session.get(Invitation, invitation_id)
            if row is None or (row.class_id, row.kind) != (class_id, "invite"):
                raise WebError("CP-WEB-001")
            if by is not None and row.created_by != by:
                raise WebError("CP-WEB-001")
            if row.used_at is None:
                row.revoked_at = row.revoked_at or utc_now()

    def password_link(
        self, account_id: int, *, by: str, class_id: str, rights: Collection[str] | None = None
    ) -> str:
        """A link that sets a new password of an account; every earlier one stops working.

        Args:
            account_id: whose password.
            by: login of who makes it.
            class_id: class in which it is made.
            rights: classes in which they are operator; ``None``: whoever has the machine, who may all.

        Returns:
            Its secret, which cannot be read again.

        Raises:
            WebError: CP-WEB-001 without such an account, CP-WEB-003 when it is in further classes: it could do more
                than who makes the link may give.
        """
        with write_session(self._engine) as session:
            if session.get(Account, account_id) is None:
                raise WebError("CP-WEB-001")
            if rights is not None:
                within(session, account_id, rights)
            _revoke_standing(session, Invitation.account_id == account_id)
            return _add(
                session, "password", class_id, "student", lasts=PASSWORD_LASTS, by=by, account_id=account_id
            )

    def set_password(self, secret: str, password_hash: str) -> int:
        """Set the password of the link's account, and sign it out everywhere.

        Returns:
            The account's number.

        Raises:
            WebError: CP-WEB-014 when the link does not work.
        """
        with write_session(self._engine) as session:
            row = _standing(session, secret, "password")
            account = session.get(Account, row.account_id)
            if account is None or account.disabled_at is not None:
                raise WebError("CP-WEB-014")
            account.password_hash = password_hash
            session.execute(delete(WebSession).where(WebSession.account_id == account.account_id))
            row.used_at, row.used_by = utc_now(), account.account_id
            return account.account_id

    def accept_set_up(self, secret: str, new: NewAccount, class_ids: Collection[str]) -> int:
        """Make the first account, operator of every class.

        Returns:
            Its number.

        Raises:
            WebError: CP-WEB-014 when the link does not work or there is an account already, CP-WEB-006.
        """
        with write_session(self._engine) as session:
            row = _standing(session, secret, "setup")
            if _any_account(session):
                raise WebError("CP-WEB-014")
            account = add_account(session, new.login, new.name, new.password_hash)
            for class_id in class_ids:
                session.add(Membership(account_id=account.account_id, class_id=class_id, role="operator"))
            row.used_at, row.used_by = utc_now(), account.account_id
            return account.account_id

    def accept(self, secret: str, new: NewAccount) -> int:
        """Make an account with the invitation's role.

        Returns:
            Its number.

        Raises:
            WebError: CP-WEB-014 when the link does not work; CP-WEB-006 when the login is taken, something cannot
                be used, or the invitation's person is another account by now.
        """
        with write_session(self._engine) as session:
            row = _standing(session, secret, "invite")
            account = add_account(session, new.login, new.name, new.password_hash)
            connect_new(session, new, account.account_id)
            _join(session, row, account.account_id)
            return account.account_id

    def join(self, secret: str, account_id: int) -> Invited:
        """Add the invitation's role to an account; a role that it has already is never lowered.

        Raises:
            WebError: CP-WEB-014 when the link does not work, CP-WEB-006 when its person is another account.
        """
        with write_session(self._engine) as session:
            row = _standing(session, secret, "invite")
            _join(session, row, account_id)
            return _invited(row)


def _any_account(session: Session) -> bool:
    return session.scalars(select(Account.account_id).limit(1)).first() is not None


def _revoke_standing(session: Session, which: ColumnElement[bool]) -> None:
    standing = update(Invitation).where(which, Invitation.used_at.is_(None), Invitation.revoked_at.is_(None))
    session.execute(standing.values(revoked_at=utc_now()))


def _add(
    session: Session,
    kind: str,
    class_id: str,
    role: str,
    *,
    lasts: timedelta,
    by: str,
    person_id: str | None = None,
    account_id: int | None = None,
    note: str | None = None,
) -> str:
    secret, now = secrets.token_urlsafe(32), utc_now()
    session.add(
        Invitation(
            token_hash=hashed(secret),
            kind=kind,
            class_id=class_id,
            role=role,
            person_id=person_id,
            account_id=account_id,
            note=note,
            created_by=by,
            created_at=now,
            expires_at=now + lasts,
        )
    )
    return secret


def _standing(session: Session, secret: str, kind: str) -> Invitation:
    row = session.scalars(select(Invitation).where(Invitation.token_hash == hashed(secret))).one_or_none()
    if row is None or row.kind != kind or not _invited(row).is_open(utc_now()):
        raise WebError("CP-WEB-014")
    return row


def _join(session: Session, row: Invitation, account_id: int) -> None:
    member = session.get(Membership, (account_id, row.class_id))
    if member is None:
        member = Membership(account_id=account_id, class_id=row.class_id, role=row.role)
        session.add(member)
        session.flush()
    elif ROLES.index(row.role) > ROLES.index(member.role):
        member.role = row.role
    if row.person_id is not None and member.person_id is None:
        link(session, member, row.person_id, proof="operator", by=row.created_by)
    row.used_at, row.used_by = utc_now(), account_id


def _invited(row: Invitation) -> Invited:
    return Invited(
        row.invitation_id,
        row.kind,
        row.class_id,
        row.role,
        row.person_id,
        row.account_id,
        row.note,
        row.created_by,
        row.created_at,
        row.expires_at,
        row.used_at,
        row.used_by,
        row.revoked_at,
    )
