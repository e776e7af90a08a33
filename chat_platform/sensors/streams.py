"""Sensors of streams: new videos, lists of streamers.

What belongs here: deciding whom to ask next, and which runs to request. What does not: the work itself
(``ingestion.streams``).

A platform with many channels cannot be asked about all of them in one tick, so a look goes round: a tick asks about
as many channels as it has time for, and the next goes on behind them. What there is to do stands in the ledger; a
lost cursor costs one more round and nothing else. Without a list of streamers, or without credentials, nothing is
asked.

Chat is fetched by runs that touch neither tables nor the warehouse, beside everything else. What has been fetched is
taken up by one run of the chain at a time.
"""

import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import dagster as dg

from chat_platform.errors import StreamError
from chat_platform.ingestion.streams import channels, snapshots
from chat_platform.ingestion.streams.chat_files import SUFFIXES, import_chat_file, is_from_file
from chat_platform.ingestion.streams.live import is_live, take_up_everything
from chat_platform.ingestion.streams.pages import archived_reading
from chat_platform.ingestion.streams.tables import listed_ids
from chat_platform.ingestion.streams.vods import discover
from chat_platform.jobs import FETCH_VIDEOS, FETCHING, PUBLISH, STREAM_DAYS, STREAM_VIDEOS
from chat_platform.partitions import stream_videos
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.resources.streams import StreamsResource
from chat_platform.sensors.active import is_active
from chat_platform.sensors.batches import batch_request, contiguous
from chat_platform.sensors.folders import take, waiting_files
from chat_platform.sources.streams.registry import PLATFORMS
from chat_platform.storage.captures import captures
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.ids import digest
from chat_platform.tables.streams import CHANNELS

CURSOR_VERSION = 1
TICK_S = 120
# Dagster gives a tick 60 s by default; leave room for the requests themselves.
BUDGET_S = 40.0
# Channels between two looks at the clock.
CHANNELS_AT_ONCE = 20
# Videos of one run: what it has done is published before the next begins.
MOST_VIDEOS = 500
SOURCES = (*PLATFORMS, channels.SOURCE, snapshots.SOURCE)
LIST_SUFFIXES = (".xlsx", ".xls", ".xlsm", ".ods", ".csv", ".tsv")


@dataclass(frozen=True)
class Round:
    """How far a look at a platform has come.

    Attributes:
        begun: when it began, unix seconds; 0: never.
        after: channel that was asked about last; ``None``: the round is over.
    """

    begun: float = 0.0
    after: str | None = None


