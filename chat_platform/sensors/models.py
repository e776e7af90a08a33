"""Sensors of the models: new corrections, drift, a new champion.

What belongs here: deciding when to train and when to predict again. What does not: training, promotion.
"""

from datetime import datetime

import dagster as dg

from chat_platform.jobs import (
    PUBLISH,
    REPREDICT,
    REPREDICT_RECORDINGS,
    REPREDICT_SLACK,
    REPREDICT_VIDEOS,
    RETRAIN_AUTHOR,
    RETRAIN_QUESTION,
)
from chat_platform.partitions import RECORDINGS, slack_days, stream_videos
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.sensors.active import is_active
from chat_platform.sensors.batches import batch_request
from chat_platform.sensors.streams import MOST_VIDEOS
from chat_platform.settings import Settings
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.ids import digest

TICK_S = 120
TRAINING = {"chatp/models": "question"}
AUTHOR_TRAINING = {"chatp/models": "author"}
DRIFT_KEY = dg.AssetKey(["models", "question", "drift"])


def build_model_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of both models."""
    slack_partitions = slack_days(settings)

    @dg.sensor(
        name="question_corrections",
        job=RETRAIN_QUESTION,
        minimum_interval_seconds=TICK_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Trains the question model when people have corrected enough predictions since the last "
        "training (CHATP_MODELS__CORRECTIONS_NEEDED, 50).",
    )
    def question_corrections(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult | dg.SkipReason:
        from chat_platform.ingestion.model_state import corrections_waiting, last_pick, undecided

        home = workspace.open()
        waiting, needed = corrections_waiting(home), home.settings.models.corrections_needed
        left = undecided(home)
        if waiting < needed and left is None:
            return dg.SkipReason(f"{waiting} new corrections, {needed} are needed")
        if is_active(context.instance, RunGuard(home.settings.home), TRAINING):
            return dg.SkipReason("a training is under way")
        pick = last_pick(home)
        read = pick["newest_correction"] if pick else 0
        # A killed training has either not moved `read` or left its candidate undecided: the same batch is asked for
        # again, after a pause.
        return _requested(context.instance, home, RETRAIN_QUESTION.name, left or f"{read}:{waiting}")

    @dg.sensor(
        name="question_drift",
        job=RETRAIN_QUESTION,
        minimum_interval_seconds=10 * TICK_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Trains the question model when the latest recordings have drifted from what it was trained on: "
        "three of the last five beyond a limit, so that one odd lecture does not.",
    )
    def question_drift(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult | dg.SkipReason:
        from chat_platform.ingestion.model_state import last_pick

        event = context.instance.get_latest_materialization_event(DRIFT_KEY)
        metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
        if event is None or not metadata or not metadata["drifted"].value:
            return dg.SkipReason("no drift")
        home = workspace.open()
        pick = last_pick(home)
        # Drift is measured with recordings, not after a training: what it says was heard once.
        if pick and datetime.fromisoformat(pick["trained_at"]).timestamp() > event.timestamp:
            return dg.SkipReason("the model was trained since drift was measured")
        if is_active(context.instance, RunGuard(home.settings.home), TRAINING):
            return dg.SkipReason("a training is under way")
        what = f"drift:{metadata['last_recording'].value}"
        return _requested(context.instance, home, RETRAIN_QUESTION.name, what)

    @dg.sensor(
        name="question_predictions_due",
        jobs=[*REPREDICT, *REPREDICT_VIDEOS.values(), PUBLISH],
        minimum_interval_seconds=TICK_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="After a promotion or a roll-back: one range run over the recordings (or days of Slack's "
        "channels) whose predictions are another version's; and the publication of what a killed run predicted.",
    )
    def question_predictions_due(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult | dg.SkipReason:
        from chat_platform.ingestion.model_state import champion, due, newest_unpublished

        home = workspace.open()
        if is_active(context.instance, RunGuard(home.settings.home)):
            return dg.SkipReason("a run of the class chat is under way")
        # Without messages there is nothing to predict: a day of figures of streamers is no chat.
        rows = [row for row in home.ledger.rows() if row["state"] in ("parsed", "published")]
        said = [row["conversation_id"] for row in rows if (row["messages"] or 0) + (row["replies"] or 0)]
        stale = set(due(home, said))
        if not stale and (newest := newest_unpublished(home)):
            return _requested(context.instance, home, PUBLISH.name, f"predictions:{newest}")
        if not stale:
            return dg.SkipReason("all predictions are the champion's")
        known = context.instance.get_dynamic_partitions(str(RECORDINGS.name))
        wanted = [(REPREDICT_RECORDINGS.name, [key for key in known if key in stale])]
        days = {f"{i[-8:-4]}-{i[-4:-2]}-{i[-2:]}" for i in stale if i.startswith("slack-")}
        wanted.append((REPREDICT_SLACK.name, [k for k in slack_partitions.get_partition_keys() if k in days]))
        for platform, job in REPREDICT_VIDEOS.items():
            videos = context.instance.get_dynamic_partitions(str(stream_videos(platform).name))
            wanted.append((job.name, [key for key in videos if key in stale][:MOST_VIDEOS]))
        requests = [
            request
            for job, keys in wanted
            if keys
            and (
                request := batch_request(
                    context.instance,
                    job,
                    keys,
                    digest(str(champion(home)), *sorted(keys)),
                    longest_wait_s=60 * home.settings.retry_minutes,
                )
            )
        ]
        # The first run makes up for all of the class that is due, so the second is asked for only if that one fails;
        # videos have their turn when the class has had its own.
        return dg.SensorResult(
            run_requests=requests[:1],
            skip_reason=None if requests else "asked for already; waiting before another attempt",
        )

    @dg.sensor(
        name="author_consents",
        job=RETRAIN_AUTHOR,
        minimum_interval_seconds=TICK_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Trains the author model when somebody has withdrawn their consent, or newly agreed, since the "
        "last training.",
    )
    def author_consents(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult | dg.SkipReason:
        from chat_platform.ingestion.model_state import consents_changed

        home = workspace.open()
        changed = consents_changed(home)
        if not changed:
            return dg.SkipReason("consents are those that were trained on")
        if is_active(context.instance, RunGuard(home.settings.home), AUTHOR_TRAINING):
            return dg.SkipReason("a training is under way")
        return _requested(context.instance, home, RETRAIN_AUTHOR.name, digest(*sorted(changed)))

    return [question_corrections, question_drift, question_predictions_due, author_consents]


def _requested(
    instance: dg.DagsterInstance, home: Workspace, job: str, what: str
) -> dg.SensorResult | dg.SkipReason:
    request = batch_request(instance, job, [], what, longest_wait_s=60 * home.settings.retry_minutes)
    if request is None:
        return dg.SkipReason("asked for already; waiting before another attempt")
    return dg.SensorResult(run_requests=[request])
