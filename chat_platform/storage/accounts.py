"""Accounts of the portal, their roles and their sessions.

What belongs here: making and finding accounts, roles in classes, which person an account is, sessions. What does not:
the list of a class's members (``members``), invitations (``invitations``), accounts at other providers
(``provider_accounts``), passwords (``web.passwords``), cookies and rules of routes (``web.access``).

What opens a session is known to the browser alone; here is its SHA-256.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Collection
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
LONGEST_LOGIN = 254
LONGEST_NAME = 100
LANGUAGES = ("ko", "en")
THEMES = ("light", "dark")


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


@dataclass(frozen=True)
class NewAccount:
    """What is needed for an account.

    Attributes:
        password_hash: ``None`` for somebody who comes by a provider.
        issuer: OpenID provider by which they came, with ``subject``.
    """

    login: str
    name: str
    password_hash: str | None = None
    issuer: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class OpenSession:
    """A browser in which an account is signed in.

    Attributes:
        token_hash: names the session; opens nothing.
    """

    token_hash: str
    browser: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


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
            WebError: CP-WEB-006 when the login is taken, or login or name cannot be used.
        """
        with write_session(self._engine) as session:
            return add_account(session, login, name, password_hash).account_id

    def by_login(self, login: str) -> Account | None:
        """The account that this login belongs to."""
        wanted = login.strip().lower()
        if "\0" in wanted:  # PostgreSQL does not take it as a value
            return None
        with Session(self._engine) as session:
            return session.scalars(select(Account).where(Account.login == wanted)).one_or_none()

    def by_id(self, account_id: int) -> Account:
        """An account.

        Raises:
            WebError: CP-WEB-001 when there is none.
        """
        with Session(self._engine) as session:
            found = session.get(Account, account_id)
        if found is None:
            raise WebError("CP-WEB-001")
        return found

    def members(self, account_id: int) -> dict[str, Member]:
        """Class id → role and person of an account."""
        with Session(self._engine) as session:
            return members_of(session, account_id)

    def set_password(self, account_id: int, password_hash: str) -> None:
        """Replace the hash of an account's password; who signs out other sessions is the caller."""
        change = update(Account).where(Account.account_id == account_id)
        with writing(self._engine) as connection:
            connection.execute(change.values(password_hash=password_hash))

    def set_preferences(self, account_id: int, *, language: str | None, theme: str | None) -> None:
        """Choose language and theme; ``None``: as the browser says.

        Raises:
            WebError: CP-WEB-006 for a choice that there is not.
        """
        if language not in (None, *LANGUAGES) or theme not in (None, *THEMES):
            raise WebError("CP-WEB-006", "language, theme")
        change = update(Account).where(Account.account_id == account_id)
        with writing(self._engine) as connection:
            connection.execute(change.values(language=language, theme=theme))

    def any_account(self) -> bool:
        """Whether somebody can sign in at all."""
        with Session(self._engine) as session:
            return session.scalars(select(Account.account_id).limit(1)).first() is not None

    def set_role(self, account_id: int, class_id: str, role: str) -> None:
        """Give an account a role in a class, instead of the one it has there.

        Raises:
            WebError: CP-WEB-006 for an unknown role, CP-WEB-016 when the class would be left without operator.
        """
        if role not in ROLES:
            raise WebError("CP-WEB-006", "role")
        with write_session(self._engine) as session:
            row = session.get(Membership, (account_id, class_id))
            if row is None:
                session.add(Membership(account_id=account_id, class_id=class_id, role=role))
                return
            if role != "operator":
                keep_an_operator(session, row)
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
            if row is None:
                raise WebError("CP-WEB-006", "person")
            link(session, row, person_id, proof=proof, by=by)

    def open_session(self, account_id: int, *, browser: str | None = None) -> str:
        """Sign an account in.

        Returns:
            The secret for the cookie, 256 bits.
        """
        secret, now = secrets.token_urlsafe(32), utc_now()
        over = delete(WebSession).where(WebSession.account_id == account_id, WebSession.expires_at <= now)
        with write_session(self._engine) as session:
            session.execute(over)
            session.add(
                WebSession(
                    token_hash=hashed(secret),
                    account_id=account_id,
                    csrf_token=secrets.token_urlsafe(32),
                    browser=cleaned(browser or "")[:120] or None,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + self._longest,
                )
            )
        return secret

    def rotate_session(self, token_hash: str) -> str:
        """Give a session a new secret and a new token for its forms; the old ones open nothing any more.

        Returns:
            The new secret for the cookie. When the session ends stays as it was.

        Raises:
            WebError: CP-WEB-002 when the session is over.
        """
        secret = secrets.token_urlsafe(32)
        change = update(WebSession).where(WebSession.token_hash == token_hash)
        with writing(self._engine) as connection:
            values = {"token_hash": hashed(secret), "csrf_token": secrets.token_urlsafe(32)}
            if connection.execute(change.values(values)).rowcount == 0:
                raise WebError("CP-WEB-002")
        return secret

    def sessions(self, account_id: int, now: datetime | None = None) -> list[OpenSession]:
        """Where an account is signed in, the latest use first."""
        now = now or utc_now()
        query = select(WebSession).where(
            WebSession.account_id == account_id,
            WebSession.expires_at > now,
            WebSession.seen_at > now - self._idle,
        )
        with Session(self._engine) as session:
            return [
                OpenSession(row.token_hash, row.browser, row.created_at, row.seen_at, row.expires_at)
                for row in session.scalars(query.order_by(WebSession.seen_at.desc()))
            ]

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


