"""Recordings: from the ticket to the archived answer, from the archived answer to the lake.

What belongs here: the two steps for Zoom recordings, one conversation failing alone, and the ledger's
transitions. What does not: Zoom's protocol (``sources.zoom``), Dagster.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion.discovery import ticket_vault
from chat_platform.ingestion.tables import write_conversation
from chat_platform.sources.records import ParsedConversation
from chat_platform.sources.zoom.fetch import fetch_all
from chat_platform.sources.zoom.play_info import parse_play_info
from chat_platform.sources.zoom.port import FetchedRecording
from chat_platform.sources.zoom.saved_chat import SavedFile, parse_saved_chat
from chat_platform.storage.workspace import Workspace

SOURCE = "zoom"
FILE_SOURCE = "zoom_file"


@dataclass(frozen=True)
class Outcome:
    """How one conversation fared in a step.

    Attributes:
        state: the ledger's state afterwards.
        error: the coded error, where there was one.
        parsed: the parsed conversation, after a successful parse.
        strategy: how it was fetched, after a successful fetch; ``archive`` when it lay there already.
    """

    conversation_id: str
    state: str
    error: ChatPlatformError | None = None
    parsed: ParsedConversation | None = None
    strategy: str | None = None


def fetch(
    workspace: Workspace,
    conversation_ids: Sequence[str],
    *,
    refetch: bool = False,
    on_done: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Archive the raw answer of each recording that is not archived yet.

    Args:
        conversation_ids: recordings (saved files are archived when they are imported, so nothing is done).
        refetch: ask Zoom again although an answer is archived; the older answer is kept beside the new one.
        on_done: called once for each recording, from worker threads.
    """
    outcomes: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        on_done(outcome)

    tickets = []
    for conversation_id in conversation_ids:
        source = source_of(conversation_id)
        if workspace.vault.parts(source, conversation_id) and not (refetch and source == SOURCE):
            done(_already_archived(workspace, conversation_id, source))
            continue
        try:
            tickets.append(ticket_vault(workspace).load(conversation_id))
        except ChatPlatformError as error:
            done(Outcome(conversation_id, workspace.ledger.mark_failed(conversation_id, error), error))

    def on_result(conversation_id: str, result: FetchedRecording | ChatPlatformError) -> None:
        if isinstance(result, ChatPlatformError):
            done(Outcome(conversation_id, workspace.ledger.mark_failed(conversation_id, result), result))
        else:
            done(_archive(workspace, result))

    fetch_all(
        tickets, workspace.settings.zoom, screenshots=workspace.settings.screenshots, on_result=on_result
    )
    return sorted(outcomes, key=lambda outcome: outcome.conversation_id)


def parse(workspace: Workspace, conversation_id: str) -> Outcome:
    """Parse the archived answer (or the imported files) of a conversation into the lake.

    A conversation without an archived answer is left as it is; one whose answer cannot be used is marked in
    the ledger. Other conversations are not affected.
    """
    source = source_of(conversation_id)
    entry = workspace.ledger.get(conversation_id)
    if entry is None or not workspace.vault.parts(source, conversation_id):
        return Outcome(conversation_id, entry["state"] if entry else "announced")
    try:
        parsed = _parse(workspace, conversation_id, source, entry["conversation_date"])
        write_conversation(workspace.lake, parsed, workspace.erasures.erased())
    except ChatPlatformError as error:
        return Outcome(conversation_id, workspace.ledger.mark_failed(conversation_id, error), error)
    workspace.ledger.mark_parsed(
        conversation_id,
        parsed.counts(),
        title=parsed.title,
        started_at=parsed.started_at,
        duration_s=parsed.duration_s,
    )
    return Outcome(conversation_id, "parsed", parsed=parsed)


def source_of(conversation_id: str) -> str:
    """``zoom`` for recordings, ``zoom_file`` for imported chat files."""
    return FILE_SOURCE if conversation_id.startswith("file-") else SOURCE


def _parse(workspace: Workspace, conversation_id: str, source: str, day: date | None) -> ParsedConversation:
    zone = workspace.settings.zone
    if source == FILE_SOURCE:
        return parse_saved_chat(
            archived_files(workspace, conversation_id), conversation_id=conversation_id, day=day, zone=zone
        )
    latest = workspace.vault.parts(source, conversation_id)[-1]
    envelope = json.loads(workspace.vault.read(source, conversation_id, latest))
    return with_own_ids(
        parse_play_info(envelope["answers"], conversation_id=conversation_id, zone=zone, fallback_day=day)
    )


def with_own_ids(parsed: ParsedConversation) -> ParsedConversation:
    """Message ids with the recording's key before them.

    Zoom's ids belong to the meeting: a recording that is shared again under a second link would otherwise repeat
    the keys of the first, and a key that repeats stops every publication.
    """
    prefix = parsed.conversation_id.rsplit("-", 1)[1][:6]
    for message in parsed.messages:
        message.message_id = f"{prefix}-{message.message_id}"
        if message.parent_id is not None:
            message.parent_id = f"{prefix}-{message.parent_id}"
    for reaction in parsed.reactions:
        reaction.message_id = f"{prefix}-{reaction.message_id}"
    return parsed


def archived_files(workspace: Workspace, conversation_id: str) -> list[SavedFile]:
    """The files of an imported conversation, as they came."""
    files = []
    for part in workspace.vault.parts(FILE_SOURCE, conversation_id):
        envelope = json.loads(workspace.vault.read(FILE_SOURCE, conversation_id, part))
        files.append(SavedFile(envelope["name"], base64.b64decode(envelope["data"])))
    return files


def _archive(workspace: Workspace, fetched: FetchedRecording) -> Outcome:
    envelope = {
        "strategy": fetched.strategy,
        "fetched_at": fetched.fetched_at.isoformat(),
        "answers": [answer.body for answer in fetched.answers],
    }
    body = json.dumps(envelope, ensure_ascii=False).encode("utf-8", "surrogatepass")
    part = f"{fetched.fetched_at.astimezone(UTC):%Y%m%dT%H%M%S%f}"
    sha256 = workspace.vault.write(SOURCE, fetched.recording_id, part, body)
    workspace.ledger.mark_fetched(
        fetched.recording_id, strategy=fetched.strategy, payload_sha256=sha256, fetched_at=fetched.fetched_at
    )
    return Outcome(fetched.recording_id, "fetched", strategy=fetched.strategy)


def _already_archived(workspace: Workspace, conversation_id: str, source: str) -> Outcome:
    """An answer lies in the vault; the ledger may not know it yet when a process died in between."""
    entry = workspace.ledger.get(conversation_id)
    if entry is not None and entry["state"] not in ("fetched", "parsed"):
        part = workspace.vault.parts(source, conversation_id)[-1]
        envelope = json.loads(workspace.vault.read(source, conversation_id, part))
        workspace.ledger.mark_fetched(
            conversation_id,
            strategy=envelope["strategy"],
            payload_sha256=workspace.vault.digest(source, conversation_id, part),
            fetched_at=datetime.fromisoformat(envelope["fetched_at"]),
        )
    return Outcome(conversation_id, "fetched", strategy="archive")
