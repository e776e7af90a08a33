"""Chat that is heard while a channel streams: written down as it comes, archived, and turned into a conversation.

What belongs here: the files of a capture, and from them to the ledger and the lake. What does not: listening itself
(``sources.streams``), chat of recorded streams (``vods``).

Each line is handed to the kernel before the next is heard, and flushed to the disk every second: a process that is
killed loses nothing that it wrote, a machine that stops loses a second. Files are ``<platform>/<login>/<day>T<hour>``
in the class's time zone. What was heard of a channel on a day is one conversation, replaced whenever it has grown.
Once the recorded stream was read, its messages are the video's, and here they count as heard twice.

Whoever listens shares a lock, and whoever archives holds another, so that files can be rewritten while nobody does
either.

Lines that begin with ``#`` are ours: ``#begin`` and ``#end`` of listening, ``#silence`` of a lost connection.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from chat_platform.errors import ChatPlatformError, StreamError
from chat_platform.ingestion.recordings import Outcome
from chat_platform.ingestion.streams.facts import video_bytes
from chat_platform.ingestion.streams.pages import VIDEO_PART
from chat_platform.ingestion.streams.tables import SeenVideos, see_videos
from chat_platform.ingestion.streams.vods import announced, known_video, noted, write_chat
from chat_platform.settings import Settings
from chat_platform.sources.records import QuarantinedRecord
from chat_platform.sources.streams.port import (
    LiveChatSource,
    LiveListener,
    StreamChat,
    Video,
    live_conversation_id,
)
from chat_platform.sources.streams.registry import PLATFORMS, platform_spec
from chat_platform.storage.captures import SignOfLife
from chat_platform.storage.files import held_lock, lock_if_free
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.tables.streams import VIDEOS

LIVE = "live"
SYNC_S = 1.0
PART = "live"
_BEGIN, _END, _SILENCE = "#begin", "#end", "#silence"


def live_source(platform: str) -> LiveChatSource:
    """How a platform is heard.

    Raises:
        StreamError: CP-STREAM-009 when it cannot be heard live.
    """
    source = platform_spec(platform).live
    if source is None:
        raise StreamError("CP-STREAM-009", f"{platform}: live")
    return source


def capture(
    settings: Settings, platform: str, logins: Sequence[str], stop: Callable[[], bool] = lambda: False
) -> int:
    """Listen to channels and write down what is said, until told to stop; gives the number of lines.

    Raises:
        StreamError: the platform refuses, or cannot be reached again and again; what was heard is kept.
        ConfigurationError: CP-CONF-001 when chat would be heard unprotected.
    """
    source = live_source(platform)
    listener = source.listen(settings.streams.base_urls.get(platform, {}), logins)
    with held_lock(_listening_lock(settings, platform), shared=True):
        return _written_down(settings, platform, source, listener, [login.lower() for login in logins], stop)


@contextmanager
def nobody_listens(settings: Settings, platform: str) -> Iterator[bool]:
    """Keep everybody from listening and from archiving for a while; gives whether nobody does it already."""
    with lock_if_free(_listening_lock(settings, platform)) as free, _archiving(settings):
        yield free


def captured_files(settings: Settings, platform: str) -> list[Path]:
    """Files of what was heard and is not archived for good yet."""
    return sorted(path for path in (settings.live_chats / platform).glob("*/*") if path.is_file())


def _listening_lock(settings: Settings, platform: str) -> Path:
    return settings.home / "locks" / f"listening-{platform}.lock"


def _archiving(settings: Settings) -> AbstractContextManager[None]:
    return held_lock(settings.home / "locks" / "live.lock")


def _written_down(
    settings: Settings,
    platform: str,
    source: LiveChatSource,
    listener: LiveListener,
    wanted: Sequence[str],
    stop: Callable[[], bool],
) -> int:
    files = _Files(settings, platform)
    heard, told = 0, 0
    sign = SignOfLife(settings.home, platform, wanted)
    try:
        for login in wanted:
            files.write(login, f"{_BEGIN} {_now()}")

        def stopped() -> bool:
            files.sync()
            sign.give(heard)
            return stop()

        for line in listener.lines(stopped):
            for silence in listener.silences[told:]:
                said = f"{_SILENCE} {silence.began_at.isoformat()} {silence.ended_at.isoformat()}"
                for login in wanted:
                    files.write(login, said)
            told = len(listener.silences)
            login_heard = source.login_of(line)
            if login_heard is not None and login_heard in wanted:
                files.write(login_heard, line)
                heard += 1
            files.sync()
        sign.end()
    except ChatPlatformError as error:
        sign.failed(error)
        raise
    finally:
        for login in wanted:
            files.write(login, f"{_END} {_now()}")
        files.close()
    return heard


def take_up(workspace: Workspace, platform: str) -> list[str]:
    """Archive what was heard and has grown, and write it into the ledger; gives the conversations.

    A day that still grows is taken up once in ``streams.look_minutes``. Files of days that are over go once they are
    archived.
    """
    source = platform_spec(platform).live
    root = workspace.settings.live_chats / platform
    if source is None or not root.is_dir():
        return []
    with _archiving(workspace.settings):
        return _taken_up(workspace, platform, source, root)


def _taken_up(workspace: Workspace, platform: str, source: LiveChatSource, root: Path) -> list[str]:
    today = datetime.now(workspace.settings.zone).date()
    taken: list[str] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        by_day: dict[date, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            by_day.setdefault(date.fromisoformat(path.name.split("T")[0]), []).append(path)
        for day, paths in by_day.items():
            found = _take_day(workspace, platform, source, day, paths, today)
            taken += [found] if found else []
    return taken


def is_live(workspace: Workspace, conversation_id: str) -> bool:
    """Whether a conversation was heard live."""
    entry = workspace.ledger.get(conversation_id)
    return entry is not None and entry["strategy"] == LIVE


def parse_captured(workspace: Workspace, platform: str, conversation_id: str) -> Outcome:
    """Parse what was heard of a channel on a day into the lake."""
    try:
        lines = workspace.vault.read(platform, conversation_id, PART).decode("utf-8", "replace").split("\n")
        video = known_video(workspace, platform, conversation_id)
        chat = live_source(platform).parse(lines, conversation_id)
        _leave_to_videos(workspace, video, chat)
        for place, gap in enumerate(_gaps(lines), start=chat.conversation.records):
            chat.conversation.quarantined.append(QuarantinedRecord(place, "chat_gap", gap))
            chat.conversation.records += 1
        parsed = write_chat(workspace, video, chat)
    except ChatPlatformError as error:
        return noted(workspace, conversation_id, error)
    return noted(workspace, conversation_id, parsed)


def heard_beside(workspace: Workspace, platform: str, conversation_id: str) -> list[str]:
    """Conversations in which a video's chat stands that was heard live, if it was."""
    video = known_video(workspace, platform, conversation_id)
    begun = video.started_at
    if begun is None:
        return []
    zone = workspace.settings.zone
    ended = begun + timedelta(seconds=video.duration_s or 0.0)
    days = {begun.astimezone(zone).date(), ended.astimezone(zone).date()}
    return [live_conversation_id(platform, video.channel_id, day) for day in sorted(days)]