def cleaned(text: str) -> str:
    """Text in one line, without control characters (line ends, zero): it goes into pages, mails and headers."""
    return " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in text).split())


def add_account(session: Session, login: str, name: str, password_hash: str | None) -> Account:
    """Make an account in a transaction that writes.

    Raises:
        WebError: CP-WEB-006 when the login is taken, or login or name cannot be used.
    """
    login, name = login.strip().lower(), cleaned(name)
    # Characters that cannot be seen would let two logins look alike.
    unseen = any(c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in login)
    if not login or len(login) > LONGEST_LOGIN or unseen:
        raise WebError("CP-WEB-006", "login")
    if not name or len(name) > LONGEST_NAME:
        raise WebError("CP-WEB-006", "name")
    if session.scalars(select(Account).where(Account.login == login)).one_or_none() is not None:
        raise WebError("CP-WEB-006", "login")
    row = Account(login=login, name=name, password_hash=password_hash)
    session.add(row)
    session.flush()
    return row


def link(session: Session, row: Membership, person_id: str | None, *, proof: str, by: str) -> None:
    """Say which person a member is, in a transaction that writes.

    Raises:
        WebError: CP-WEB-006 when another account is this person.
    """
    taken = select(Membership).where(
        Membership.class_id == row.class_id,
        Membership.person_id == person_id,
        Membership.account_id != row.account_id,
    )
    if person_id is not None and session.scalars(taken).one_or_none() is not None:
        raise WebError("CP-WEB-006", "person")
    row.person_id = person_id
    row.proof, row.linked_by, row.linked_at = (
        (proof, by, utc_now()) if person_id is not None else (None, None, None)
    )


def keep_an_operator(session: Session, leaving: Membership) -> None:
    """Refuse that the last operator of a class who can sign in stops being one.

    Raises:
        WebError: CP-WEB-016.
    """
    if leaving.role != "operator":
        return
    others = (
        select(Membership.account_id)
        .join(Account, Account.account_id == Membership.account_id)
        .where(
            Membership.class_id == leaving.class_id,
            Membership.role == "operator",
            Membership.account_id != leaving.account_id,
            Account.disabled_at.is_(None),
        )
    )
    if session.scalars(others.limit(1)).first() is None:
        raise WebError("CP-WEB-016")


def within(session: Session, account_id: int, rights: Collection[str]) -> list[Membership]:
    """Memberships of an account, all in classes over which somebody has the rights.

    Raises:
        WebError: CP-WEB-003 when it is in further classes.
    """
    rows = list(session.scalars(select(Membership).where(Membership.account_id == account_id)))
    if not {row.class_id for row in rows} <= set(rights):
        raise WebError("CP-WEB-003", "the account is in further classes")
    return rows


def members_of(session: Session, account_id: int) -> dict[str, Member]:
    """Class id → role and person of an account."""
    rows = session.scalars(select(Membership).where(Membership.account_id == account_id))
    return {row.class_id: Member(row.role, row.person_id) for row in rows}
