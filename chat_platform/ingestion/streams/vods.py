"""Chat of recorded streams: found, archived page by page, and turned into a conversation with its emotes.

What belongs here: the three steps for videos, one failing alone, and the ledger's transitions. What does not: a
platform's protocol (``sources.streams``), the archive's parts (``pages``), lists of emotes (``emotes``), Dagster.

A video whose length changed since its chat was read is read on from its last page: live recordings grow. Its
conversation is replaced as a whole. A chat that was read to its end stays when its video is gone. What should be in a
chat and is not stands in quarantine: ``chat_gap`` for a silence that the chat's own pace does not explain,
``chat_doubtful`` for a second that the platform would not page through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from threading import Event

import pyarrow as pa

from chat_platform.errors import ChatPlatformError, StreamError
from chat_platform.ingestion.recordings import Outcome
from chat_platform.ingestion.streams.emotes import usable_emotes, with_embedded
from chat_platform.ingestion.streams.facts import read_video, video_bytes
from chat_platform.ingestion.streams.pages import (
    VIDEO_PART,
    PageArchive,
    Reading,
    archived_pages,
    archived_reading,
    doubtful_seconds,
    pages_sha256,
)
from chat_platform.ingestion.streams.tables import SeenVideos, listed_ids, see_videos
from chat_platform.ingestion.tables import write_conversation
from chat_platform.settings import Settings
from chat_platform.sources.records import ParsedConversation, QuarantinedRecord
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.paging import chat_gaps, chat_pages
from chat_platform.sources.streams.port import Emote, NativeEmoteUse, StreamChat, StreamPlatform, Video
from chat_platform.sources.streams.registry import platform_spec
from chat_platform.sources.streams.snapshots import ABOUT_EVERYBODY
from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.ids import digest
from chat_platform.tables.streams import EMOTE_USES
from chat_platform.text.emotes import NATIVE_USES, chat_of, emote_uses

KIND = "video"
RECORDED_STREAM = "archive"
# From so many chats on they are parsed by several processes: those take a second or two to begin.
MANY = 20
_GONE = "CP-STREAM-007"


@dataclass
class VideoDiscovery:
    """What one look found.

    Attributes:
        videos: conversation ids that are new, or whose length changed.
        failed: channel → why its videos could not be listed.
    """

    videos: list[str] = field(default_factory=list)
    failed: dict[str, StreamError] = field(default_factory=dict)


def discover(
    workspace: Workspace,
    platform: StreamPlatform,
    *,
    since: date,
    channel_ids: Iterable[str] | None = None,
    settle: timedelta | None = None,
    clock: Clock | None = None,
) -> VideoDiscovery:
    """Look for recorded streams and write those that are new into the ledger.

    Only streams count: what was cut out of one would bring the same messages again.

    Args:
        since: videos published before this day are left out; an early one is the back-fill.
        channel_ids: channels to look at; ``None``: those of the list.
        settle: a stream that ended more lately than this is left for later, as it may still run; ``None``: none is.

    Raises:
        StreamError: one that concerns every channel (CP-STREAM-001, -002, -003); what was found before is kept.
    """
    zone = workspace.settings.zone
    begin = datetime.combine(since, time(), zone)
    found = VideoDiscovery()
    seen: list[SeenVideos] = []
    try:
        for channel_id in listed_ids(workspace, platform.name) if channel_ids is None else channel_ids:
            try:
                videos = list(platform.videos(channel_id, published_since=begin))
            except StreamError as error:
                if error.code in ABOUT_EVERYBODY:
                    raise
                found.failed[channel_id] = error
                continue
            at = datetime.fromtimestamp((clock or Clock()).now(), UTC)
            seen.append(SeenVideos(platform.name, channel_id, videos, at, whole=False))
            found.videos += _announce(workspace, [video for video in videos if _is_over(video, at, settle)])
    finally:
        see_videos(workspace, seen)
    return found


def fetch(
    workspace: Workspace,
    platform: StreamPlatform,
    conversation_ids: Sequence[str],
    *,
    refetch: bool = False,
    on_done: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Archive what is not archived yet of each chat.

    A refusal that concerns every video (credentials, a limit that lasts) ends the step, and is none of a video's: all
    that were not read stay as they are.

    Args:
        refetch: look for more although a chat was read to its end.
        on_done: called once for each video, from worker threads.
    """
    stop = Event()

    def one(conversation_id: str) -> Outcome:
        if stop.is_set():
            outcome = Outcome(conversation_id, _state(workspace, conversation_id))
        else:
            outcome = _fetch(workspace, platform, conversation_id, refetch=refetch)
        if outcome.error is not None and outcome.error.code in ABOUT_EVERYBODY:
            stop.set()
        on_done(outcome)
        return outcome

    with ThreadPoolExecutor(workspace.settings.streams.parallel) as pool:
        return list(pool.map(one, conversation_ids))


