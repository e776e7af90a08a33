"""Sensors of the class chat: discovery on Slack, the inbox, what was left behind.

What belongs here: deciding which runs to request. What does not: the work itself (``ingestion``), browsers.

The cursor only says up to which day Slack has been read; all else is in the ledger, so a lost cursor costs one
longer look and nothing more.
"""

import json
import time
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg

from chat_platform.ingestion.discovery import discover
from chat_platform.ingestion.imports import import_saved_chat
from chat_platform.jobs import CLASS_RECORDINGS, LAUNCHABLE, PUBLISH, SLACK_DAYS, TO_LAKE
from chat_platform.partitions import RECORDINGS, slack_days
from chat_platform.resources.storage import SlackResource, WorkspaceResource
from chat_platform.sensors.active import is_active
from chat_platform.sensors.batches import batch_request, contiguous
from chat_platform.sensors.folders import take, waiting_files
from chat_platform.settings import Settings
from chat_platform.sources.slack.client import SlackClient
from chat_platform.sources.slack.collect import rotating_recheck
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import CLASS_SOURCES
from chat_platform.tables.ids import digest

CURSOR_VERSION = 1
# Dagster gives a tick 60 s by default; leave room for the requests themselves.
BUDGET_S = 45.0
TICK_S = 60
RECHECK_TURNS = 10
# A first look at years of history is cut into windows of this many days, oldest first.
WINDOW_DAYS = 120
# Runs that one tick asks for; scattered retries beyond that wait for the next tick.
MOST_RUNS = 5
CHAT_SUFFIXES = (".txt", ".chat")
ALL_JOBS = frozenset(job.name for job in LAUNCHABLE)


def read_cursor(cursor: str | None) -> date | None:
    """Day up to which Slack was read; ``None`` for no cursor or one that cannot be understood."""
    try:
        values = json.loads(cursor or "{}")
        if values.get("version") == CURSOR_VERSION:
            return date.fromisoformat(values["read_to"])
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    return None


def write_cursor(read_to: date) -> str:
    """The cursor for a day."""
    return json.dumps({"version": CURSOR_VERSION, "read_to": read_to.isoformat()})


def window(settings: Settings, read_to: date | None, today: date) -> tuple[date, date]:
    """Days to look at: from the look-back before the last look, at most ``WINDOW_DAYS`` ahead of it."""
    if read_to is None:
        since = settings.slack.start_date
    else:
        since = max(settings.slack.start_date, read_to - timedelta(days=settings.slack.lookback_days))
    until = min(today, max(since, read_to or since) + timedelta(days=WINDOW_DAYS))
    return since, until


def due_requests(
    home: Workspace,
    instance: dg.DagsterInstance,
    slack_partitions: dg.PartitionsDefinition,
    jobs: Collection[str] = ALL_JOBS,
) -> tuple[list[dg.RunRequest], list[str]]:
    """Run requests for everything that the ledger says is due, and partition keys to add.

    One range run for each unbroken range of partitions; they run one behind the other, and the last one publishes
    what all of them brought. What an interrupted run left in the lake is published by a run of its own when nothing
    else is due.

    Args:
        jobs: names of the jobs that may be launched.
    """
    wanted: list[tuple[str, list[str], list[str]]] = []
    # First, because who writes on Slack is asked for with the days, and the metrics want to know.
    slack_ids = home.ledger.due("slack")
    if slack_ids:
        days = {_day_of(i) for i in slack_ids}
        keys = [k for k in slack_partitions.get_partition_keys() if min(days) <= k <= max(days)]
        wanted.append((SLACK_DAYS.name, keys, slack_ids))
    ids = home.ledger.due("zoom") + home.ledger.due("zoom_file")
    known = instance.get_dynamic_partitions(str(RECORDINGS.name))
    new = sorted(set(ids) - set(known))
    wanted += [(CLASS_RECORDINGS.name, keys, keys) for keys in contiguous(ids, [*known, *new])[:MOST_RUNS]]
    if not wanted and (left := home.ledger.unpublished(CLASS_SOURCES)):
        wanted.append((PUBLISH.name, [], left))
    longest_wait_s = 60 * home.settings.retry_minutes
    requests = [
        request
        for job, keys, about in wanted
        if job in jobs
        and (
            request := batch_request(
                instance, job, keys, digest(*home.ledger.progress(about)), longest_wait_s=longest_wait_s
            )
        )
        is not None
    ]
    return [*map(_to_lake, requests[:-1]), *requests[-1:]], new


