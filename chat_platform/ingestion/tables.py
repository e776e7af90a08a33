"""From a parsed conversation to its files in the lake, and from there to the build file.

What belongs here: which tables a conversation has, in which order they are written and loaded, and the text kernel
that runs before writing. What does not: parsing, tokenising (a step of its own), how the build file is written.
"""

from __future__ import annotations

import pyarrow as pa

from chat_platform.ingestion.portal_questions import write_portal_questions
from chat_platform.people.erasure import Erased
from chat_platform.sources.records import ParsedConversation, to_tables
from chat_platform.storage.lake import Lake
from chat_platform.storage.warehouse import LoadReport
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import (
    CONVERSATIONS,
    MESSAGES,
    PARTICIPANTS,
    PORTAL_QUESTIONS,
    QUARANTINE,
    REACTIONS,
    TOKENS,
)
from chat_platform.tables.models import QUESTION_GROUPS, QUESTION_PREDICTIONS
from chat_platform.tables.streams import (
    CHANNEL_SNAPSHOTS,
    CHANNEL_TRENDS,
    CHANNELS,
    EMOTE_USES,
    EMOTES,
    VIDEO_SNAPSHOTS,
    VIDEOS,
)
from chat_platform.text.kernels import clean_messages

# What parsing writes, what is computed from it, and in which order: the loader takes a conversation only when its
# last table is the newest.
PARSED_TABLES = (MESSAGES, REACTIONS, PARTICIPANTS, QUARANTINE)
COMPUTED_TABLES = (TOKENS, QUESTION_PREDICTIONS)
CONVERSATION_TABLES = (*PARSED_TABLES, *COMPUTED_TABLES)
# What only chats of streams have; written after parsing and before the computed tables.
STREAM_CHAT_TABLES = (EMOTE_USES,)
# In the order in which a day is written.
SNAPSHOT_TABLES = (VIDEO_SNAPSHOTS, CHANNEL_SNAPSHOTS)
STREAM_TABLES = (CHANNELS, VIDEOS, EMOTES, CHANNEL_TRENDS)


def write_conversation(lake: Lake, parsed: ParsedConversation, erased: Erased | None = None) -> pa.Table:
    """Replace a conversation's messages, reactions, participants and quarantine in the lake.

    A conversation without messages gets its empty computed tables at once, so that it is complete.

    Args:
        lake: where the files lie.
        parsed: the whole conversation, as an archived answer has it.
        erased: who is kept away, whatever the archive still holds.

    Returns:
        The messages as they were sent, of those who are kept away too; their ``clean_text`` is not filled.

    Raises:
        DataError: CP-DATA-001 or CP-DATA-002 when a rule of the tables is broken; nothing is written then.
    """
    tables = to_tables(parsed)
    sent = tables["messages"]
    if erased is not None:
        tables = erased.without_of_conversation(tables)
    tables["messages"] = clean_messages(tables["messages"])
    for spec in PARSED_TABLES:
        lake.write(spec, tables[spec.name], parsed.conversation_id)
    if not parsed.messages:
        for spec in COMPUTED_TABLES:
            lake.write(spec, spec.empty(), parsed.conversation_id)
    return sent


def delete_conversation(lake: Lake, conversation_id: str) -> None:
    """Take a conversation out of the lake; the next load takes it out of the warehouse."""
    for spec in (*CONVERSATION_TABLES, *STREAM_CHAT_TABLES):
        lake.delete(spec, conversation_id)


def load_conversations(workspace: Workspace) -> LoadReport:
    """Bring the tables of conversations in the build file up to the ledger, the portal and the lake.

    The groups of questions are filled by a step of their own; metrics read them as they stand.
    """
    lake, erased = workspace.lake, workspace.erasures.erased()
    conversations = CONVERSATIONS.table(workspace.ledger.rows())
    if erased is not None:
        # An announcement that was edited is written into the ledger again.
        conversations = erased.without(conversations, CONVERSATIONS)
    lake.write(CONVERSATIONS, conversations)
    write_portal_questions(workspace)
    specs = (CONVERSATIONS, PORTAL_QUESTIONS, *CONVERSATION_TABLES, QUESTION_GROUPS)
    return workspace.warehouse.load(lake, specs, optional=STREAM_CHAT_TABLES)


def load_streams(workspace: Workspace) -> LoadReport:
    """Bring the tables of streamers in the build file up to the lake; where there are none they stay empty."""
    return workspace.warehouse.load(workspace.lake, (*STREAM_TABLES, *SNAPSHOT_TABLES))
