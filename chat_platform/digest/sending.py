"""Sending a digest: to everybody who wants it, once, whatever breaks.

What belongs here: the order of claim, sending and settling; what a run reports. What does not: the claims
(``storage.digests``), the mail server (``mail``), Slack (``slack``), when it is sent (the schedule).

A run may be repeated, killed, and run beside another one. What it reports are numbers and codes: neither logs nor
metadata hold an address.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chat_platform.digest import slack
from chat_platform.digest.content import Digest
from chat_platform.digest.mail import Mailer, confirmation_message, digest_message
from chat_platform.digest.pictures import pictures
from chat_platform.digest.places import Place
from chat_platform.digest.weeks import Week
from chat_platform.errors import SlackError, WebError
from chat_platform.settings import Settings
from chat_platform.sources.slack.client import SlackClient
from chat_platform.storage.digests import MAIL, SLACK, DeliveryKey, DeliveryLog
from chat_platform.storage.subscriptions import Recipient, SubscriptionStore

log = logging.getLogger(__name__)

CLOCKS_DIFFER = timedelta(days=1)
"""How far Slack's clock and ours are expected to be apart at most."""


@dataclass
class Tally:
    """What became of the digests of one channel.

    Attributes:
        recipients: who should get it.
        skipped: got it before, are being sent it by somebody else, or have ended it meanwhile.
        failed: codes of those that were not taken, with their numbers.
        problem: code of what ended the run before its end; the rest is left to the next one.
    """

    recipients: int = 0
    sent: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    problem: str | None = None

    @property
    def left(self) -> int:
        """To whom nothing was sent yet because the run ended early."""
        return self.recipients - self.sent - self.skipped - self.failed.total()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json`` and metadata."""
        return {
            "recipients": self.recipients,
            "sent": self.sent,
            "skipped": self.skipped,
            "failed": dict(self.failed),
            "left": self.left,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Report:
    """What became of a week's digest of a class.

    Attributes:
        empty: there was nothing to say, and nothing was sent.
        channels: ``mail`` and ``slack``, as far as they are set up.
    """

    class_id: str
    week: str
    empty: bool
    channels: dict[str, Tally]

    @property
    def problems(self) -> list[str]:
        """Codes of what ended a channel early."""
        return [tally.problem for tally in self.channels.values() if tally.problem]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        channels = {name: tally.to_dict() for name, tally in self.channels.items()}
        return {"class_id": self.class_id, "week": self.week, "empty": self.empty, **channels}


def channels(settings: Settings, class_id: str) -> tuple[str, ...]:
    """Where a class's digest goes: ``mail``, ``slack``, both or nowhere. Slack belongs to the class of the home."""
    to_slack = bool(settings.digest.slack_channel and settings.slack_token)
    return (
        *([MAIL] if settings.mail.host else []),
        *([SLACK] if to_slack and class_id == settings.web.class_id else []),
    )


def waiting(place: Place, week: Week) -> dict[str, int]:
    """Channel → how many a run would send to now."""
    deliveries = DeliveryLog(place.engine)
    deliveries.close_left(place.class_id)
    return {
        channel: len(_left(place, deliveries, week, channel))
        for channel in channels(place.settings, place.class_id)
    }