def read_rounds(cursor: str | None) -> dict[str, Round]:
    """Platform → round; nothing for no cursor or one that cannot be understood."""
    try:
        values = json.loads(cursor or "{}")
        if values.get("version") == CURSOR_VERSION:
            return {name: Round(**facts) for name, facts in values["rounds"].items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        return {}
    return {}


def write_rounds(rounds: dict[str, Round]) -> str:
    """The cursor for rounds."""
    return json.dumps(
        {"version": CURSOR_VERSION, "rounds": {name: asdict(one) for name, one in rounds.items()}}
    )


def look(
    home: Workspace,
    streams: StreamsResource,
    platform: str,
    before: Round,
    say: Callable[[str], None],
    *,
    budget_s: float = BUDGET_S,
) -> Round:
    """Ask about channels of the list until all were asked about or the time is used up; gives how far it came."""
    settings, now = home.settings.streams, time.time()
    if before.after is None and now - before.begun < 60 * settings.look_minutes:
        return before
    begun = now if before.after is None else before.begun
    wanted = [i for i in listed_ids(home, platform) if before.after is None or i > before.after]
    since, settle = (
        streams.today() - timedelta(days=settings.lookback_days),
        timedelta(minutes=settings.settle_minutes),
    )
    after, started, new, failed = before.after, time.monotonic(), 0, 0
    try:
        with streams.open(platform) as opened:
            for first in range(0, len(wanted), CHANNELS_AT_ONCE):
                some = wanted[first : first + CHANNELS_AT_ONCE]
                found = discover(
                    home, opened, since=since, channel_ids=some, settle=settle, clock=streams.clock()
                )
                after, new, failed = some[-1], new + len(found.videos), failed + len(found.failed)
                if time.monotonic() - started > budget_s:
                    break
    except StreamError as error:
        # What is due from before must not wait for a platform that is down.
        say(f"{platform}: {error}")
        return Round(begun, after)
    say(f"{platform}: {new} videos are new or longer, {failed} channels could not be asked")
    return Round(begun, None if not wanted or after == wanted[-1] else after)


def stream_requests(home: Workspace, instance: dg.DagsterInstance, today: date) -> dg.SensorResult:
    """What to launch now, and the partitions that it needs.

    For each platform one run that fetches, unless one is under way; and one run of the chain, unless one is under
    way: for what was fetched, else to publish what an interrupted run left behind.
    """
    guard = RunGuard(home.settings.home)
    chain_is_free = not is_active(instance, guard)
    requests: list[dg.RunRequest] = []
    added: list[dg.AddDynamicPartitionsRequest] = []
    for platform in PLATFORMS:
        due = home.ledger.due(platform)
        if not due:
            continue
        videos = stream_videos(platform)
        known = instance.get_dynamic_partitions(str(videos.name))
        new = sorted(set(due) - set(known))
        if new:
            added.append(videos.build_add_request(new))
        to_fetch, to_read = _divided(home, platform, due)
        order = [*known, *new]
        if to_fetch and not is_active(instance, guard, {FETCHING: platform}):
            requests += _first(home, instance, FETCH_VIDEOS[platform].name, contiguous(to_fetch, order))
        if to_read and chain_is_free:
            # What cannot be read costs next to nothing in a range, so it does not part one.
            readable = home.ledger.states_of(order)
            order = [i for i in order if readable.get(i, ("",))[0] in ("fetched", "parsed")]
            asked = _first(home, instance, STREAM_VIDEOS[platform].name, contiguous(to_read, order))
            requests += asked
            chain_is_free = not asked
    # Yesterday too: the chain may have been busy from the last asking until midnight.
    for platform, day in product(PLATFORMS, (today - timedelta(days=1), today)):
        if chain_is_free and (asked := _day_to_write(home, instance, platform, day)):
            requests += asked
            chain_is_free = False
    if not requests and chain_is_free and (left := home.ledger.unpublished(SOURCES)):
        requests += _asked(home, instance, PUBLISH.name, [], left)
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=added,
        skip_reason=None if requests else "nothing new, nothing due in the ledger, or a run is under way",
    )


def _day_to_write(
    home: Workspace, instance: dg.DagsterInstance, platform: str, day: date
) -> list[dg.RunRequest]:
    """A run for the figures of a day, once they were asked for; nothing while that is under way."""
    at = snapshots.asked_at(home, platform, day)
    if snapshots.is_written(home, platform, day):
        return []
    if is_active(instance, RunGuard(home.settings.home), {FETCHING: f"{platform}_days"}):
        return []
    wait_s = 60 * home.settings.retry_minutes
    job, key = STREAM_DAYS[platform].name, day.isoformat()
    request = batch_request(instance, job, [key], digest(platform, key, at), longest_wait_s=wait_s)
    return [] if request is None else [request]


