"""The list of streamers: from a file to ``core.channels``.

What belongs here: archiving a list, asking the platforms whom it means, and keeping that. What does not: the file's
format (``sources.streams.streamer_list``), figures (``snapshots``), commands.

An address of the list is asked about until it led to somebody; from then on that channel is meant, by its id, however
it is renamed and whoever takes its login. A channel that a later list lacks stays, with its history. A row that leads
nowhere is in quarantine. The same list again changes nothing, and only asks about addresses that led nowhere before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chat_platform.errors import StreamError
from chat_platform.ingestion.streams.problems import report
from chat_platform.ingestion.streams.tables import (
    GONE,
    Key,
    Row,
    channel_rows,
    one_writer,
    replace,
    with_profile,
)
from chat_platform.settings import Settings
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.connections import open_platform
from chat_platform.sources.streams.port import Channel, ChannelReference, StreamPlatform
from chat_platform.sources.streams.registry import platform_specs
from chat_platform.sources.streams.snapshots import resolve
from chat_platform.sources.streams.streamer_list import (
    BadRow,
    StreamerListReport,
    StreamerRow,
    read_streamer_list,
)
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import CHANNELS

SOURCE = "streamer_list"
LIST_ID = "streamer-list"
_LISTS, _ADDRESSES, _KNOWN = "list", "addresses", "known"

Connect = Callable[[Settings, str], StreamPlatform]
References = dict[ChannelReference, str]


@dataclass(frozen=True)
class StreamersImport:
    """What became of a list.

    Attributes:
        report: what the file holds.
        new: it is another file than the one before.
        channels: rows that lead to a channel.
        bad_rows: every row that does not, in the order of the file: those of the report, and those with the reason
            ``unknown_channel`` (the platform knows nobody there), ``duplicate_channel`` (another row leads to
            the same one) or ``not_asked`` (the platform failed; its code is the detail).
        errors: platform → why it could not be asked.
    """

    report: StreamerListReport
    new: bool
    channels: int
    bad_rows: list[BadRow]
    errors: dict[str, StreamError]


@dataclass
class _Answers:
    """What the platforms said.

    Attributes:
        known: whom addresses mean.
        asked: addresses that were asked about.
        profiles: channels that were found.
    """

    known: References
    asked: set[ChannelReference] = field(default_factory=set)
    profiles: dict[Key, Channel] = field(default_factory=dict)
    errors: dict[str, StreamError] = field(default_factory=dict)


def plan_streamers(workspace: Workspace, name: str, data: bytes) -> StreamerListReport:
    """What a list holds; nothing is asked or written.

    Raises:
        InputError: CP-STREAM-020, -021 or -022 when the file is no list.
    """
    streams = workspace.settings.streams
    return read_streamer_list(data, name, platform_specs(), streams.list_columns, sheet=streams.list_sheet)


def import_streamers(
    workspace: Workspace,
    name: str,
    data: bytes,
    connect: Connect = open_platform,
    *,
    clock: Clock | None = None,
) -> StreamersImport:
    """Archive a list and make it the one that counts.

    Raises:
        InputError: CP-STREAM-020, -021 or -022 when the file is no list; the former one stays then.
        ConfigurationError: CP-CONF-001 when credentials would travel unprotected.
    """
    plan_streamers(workspace, name, data)
    sha256 = hashlib.sha256(data).hexdigest()
    parts = workspace.vault.parts(SOURCE, _LISTS)
    new = not parts or not parts[-1].endswith(sha256)
    if new:
        workspace.vault.write(SOURCE, _LISTS, f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{sha256}", data)
    return _apply(workspace, name, data, connect, clock or Clock(), new=new)


def apply_latest(
    workspace: Workspace, connect: Connect = open_platform, *, clock: Clock | None = None
) -> StreamersImport | None:
    """Ask again about the addresses of the archived list that led nowhere; ``None`` when there is no list.

    Raises:
        ConfigurationError: CP-CONF-001 when credentials would travel unprotected.
    """
    parts = workspace.vault.parts(SOURCE, _LISTS)
    if not parts:
        return None
    data = workspace.vault.read(SOURCE, _LISTS, parts[-1])
    return _apply(workspace, parts[-1], data, connect, clock or Clock(), new=False)


def _apply(
    workspace: Workspace, name: str, data: bytes, connect: Connect, clock: Clock, *, new: bool
) -> StreamersImport:
    found = plan_streamers(workspace, name, data)
    answers = _ask(workspace, found.rows, connect, everybody=new)
    _keep_known(workspace, answers.known)
    now = datetime.fromtimestamp(clock.now(), UTC)
    with one_writer(workspace):
        before = channel_rows(workspace)
        after = dict(before)
        for key, channel in answers.profiles.items():
            after[key] = with_profile(after.get(key), channel, now)
        for reference in answers.asked:
            key = (reference.platform, answers.known.get(reference, ""))
            if key in after and key not in answers.profiles:
                after[key] = after[key] | {"state": GONE}
        unused = _list(after, found.rows, answers)
        replace(workspace, CHANNELS, before, after)
    bad_rows = sorted([*found.bad_rows, *unused], key=lambda row: row.row)
    entry = Announced(LIST_ID, SOURCE, SOURCE, hashlib.sha256(data).hexdigest())
    failed = next(iter(answers.errors.values()), None)
    report(workspace, entry, [(row.row, row.reason, row.detail) for row in bad_rows], failed)
    return StreamersImport(found, new, len(found.rows) - len(unused), bad_rows, answers.errors)


def _ask(workspace: Workspace, rows: Iterable[StreamerRow], connect: Connect, *, everybody: bool) -> _Answers:
    """Ask each platform about its addresses; one that fails leaves the others alone."""
    answers = _Answers(_known(workspace))
    there = channel_rows(workspace)
    wanted: dict[str, list[ChannelReference]] = {}
    for reference in (row.reference for row in rows):
        if everybody or (reference.platform, answers.known.get(reference, "")) not in there:
            wanted.setdefault(reference.platform, []).append(reference)
    for name, references in wanted.items():
        try:
            platform = connect(workspace.settings, name)
            try:
                resolution = resolve(platform, references, answers.known)
            finally:
                platform.close()
        except StreamError as error:
            answers.errors[name] = error
            continue
        answers.asked.update(references)
        for reference, channel in resolution.found.items():
            answers.known[reference] = channel.channel_id
            answers.profiles[name, channel.channel_id] = channel
    return answers


def _list(rows: dict[Key, Row], wanted: Iterable[StreamerRow], answers: _Answers) -> list[BadRow]:
    """Mark in ``rows`` who is on the list; gives the rows of the list that lead to nobody of their own."""
    unused: list[BadRow] = []
    holder: dict[Key, int] = {}
    for key in rows:
        rows[key] = rows[key] | {"listed": False}
    for row in wanted:
        platform = row.reference.platform
        key = (platform, answers.known.get(row.reference, ""))
        if key in holder:
            unused.append(
                BadRow(row.row, "duplicate_channel", f"row {holder[key]} leads to the same channel")
            )
        elif key in rows:
            holder[key] = row.row
            rows[key] = rows[key] | {"listed": True, "list_key": row.key, "list_name": row.name}
        elif platform in answers.errors:
            unused.append(BadRow(row.row, "not_asked", answers.errors[platform].code))
        else:
            unused.append(BadRow(row.row, "unknown_channel", f"{platform} {row.reference.value}"))
    return unused


def _known(workspace: Workspace) -> References:
    """Whom addresses led to when they first led to somebody."""
    if not workspace.vault.parts(SOURCE, _ADDRESSES):
        return {}
    facts = json.loads(workspace.vault.read(SOURCE, _ADDRESSES, _KNOWN))
    return {ChannelReference(platform, kind, value): found for platform, kind, value, found in facts}


def _keep_known(workspace: Workspace, known: References) -> None:
    facts = sorted([r.platform, r.kind, r.value, found] for r, found in known.items())
    workspace.vault.write(SOURCE, _ADDRESSES, _KNOWN, json.dumps(facts).encode("ascii"))