def send(
    place: Place,
    week: Week,
    *,
    dry_run: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Report:
    """Send what is left of a week's digest.

    Args:
        dry_run: count only.

    Raises:
        WebError: CP-WEB-050 when neither mail nor Slack is set up.
    """
    chosen = channels(place.settings, place.class_id)
    if not chosen:
        raise WebError("CP-WEB-050")
    deliveries = DeliveryLog(place.engine)
    if not dry_run:
        deliveries.close_left(place.class_id, now())
    digest = place.digest(week)
    report = Report(place.class_id, str(week), digest.empty, {})
    for channel in chosen:
        left = _left(place, deliveries, week, channel)
        tally = report.channels[channel] = Tally(recipients=len(_recipients(place, channel)))
        tally.skipped = tally.recipients - len(left)
        if left and not digest.empty and not dry_run:
            sender = _send_mails if channel == MAIL else _send_to_slack
            sender(place, digest, deliveries, left, tally, now)
        if tally.problem or tally.failed:
            codes = {**tally.failed, **({tally.problem: 1} if tally.problem else {})}
            log.warning("digest %s of %s by %s: %s", week, place.class_id, channel, ", ".join(sorted(codes)))
    return report


def confirm_address(place: Place, address: str, language: str, token: str) -> None:
    """Send the mail that asks whether an address is right.

    Raises:
        WebError: CP-WEB-050 to -054.
    """
    settings = place.settings
    message = confirmation_message(
        place.title, address, language, place.links, token, settings.mail.from_address, datetime.now(UTC)
    )
    with Mailer(settings.mail, settings.mail_password) as mailer:
        mailer.send(message)


def _recipients(place: Place, channel: str) -> dict[str, Recipient | None]:
    """Recipient as deliveries name it → account; nobody for Slack's channel."""
    if channel == SLACK:
        return {(place.settings.digest.slack_channel or "").removeprefix("#"): None}
    store = SubscriptionStore(place.engine, place.settings.home)
    return {str(one.account_id): one for one in store.recipients(place.class_id)}


def _left(place: Place, deliveries: DeliveryLog, week: Week, channel: str) -> dict[str, Recipient | None]:
    found = _recipients(place, channel)
    names = deliveries.left_to_send(place.class_id, str(week), channel, list(found))
    return {name: found[name] for name in names}


def _send_mails(
    place: Place,
    digest: Digest,
    deliveries: DeliveryLog,
    left: dict[str, Recipient | None],
    tally: Tally,
    now: Callable[[], datetime],
) -> None:
    settings, store = place.settings, SubscriptionStore(place.engine, place.settings.home)
    store.keep_links(place.class_id)
    drawn = pictures(digest.published)
    try:
        with Mailer(settings.mail, settings.mail_password) as mailer:
            for name, recipient in left.items():
                assert recipient is not None  # noqa: S101  only Slack's channel is nobody
                language = recipient.language or settings.digest.language
                message = digest_message(
                    digest, recipient, language, drawn, place.links, settings.mail.from_address, now()
                )
                # Whatever is wrong with the server as a whole shows before the claim.
                mailer.connect()
                wanted = store.still_wanted(recipient, place.class_id)
                key = DeliveryKey(place.class_id, str(digest.week), MAIL, name)
                claim = deliveries.claim(key, now()) if wanted else None
                if claim is None:
                    tally.skipped += 1
                    continue
                try:
                    mailer.send(message)
                except WebError as error:
                    deliveries.failed(claim, f"{error.code} {error.detail}")
                    tally.failed[error.code] += 1
                    if error.code == "CP-WEB-053":
                        raise
                else:
                    deliveries.sent(claim, now())
                    tally.sent += 1
    except WebError as error:
        tally.problem = error.code


def _send_to_slack(
    place: Place,
    digest: Digest,
    deliveries: DeliveryLog,
    left: dict[str, Recipient | None],
    tally: Tally,
    now: Callable[[], datetime],
) -> None:
    settings, week = place.settings, digest.week
    (name,) = left
    try:
        with SlackClient(
            settings.slack_token, base_url=settings.slack.base_url, timeout_s=settings.slack.timeout_s
        ) as client:
            channel = slack.channel_of(client, settings)
            message = slack.message(digest, settings.digest.language, place.links)
            claim = deliveries.claim(DeliveryKey(place.class_id, str(week), SLACK, name), now())
            if claim is None:
                tally.skipped += 1
                return
            try:
                since = week.bounds(settings.zone)[1] - CLOCKS_DIFFER
                if slack.find(client, channel, place.class_id, str(week), since) is None:
                    client.post_message({**message, "channel": channel})
            except SlackError as error:
                deliveries.failed(claim, f"CP-WEB-058 {error.code}")
                tally.failed[error.code] += 1
            else:
                deliveries.sent(claim, now())
                tally.sent += 1
    except (SlackError, WebError) as error:
        tally.problem = error.code