def _to_lake(request: dg.RunRequest) -> dg.RunRequest:
    """The same run without what a later one of the same tick does for both."""
    return dg.RunRequest(
        request.run_key,
        job_name=request.job_name,
        tags=request.tags,
        asset_selection=TO_LAKE[str(request.job_name)],
    )


def _day_of(conversation_id: str) -> str:
    stamp = conversation_id.rsplit("-", 1)[1]
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:]}"


def read_slack(
    home: Workspace, client: SlackClient, read_to: date | None, say: Callable[[str], None]
) -> date:
    """Look at one window of days after another until today is reached or the tick's time is used up.

    Returns:
        Day up to which Slack was read.
    """
    started = time.monotonic()
    today = datetime.now(home.settings.zone).date()
    # Edits in threads do not show on their parents: each thread has its turn once in so many ticks.
    recheck = rotating_recheck(int(time.time() // TICK_S), RECHECK_TURNS)
    while True:
        since, until = window(home.settings, read_to, today)
        found = discover(home, client, since=since, until=until, recheck=recheck)
        say(
            f"{since}…{until}: {len(found.recordings)} recordings, {len(found.days)} channel days changed, "
            f"{found.not_understood} announcements not understood"
        )
        read_to = until
        if until >= today or time.monotonic() - started > BUDGET_S / 2:
            return read_to


def evaluate(
    home: Workspace,
    instance: dg.DagsterInstance,
    slack_partitions: dg.PartitionsDefinition,
    cursor: str | None,
    jobs: Collection[str] = ALL_JOBS,
) -> dg.SensorResult:
    """What to launch now: nothing while a run of the chain is under way, else whatever the ledger has due."""
    if is_active(instance, RunGuard(home.settings.home)):
        return dg.SensorResult(skip_reason="a run of the class chat is under way", cursor=cursor)
    requests, new = due_requests(home, instance, slack_partitions, jobs)
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[RECORDINGS.build_add_request(new)] if new else [],
        cursor=cursor,
        skip_reason=None if requests else "nothing new, nothing due in the ledger",
    )


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of the class chat."""
    slack_partitions = slack_days(settings)

    @dg.sensor(
        name="slack_discovery",
        jobs=LAUNCHABLE,
        minimum_interval_seconds=TICK_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads Slack's channels from the look-back window to today, archives what changed, writes "
        "announced recordings into the ledger and launches one range run for each batch.",
    )
    def slack_discovery(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource, slack: SlackResource
    ) -> dg.SensorResult:
        home, cursor = workspace.open(), context.cursor
        if slack.configured():
            read_to = read_slack(home, slack.client(budget_s=BUDGET_S), read_cursor(cursor), context.log.info)
            cursor = write_cursor(read_to)
        return evaluate(home, context.instance, slack_partitions, cursor)

    @dg.sensor(
        name="inbox",
        jobs=LAUNCHABLE,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Imports saved chat files that somebody puts into the inbox folder, and moves each to `done` "
        "or, with the reason beside it, to `refused`.",
    )
    def inbox(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult | dg.SkipReason:
        home = workspace.open()
        folder = home.settings.inbox
        others = {home.settings.streamer_inbox.name, home.settings.stream_chat_inbox.name}
        files = waiting_files(folder, CHAT_SUFFIXES, leave_out=others)
        for path in files:
            context.log.info(_import_chat(home, path))
        if not files:
            return dg.SkipReason(f"no file waits in {folder}")
        return evaluate(home, context.instance, slack_partitions, None)

    return [slack_discovery, inbox]


def _import_chat(home: Workspace, path: Path) -> str:
    """Import one file of the inbox and move it aside; gives what was found, in words."""

    def use(data: bytes) -> str:
        found = import_saved_chat(home, str(path), data)
        return f"{found.conversation_id} {found.parsed.counts()}"

    return take(path, use)
