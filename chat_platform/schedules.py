"""Schedules: what happens by the clock.

What belongs here: the evening fallback of discovery, maintenance, training, the digest. What does not: the work
itself.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from chat_platform.assets.digest import weekly_digest
from chat_platform.digest.places import class_ids, open_place
from chat_platform.digest.sending import channels, waiting
from chat_platform.digest.weeks import last_week
from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion.discovery import discover
from chat_platform.ingestion.streams.channels import SOURCE as STREAMER_LIST
from chat_platform.ingestion.streams.snapshots import snapshot_due
from chat_platform.jobs import (
    ASK_DAYS,
    CLASS_RECORDINGS,
    FETCHING,
    PUBLISH,
    RETRAIN_AUTHOR,
    RETRAIN_QUESTION,
    SLACK_DAYS,
)
from chat_platform.partitions import RECORDINGS, slack_days
from chat_platform.resources.storage import SlackResource, WorkspaceResource
from chat_platform.resources.streams import StreamsResource
from chat_platform.sensors.active import is_active
from chat_platform.sensors.batches import RANGE_END, RANGE_START
from chat_platform.sensors.class_chat import BUDGET_S, evaluate
from chat_platform.settings import Settings
from chat_platform.sources.streams.registry import PLATFORMS
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.liveness import RunGuard

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

RUNS_AT_ONCE = 200


class RetentionConfig(dg.Config):
    """How long Dagster keeps finished runs.

    Attributes:
        days: runs that ended earlier are deleted with their logs; the lake and the ledger are not touched.
    """

    days: int


@dg.op
def purge_old_runs(context: dg.OpExecutionContext, config: RetentionConfig) -> int:
    """Delete finished runs that are older than the retention."""
    before = datetime.now().astimezone() - timedelta(days=config.days)
    finished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
        updated_before=before,
    )
    deleted = 0
    while records := context.instance.get_run_records(finished, limit=RUNS_AT_ONCE):
        for record in records:
            context.instance.delete_run(record.dagster_run.run_id)
            deleted += 1
    context.log.info(f"{deleted} runs older than {config.days} days deleted")
    return deleted


@dg.job(description="Deletes old runs and their logs from Dagster's storage. Scheduled weekly.")
def retention() -> None:
    """Maintenance of Dagster's own storage."""
    purge_old_runs()


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Schedules in the class's time zone."""
    recordings = _evening_fallback(
        settings,
        "evening_fallback",
        CLASS_RECORDINGS,
        "0 19-22 * * *",
        "At 19, 20, 21 and 22 h: the first system's hours. Looks at the whole look-back window even if the sensor is "
        "off, and launches the recordings that are due.",
    )
    chat = _evening_fallback(
        settings,
        "evening_fallback_slack",
        SLACK_DAYS,
        "15 19-22 * * *",
        "A quarter of an hour after evening_fallback, since a schedule launches one job: the same look at Slack, "
        "and the channel days that are due.",
    )
    purge = dg.ScheduleDefinition(
        name="weekly_retention",
        job=retention,
        cron_schedule="30 4 * * 0",
        execution_timezone=settings.timezone,
        run_config={"ops": {"purge_old_runs": {"config": {"days": settings.retention_days}}}},
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    figures = [_figures_schedule(settings, platform) for platform in PLATFORMS]
    return [recordings, chat, purge, *figures, *_model_schedules(settings), _digest_schedule(settings)]


def _figures_schedule(settings: Settings, platform: str) -> dg.ScheduleDefinition:
    """The figures of a day at its hour, and every hour after that for what is left of them."""

    @dg.schedule(
        name=f"{platform}_figures",
        job=ASK_DAYS[platform],
        cron_schedule=f"10 {settings.streams.snapshot_hour}-23 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Today's figures of the streamers on {platform}, from CHATP_STREAMS__SNAPSHOT_HOUR (5 h) on; "
        "then every hour while some are left: a run was killed, the platform was down, or a new list came. Skips "
        "without a list, without credentials, and when the day is whole.",
    )
    def figures(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource, streams: StreamsResource
    ) -> dg.RunRequest | dg.SkipReason:
        home, today = workspace.open(), streams.today()
        if not streams.configured(platform):
            return dg.SkipReason(f"no credentials of {platform} are set")
        # A list that came while a platform was down has led nobody anywhere yet: the run asks again.
        if not snapshot_due(home, platform, today) and not home.ledger.due(STREAMER_LIST):
            return dg.SkipReason(f"{today}: nothing is left to ask")
        if is_active(context.instance, RunGuard(home.settings.home), {FETCHING: f"{platform}_days"}):
            return dg.SkipReason("a run that asks is under way")
        key = today.isoformat()
        tags = {RANGE_START: key, RANGE_END: key}
        return dg.RunRequest(run_key=f"{platform}:{context.scheduled_execution_time.isoformat()}", tags=tags)

    return figures


def _digest_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The digest at its hour, and every hour of the day after that for what could not be sent."""
    weekday, hour = settings.digest.weekday, settings.digest.hour

    @dg.schedule(
        name="weekly_digest_by_the_clock",
        job=weekly_digest,
        cron_schedule=[f"0 {hour}-23 * * {weekday}", f"0 0-{hour} * * {(weekday + 1) % 7}"],
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The digest of the last week at CHATP_DIGEST__WEEKDAY and __HOUR (Monday, 8 h); for a day after "
        "that every hour, where a mail server was down, a run was killed or somebody subscribed late. Skips while "
        "neither mail nor Slack is set up, and when everybody has it.",
    )
    def weekly_digest_by_the_clock(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> dg.RunRequest | dg.SkipReason:
        home = workspace.open()
        chosen = [one for one in class_ids(home.settings) if channels(home.settings, one)]
        if not chosen:
            return dg.SkipReason("neither a mail server nor a channel of Slack is set")
        week = last_week(context.scheduled_execution_time.astimezone(UTC), home.settings.zone)
        left = 0
        try:
            for class_id in chosen:
                with open_place(home, class_id) as place:
                    found = sum(waiting(place, week).values())
                    left += found if found and not place.digest(week).empty else 0
        except ChatPlatformError as error:
            return dg.SkipReason(str(error))
        if not left:
            return dg.SkipReason(f"nobody waits for the digest of {week}")
        config = {"ops": {"send_digest": {"config": {"week": str(week)}}}}
        return dg.RunRequest(run_config=config, tags={"chatp/digest_week": str(week)})

    return weekly_digest_by_the_clock


def _model_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """What the models do by the clock."""
    clock = {
        "nightly_publication": (PUBLISH, "0 4 * * *", "Groups similar questions and publishes, every night."),
        "weekly_question_training": (
            RETRAIN_QUESTION,
            "0 5 * * 1",
            "Trains the question model on Monday mornings; from the same labels comes the same version.",
        ),
    }

    @dg.schedule(
        name="weekly_author_training",
        job=RETRAIN_AUTHOR,
        cron_schedule="0 6 * * 1",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Trains the author model on Monday mornings, if at least two people agree to it.",
    )
    def weekly_author_training(workspace: WorkspaceResource) -> dg.RunRequest | dg.SkipReason:
        agreed = ConsentLog(workspace.open().database).active(AUTHOR_MODEL)
        return dg.RunRequest() if len(agreed) > 1 else dg.SkipReason(f"{len(agreed)} people agree")

    by_clock = [
        dg.ScheduleDefinition(
            name=name,
            job=job,
            cron_schedule=cron,
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=description,
        )
        for name, (job, cron, description) in clock.items()
    ]
    return [*by_clock, weekly_author_training]


def _evening_fallback(
    settings: Settings, name: str, job: "UnresolvedAssetJobDefinition", cron_schedule: str, description: str
) -> dg.ScheduleDefinition:
    """Discovery by the clock, and what is due of one job."""
    slack_partitions = slack_days(settings)

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron_schedule,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def evening_fallback(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource, slack: SlackResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        home = workspace.open()
        if not slack.configured():
            return dg.SkipReason("no Slack token is set")
        today = datetime.now(home.settings.zone).date()
        since = max(home.settings.slack.start_date, today - timedelta(days=home.settings.slack.lookback_days))
        discover(home, slack.client(budget_s=BUDGET_S), since=since, until=today)
        result = evaluate(home, context.instance, slack_partitions, None, {job.name})
        for request in result.dynamic_partitions_requests or []:
            context.instance.add_dynamic_partitions(str(RECORDINGS.name), list(request.partition_keys))
        return list(result.run_requests or []) or dg.SkipReason("nothing is due")

    return evening_fallback
