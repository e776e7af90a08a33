"""Discovery: what Slack says now, compared with what the ledger knows.

What belongs here: reading a window of Slack's channels, archiving each day that changed, recognising
announcements, writing both into the ledger. What does not: fetching recordings, parsing chat, Dagster.

Safe to repeat and to kill anywhere: a day is written to the ledger only after its raw answer is archived, and
the next look at the same window finds what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chat_platform.ingestion.tables import delete_conversation, write_conversation
from chat_platform.settings import Settings
from chat_platform.sources.records import ParsedConversation, QuarantinedRecord
from chat_platform.sources.slack.announcements import Announcement, find_announcements
from chat_platform.sources.slack.client import SlackClient
from chat_platform.sources.slack.collect import ChannelDay, channel_day_id, collect_days
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
) -> Discovery:
    """Look at the days from ``since`` to ``until`` (both included) and write down what changed.

    Raises:
        SlackError: when Slack does not answer or refuses; nothing that was found before is lost.
    """
    settings = workspace.settings
    channels = select_channels(list(client.channels()), settings)
    found = Discovery()
    days = collect_days(client, channels.names, since=since, until=until, zone=settings.zone)
    known = workspace.ledger.revisions(channel_day_id(day.channel_id, day.day) for day in days)
    recordings = _RecordingIds(workspace)
    for day in days:
        day_id = channel_day_id(day.channel_id, day.day)
        if known.get(day_id) == day.revision:
            continue
        _archive_day(workspace, day, day_id)
        if day.channel_id in channels.announcing:
            _announce(workspace, day, recordings, found)
        _note_day(workspace, day, day_id)
        found.days.append(day_id)
    return found


def _archive_day(workspace: Workspace, day: ChannelDay, day_id: str) -> None:
    part = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{day.revision[:12]}"
    body = json.dumps(day.payload, ensure_ascii=False, separators=(",", ":"))
    workspace.vault.write("slack", day_id, part, body.encode("utf-8"))


def _note_day(workspace: Workspace, day: ChannelDay, day_id: str) -> None:
    entry = Announced(
        conversation_id=day_id,
        source="slack",
        kind="channel_day",
        revision=day.revision,
        title=f"#{day.channel_name}",
        conversation_date=day.day,
    )
    workspace.ledger.announce([entry])
    workspace.ledger.mark_fetched(
        day_id, strategy="api", payload_sha256=day.revision, fetched_at=datetime.now(UTC)
    )


class _RecordingIds:
    """A recording keeps the id of its first announcement, however often its link is posted again."""

    def __init__(self, workspace: Workspace) -> None:
        self._by_key = {
            conversation_id.rsplit("-", 1)[1]: conversation_id
            for conversation_id in workspace.ledger.ids("zoom")
            if "-" in conversation_id
        }

    def settle(self, found: Announcement, proposed: str) -> str:
        return self._by_key.setdefault(found.recording_key, proposed)


def _announce(workspace: Workspace, day: ChannelDay, recordings: _RecordingIds, found: Discovery) -> None:
    settings = workspace.settings
    announcements, rejected = find_announcements(
        day.payload,
        settings.slack.announcements,
        zone=settings.zone,
        channel_id=day.channel_id,
        allowed_hosts=settings.zoom.allowed_hosts,
    )
    tickets = ticket_vault(workspace)
    entries = []
    for item in announcements:
        proposed = f"zoom-{item.announced_at.astimezone(settings.zone):%Y%m%d}-{item.recording_key}"
        recording_id = recordings.settle(item, proposed)
        tickets.save(RecordingTicket(recording_id, item.link, item.passcode))
        entries.append(_entry(item, recording_id))
    found.recordings += workspace.ledger.announce(entries)
    found.not_understood += _quarantine(workspace, day, rejected)


def _entry(item: Announcement, recording_id: str) -> Announced:
    return Announced(
        conversation_id=recording_id,
        source="zoom",
        kind="recording",
        revision=item.revision,
        title=item.title,
        conversation_date=item.lecture_date,
        link=public_link(item.link),
        announced_at=item.announced_at,
        announced_by=item.author,
        announcement_ref=f"{item.channel_id}:{item.message_ts}",
    )


def public_link(link: str) -> str:
    """The address of a recording without its query, which may hold the passcode."""
    return urlsplit(link)._replace(query="", fragment="").geturl()


def _quarantine(workspace: Workspace, day: ChannelDay, rejected: Sequence[QuarantinedRecord]) -> int:
    """Keep what could not be understood; take back what has been corrected since."""
    prefix = f"announcement-{day.channel_id}-{day.day:%Y%m%d}-"
    standing = {i for i in workspace.ledger.ids("zoom") if i.startswith(prefix)}
    current = {f"{prefix}{digest(r.position, length=10)}": r for r in rejected}
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
        write_conversation(workspace.lake, parsed)
        workspace.ledger.quarantine(entry, record.reason)
    for conversation_id in standing - current.keys():
        delete_conversation(workspace.lake, conversation_id)
        workspace.ledger.forget(conversation_id)
    return len(current)


def ticket_vault(workspace: Workspace) -> TicketVault:
    """Where links and passcodes of recordings are kept: inside the raw vault."""
    return TicketVault(Path(workspace.vault.root) / "zoom_tickets")
