"""Files of chat that another program downloaded: archived, and turned into the conversation of their video.

What belongs here: from a file to the ledger and the lake. What does not: formats (``sources.streams``), chat that is
asked for page by page (``vods``).

A file becomes the partition that its video has when the platform is asked, so the two never stand side by side: the
one that came last is what the tables hold. A file counts until the platform shows the video with another length; then
its chat is fetched. The same file again changes nothing, another one of the same video replaces it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from chat_platform.errors import ChatPlatformError, InputError
from chat_platform.ingestion.recordings import Outcome
from chat_platform.ingestion.streams.facts import read_video, video_bytes
from chat_platform.ingestion.streams.pages import VIDEO_PART
from chat_platform.ingestion.streams.tables import SeenVideos, see_videos
from chat_platform.ingestion.streams.vods import (
    announced,
    known_video,
    note_gaps,
    noted,
    revision,
    write_chat,
)
from chat_platform.sources.streams.port import ChatFile, PlatformSpec, Video, video_conversation_id
from chat_platform.sources.streams.registry import platform_spec, platform_specs
from chat_platform.storage.workspace import Workspace

FILE = "file"
SUFFIXES = (".json", ".gz", ".txt")
PREFIX, _VIDEO = "file-", "video-of-file"


@dataclass(frozen=True)
class ChatFileImport:
    """What a file holds.

    Attributes:
        counts: records by kind.
        new: it is not what the conversation is read from already.
    """

    conversation_id: str
    title: str
    counts: dict[str, int]
    new: bool


def import_chat_file(
    workspace: Workspace, name: str, data: bytes, *, video_id: str | None = None, dry_run: bool = False
) -> ChatFileImport:
    """Archive a file and make it what its video's chat is read from.

    Args:
        name: its name; it may hold the id of the video.
        video_id: the video, where the file does not say it.
        dry_run: only look at it.

    Raises:
        InputError: one of the platform's codes when it cannot be used; nothing changes then.
    """
    spec, found = _read(workspace, name, data, video_id)
    video = found.video
    identity = video.conversation_id
    sha256 = hashlib.sha256(data).hexdigest()
    entry = workspace.ledger.get(identity)
    held = entry is not None and (entry["strategy"], entry["payload_sha256"]) == (FILE, sha256)
    if not held and not dry_run:
        now = datetime.now(UTC)
        suffix = PurePath(name).suffix.lower()
        parts = workspace.vault.parts(spec.name, identity)
        workspace.vault.write(spec.name, identity, f"{PREFIX}{now:%Y%m%dT%H%M%S%f}-{sha256}{suffix}", data)
        workspace.vault.write(spec.name, identity, _VIDEO, video_bytes(video))
        if VIDEO_PART not in parts:
            workspace.vault.write(spec.name, identity, VIDEO_PART, video_bytes(video))
            see_videos(workspace, [SeenVideos(spec.name, video.channel_id, [video], now, whole=False)])
        workspace.ledger.announce([announced(workspace, video)])
        workspace.ledger.mark_fetched(identity, strategy=FILE, payload_sha256=sha256, fetched_at=now)
    return ChatFileImport(identity, video.title, found.chat.conversation.counts(), not held)


def is_from_file(workspace: Workspace, source: str, conversation_id: str) -> bool:
    """Whether a conversation is read from a file: its video has the length that it had there."""
    entry = workspace.ledger.get(conversation_id)
    if entry is None or entry["strategy"] != FILE:
        return False
    (known,) = workspace.ledger.states_of([conversation_id]).values()
    return known[1] == revision(read_video(workspace.vault.read(source, conversation_id, _VIDEO)))


def archived_hashes(workspace: Workspace, source: str) -> set[str]:
    """SHA-256 of every file that was archived, as it came."""
    parts = (
        part for one in workspace.vault.partitions(source) for part in workspace.vault.parts(source, one)
    )
    return {PurePath(part).stem.rpartition("-")[2] for part in parts if part.startswith(PREFIX)}


def parse_file(workspace: Workspace, source: str, conversation_id: str) -> Outcome:
    """Parse the latest file of a conversation into the lake, with the emotes of its channel and day."""
    try:
        part = max(p for p in workspace.vault.parts(source, conversation_id) if p.startswith(PREFIX))
        told = read_video(workspace.vault.read(source, conversation_id, _VIDEO))
        read = platform_spec(source).read_chat_file
        if read is None:
            raise InputError("CP-FILE-003", conversation_id)
        data = workspace.vault.read(source, conversation_id, part)
        found = read(data, part, lambda _: told, told.video_id)
        note_gaps(found.chat.conversation, found.video, ())
        video = known_video(workspace, source, conversation_id)
        parsed = write_chat(workspace, video, found.chat, embedded=found.emotes)
    except ChatPlatformError as error:
        return noted(workspace, conversation_id, error)
    return noted(workspace, conversation_id, parsed)


def _read(
    workspace: Workspace, name: str, data: bytes, video_id: str | None
) -> tuple[PlatformSpec, ChatFile]:
    """The first platform that can read a file, and what it reads; else why the last one cannot."""
    failed: InputError | None = None
    for spec in platform_specs():
        if spec.read_chat_file is None:
            continue

        def known(wanted: str, platform: str = spec.name) -> Video | None:
            identity = video_conversation_id(platform, wanted)
            there = VIDEO_PART in workspace.vault.parts(platform, identity)
            return known_video(workspace, platform, identity) if there else None

        try:
            return spec, spec.read_chat_file(data, PurePath(name).name, known, video_id)
        except InputError as error:
            failed = error
    raise failed or InputError("CP-FILE-003", name)
