"""Tokens for programs: the rights of an account, narrowed to scopes.

What belongs here: making, finding and ending tokens. What does not: which route needs which scope (``web.access``).

A token is shown once; here is its SHA-256.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import Visitor, hashed, members_of
from chat_platform.storage.app_database import write_if_free, write_session, writing
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import Account, ApiToken

PREFIX = "chatp_"
"""Lets scanners of source code find a token that somebody committed."""
SCOPES = {
    "read:account": ("who the token belongs to", "토큰 주인의 정보 읽기"),
    "read:lectures": ("lectures and their chats", "강의와 채팅 읽기"),
    "read:tiles": ("every metric", "모든 지표 읽기"),
    "read:questions": ("questions and answers", "질문과 답변 읽기"),
    "write:answers": ("ask, answer and vote", "질문·답변 작성과 추천"),
    "read:people": ("people, as far as the role may", "역할이 허용하는 범위의 사람 정보 읽기"),
    "read:operations": ("completeness, quarantine, models (operators)", "완전성·격리·모델 읽기 (운영자)"),
}
"""What a token may be for, in English and Korean."""
LONGEST_NAME = 80
MOST_TOKENS = 50
"""Most tokens of one account that are in force."""
USED_EVERY = timedelta(minutes=1)
"""A token's last use is written down at most this often."""


@dataclass(frozen=True)
class IssuedToken:
    """A token as its owner sees it later."""

    token_id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    def in_force(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class TokenStore:
    """Tokens in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, account_id: int, name: str, scopes: Collection[str], *, lasts: timedelta | None = None
    ) -> str:
        """Make a token.

        Args:
            name: by which its owner knows it later.
            scopes: keys of ``SCOPES``, at least one.
            lasts: until it ends; ``None``: until it is revoked.

        Returns:
            The token, which cannot be read again.

        Raises:
            WebError: CP-WEB-006 without a name, for an unknown scope or too many tokens.
        """
        name, now = name.strip().replace("\0", ""), utc_now()
        if not name or len(name) > LONGEST_NAME:
            raise WebError("CP-WEB-006", "name")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise WebError("CP-WEB-006", "scopes")
        token = PREFIX + secrets.token_urlsafe(32)
        with write_session(self._engine) as session:
            rows = session.scalars(select(ApiToken).where(ApiToken.account_id == account_id))
            if sum(_issued(row).in_force(now) for row in rows) >= MOST_TOKENS:
                raise WebError("CP-WEB-006", f"{MOST_TOKENS} tokens")
            session.add(
                ApiToken(
                    token_hash=hashed(token),
                    account_id=account_id,
                    name=name,
                    scopes=" ".join(sorted(set(scopes))),
                    created_at=now,
                    expires_at=now + lasts if lasts is not None else None,
                )
            )
        return token

    def of(self, account_id: int) -> list[IssuedToken]:
        """Tokens of an account, newest first, with those that are over."""
        query = select(ApiToken).where(ApiToken.account_id == account_id)
        with Session(self._engine) as session:
            return [_issued(row) for row in session.scalars(query.order_by(ApiToken.token_id.desc()))]

    def revoke(self, account_id: int, token_id: int) -> None:
        """End a token of an account; once more changes nothing.

        Raises:
            WebError: CP-WEB-001 when the account has no such token.
        """
        with write_session(self._engine) as session:
            row = session.get(ApiToken, token_id)
            if row is None or row.account_id != account_id:
                raise WebError("CP-WEB-001")
            row.revoked_at = row.revoked_at or utc_now()

    def revoke_all(self, account_id: int) -> int:
        """End every token of an account; returns how many were in force or at their end."""
        standing = update(ApiToken).where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        with writing(self._engine) as connection:
            return connection.execute(standing.values(revoked_at=utc_now())).rowcount

    def visitor(self, token: str, now: datetime | None = None) -> Visitor | None:
        """Whose token this is, with its scopes; ``None`` when it is over or never was."""
        now = now or utc_now()
        with Session(self._engine) as session:
            row = session.scalars(select(ApiToken).where(ApiToken.token_hash == hashed(token))).one_or_none()
            if row is None or not _issued(row).in_force(now):
                return None
            account = session.get(Account, row.account_id)
            if account is None or account.disabled_at is not None:
                return None
            found = Visitor(
                account.account_id,
                account.login,
                account.name,
                account.language,
                account.theme,
                members_of(session, account.account_id),
                scopes=frozenset(row.scopes.split()),
            )
            token_id, used_at = row.token_id, row.used_at
        if used_at is None or now - used_at >= USED_EVERY:
            used = update(ApiToken).where(ApiToken.token_id == token_id)
            write_if_free(self._engine, used.values(used_at=now))
        return found


def _issued(row: ApiToken) -> IssuedToken:
    return IssuedToken(
        row.token_id,
        row.name,
        tuple(row.scopes.split()),
        row.created_at,
        row.expires_at,
        row.used_at,
        row.revoked_at,
    )
