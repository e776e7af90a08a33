"""What a step over many things could not use: in quarantine, with an entry in the ledger that counts it.

What belongs here: the one way in which a list of streamers and a day of snapshots report. What does not: chat, which
has a conversation and a quarantine of its own.

Such a step is a conversation without messages, so that it is seen where every other failure is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chat_platform.errors import StreamError
from chat_platform.ingestion.tables import write_conversation
from chat_platform.sources.records import ParsedConversation, QuarantinedRecord
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.ids import digest


def report(
    workspace: Workspace,
    entry: Announced,
    problems: Sequence[tuple[int, str, str]],
    error: StreamError | None = None,
) -> str:
    """Replace what is in quarantine for a step, and write its state into the ledger.

    Args:
        entry: the step; its revision is that of its input.
        problems: position, reason and detail of each thing that could not be used.
        error: what ended the step early, if something did.

    Returns:
        The ledger's state.
    """
    found = [QuarantinedRecord(position, reason, detail) for position, reason, detail in problems]
    parsed = ParsedConversation(
        entry.conversation_id, entry.source, entry.source, records=len(found), quarantined=found
    )
    write_conversation(workspace.lake, parsed)
    workspace.ledger.announce([entry])
    if error is not None:
        return workspace.ledger.mark_failed(entry.conversation_id, error)
    workspace.ledger.mark_fetched(
        entry.conversation_id,
        strategy="api",
        payload_sha256=digest(entry.revision, *problems, length=64),
        fetched_at=datetime.now(UTC),
    )
    workspace.ledger.mark_parsed(entry.conversation_id, parsed.counts())
    return "parsed"
