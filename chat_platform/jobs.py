"""Jobs: what a person or a sensor launches as a whole.

What belongs here: selections with a description of when to launch them. What does not: when they launch by
themselves (sensors, schedules).
"""

import dagster as dg

_PEOPLE = dg.AssetSelection.assets(
    *(["core", name] for name in ("slack_users", "class_list", "people", "identities", "identity_decisions"))
)
_CORE = dg.AssetSelection.assets(
    *(
        ["core", name]
        for name in (
            *("conversations", "messages", "reactions", "participants", "quarantine", "tokens"),
            "emote_uses",
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
QUESTION_GROUPS = dg.AssetSelection.assets(["ml", "question_groups"])
METRICS = dg.AssetSelection.key_prefixes(["staging"], ["intermediate"], ["marts"], ["main"], ["seeds"])
PUBLISHED = dg.AssetSelection.assets(["published", "warehouse"])
_BEHIND_THE_LAKE = _CORE | _PEOPLE | METRICS | PUBLISHED


def _lake(source: str) -> dg.AssetSelection:
    tables = ("messages", "reactions", "participants", "quarantine", "tokens")
    return dg.AssetSelection.assets(*(["core", source, table] for table in tables)) | _predictions(source)


def _predictions(source: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(["ml", source, "question_predictions"])


CLASS_RECORDINGS = dg.define_asset_job(
    "class_recordings",
    selection=dg.AssetSelection.assets(["raw", "zoom_recordings"], ["models", "question", "drift"])
    | _lake("zoom")
    | _BEHIND_THE_LAKE,
    description="A batch of recordings (or imported chat files) from Zoom to the published metrics. Launched by "
    "the sensors; launch it for a range of partitions to fetch or parse them again.",
    tags={"chatp/chain": "class_chat"},
)
PUBLISH = dg.define_asset_job(
    "publish_metrics",
    selection=dg.AssetSelection.assets(["raw", "slack_users"])
    | QUESTION_GROUPS
    | _STREAMERS
    | _BEHIND_THE_LAKE,
    description="Loads what lies in the lake, resolves people, groups similar questions, builds the metrics and "
    "publishes. Launch it after an identity decision, a new class list or a change of settings; the sensor launches "
    "it for what an interrupted run left behind, and a schedule every night.",
    tags={"chatp/chain": "class_chat"},
)
REPARSE = dg.define_asset_job(
    "reparse_recordings",
    selection=_lake("zoom") | _BEHIND_THE_LAKE,
    description="Parses archived answers again without asking Zoom, for a range of recordings. Launch it after a "
    "parser was changed.",
    tags={"chatp/chain": "class_chat"},
)

SLACK_DAYS = dg.define_asset_job(
    "slack_chat_days",
    selection=dg.AssetSelection.assets(["raw", "slack_users"]) | _lake("slack") | _BEHIND_THE_LAKE,
    description="Days of Slack's channels from the archived answer to the published metrics. Launched by the "
    "sensor for the days that changed; to ask Slack again, materialise raw/slack_days for the range first.",
    tags={"chatp/chain": "class_chat"},
)
REPREDICT_RECORDINGS = dg.define_asset_job(
    "repredict_recordings",
    selection=_predictions("zoom") | QUESTION_GROUPS | _BEHIND_THE_LAKE,
    description="Predictions of the question model for a range of recordings, and for all else that another version "
    "predicted, to the published metrics. Launched by the sensor after a promotion or a roll-back: one run for all.",
    tags={"chatp/chain": "class_chat"},
)
REPREDICT_SLACK = dg.define_asset_job(
    "repredict_slack_days",
    selection=_predictions("slack") | QUESTION_GROUPS | _BEHIND_THE_LAKE,
    description="The same for days of Slack's channels, where no recording is due.",
    tags={"chatp/chain": "class_chat"},
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
