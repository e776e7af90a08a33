"""Days of Slack channels: from the archived day to the lake, and the list of members.

What belongs here: the steps for Slack's chat. What does not: Slack's protocol (``sources.slack``), finding
what changed (``discovery``), Dagster.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import reduce

from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion.discovery import ticket_vault
from chat_platform.ingestion.recordings import Outcome
from chat_platform.ingestion.tables import write_conversation
from chat_platform.sources.slack.client import SlackClient
from chat_platform.sources.slack.collect import merge_deleted
from chat_platform.sources.slack.messages import parse_channel_day
from chat_platform.sources.slack.users import parse_users
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import SLACK_USERS

SOURCE = "slack"
USERS = "slack_users"
# A passcode is repeated in chat soon after its recording was announced; the recordings of a term are few.
PASSCODES_REMEMBERED = timedelta(days=120)


def day_ids(workspace: Workspace, days: set[date]) -> list[str]:
    """Archived channel days of these dates."""
    stamps = {f"{day:%Y%m%d}" for day in days}
    return [i for i in workspace.vault.partitions(SOURCE) if i.rsplit("-", 1)[1] in stamps]


def parse(workspace: Workspace, conversation_id: str, users: Mapping[str, str]) -> Outcome:
    """Parse every archived answer of a channel's day, the oldest first, into the lake.

    Messages that an earlier answer had and the last one lacks are kept, marked as removed. Passcodes of recordings
    that were announced in the months before are taken out of every text, wherever somebody repeats them.

    Args:
        conversation_id: ``slack-<channel>-<yyyymmdd>``.
        users: Slack user id → name to show.
    """
    settings = workspace.settings
    try:
        answers = [
            json.loads(workspace.vault.read(SOURCE, conversation_id, part))
            for part in workspace.vault.parts(SOURCE, conversation_id)
        ]
        parsed = parse_channel_day(
            reduce(merge_deleted, answers),
            conversation_id=conversation_id,
            channel_id=conversation_id.split("-")[1],
            rules=settings.slack.announcements,
            users=users,
            secrets=recent_passcodes(workspace, _day(conversation_id.rsplit("-", 1)[1])),
        )
        write_conversation(workspace.lake, parsed, workspace.erasures.erased())
    except ChatPlatformError as error:
        return Outcome(conversation_id, workspace.ledger.mark_failed(conversation_id, error), error)
    workspace.ledger.mark_parsed(conversation_id, parsed.counts(), started_at=parsed.started_at)
    return Outcome(conversation_id, "parsed", parsed=parsed)


def recent_passcodes(workspace: Workspace, day: date | None) -> set[str]:
    """Passcodes of recordings that were announced up to a day, or the day after it, and not long before."""
    found: set[str] = set()
    if day is None:
        return found
    tickets = ticket_vault(workspace)
    for recording_id in tickets.known():
        # zoom-<day of the announcement>-<key>
        announced = _day(recording_id.split("-")[1])
        if announced is None or not timedelta(days=-1) <= day - announced <= PASSCODES_REMEMBERED:
            continue
        passcode = tickets.load(recording_id).passcode
        if passcode is not None:
            found.add(passcode.get_secret_value())
    return found


def _day(stamp: str) -> date | None:
    try:
        return datetime.strptime(stamp, "%Y%m%d").date()
    except ValueError:
        return None


def refresh_users(workspace: Workspace, client: SlackClient) -> int:
    """Archive users.list and replace core.slack_users in the lake.

    Returns:
        Number of members.
    """
    members = list(client.users())
    body = json.dumps(members, ensure_ascii=False, sort_keys=True).encode("utf-8")
    workspace.vault.write(USERS, "workspace", "members", body)
    return write_users(workspace)


def write_users(workspace: Workspace) -> int:
    """core.slack_users from the archived answer of users.list."""
    rows = []
    if workspace.vault.parts(USERS, "workspace"):
        rows = parse_users(json.loads(workspace.vault.read(USERS, "workspace", "members")))
    table, erased = SLACK_USERS.table(rows), workspace.erasures.erased()
    if erased is not None:
        table = erased.without(table, SLACK_USERS)
    workspace.lake.write(SLACK_USERS, table)
    return table.num_rows


def user_names(workspace: Workspace) -> dict[str, str]:
    """Slack user id → name to show, from the lake."""
    users = workspace.lake.read(SLACK_USERS).to_pylist()
    return {u["slack_id"]: u["display_name"] or u["real_name"] or u["name"] or u["slack_id"] for u in users}
