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
        for name in ("conversations", "messages", "reactions", "participants", "quarantine", "tokens")
    )
)
METRICS = dg.AssetSelection.key_prefixes(["staging"], ["intermediate"], ["marts"], ["main"], ["seeds"])
PUBLISHED = dg.AssetSelection.assets(["published", "warehouse"])
_BEHIND_THE_LAKE = _CORE | _PEOPLE | METRICS | PUBLISHED


def _lake(source: str) -> dg.AssetSelection:
    tables = ("messages", "reactions", "participants", "quarantine", "tokens")
    return dg.AssetSelection.assets(*(["core", source, table] for table in tables))


CLASS_RECORDINGS = dg.define_asset_job(
    "class_recordings",
    selection=dg.AssetSelection.assets(["raw", "zoom_recordings"]) | _lake("zoom") | _BEHIND_THE_LAKE,
    description="A batch of recordings (or imported chat files) from Zoom to the published metrics. Launched by "
    "the sensors; launch it for a range of partitions to fetch or parse them again.",
    tags={"chatp/chain": "class_chat"},
)
PUBLISH = dg.define_asset_job(
    "publish_metrics",
    selection=dg.AssetSelection.assets(["raw", "slack_users"]) | _BEHIND_THE_LAKE,
    description="Loads what lies in the lake, resolves people, builds the metrics and publishes. Launch it after "
    "an identity decision, a new class list or a change of settings; the sensor launches it for what an "
    "interrupted run left behind.",
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
# What the sensors may launch.
LAUNCHABLE = (CLASS_RECORDINGS, SLACK_DAYS, PUBLISH)
