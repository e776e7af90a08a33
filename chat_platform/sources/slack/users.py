"""Members of the workspace.

What belongs here: members of ``users.list`` to rows, and the name to show. What does not: who a person is at
other sources (``chat_platform.people``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from chat_platform.sources.records import nfc

LOGGER = logging.getLogger(__name__)

SLACKBOT = "USLACKBOT"


def parse_users(members: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``core.slack_users``, one a member; of a member who came twice, the later one.

    Slack's own bot says ``is_bot: false`` and is one. ``is_app_user`` says that a person authorised the app, so
    it does not make anybody a bot. ``email`` is null without the scope ``users:read.email``.

    Args:
        members: as ``SlackClient.users`` gives them.
    """
    rows: dict[str, dict[str, Any]] = {}
    for member in members:
        slack_id = member.get("id") if isinstance(member, Mapping) else None
        if not isinstance(slack_id, str) or not slack_id:
            LOGGER.warning("users.list gave a member without an id; left out")
            continue
        rows[slack_id] = _row(slack_id, member)
    return list(rows.values())


def user_names(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """User id → name as Slack shows it: display name, else real name, else handle."""
    return {
        row["slack_id"]: row["display_name"] or row["real_name"] or row["name"] or row["slack_id"]
        for row in rows
    }


def _row(slack_id: str, member: Mapping[str, Any]) -> dict[str, Any]:
    given = member.get("profile")
    profile: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    return {
        "slack_id": slack_id,
        "name": _text(member.get("name")),
        "real_name": _text(profile.get("real_name")) or _text(member.get("real_name")),
        "display_name": _text(profile.get("display_name")),
        "email": _text(profile.get("email")),
        "title": _text(profile.get("title")),
        "is_admin": bool(member.get("is_admin") or member.get("is_owner")),
        "is_bot": bool(member.get("is_bot") or profile.get("bot_id") or slack_id == SLACKBOT),
        "deleted": bool(member.get("deleted")),
    }


def _text(value: object) -> str | None:
    text = nfc(value).strip() if isinstance(value, str) else ""
    return text or None