def parse(workspace: Workspace, platform: str, conversation_ids: Sequence[str]) -> Iterator[Outcome]:
    """Parse archived chats into the lake, with the emotes of their channels and days; nobody is asked for anything.

    A chat that was not read to its end is left as it is. Many are parsed by several processes at once, so outcomes
    come in any order; whoever takes them up one by one holds the messages of one chat and no more.

    Args:
        platform: short name.
    """
    whole = []
    for conversation_id in conversation_ids:
        if archived_reading(workspace, platform, conversation_id).complete:
            whole.append(conversation_id)
        else:
            yield Outcome(conversation_id, _state(workspace, conversation_id))
    engine = workspace.engine if len(whole) >= MANY else LocalEngine(1)
    work = partial(_parse, workspace.settings, platform)
    for conversation_id, result in engine.each(work, whole, __name__):
        yield noted(workspace, conversation_id, result)


def noted(
    workspace: Workspace, conversation_id: str, result: ParsedConversation | ChatPlatformError
) -> Outcome:
    """Write into the ledger what became of parsing a chat."""
    if isinstance(result, ChatPlatformError):
        return Outcome(conversation_id, workspace.ledger.mark_failed(conversation_id, result), result)
    workspace.ledger.mark_parsed(
        conversation_id,
        result.counts(),
        title=result.title,
        started_at=result.started_at,
        duration_s=result.duration_s,
    )
    return Outcome(conversation_id, "parsed", parsed=result)


def write_chat(
    workspace: Workspace, video: Video, chat: StreamChat, *, embedded: Iterable[Emote] = ()
) -> ParsedConversation:
    """Replace what the lake has of a video's chat, with the emotes of its channel and day; no word in the ledger.

    Args:
        embedded: emotes that came with the chat; they count where no list of the channel has their code.

    Raises:
        DataError: CP-DATA-001 or CP-DATA-002 when a rule of the tables is broken.
    """
    erased = workspace.erasures.erased()
    sent = write_conversation(workspace.lake, chat.conversation, erased)
    if sent.num_rows:
        # From what was sent: of who is kept away the text is gone, and the emotes of the channel are not.
        uses = _emote_uses(workspace, video, sent, chat.native_emotes, embedded)
        uses = uses if erased is None else erased.without(uses, EMOTE_USES)
        workspace.lake.write(EMOTE_USES, uses, video.conversation_id)
    else:
        # Its computed tables are written already, and the loader waits for what is newer than they are.
        workspace.lake.delete(EMOTE_USES, video.conversation_id)
    return chat.conversation


def revision(video: Video) -> str:
    """Changes when there is more to read of a chat: with the length of its video."""
    return digest(video.video_id, video.duration_s)


def announced(workspace: Workspace, video: Video) -> Announced:
    """The ledger's entry of a video."""
    begun = video.started_at or video.published_at
    return Announced(
        conversation_id=video.conversation_id,
        source=video.platform,
        kind=KIND,
        revision=revision(video),
        title=video.title or None,
        conversation_date=None if begun is None else begun.astimezone(workspace.settings.zone).date(),
        link=video.url,
        announced_at=video.published_at,
    )


def _is_over(video: Video, at: datetime, settle: timedelta | None) -> bool:
    if settle is None or video.started_at is None or video.duration_s is None:
        return True
    return video.started_at + timedelta(seconds=video.duration_s) + settle <= at


def _announce(workspace: Workspace, videos: Iterable[Video]) -> list[str]:
    """Archive what is known of videos, then write them into the ledger; gives the ids of those that are new."""
    entries = []
    for video in videos:
        if video.kind not in (None, RECORDED_STREAM):
            continue
        entry = announced(workspace, video)
        entries.append(entry)
        if _known_revision(workspace, video) != entry.revision:
            workspace.vault.write(video.platform, video.conversation_id, VIDEO_PART, video_bytes(video))
    return workspace.ledger.announce(entries)


