"""Jobs: what a person or a sensor launches as a whole.

What belongs here: selections with a description of when to launch them. What does not: when they launch by
themselves (sensors, schedules).
"""

from typing import TYPE_CHECKING

import dagster as dg

from chat_platform.sources.streams.registry import PLATFORMS

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

_PEOPLE = dg.AssetSelection.assets(
    *(["core", name] for name in ("slack_users", "class_list", "people", "identities", "identity_decisions"))
)
_CORE = dg.AssetSelection.assets(
    *(
        ["core", name]
        for name in (
            *("conversations", "messages", "reactions", "participants", "quarantine", "tokens"),
            *("emote_uses", "portal_questions"),
        )
    ),
    *(
        ["ml", name]
        for name in ("question_predictions", "labels", "models", "evaluations", "author_predictions")
    ),
)
_STREAMERS = dg.AssetSelection.assets(
    *(["core", name] for name in ("channels", "videos", "emotes", "channel_snapshots", "video_snapshots")),
    ["ml", "channel_trends"],
)
_TRENDS = dg.AssetSelection.assets(["ml", "streams", "channel_trends"])
# Tag of runs that write tables and metrics: one at a time.
CHAIN = {"chatp/chain": "class_chat"}
# Tag of runs that only talk to a platform.
FETCHING = "chatp/fetching"
QUESTION_GROUPS = dg.AssetSelection.assets(["ml", "question_groups"])
METRICS = dg.AssetSelection.key_prefixes(["staging"], ["intermediate"], ["marts"], ["main"], ["seeds"])
PUBLISHED = dg.AssetSelection.assets(["published", "warehouse"])
_BEHIND_THE_LAKE = _CORE | _PEOPLE | METRICS | PUBLISHED


def _lake_keys(source: str) -> list[dg.AssetKey]:
    tables = ("messages", "reactions", "participants", "quarantine", "tokens")
    return [*(dg.AssetKey(["core", source, table]) for table in tables), _predictions_key(source)]


def _predictions_key(source: str) -> dg.AssetKey:
    return dg.AssetKey(["ml", source, "question_predictions"])


def _lake(source: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*_lake_keys(source))


def _predictions(source: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(_predictions_key(source))


_RECORDINGS_TO_LAKE = [dg.AssetKey(["raw", "zoom_recordings"]), *_lake_keys("zoom")]
_SLACK_DAYS_TO_LAKE = [dg.AssetKey(["raw", "slack_users"]), *_lake_keys("slack")]

CLASS_RECORDINGS = dg.define_asset_job(
    "class_recordings",
    selection=dg.AssetSelection.assets(*_RECORDINGS_TO_LAKE, ["models", "question", "drift"])
    | _BEHIND_THE_LAKE,
    description="A batch of recordings (or imported chat files) from Zoom to the published metrics. Launched by "
    "the sensors; launch it for a range of partitions to fetch or parse them again.",
    tags=CHAIN,
)
PUBLISH = dg.define_asset_job(
    "publish_metrics",
    selection=dg.AssetSelection.assets(["raw", "slack_users"])
    | QUESTION_GROUPS
    | _TRENDS
    | _STREAMERS
    | _BEHIND_THE_LAKE,
    description="Loads what lies in the lake, resolves people, groups similar questions, builds the metrics and "
    "publishes. Launch it after an identity decision, a new class list or a change of settings; the sensor launches "
    "it for what an interrupted run left behind, and a schedule every night.",
    tags=CHAIN,
)
REPARSE = dg.define_asset_job(
    "reparse_recordings",
    selection=_lake("zoom") | _BEHIND_THE_LAKE,
    description="Parses archived answers again without asking Zoom, for a range of recordings. Launch it after a "
    "parser was changed.",
    tags=CHAIN,
)

SLACK_DAYS = dg.define_asset_job(
    "slack_chat_days",
    selection=dg.AssetSelection.assets(*_SLACK_DAYS_TO_LAKE) | _BEHIND_THE_LAKE,
    description="Days of Slack's channels from the archived answer to the published metrics. Launched by the "
    "sensor for the days that changed; to ask Slack again, materialise raw/slack_days for the range first.",
    tags=CHAIN,
)
REPREDICT_RECORDINGS = dg.define_asset_job(
    "repredict_recordings",
    selection=_predictions("zoom") | QUESTION_GROUPS | _BEHIND_THE_LAKE,
    description="Predictions of the question model for a range of recordings, and for all else that another version "
    "predicted, to the published metrics. Launched by the sensor after a promotion or a roll-back: one run for all.",
    tags=CHAIN,
)
REPREDICT_SLACK = dg.define_asset_job(
    "repredict_slack_days",
    selection=_predictions("slack") | QUESTION_GROUPS | _BEHIND_THE_LAKE,
    description="The same for days of Slack's channels, where no recording is due.",
    tags=CHAIN,
)
RETRAIN_QUESTION = dg.define_asset_job(
    "retrain_question_model",
    selection=dg.AssetSelection.assets(
        *(["models", "question", step] for step in ("labels", "candidate", "champion"))
    ),
    description="Collects labels, trains every candidate of the question model, evaluates them, checks the best "
    "against the champion, and promotes or refuses it. Launched weekly, after 50 corrections, and on drift; launch "
    "it after importing labels. A refused candidate ends the run at its failed check, which says why.",
    tags={"chatp/models": "question"},
)


def _ask_job(platform: str) -> "UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        f"ask_{platform}_days",
        selection=dg.AssetSelection.assets(["raw", "streamer_list"], ["raw", f"{platform}_days"]),
        description=f"Archives today's figures and lists of emotes of every streamer of the list on {platform}. "
        "Launched every hour while the day lacks figures; it may take long and holds up nothing else, as it touches "
        f"neither metrics nor the warehouse. {platform}_days follows.",
        tags={FETCHING: f"{platform}_days"},
    )


