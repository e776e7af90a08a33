"""The digest on Slack: its message, and posting it once.

What belongs here: blocks of the message, the mark by which a posted digest is found again. What does not: Slack's
protocol (``sources.slack.client``), what the digest says (``content``).

Slack has no key that makes a repeated post harmless, so the message carries metadata with class and week, and whoever
is not sure looks for it in the channel first. Links lead to the portal, not to recordings, and titles of lectures are
left out: our own discovery reads the channels and must not take a digest for an announcement.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from chat_platform.digest import render
from chat_platform.digest.content import Digest
from chat_platform.digest.render import Links, day, lecture_line, one_line, week_line
from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.sources.slack.client import SlackClient

EVENT_TYPE = "chatp_digest"
LONGEST_HEADING = 150
LONGEST_SECTION = 3_000
QUESTIONS = 5
LONGEST_QUESTION = 160
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,}", re.ASCII)


def message(digest: Digest, language: str, links: Links) -> dict[str, Any]:
    """Arguments of ``chat.postMessage``, without the channel."""
    tr = render.translator(language)
    head = one_line(render.subject(digest, language), LONGEST_HEADING)
    lectures = [
        _item(links.lecture(one.conversation_id), lecture_line(one, digest.smallest_group, language))
        for one in digest.published.lectures
    ]
    questions = [
        _item(
            links.question(one.question_id), one_line(one.text, LONGEST_QUESTION), day(one.asked_on, language)
        )
        for one in digest.questions[:QUESTIONS]
    ]
    waiting = tr("Questions that wait for an answer", "답을 기다리는 질문")
    parts = [
        [_escaped(week_line(digest, language))],
        [f"*{tr('Lectures', '이번 주 강의')}*", *lectures] if lectures else [],
        [f"*{waiting}* ({digest.open_questions:,})", *questions] if questions else [],
        [_link(links.board, tr("Answer on the portal", "포털에서 답변하기"))] if questions else [],
    ]
    return {
        "text": _escaped(head),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": head, "emoji": True}},
            *(_section(_fitting(lines)) for lines in parts if lines),
        ],
        "metadata": {"event_type": EVENT_TYPE, "event_payload": _payload(digest.class_id, str(digest.week))},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def channel_of(client: SlackClient, settings: Settings) -> str:
    """Id of the digest's channel.

    Raises:
        WebError: CP-WEB-050 when it is not known, or is one of the announcements.
        SlackError: as ``SlackClient.channels``.
    """
    wanted = (settings.digest.slack_channel or "").removeprefix("#")
    rules = settings.slack.announcements
    named = {row["id"]: row["name"] for row in client.channels()}
    found = wanted if wanted in named else next((key for key, name in named.items() if name == wanted), None)
    if found is None:
        # A private channel that the app may post in, but not list.
        found = wanted if _CHANNEL_ID.fullmatch(wanted) else None
    if found is None:
        raise WebError("CP-WEB-050", f"no channel {wanted}")
    if found in rules.channels or (not rules.channels and named.get(found) in rules.channel_names):
        raise WebError("CP-WEB-050", "digest.slack_channel is a channel of the announcements")
    return found


def find(client: SlackClient, channel: str, class_id: str, week: str, since: datetime) -> str | None:
    """``ts`` of the digest that we have posted in a channel; ``None`` when there is none.

    Raises:
        SlackError: as ``SlackClient.history``.
    """
    us = client.auth_test().user_id
    for page in client.history(channel, since.timestamp(), metadata=True):
        for row in page["messages"]:
            if (
                isinstance(row, dict)
                and row.get("user") == us
                and _is_it(row.get("metadata"), class_id, week)
            ):
                return str(row.get("ts"))
    return None


def _payload(class_id: str, week: str) -> dict[str, str]:
    return {"class_id": class_id, "week": week}


def _is_it(metadata: Any, class_id: str, week: str) -> bool:
    return (
        isinstance(metadata, dict)
        and metadata.get("event_type") == EVENT_TYPE
        and metadata.get("event_payload") == _payload(class_id, week)
    )


def _section(text: str) -> dict[str, Any]:
    # Verbatim: what people wrote becomes no link, mention or channel by itself.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _fitting(lines: list[str]) -> str:
    """As many lines as a section holds; a line is never cut, which could leave half an escape."""
    text = ""
    for line in lines:
        longer = f"{text}\n{line}" if text else line
        if len(longer) > LONGEST_SECTION:
            break
        text = longer
    return text


def _item(address: str, text: str, note: str = "") -> str:
    return f"• {_link(address, text)}{f' — {_escaped(note)}' if note else ''}"


def _link(address: str, text: str) -> str:
    return f"<{address.replace('|', '%7C')}|{_escaped(text).replace('|', '¦')}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
