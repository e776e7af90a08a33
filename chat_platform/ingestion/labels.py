"""Labels of every origin, brought together into ``ml.labels``.

What belongs here: collecting seed, weak labels, imports and corrections, resolving them, writing the table. What
does not: the rules of each (``ml.labels``), training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.ml.labels.resolve import ConflictReport, resolve
from chat_platform.ml.labels.rows import correction_rows, import_rows
from chat_platform.ml.labels.seed import CHECK, NAME, check_labels, seed_labels
from chat_platform.ml.labels.weak import opinions
from chat_platform.ml.messages import SCHEMA, from_tables
from chat_platform.people.names import split_name
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.review import published_messages
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import CLASS_SOURCES, MESSAGES, PARTICIPANTS, TOKENS
from chat_platform.tables.ids import digest
from chat_platform.tables.models import LABELS


@dataclass(frozen=True)
class CollectedLabels:
    """Labels and the messages that they are about.

    Attributes:
        rows: rows of ``ml.labels``.
        messages: of ``ml.messages.SCHEMA``: the latest conversations, and those that somebody corrected.
        dates: conversation id → its date.
        newest_correction: number of the newest correction that was read; 0 for none.
    """

    rows: list[dict[str, Any]]
    messages: pa.Table
    dates: dict[str, Any]
    report: ConflictReport
    newest_correction: int


def collect_labels(workspace: Workspace) -> CollectedLabels:
    """Collect, resolve and write ``ml.labels`` into the lake."""
    settings = workspace.settings.models
    log = LabelLog(workspace.database)
    # Read first: what somebody says while labels are collected is new to the next training.
    newest = max((row["correction_id"] for row in log.corrections()), default=0)
    standing = log.standing()
    about = published_messages(workspace.publication, [row["message_id"] for row in standing])
    dates = {
        row["conversation_id"]: row["conversation_date"]
        for row in workspace.ledger.rows()
        if row["source"] in CLASS_SOURCES
    }
    in_lake = workspace.lake.files(TOKENS)
    latest = sorted((i for i in in_lake if i in dates), key=lambda i: (str(dates[i]), i))
    latest = latest[-settings.weak_conversations :]
    corrected = {row["conversation_id"] for row in about.values()} & in_lake.keys()
    tables = [conversation_messages(workspace, i) for i in sorted({*latest, *corrected})]
    messages = pa.concat_tables([SCHEMA.empty_table(), *tables])
    weakly = messages.filter(pc.is_in(messages["conversation_id"], pa.array(latest, pa.string())))
    rows, report = resolve(
        [
            *correction_rows(standing, about),
            *import_rows(log.imported_labels()),
            *_seed_rows(),
            *_weak_rows(weakly, settings.weak_labels),
        ]
    )
    workspace.lake.write(LABELS, LABELS.table(rows))
    return CollectedLabels(rows, messages, dates, report, newest)


def conversation_messages(workspace: Workspace, conversation_id: str) -> pa.Table:
    """Messages of one conversation as models see them: no direct ones, none that were removed.

    Returns:
        Of ``ml.messages.SCHEMA``.
    """
    lake, rules = workspace.lake, workspace.settings.names
    messages = lake.read(MESSAGES, conversation_id)
    open_ones = pc.and_(pc.equal(messages["visibility"], "everyone"), pc.invert(messages["removed"]))
    names = lake.read(PARTICIPANTS, conversation_id).select(["identity_id", "display_name"]).to_pylist()
    roles = {
        row["identity_id"]: split_name(row["display_name"] or "", rules).role or "student" for row in names
    }
    return from_tables(messages.filter(open_ones), lake.read(TOKENS, conversation_id), roles)


def _seed_rows() -> list[dict[str, Any]]:
    return [
        {
            "label_id": digest("label", "seed", row.text),
            "message_id": None,
            "conversation_id": f"{source}:{row.group}",
            "text": row.text,
            "language": row.language,
            "is_question": row.is_question,
            "origin": "seed",
            "source": source,
            "weight": 1.0,
            "labelled_at": None,
        }
        for source, rows in ((NAME, seed_labels()), (CHECK, check_labels()))
        for row in rows
    ]


def _weak_rows(messages: pa.Table, most: int) -> list[dict[str, Any]]:
    """Opinions of the rules, each distinct text once; when there are too many, those whose hash comes first."""
    columns = ("message_id", "conversation_id", "text", "language")
    found: dict[str, dict[str, Any]] = {}
    rows = zip(*(messages[name].to_pylist() for name in columns), opinions(messages), strict=True)
    for message_id, conversation_id, text, language, opinion in rows:
        if opinion is None or not text or text in found:
            continue
        found[text] = {
            "label_id": digest("label", "weak", message_id),
            "message_id": message_id,
            "conversation_id": conversation_id,
            "text": text,
            "language": language,
            "is_question": opinion.is_question,
            "origin": "weak",
            "source": opinion.rule,
            "weight": opinion.weight,
            "labelled_at": None,
        }
    chosen = sorted(found.values(), key=lambda row: row["label_id"])[:most]
    return sorted(chosen, key=lambda row: (row["conversation_id"], row["message_id"]))
