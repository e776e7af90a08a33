"""Discovery: what Slack says now, compared with what the ledger knows.

What belongs here: reading a window of Slack's channels, archiving each day that changed, recognising
announcements, writing both into the ledger. What does not: fetching recordings, parsing chat, Dagster.

Safe to repeat and to kill anywhere: a day is written to the ledger only after its raw answer is archived, and
the next look at the same window finds what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from chat_platform.ingestion.tables import delete_conversation, write_conversation
from chat_platform.settings import Settings
from chat_platform.sources.records import ParsedConversation, QuarantinedRecord
from chat_platform.sources.slack.announcements import (
    Announcement,
    find_announcements,
    merge_repeats,
    recording_id,
)
from chat_platform.sources.slack.client import SlackClient
from chat_platform.sources.slack.collect import ChannelDay, collect_days
from chat_platform.sources.zoom.port import RecordingTicket
from chat_platform.sources.zoom.tickets import TicketVault
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.ids import digest


@dataclass
class Discovery:
    """What one look found.

    Attributes:
        recordings: ids of recordings that are new or whose announcement changed.
        days: ids of channel days whose messages changed.
        not_understood: announcements that went to quarantine.
    """

    recordings: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    not_understood: int = 0


@dataclass(frozen=True)
class Channels:
    """Channels to read: id → name, and which of them carry announcements."""

    names: dict[str, str]
    announcing: frozenset[str]


def select_channels(channels: Sequence[dict[str, Any]], settings: Settings) -> Channels:
    """Channels that the settings ask for, of those that the app is a member of."""
    rules, wanted = settings.slack.announcements, set(settings.slack.chat_channel_names)
    members = {c["id"]: c.get("name", c["id"]) for c in channels if c.get("is_member", True)}
    announcing = {
        channel
        for channel, name in members.items()
        if channel in rules.channels or (not rules.channels and name in rules.channel_names)
    }
    chat = {channel for channel, name in members.items() if not wanted or name in wanted}
    return Channels({c: members[c] for c in sorted(chat | announcing)}, frozenset(announcing))


def discover(
    workspace: Workspace,
    client: SlackClient,
    *,
    since: date,
    until: date,
    recheck: Callable[[str], bool] | None = None,
) -> Discovery:
    """Look at the days from ``since`` to ``until`` (both included) and write down what changed.

    Args:
        workspace: where raw answers, tickets and the ledger are.
        client: the Slack workspace.
        since: first day.
        until: last day.
        recheck: which threads to ask for although they look unchanged; ``None``: all.

    Raises:
        SlackError: when Slack does not answer or refuses; nothing that was found before is lost.
    """
    settings = workspace.settings
    channels = select_channels(list(client.channels()), settings)
    known = workspace.ledger.slack_days(since, until)
    held = {day_id: held_payload(workspace, day_id) for day_id in known}
    days = collect_days(
        client,
        channels.names,
        since=since,
        until=until,
        zone=settings.zone,
        previous={day_id: payload for day_id, payload in held.items() if payload is not None},
        recheck=recheck,
    )
    changed = [day for day in days if known.get(day.conversation_id) != day.revision]
    found = Discovery(days=[day.conversation_id for day in changed])
    for day in changed:
        _archive_day(workspace, day)
    announcing = [day for day in days if day.channel_id in channels.announcing]
    if any(day in changed for day in announcing):
        _announce(workspace, announcing, found)
    for day in changed:
        _note_day(workspace, day)
    return found


def held_payload(workspace: Workspace, day_id: str) -> dict[str, Any] | None:
    """The newest archived answer of a channel's day, or ``None``."""
    parts = workspace.vault.parts("slack", day_id)
    return json.loads(workspace.vault.read("slack", day_id, parts[-1])) if parts else None


def _archive_day(workspace: Workspace, day: ChannelDay) -> None:
    part = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{day.revision[:12]}"
    body = json.dumps(day.payload, ensure_ascii=False, separators=(",", ":"))
    workspace.vault.write("slack", day.conversation_id, part, body.encode("utf-8", "surrogatepass"))


def _note_day(workspace: Workspace, day: ChannelDay) -> None:
    entry = Announced(
        conversation_id=day.conversation_id,
        source="slack",
        kind="channel_day",
        revision=day.revision,
        title=f"#{day.channel_name}",
        conversation_date=day.day,
    )
    workspace.ledger.announce([entry])
    workspace.ledger.mark_fetched(
        day.conversation_id, strategy="api", payload_sha256=day.revision, fetched_at=datetime.now(UTC)
    )


def _announce(workspace: Workspace, days: Sequence[ChannelDay], found: Discovery) -> None:
    settings = workspace.settings
    announcements: list[Announcement] = []
    for day in days:
        understood, rejected = find_announcements(
            day.payload,
            settings.slack.announcements,
            zone=settings.zone,
            channel_id=day.channel_id,
            allowed_hosts=settings.zoom.allowed_hosts,
        )
        announcements += understood
        found.not_understood += _quarantine(workspace, day, rejected)
    # A recording keeps the id of its first announcement, however often its link is posted again.
    known = {i.rsplit("-", 1)[1]: i for i in workspace.ledger.ids("zoom") if i.startswith("zoom-")}
    tickets, entries = ticket_vault(workspace), []
    for item in merge_repeats(announcements):
        proposed = recording_id(item.recording_key, item.announced_at, settings.zone)
        conversation_id = known.get(item.recording_key, proposed)
        tickets.save(RecordingTicket(conversation_id, item.full_link.get_secret_value(), item.passcode))
        entries.append(_entry(item, conversation_id))
    found.recordings += workspace.ledger.announce(entries)


def _entry(item: Announcement, conversation_id: str) -> Announced:
    return Announced(
        conversation_id=conversation_id,
        source="zoom",
        kind="recording",
        revision=item.revision,
        title=item.title,
        conversation_date=item.lecture_date,
        link=item.link,
        announced_at=item.announced_at,
        announced_by=item.author,
        announcement_ref=f"{item.channel_id}:{item.message_ts}",
    )


def _quarantine(workspace: Workspace, day: ChannelDay, rejected: Sequence[QuarantinedRecord]) -> int:
    """Keep what could not be understood; take back what has been corrected since."""
    prefix = f"announcement-{day.channel_id}-{day.day:%Y%m%d}-"
    standing = {i for i in workspace.ledger.ids("zoom") if i.startswith(prefix)}
    current = {f"{prefix}{digest(*r.detail.split()[:2], length=10)}": r for r in rejected}
    for conversation_id, record in current.items():
        entry = Announced(
            conversation_id=conversation_id,
            source="zoom",
            kind="recording",
            revision=digest(record.reason, record.detail, record.excerpt),
            conversation_date=day.day,
            title=record.excerpt[:60],
        )
        parsed = ParsedConversation(
            conversation_id, "zoom", "zoom", records=1, quarantined=[record], title=entry.title
        )
        write_conversation(workspace.lake, parsed, workspace.erasures.erased())
        workspace.ledger.quarantine(entry, record.reason)
    for conversation_id in standing - current.keys():
        delete_conversation(workspace.lake, conversation_id)
        workspace.ledger.forget(conversation_id)
    return len(current)


def ticket_vault(workspace: Workspace) -> TicketVault:
    """Where links and passcodes of recordings are kept: inside the raw vault."""
    return TicketVault(Path(workspace.vault.root) / "zoom_tickets")
