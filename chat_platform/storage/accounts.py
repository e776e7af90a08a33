"""Accounts of the portal, their roles and their sessions.

What belongs here: making and finding accounts, roles in classes, which person an account is, sessions. What does not:
passwords (``web.passwords``), cookies and rules of routes (``web.access``), invitations (``invitations``).

What opens a session is known to the browser alone; here is its SHA-256.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.app_database import write_if_free, write_session, writing
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import ROLES, Account, Membership, WebSession

SEEN_EVERY = timedelta(minutes=1)
"""A session's last use is written down at most this often."""


@dataclass(frozen=True)
class Member:
    """Role of an account in a class, and the person that it is, once proven."""

    role: str
    person_id: str | None = None


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in.

    Attributes:
        members: class id → role and person.
        csrf_token: what a form of this session has to carry; empty for a token of the API.
        session: hash of what opened the session; ``None`` for a token of the API.
        scopes: what a token of the API may do; ``None``: everything that the role may.
    """

    account_id: int
    login: str
    name: str
    language: str | None = None
    theme: str | None = None
    members: dict[str, Member] = field(default_factory=dict)
    csrf_token: str = ""
    session: str | None = None
    scopes: frozenset[str] | None = None


def hashed(secret: str) -> str:
    """SHA-256 of something that opens a door, as it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


class AccountStore:
    """Accounts in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        idle: a session unused for so long ends.
        longest: a session ends after so long, used or not.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        idle: timedelta = timedelta(hours=12),
        longest: timedelta = timedelta(days=14),
    ) -> None:
        self._engine = engine
        self._idle = idle
        self._longest = longest

    def create(self, login: str, name: str, *, password_hash: str | None = None) -> int:
        """Make an account.

        Returns:
            Its number.

        Raises:
            WebError: CP-WEB-006 when the login is taken or something is empty.
        """
        login, name = login.strip().lower(), name.strip()
        if not login or not name:
            raise WebError("CP-WEB-006", "login and name")
        with write_session(self._engine) as session:
            if session.scalars(select(Account).where(Account.login == login)).one_or_none() is not None:
                raise WebError("CP-WEB-006", "login")
            row = Account(login=login, name=name, password_hash=password_hash)
            session.add(row)
            session.flush()
            return row.account_id

    def by_login(self, login: str) -> Account | None:
        """The account that this login belongs to."""
        with Session(self._engine) as session:
            return session.scalars(
                select(Account).where(Account.login == login.strip().lower())
            ).one_or_none()

    def any_account(self) -> bool:
        """Whether somebody can sign in at all."""
        with Session(self._engine) as session:
            return session.scalars(select(Account.account_id).limit(1)).first() is not None

    def set_role(self, account_id: int, class_id: str, role: str) -> None:
        """Give an account a role in a class, instead of the one it has there.

        Raises:
            WebError: CP-WEB-006 for an unknown role.
        """
        if role not in ROLES:
            raise WebError("CP-WEB-006", "role")
        with write_session(self._engine) as session:
            row = session.get(Membership, (account_id, class_id))
            if row is None:
                session.add(Membership(account_id=account_id, class_id=class_id, role=role))
            else:
                row.role = role

    def link_person(
        self, account_id: int, class_id: str, person_id: str | None, *, proof: str, by: str
    ) -> None:
        """Say which person of a class an account is; ``None`` takes it back.

        Raises:
            WebError: CP-WEB-006 when another account is this person, or the account is not in the class.
        """
        with write_session(self._engine) as session:
            row = session.get(Membership, (account_id, class_id))
            taken = select(Membership).where(
                Membership.class_id == class_id,
                Membership.person_id == person_id,
                Membership.account_id != account_id,
            )
            if row is None or (person_id is not None and session.scalars(taken).one_or_none() is not None):
                raise WebError("CP-WEB-006", "person")
            row.person_id = person_id
            row.proof, row.linked_by, row.linked_at = (
                (proof, by, utc_now()) if person_id is not None else (None, None, None)
            )

    def open_session(self, account_id: int, *, browser: str | None = None) -> str:
        """Sign an account in.

        Returns:
            The secret for the cookie, 256 bits.
        """
        secret, now = secrets.token_urlsafe(32), utc_now()
        with write_session(self._engine) as session:
            session.add(
                WebSession(
                    token_hash=hashed(secret),
                    account_id=account_id,
                    csrf_token=secrets.token_urlsafe(32),
                    browser=(browser or "")[:120] or None,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + self._longest,
                )
            )
        return secret

    def visitor(self, secret: str, now: datetime | None = None) -> Visitor | None:
        """Who is behind a session's secret; ``None`` when it has ended or never was."""
        now = now or utc_now()
        with Session(self._engine) as session:
            row = session.get(WebSession, hashed(secret))
            if row is None or now >= row.expires_at or now - row.seen_at >= self._idle:
                return None
            account = session.get(Account, row.account_id)
            if account is None or account.disabled_at is not None:
                return None
            members = members_of(session, account.account_id)
            found = Visitor(
                account.account_id,
                account.login,
                account.name,
                account.language,
                account.theme,
                members,
                csrf_token=row.csrf_token,
                session=row.token_hash,
            )
            seen_at = row.seen_at
        if now - seen_at >= SEEN_EVERY:
            seen = update(WebSession).where(WebSession.token_hash == found.session)
            write_if_free(self._engine, seen.values(seen_at=now))
        return found

    def close_session(self, token_hash: str) -> None:
        """Sign out: the secret of this session opens nothing any more."""
        with writing(self._engine) as connection:
            connection.execute(delete(WebSession).where(WebSession.token_hash == token_hash))

    def close_sessions(self, account_id: int, *, but: str | None = None) -> int:
        """Sign an account out everywhere, but for one session; returns how many were closed."""
        query = delete(WebSession).where(WebSession.account_id == account_id)
        if but is not None:
            query = query.where(WebSession.token_hash != but)
        with writing(self._engine) as connection:
            return connection.execute(query).rowcount


def members_of(session: Session, account_id: int) -> dict[str, Member]:
    """Class id → role and person of an account."""
    rows = session.scalars(select(Membership).where(Membership.account_id == account_id))
    return {row.class_id: Member(row.role, row.person_id) for row in rows}