def _divided(home: Workspace, platform: str, due: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that are to be fetched, and those that are to be parsed."""
    to_fetch: list[str] = []
    to_read: list[str] = []
    for conversation_id, (state, revision) in home.ledger.states_of(due).items():
        whole = state == "fetched"
        if state == "parsed":
            # Either its video has grown, or the run that parsed it did not come to its end.
            reading = archived_reading(home, platform, conversation_id)
            whole = reading.complete and reading.revision == revision
            whole = whole or is_from_file(home, platform, conversation_id) or is_live(home, conversation_id)
        (to_read if whole else to_fetch).append(conversation_id)
    return to_fetch, to_read


def _first(
    home: Workspace, instance: dg.DagsterInstance, job: str, ranges: Sequence[Sequence[str]]
) -> list[dg.RunRequest]:
    """A run for the first range whose turn it is."""
    for keys in ranges:
        some = keys[:MOST_VIDEOS]
        if asked := _asked(home, instance, job, some, some):
            return asked
    return []


def _asked(
    home: Workspace, instance: dg.DagsterInstance, job: str, keys: Sequence[str], about: Collection[str]
) -> list[dg.RunRequest]:
    revision = digest(*home.ledger.progress(about))
    wait_s = 60 * home.settings.retry_minutes
    request = batch_request(instance, job, keys, revision, longest_wait_s=wait_s)
    return [] if request is None else [request]


def _take_chat(home: Workspace, path: Path) -> str:
    """Import a file of chat and move it aside; gives what was found, in words."""

    def use(data: bytes) -> str:
        found = import_chat_file(home, path.name, data)
        return f"{found.conversation_id} {found.counts}"

    return take(path, use)


def _take_list(home: Workspace, streams: StreamsResource, path: Path) -> str:
    """Import a list of streamers and move it aside; gives what was found, in words."""

    def use(data: bytes) -> str:
        found = channels.import_streamers(home, path.name, data, streams.connect, clock=streams.clock())
        failed = "".join(f", {platform}: {error.code}" for platform, error in found.errors.items())
        return f"{found.channels} channels, {len(found.bad_rows)} rows not used{failed}"

    return take(path, use)


def build_stream_sensors() -> list[dg.SensorDefinition]:
    """The sensors of streams."""

    @dg.sensor(
        name="stream_videos",
        jobs=[*FETCH_VIDEOS.values(), *STREAM_VIDEOS.values(), *STREAM_DAYS.values(), PUBLISH],
        minimum_interval_seconds=TICK_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks the platforms about new recorded streams, some channels a tick, and launches one range run "
        "for each batch: to fetch their chat, then to count it. Skips while there is no list of streamers.",
    )
    def new_stream_videos(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource, streams: StreamsResource
    ) -> dg.SensorResult | dg.SkipReason:
        home = workspace.open()
        if heard := take_up_everything(home):
            context.log.info(f"{len(heard)} days of live chat are new or longer")
        listed = bool(home.lake.files(CHANNELS))
        if not listed and not any(home.ledger.due(platform) for platform in PLATFORMS):
            return dg.SkipReason("no list of streamers was imported")
        rounds = read_rounds(context.cursor)
        for platform in PLATFORMS:
            if listed and streams.configured(platform):
                rounds[platform] = look(
                    home, streams, platform, rounds.get(platform, Round()), context.log.info
                )
        result = stream_requests(home, context.instance, streams.today())
        return result._replace(cursor=write_rounds(rounds))

    @dg.sensor(
        name="streamer_lists",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Imports lists of streamers that somebody puts into the folder inbox/streamers, and moves each "
        "to `done` or, with the reason beside it, to `refused`. What follows is launched by stream_videos.",
    )
    def streamer_lists(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource, streams: StreamsResource
    ) -> dg.SkipReason:
        home = workspace.open()
        folder = home.settings.streamer_inbox
        said = [_take_list(home, streams, path) for path in waiting_files(folder, LIST_SUFFIXES)]
        return dg.SkipReason("; ".join(said) or f"no file waits in {folder}")

    @dg.sensor(
        name="stream_chats",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Imports files of TwitchDownloaderCLI (JSON or text) that somebody puts into the folder "
        "inbox/stream_chats, and moves each to `done` or, with the reason beside it, to `refused`. What follows is "
        "launched by stream_videos.",
    )
    def stream_chats(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SkipReason:
        home = workspace.open()
        folder = home.settings.stream_chat_inbox
        said = [_take_chat(home, path) for path in waiting_files(folder, SUFFIXES)]
        return dg.SkipReason("; ".join(said) or f"no file waits in {folder}")

    @dg.sensor(
        name="live_captures",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks whether those who listen to live chat still do (`chatp streams live`). It "
        "launches nothing; a tick fails, with what to do, as long as a capture that nobody stopped is lost.",
    )
    def live_captures(workspace: WorkspaceResource) -> dg.SkipReason:
        found, now = captures(workspace.open().settings.home), datetime.now(UTC)
        for problem in filter(None, (capture.problem(now) for capture in found)):
            raise problem
        return dg.SkipReason("; ".join(capture.name for capture in found) or "nobody listens to live chat")

    return [new_stream_videos, streamer_lists, stream_chats, live_captures]
