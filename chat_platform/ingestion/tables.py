"""From a parsed conversation to its files in the lake.

What belongs here: which tables a conversation has, in which order they are written, and the text kernel that
runs before writing. What does not: parsing, tokenising (a step of its own), loading.
"""

from __future__ import annotations

from chat_platform.sources.records import ParsedConversation, to_tables
from chat_platform.storage.lake import Lake
from chat_platform.tables.class_chat import MESSAGES, PARTICIPANTS, QUARANTINE, REACTIONS, TOKENS
from chat_platform.tables.models import QUESTION_PREDICTIONS
from chat_platform.text.kernels import clean_messages

# What parsing writes, what is computed from it, and in which order: the loader takes a conversation only when its
# last table is the newest.
PARSED_TABLES = (MESSAGES, REACTIONS, PARTICIPANTS, QUARANTINE)
COMPUTED_TABLES = (TOKENS, QUESTION_PREDICTIONS)
CONVERSATION_TABLES = (*PARSED_TABLES, *COMPUTED_TABLES)


def write_conversation(lake: Lake, parsed: ParsedConversation) -> None:
    """Replace a conversation's messages, reactions, participants and quarantine in the lake.

    A conversation without messages gets its empty computed tables at once, so that it is complete.

    Raises:
        DataError: CP-DATA-001 or CP-DATA-002 when a rule of the tables is broken; nothing is written then.
    """
    tables = to_tables(parsed)
    tables["messages"] = clean_messages(tables["messages"])
    for spec in PARSED_TABLES:
        lake.write(spec, tables[spec.name], parsed.conversation_id)
    if not parsed.messages:
        for spec in COMPUTED_TABLES:
            lake.write(spec, spec.empty(), parsed.conversation_id)


def delete_conversation(lake: Lake, conversation_id: str) -> None:
    """Take a conversation out of the lake; the next load takes it out of the warehouse."""
    for spec in CONVERSATION_TABLES:
        lake.delete(spec, conversation_id)