def _days_job(platform: str) -> "UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        f"{platform}_days",
        selection=dg.AssetSelection.assets(
            ["raw", "streamer_list"],
            *(["core", platform, table] for table in ("channel_snapshots", "video_snapshots", "emotes")),
        )
        | _TRENDS
        | _STREAMERS
        | _BEHIND_THE_LAKE,
        description=f"Today's figures and emotes of every streamer of the list on {platform}, to the published "
        "metrics. Launched by the sensor after they were asked for; launch it for a range of days to write them "
        "again from the archive.",
        tags=CHAIN,
    )


def _fetch_job(platform: str) -> "UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        f"fetch_{platform}_videos",
        selection=dg.AssetSelection.assets(["raw", f"{platform}_videos"]),
        description=f"Archives the chat of a batch of recorded streams of {platform}. Launched by the sensor; it may "
        "take long and holds up nothing else, as it touches neither tables nor the warehouse.",
        tags={FETCHING: platform},
    )


def _videos_job(platform: str) -> "UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        f"{platform}_videos",
        selection=_lake(platform)
        | dg.AssetSelection.assets(["core", platform, "emote_uses"])
        | _STREAMERS
        | _BEHIND_THE_LAKE,
        description=f"Archived chats of a batch of recorded streams of {platform}, to the published metrics. "
        "Launched by the sensor; launch it for a range of videos to parse and count them again, after emotes were "
        "corrected or a parser was changed.",
        tags=CHAIN,
    )


def _repredict_job(platform: str) -> "UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        f"repredict_{platform}_videos",
        selection=_predictions(platform) | _BEHIND_THE_LAKE,
        description=f"Predictions of the question model for recorded streams of {platform} that another version "
        "predicted, to the published metrics. Launched by the sensor after a promotion or a roll-back.",
        tags=CHAIN,
    )


ASK_DAYS = {platform: _ask_job(platform) for platform in PLATFORMS}
STREAM_DAYS = {platform: _days_job(platform) for platform in PLATFORMS}
FETCH_VIDEOS = {platform: _fetch_job(platform) for platform in PLATFORMS}
STREAM_VIDEOS = {platform: _videos_job(platform) for platform in PLATFORMS}
REPREDICT_VIDEOS = {platform: _repredict_job(platform) for platform in PLATFORMS}
STREAM_JOBS = tuple(
    job
    for jobs in (ASK_DAYS, STREAM_DAYS, FETCH_VIDEOS, STREAM_VIDEOS, REPREDICT_VIDEOS)
    for job in jobs.values()
)
TO_LAKE = {CLASS_RECORDINGS.name: _RECORDINGS_TO_LAKE, SLACK_DAYS.name: _SLACK_DAYS_TO_LAKE}
"""Job → its assets up to the lake, for a run that another one behind it publishes."""
# What the sensors may launch.
LAUNCHABLE = (CLASS_RECORDINGS, SLACK_DAYS, PUBLISH)
RETRAIN_AUTHOR = dg.define_asset_job(
    "retrain_author_model",
    selection=dg.AssetSelection.assets(*(["models", "author", step] for step in ("candidate", "champion"))),
    description="Trains the author model on what people who agreed wrote, evaluates it on their later "
    "conversations, checks it, and promotes or refuses it. Launched weekly and whenever a consent was given or "
    "withdrawn: versions that know somebody who withdrew are deleted.",
    tags={"chatp/models": "author"},
)
REPREDICT = (REPREDICT_RECORDINGS, REPREDICT_SLACK)
MODEL_JOBS = (*REPREDICT, RETRAIN_QUESTION, RETRAIN_AUTHOR)
