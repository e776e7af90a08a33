"""Streams in a home: written as their assets do, built and published as the graph does.

What belongs here: from rows to a published file. What does not: the rows (``tests.dbt.streaming``), tests.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from dbt.cli.main import dbtRunner

from chat_platform.ingestion.publication import publish
from chat_platform.ingestion.tables import (
    CONVERSATION_TABLES,
    STREAM_CHAT_TABLES,
    load_conversations,
    load_streams,
)
from chat_platform.settings import Settings
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES
from tests.dbt.classroom import PROJECT, Conversation, parse_project
from tests.dbt.streaming import Tables

COUNTS = ("records", "messages", "replies", "reactions", "removals", "quarantined", "duplicates")


def publish_streams(home: Path, folder: Path, tables: Tables, chats: list[Conversation]) -> None:
    """Put streams into a home and publish what the metrics make of them.

    Args:
        folder: dbt writes there.
    """
    workspace = Workspace(Settings(home=home))
    write_streams(workspace, tables, chats)
    load_conversations(workspace)
    load_streams(workspace)
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet"]
    places += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    project = parse_project(folder)
    with patch.dict(os.environ, {"CHATP_WAREHOUSE_BUILD": str(workspace.warehouse.build_path)}):
        built = dbtRunner(manifest=project).invoke(["run", *places])
    assert built.success, built.exception
    publish(workspace)
    workspace.database.dispose()


def write_streams(workspace: Workspace, tables: Tables, chats: list[Conversation]) -> None:
    """Put streams into the lake and the ledger, as their assets do."""
    for spec, rows in tables.items():
        if spec.partition_column is None:
            workspace.lake.write(spec, spec.table(rows))
            continue
        parts: dict[str, list[dict[str, object]]] = {}
        for row in rows:
            parts.setdefault(row[spec.partition_column], []).append(row)
        for partition, part in parts.items():
            workspace.lake.write(spec, spec.table(part), partition)
    for chat in chats:
        for spec in (CONVERSATION_TABLES[0], *STREAM_CHAT_TABLES, *CONVERSATION_TABLES[1:]):
            workspace.lake.write(spec, spec.table(chat.rows.get(spec.name, [])), chat.conversation_id)
        workspace.ledger.announce([Announced(chat.conversation_id, "twitch", "video", "1", title="방송")])
        workspace.ledger.mark_fetched(
            chat.conversation_id, strategy="api", payload_sha256="0", fetched_at=datetime.now(UTC)
        )
        said = len(chat.rows[MESSAGES.name])
        counts = dict.fromkeys(COUNTS, 0) | {"records": said, "messages": said}
        workspace.ledger.mark_parsed(chat.conversation_id, counts)