def take_again(workspace: Workspace, platform: str, conversation_id: str) -> list[str]:
    """After a video was read: what was heard live of it is due again, so that nothing counts twice."""
    again = []
    for identity in heard_beside(workspace, platform, conversation_id):
        entry = workspace.ledger.get(identity)
        if entry is not None and entry["state"] == "parsed":
            _mark(workspace, identity, entry["payload_sha256"])
            again.append(identity)
    return again


@dataclass
class _Open:
    """A file that is being written."""

    name: str
    descriptor: int


class _Files:
    """The files of a capture, one a channel and hour."""

    def __init__(self, settings: Settings, platform: str) -> None:
        self._root = settings.live_chats / platform
        self._zone = settings.zone
        self._open: dict[str, _Open] = {}
        self._synced = time.monotonic()

    def write(self, login: str, line: str) -> None:
        """Append a line to the file of a channel's hour."""
        name = f"{datetime.now(self._zone):%Y-%m-%dT%H}"
        held = self._open.get(login)
        if held is None or held.name != name:
            if held is not None:
                _close(held)
            held = self._open[login] = self._opened(login, name)
        os.write(held.descriptor, line.encode("utf-8", "replace") + b"\n")

    def sync(self) -> None:
        """Flush to the disk what was written, once in a while."""
        if time.monotonic() - self._synced >= SYNC_S:
            for held in self._open.values():
                os.fsync(held.descriptor)
            self._synced = time.monotonic()

    def close(self) -> None:
        """Flush and close everything."""
        for held in self._open.values():
            _close(held)
        self._open.clear()

    def _opened(self, login: str, name: str) -> _Open:
        folder = self._root / login
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = os.fstat(descriptor).st_size
        # A machine that stopped may have left half a line.
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")
        return _Open(name, descriptor)


