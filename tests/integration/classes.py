"""A class in the lake without Dagster and dbt: recordings given as saved chat files, parsed and tokenised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from chat_platform.ingestion import recordings
from chat_platform.ingestion.imports import import_saved_chat
from chat_platform.ingestion.tables import write_conversation
from chat_platform.simulators.class_generator import GeneratedClass
from chat_platform.simulators.saved_chat import saved_messages, write_saved_chat
from chat_platform.sources.records import ChatMessage, ParsedConversation
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.text.kernels import tokenise_messages

SEOUL = ZoneInfo("Asia/Seoul")


def add_generated(workspace: Workspace, generated: GeneratedClass, index: int) -> str:
    """A recording of a generated class on its own day; returns its conversation id."""
    entries = saved_messages(generated.recording(index), SEOUL)
    return add_chat(workspace, write_saved_chat(entries, "V3"), None, f"recording {index}")


def add_lines(workspace: Workspace, lines: Sequence[tuple[str, str]], day: date, title: str) -> str:
    """A recording of (name, text) lines, one every five seconds; returns its conversation id."""
    said = []
    for number, (name, text) in enumerate(lines):
        minutes, seconds = divmod(5 * number, 60)
        said.append(f"10:{minutes:02}:{seconds:02} From {name} to Everyone:\n\t{text}\n")
    return add_chat(workspace, "".join(said).encode("utf-8"), day, title)


def add_chat(workspace: Workspace, data: bytes, day: date | None, title: str) -> str:
    """A saved chat file, parsed and tokenised into the lake; returns its conversation id."""
    found = import_saved_chat(workspace, f"{title}.txt", data, day=day, title=title)
    outcome = recordings.parse(workspace, found.conversation_id)
    assert outcome.error is None, outcome.error
    tokenise(workspace, found.conversation_id)
    return found.conversation_id


def add_slack_day(workspace: Workspace, channel: str, day: date, texts: Sequence[str]) -> str:
    """A day of a channel, parsed and tokenised into the lake; returns its conversation id."""
    name = f"slack-{channel}-{day:%Y%m%d}"
    at = datetime.combine(day, time(3), UTC)
    said = [ChatMessage(f"{name}-{n}", n, f"U{n}", at, text) for n, text in enumerate(texts)]
    parsed = ParsedConversation(name, "slack", "api", len(said), said, [])
    workspace.ledger.announce([Announced(name, "slack", "channel_day", "1", conversation_date=day)])
    workspace.ledger.mark_fetched(name, strategy="api", payload_sha256="0" * 64, fetched_at=at)
    write_conversation(workspace.lake, parsed)
    workspace.ledger.mark_parsed(name, parsed.counts())
    tokenise(workspace, name)
    return name


def tokenise(workspace: Workspace, conversation_id: str) -> None:
    """Write the tokens of a conversation that was parsed."""
    messages = workspace.lake.read(MESSAGES, conversation_id)
    workspace.lake.write(TOKENS, tokenise_messages(messages), conversation_id)
