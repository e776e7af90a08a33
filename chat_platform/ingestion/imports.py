"""Imports: files that somebody gives us, by command or by the watched inbox.

What belongs here: archiving a saved chat or a class list and writing it into the ledger. What does not: the
formats (``sources.zoom.saved_chat``, ``people.class_list``), Dagster.

Files of one meeting (same date and title) are parts of one conversation: a chat saved in two halves, or saved
by two people, gives the same tables as one whole file. The same file twice changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from chat_platform.errors import InputError
from chat_platform.ingestion.recordings import FILE_SOURCE, archived_files
from chat_platform.people.class_list import ClassListReport, read_class_list
from chat_platform.sources.zoom.saved_chat import ParsedSavedChat, SavedFile, parse_saved_chat
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import CLASS_LIST
from chat_platform.tables.ids import digest


@dataclass(frozen=True)
class ChatImport:
    """What an import found.

    Attributes:
        conversation_id: ``file-<yyyymmdd>-<hash of the title>``.
        new: the file was not known before.
        parsed: the whole conversation, earlier parts included.
    """

    conversation_id: str
    new: bool
    parsed: ParsedSavedChat


def plan_saved_chat(
    workspace: Workspace, path_name: str, data: bytes, *, day: date | None = None, title: str | None = None
) -> tuple[ChatImport, Announced, str]:
    """What importing a file would give; nothing is written.

    Args:
        path_name: the file's name with its folder, which Zoom dates.
        data: the file's bytes.
        day: date of the meeting; needed where neither the file nor its folder says it.
        title: title of the meeting; default: from Zoom's folder name.

    Raises:
        InputError: CP-FILE-… when the file cannot be read or has no date.
    """
    zone = workspace.settings.zone
    alone = parse_saved_chat([SavedFile(path_name, data)], conversation_id="file", day=day, zone=zone)
    if alone.started_at is None:
        raise InputError("CP-FILE-001", f"{Path(path_name).name}: no message has a time")
    day = day or alone.started_at.astimezone(zone).date()
    title = title or alone.title
    conversation_id = f"file-{day:%Y%m%d}-{digest(title or '', length=8)}"
    known = archived_files(workspace, conversation_id)
    sha256 = hashlib.sha256(data).hexdigest()
    new = all(file.data != data for file in known)
    files = [*known, SavedFile(path_name, data)] if new else known
    parsed = parse_saved_chat(files, conversation_id=conversation_id, day=day, zone=zone)
    revision = digest(*sorted(hashlib.sha256(file.data).hexdigest() for file in files))
    entry = Announced(
        conversation_id=conversation_id,
        source=FILE_SOURCE,
        kind="saved_chat",
        revision=revision,
        title=title,
        conversation_date=day,
    )
    return ChatImport(conversation_id, new, parsed), entry, sha256


def import_saved_chat(
    workspace: Workspace, path_name: str, data: bytes, *, day: date | None = None, title: str | None = None
) -> ChatImport:
    """Archive a saved chat and write it into the ledger as fetched; a run does the rest.

    Raises:
        InputError: CP-FILE-… when the file cannot be read or has no date; nothing is kept then.
    """
    found, entry, sha256 = plan_saved_chat(workspace, path_name, data, day=day, title=title)
    envelope = {"name": path_name, "data": base64.b64encode(data).decode("ascii")}
    body = json.dumps(envelope, ensure_ascii=False).encode("utf-8")
    if found.new:
        workspace.vault.write(FILE_SOURCE, found.conversation_id, sha256[:32], body)
    if workspace.ledger.announce([entry]):
        workspace.ledger.mark_fetched(
            found.conversation_id, strategy="file", payload_sha256=sha256, fetched_at=datetime.now(UTC)
        )
    return found


def import_class_list(workspace: Workspace, name: str, data: bytes) -> ClassListReport:
    """Archive a class list and replace core.class_list with its good rows.

    Raises:
        InputError: CP-PEOPLE-… when the file is no list at all; the former list stays then.
    """
    report = read_class_list(data, name, workspace.settings.names)
    workspace.vault.write("class_list", "class", f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}", data)
    table, erased = CLASS_LIST.table(report.rows), workspace.erasures.erased()
    workspace.lake.write(CLASS_LIST, table if erased is None else erased.without(table, CLASS_LIST))
    return report