def _close(held: _Open) -> None:
    os.fsync(held.descriptor)
    os.close(held.descriptor)


def _take_day(
    workspace: Workspace, platform: str, source: LiveChatSource, day: date, paths: list[Path], today: date
) -> str | None:
    """Archive a day of a channel; ``None`` when there is nothing new, or it was taken up a short while ago."""
    channel = next(filter(None, map(source.channel_of, _lines_of(paths))), None)
    if channel is None:
        return None
    identity = live_conversation_id(platform, channel, day)
    entry = workspace.ledger.get(identity)
    now = datetime.now(UTC)
    pause = timedelta(minutes=workspace.settings.streams.look_minutes)
    if day >= today and entry is not None and entry["fetched_at"] and now - entry["fetched_at"] < pause:
        return None
    data = b"".join(path.read_bytes() for path in paths)
    sha256 = hashlib.sha256(data).hexdigest()
    if entry is not None and entry["payload_sha256"] == sha256:
        if day < today:
            for path in paths:
                path.unlink()
        return None
    lines = data.decode("utf-8", "replace").split("\n")
    times = [message.sent_at for message in source.parse(lines, identity).conversation.messages]
    video = Video(
        platform=platform,
        video_id=identity.removeprefix(f"{platform}-"),
        channel_id=channel,
        title="",
        kind=LIVE,
        started_at=min(times, default=None),
        duration_s=(max(times) - min(times)).total_seconds() if times else None,
    )
    workspace.vault.write(platform, identity, PART, data)
    workspace.vault.write(platform, identity, VIDEO_PART, video_bytes(video))
    see_videos(workspace, [SeenVideos(platform, channel, [video], now, whole=False)])
    workspace.ledger.announce([announced(workspace, video)])
    _mark(workspace, identity, sha256)
    return identity


def _lines_of(paths: Iterable[Path]) -> Iterator[str]:
    """Lines one after another, as the first ones are enough to know the channel."""
    for path in paths:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            yield from (line.removesuffix("\n") for line in file)


def _mark(workspace: Workspace, identity: str, sha256: str) -> None:
    workspace.ledger.mark_fetched(
        identity, strategy=LIVE, payload_sha256=sha256, fetched_at=datetime.now(UTC)
    )


def _leave_to_videos(workspace: Workspace, video: Video, chat: StreamChat) -> None:
    """Messages that a recorded stream of the channel has are its own; here they are duplicates."""
    there = workspace.lake.files(MESSAGES)
    recorded = [
        row["conversation_id"]
        for row in workspace.lake.read(VIDEOS).to_pylist()
        if (row["platform"], row["channel_id"]) == (video.platform, video.channel_id)
        and row["kind"] != LIVE
        and row["conversation_id"] in there
    ]
    theirs = (
        set(workspace.lake.read_many(MESSAGES, recorded)["message_id"].to_pylist()) if recorded else set()
    )
    conversation = chat.conversation
    kept = [message for message in conversation.messages if message.message_id not in theirs]
    conversation.duplicates += len(conversation.messages) - len(kept)
    conversation.messages = kept
    chat.native_emotes = [use for use in chat.native_emotes if use.message_id not in theirs]


def _gaps(lines: Iterable[str]) -> Iterator[str]:
    """Times in which nobody listened: between an end and the next beginning, and of lost connections."""
    ended: str | None = None
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == _SILENCE:
            yield rest.replace(" ", " to ")
        elif word == _END:
            ended = rest
        elif word == _BEGIN and ended is not None:
            yield f"{ended} to {rest}"
            ended = None


def _now() -> str:
    return datetime.now(UTC).isoformat()


def take_up_everything(workspace: Workspace) -> list[str]:
    """What was heard on every platform."""
    return [identity for platform in PLATFORMS for identity in take_up(workspace, platform)]
