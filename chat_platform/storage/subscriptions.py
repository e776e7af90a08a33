"""Who gets the weekly digest by mail.

What belongs here: subscribing an account, confirming its address, ending. What does not: sending (``digest``).

Nobody can subscribe somebody else's address: a digest goes to an address only after the same account, signed in, has
opened a link that was sent there. Whoever has the link at the foot of a digest can end it without signing in. That
link is in every digest, so it must be known again each week, and yet not be read from the database: it is derived
from a key in a file beside the database; the database holds its SHA-256 only.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import Path

from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import hashed
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.files import kept_key
from chat_platform.storage.portal_models import Account, DigestSubscription, Membership

CONFIRM_WITHIN = timedelta(days=2)
KEY_FILE = "digest.key"
LONGEST_ADDRESS = 254
# Host names in letters of other scripts are written in ASCII by those who have them; what is not ASCII needs a mail
# server with SMTPUTF8.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9._%+'-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True)
class Subscription:
    """What an account has asked for.

    Attributes:
        confirmed_at: when the address was proven; ``None``: it waits for the link in a mail.
        ended_at: when the digest was ended.
    """

    account_id: int
    class_id: str
    address: str
    created_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether the digest goes out."""
        return self.confirmed_at is not None and self.ended_at is None

    @property
    def waits(self) -> bool:
        """Whether the address waits to be confirmed."""
        return self.confirmed_at is None and self.ended_at is None


@dataclass(frozen=True)
class Recipient:
    """Somebody who gets the digest.

    Attributes:
        language: of the account; ``None``: it has not chosen.
        token: ends the digest.
    """

    account_id: int
    address: str
    language: str | None
    token: str


def checked_address(text: str) -> str:
    """A mail address that can stand in a header.

    Raises:
        WebError: CP-WEB-055.
    """
    address = text.strip()
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise WebError("CP-WEB-055")
    try:
        Address(addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        raise WebError("CP-WEB-055") from None
    return address


def masked(address: str) -> str:
    """An address as operators see it: ``h•••@example.com``."""
    name, _, host = address.partition("@")
    return f"{name[:1]}•••@{host}"


class SubscriptionStore:
    """Subscriptions in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        home: folder in which the key of the links lies.
    """

    def __init__(self, engine: Engine, home: Path) -> None:
        self._engine = engine
        self._home = home

    def ask(self, account_id: int, class_id: str, address: str, now: datetime | None = None) -> str:
        """Ask for the digest; an address that was confirmed before is given up.

        Returns:
            What the link in the confirming mail has to carry.

        Raises:
            WebError: CP-WEB-055.
        """
        address, token = checked_address(address), secrets.token_urlsafe(24)
        with write_session(self._engine) as session:
            row = session.get(DigestSubscription, (account_id, class_id))
            if row is None:
                row = DigestSubscription(account_id=account_id, class_id=class_id)
                session.add(row)
            row.address, row.token_hash, row.created_at = address, hashed(token), now or utc_now()
            row.confirmed_at = row.ended_at = None
        return token

    def confirm(self, account_id: int, class_id: str, token: str, now: datetime | None = None) -> None:
        """Prove that mail to the address is read by whoever is signed in.

        Raises:
            WebError: CP-WEB-056.
        """
        now = now or utc_now()
        with write_session(self._engine) as session:
            row = session.get(DigestSubscription, (account_id, class_id))
            if row is None or row.ended_at is not None or row.confirmed_at is not None:
                raise WebError("CP-WEB-056")
            if row.token_hash != hashed(token) or now - row.created_at > CONFIRM_WITHIN:
                raise WebError("CP-WEB-056")
            row.confirmed_at = now
            row.token_hash = hashed(self._token(row))

    def end(self, account_id: int, class_id: str) -> None:
        """End the digest of an account; once more changes nothing."""
        with write_session(self._engine) as session:
            row = session.get(DigestSubscription, (account_id, class_id))
            if row is not None:
                row.ended_at = row.ended_at or utc_now()

    def by_token(self, token: str) -> Subscription | None:
        """The subscription that a link at the foot of a digest ends; ``None`` when it opens nothing."""
        with Session(self._engine) as session:
            row = session.scalars(_of(token)).one_or_none()
            return _subscription(row) if row is not None and row.confirmed_at is not None else None

    def end_by_token(self, token: str) -> Subscription:
        """End the digest by the link at its foot; once more changes nothing.

        Raises:
            WebError: CP-WEB-056.
        """
        with write_session(self._engine) as session:
            row = session.scalars(_of(token)).one_or_none()
            if row is None or row.confirmed_at is None:
                raise WebError("CP-WEB-056")
            row.ended_at = row.ended_at or utc_now()
            return _subscription(row)

    def get(self, account_id: int, class_id: str) -> Subscription | None:
        """What an account has asked for in a class."""
        with Session(self._engine) as session:
            row = session.get(DigestSubscription, (account_id, class_id))
            return _subscription(row) if row is not None else None

    def addresses(self, class_id: str) -> dict[int, str]:
        """Account → address of everybody who ever asked for the digest of a class."""
        query = select(DigestSubscription).where(DigestSubscription.class_id == class_id)
        with Session(self._engine) as session:
            return {row.account_id: row.address for row in session.scalars(query)}

    def recipients(self, class_id: str) -> Sequence[Recipient]:
        """Who gets the digest now, by account: confirmed, not ended, in the class, and not disabled."""
        query = (
            select(DigestSubscription, Account.language)
            .join(Account, Account.account_id == DigestSubscription.account_id)
            .join(
                Membership,
                (Membership.account_id == DigestSubscription.account_id)
                & (Membership.class_id == DigestSubscription.class_id),
            )
            .where(
                DigestSubscription.class_id == class_id,
                DigestSubscription.confirmed_at.is_not(None),
                DigestSubscription.ended_at.is_(None),
                Account.disabled_at.is_(None),
            )
            .order_by(DigestSubscription.account_id)
        )
        with Session(self._engine) as session:
            return [
                Recipient(row.account_id, row.address, language, self._token(row))
                for row, language in session.execute(query)
            ]

    def still_wanted(self, recipient: Recipient, class_id: str) -> bool:
        """Whether the digest has not been ended since the recipients were listed."""
        found = self.get(recipient.account_id, class_id)
        return found is not None and found.active and found.address == recipient.address

    def keep_links(self, class_id: str) -> None:
        """Make the links of this key the ones that open: a new key, after the file was lost, changes them all."""
        query = select(DigestSubscription).where(
            DigestSubscription.class_id == class_id, DigestSubscription.confirmed_at.is_not(None)
        )
        with Session(self._engine) as session:
            if all(row.token_hash == hashed(self._token(row)) for row in session.scalars(query)):
                return
        with write_session(self._engine) as session:
            for row in session.scalars(query).all():
                row.token_hash = hashed(self._token(row))

    def _token(self, row: DigestSubscription) -> str:
        """What ends a confirmed subscription: always the same, so that the link of an old digest works too."""
        said = f"{row.account_id}\0{row.class_id}".encode()
        mac = hmac.digest(kept_key(self._home / KEY_FILE), said, "sha256")
        return base64.urlsafe_b64encode(mac[:18]).decode("ascii")


def _of(token: str) -> Select[tuple[DigestSubscription]]:
    return select(DigestSubscription).where(DigestSubscription.token_hash == hashed(token))


def _subscription(row: DigestSubscription) -> Subscription:
    return Subscription(
        row.account_id, row.class_id, row.address, row.created_at, row.confirmed_at, row.ended_at
    )
