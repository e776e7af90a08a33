"""Digests on their way: at most one of a class, week, channel and recipient is ever sent.

What belongs here: claiming a delivery before it is sent, writing down what became of it. What does not: sending
(``digest``), who wants the digest (``subscriptions``).

A delivery is claimed (``sending``) in a transaction of its own before anything leaves the house, and settled
(``sent``, ``failed``) after the answer. Of two processes one gets the claim. A claim that nobody settles within
``CLAIM_LASTS`` belongs to a process that died: whether the server took the digest is unknown.

* Mail: it becomes ``failed`` with CP-WEB-054 and is not sent again unless an operator says so (``release``). Rather a
  digest that somebody misses, and that everybody can see was missed, than one that comes twice.
* Slack: it is claimed anew; whoever gets a claim that is not the first looks into the channel before posting.

What a server refused for now (``PASSING``) is claimed again by the next run; what it refused for good is not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import DigestDelivery

MAIL, SLACK = "mail", "slack"
CLAIM_LASTS = timedelta(hours=1)
"""Many times the longest that one digest takes; a claim that is older was left behind."""
PASSING = ("CP-WEB-051", "CP-WEB-053", "CP-WEB-058")
UNKNOWN = "CP-WEB-054"
RELEASED = "CP-WEB-051 released"
LONGEST_ERROR = 200


@dataclass(frozen=True)
class DeliveryKey:
    """What is sent at most once.

    Attributes:
        week: its Monday, ISO date.
        channel: ``mail`` or ``slack``.
        recipient: number of the account, or channel of Slack.
    """

    class_id: str
    week: str
    channel: str
    recipient: str


@dataclass(frozen=True)
class Claim:
    """The right to send one digest.

    Attributes:
        attempts: how often it was claimed, this time included.
    """

    key: DeliveryKey
    attempts: int


@dataclass(frozen=True)
class Delivery:
    """A digest and what became of it."""

    key: DeliveryKey
    state: str
    attempts: int
    error: str | None
    claimed_at: datetime
    sent_at: datetime | None

    @property
    def code(self) -> str:
        """Code of what went wrong; empty when nothing did."""
        return (self.error or "").partition(" ")[0]

    @property
    def comes_again(self) -> bool:
        """Whether the next run tries it again by itself."""
        unknown = self.key.channel == SLACK and self.code == UNKNOWN
        return self.state == "failed" and (unknown or self.code in PASSING)


class DeliveryLog:
    """Deliveries in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, key: DeliveryKey, now: datetime | None = None) -> Claim | None:
        """Take the right to send; ``None`` when it was sent, is being sent, or must not be sent again."""
        now = now or utc_now()
        with write_session(self._engine) as session:
            row = session.get(DigestDelivery, _primary(key))
            if row is None:
                row = DigestDelivery(
                    class_id=key.class_id,
                    week=key.week,
                    channel=key.channel,
                    recipient=key.recipient,
                    state="sending",
                    claimed_at=now,
                )
                session.add(row)
                session.flush()
                return Claim(key, 1)
            _close_if_left(row, now)
            if not _delivery(row).comes_again:
                return None
            row.state, row.error, row.attempts, row.claimed_at = "sending", None, row.attempts + 1, now
            return Claim(key, row.attempts)

    def sent(self, claim: Claim, now: datetime | None = None) -> None:
        """The server took it. That holds whatever was written in the meantime."""
        with write_session(self._engine) as session:
            row = session.get_one(DigestDelivery, _primary(claim.key))
            row.state, row.error, row.sent_at = "sent", None, now or utc_now()

    def failed(self, claim: Claim, error: str) -> None:
        """The server did not take it, or nobody knows.

        Args:
            error: a code, and facts without an address.
        """
        with write_session(self._engine) as session:
            row = session.get_one(DigestDelivery, _primary(claim.key))
            if row.state == "sending" and row.attempts == claim.attempts:
                row.state, row.error = "failed", error[:LONGEST_ERROR]

    def release(self, key: DeliveryKey) -> None:
        """Let the next run send again what failed; the caller has asked the recipient.

        Raises:
            WebError: CP-WEB-001 when nothing of this key has failed.
        """
        with write_session(self._engine) as session:
            row = session.get(DigestDelivery, _primary(key))
            if row is not None:
                _close_if_left(row, utc_now())
            if row is None or row.state != "failed":
                raise WebError("CP-WEB-001")
            row.error = RELEASED

    def close_left(self, class_id: str, now: datetime | None = None) -> int:
        """Mark what dead processes left behind as unknown; returns how many."""
        now = now or utc_now()
        left = select(DigestDelivery).where(
            DigestDelivery.class_id == class_id,
            DigestDelivery.state == "sending",
            DigestDelivery.claimed_at < now - CLAIM_LASTS,
        )
        with write_session(self._engine) as session:
            return sum(_close_if_left(row, now) for row in session.scalars(left).all())

    def of_week(self, class_id: str, week: str) -> Sequence[Delivery]:
        """Deliveries of a week, by channel and recipient."""
        query = select(DigestDelivery).where(DigestDelivery.class_id == class_id, DigestDelivery.week == week)
        with Session(self._engine) as session:
            rows = session.scalars(query.order_by(DigestDelivery.channel, DigestDelivery.recipient))
            return [_delivery(row) for row in rows]

    def left_to_send(self, class_id: str, week: str, channel: str, recipients: Collection[str]) -> list[str]:
        """Those of the recipients that a run would send to, in their order, once ``close_left`` has been called."""
        known = {one.key.recipient: one for one in self.of_week(class_id, week) if one.key.channel == channel}
        return [one for one in recipients if one not in known or known[one].comes_again]


def _close_if_left(row: DigestDelivery, now: datetime) -> bool:
    left = row.state == "sending" and row.claimed_at < now - CLAIM_LASTS
    if left:
        row.state, row.error = "failed", f"{UNKNOWN} the process ended"
    return left


def _primary(key: DeliveryKey) -> tuple[str, str, str, str]:
    return key.class_id, key.week, key.channel, key.recipient


def _delivery(row: DigestDelivery) -> Delivery:
    return Delivery(
        DeliveryKey(row.class_id, row.week, row.channel, row.recipient),
        row.state,
        row.attempts,
        row.error,
        row.claimed_at,
        row.sent_at,
    )