def _known_revision(workspace: Workspace, video: Video) -> str | None:
    if VIDEO_PART not in workspace.vault.parts(video.platform, video.conversation_id):
        return None
    return revision(known_video(workspace, video.platform, video.conversation_id))


def known_video(workspace: Workspace, source: str, conversation_id: str) -> Video:
    """What is archived of a video."""
    return read_video(workspace.vault.read(source, conversation_id, VIDEO_PART))


def _state(workspace: Workspace, conversation_id: str) -> str:
    entry = workspace.ledger.get(conversation_id)
    return entry["state"] if entry else "announced"


def _fetch(workspace: Workspace, platform: StreamPlatform, conversation_id: str, *, refetch: bool) -> Outcome:
    try:
        video = known_video(workspace, platform.name, conversation_id)
        wanted = revision(video)
        reading = archived_reading(workspace, platform.name, conversation_id)
        same = reading.complete and reading.revision == wanted
        there = same and not refetch
        if not there:
            archive = PageArchive(workspace, platform.name, conversation_id, wanted, reading.pages)
            there = not _read_on(platform, video, reading, archive)
    except ChatPlatformError as error:
        if error.code in ABOUT_EVERYBODY:
            return Outcome(conversation_id, _state(workspace, conversation_id), error)
        return Outcome(conversation_id, workspace.ledger.mark_failed(conversation_id, error), error)
    # A video that grew and is gone is taken up once more with what there is, or it would be due for ever.
    if there and same and _state(workspace, conversation_id) in ("fetched", "parsed"):
        return Outcome(conversation_id, "fetched", strategy="archive")
    workspace.ledger.mark_fetched(
        conversation_id,
        strategy="api",
        payload_sha256=pages_sha256(workspace, platform.name, conversation_id),
        fetched_at=datetime.now(UTC),
    )
    return Outcome(conversation_id, "fetched", strategy="archive" if there else "api")


def _read_on(platform: StreamPlatform, video: Video, reading: Reading, archive: PageArchive) -> bool:
    """Archive the pages from where a reading stopped to the end; what came before a failure is kept.

    Returns:
        Whether there was anything to read: a video that is gone has no more than what was read to its end.
    """
    cursor = reading.cursor
    try:
        for page in chat_pages(platform, video.video_id, cursor):
            archive.add(cursor, page)
            cursor = page.next_cursor
    except StreamError as error:
        if error.code != _GONE or not reading.complete:
            raise
        return False
    finally:
        archive.flush()
    return True


def _parse(settings: Settings, platform: str, conversation_id: str) -> ParsedConversation | ChatPlatformError:
    """From the archive to the lake, in any process; the ledger is not written."""
    workspace = Workspace(settings)
    try:
        video = known_video(workspace, platform, conversation_id)
        pages = archived_pages(workspace, platform, conversation_id)
        chat = platform_spec(platform).parse_chat(video, pages)
        note_gaps(chat.conversation, video, doubtful_seconds(workspace, platform, conversation_id))
        return write_chat(workspace, video, chat)
    except ChatPlatformError as error:
        return error


def note_gaps(parsed: ParsedConversation, video: Video, doubtful: Iterable[float]) -> None:
    """Put into quarantine what should be there and is not; each counts as a record."""
    offsets = (message.offset_s for message in parsed.messages if message.offset_s is not None)
    missing = [
        ("chat_gap", f"{gap.start_s:.0f} s to {gap.end_s:.0f} s")
        for gap in chat_gaps(offsets, video.duration_s)
    ]
    missing += [("chat_doubtful", f"{second:.0f} s") for second in doubtful]
    for reason, detail in missing:
        parsed.quarantined.append(QuarantinedRecord(parsed.records, reason, detail))
        parsed.records += 1


def _emote_uses(
    workspace: Workspace,
    video: Video,
    messages: pa.Table,
    native: Iterable[NativeEmoteUse],
    embedded: Iterable[Emote],
) -> pa.Table:
    uses = pa.Table.from_pylist([vars(use) for use in native], schema=NATIVE_USES)
    chat = chat_of(messages, uses, platform=video.platform, channel_id=video.channel_id)
    emotes = with_embedded(usable_emotes(workspace, video.platform, video.channel_id), video, embedded)
    return emote_uses(chat, emotes, zone=workspace.settings.timezone)
