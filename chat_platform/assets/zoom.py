"""Zoom: recordings and saved chat files, from the raw answer to tokens. One partition a recording.

What belongs here: assets over ``ingestion.recordings`` and the tokenising kernel. What does not: Zoom's
protocol and formats (``sources.zoom``), loading and metrics (``assets.warehouse``, ``assets.metrics``).
"""

from collections import Counter

import dagster as dg

from chat_platform.assets import conversations
from chat_platform.automation import NETWORK_RETRIES, OWNER, ZOOM_POOL
from chat_platform.ingestion import recordings
from chat_platform.partitions import RECORDINGS
from chat_platform.resources.storage import WorkspaceResource, ZoomResource

GROUP = "class_chat/zoom"

zoom_recordings_page = dg.AssetSpec(
    ["zoom", "recordings"],
    description="Recordings of the class on Zoom, behind their passcodes. Not ours: read by raw/zoom_recordings.",
    group_name=GROUP,
    kinds={"zoom"},
    owners=[OWNER],
)


class FetchConfig(dg.Config):
    """How recordings are fetched.

    Attributes:
        refetch: ask Zoom again although an answer is archived.
    """

    refetch: bool = False


@dg.asset(
    key=["raw", "zoom_recordings"],
    deps=[zoom_recordings_page, ["slack", "workspace"]],
    partitions_def=RECORDINGS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    kinds={"zoom", "selenium", "json"},
    owners=[OWNER],
    pool=ZOOM_POOL,
    retry_policy=NETWORK_RETRIES,
    code_version="1",
    metadata={"dagster/table_name": "raw.zoom_recordings"},
)
def zoom_recordings(
    context: dg.AssetExecutionContext,
    config: FetchConfig,
    workspace: WorkspaceResource,
    zoom: ZoomResource,
) -> dg.MaterializeResult:
    """The raw answer of a recording (all its clips), or an imported chat file, as it arrived.

    Kept in the lake's raw vault and never edited. Fetched by plain HTTP, or by a real Chromium where the page
    does not yield. A recording that fails is written into the ledger with its error and taken up again later.
    """
    home = workspace.open()
    keys = list(context.partition_keys)
    done: list[recordings.Outcome] = []

    def report(outcome: recordings.Outcome) -> None:
        done.append(outcome)
        what = str(outcome.error) if outcome.error else f"{outcome.state} by {outcome.strategy}"
        context.log.info(f"{len(done)}/{len(keys)} {outcome.conversation_id}: {what}")

    outcomes = zoom.fetch(home, keys, refetch=config.refetch, on_done=report)
    for outcome in outcomes:
        conversations.add_outcome_metadata(context, context.asset_key, outcome)
    states = Counter(outcome.strategy or outcome.state for outcome in outcomes)
    return dg.MaterializeResult(metadata={"recordings": len(keys), **dict(states)})


zoom_chat = conversations.build_chat_assets(
    name="zoom_chat",
    source="zoom",
    raw_key=zoom_recordings.key,
    partitions_def=RECORDINGS,
    group_name=GROUP,
    conversation_ids=lambda home, keys: list(keys),
    parse=lambda home, ids: (recordings.parse(home, i) for i in ids),
)

zoom_tokens = conversations.build_tokens_asset(
    source="zoom",
    partitions_def=RECORDINGS,
    group_name=GROUP,
    conversation_ids=lambda home, keys: list(keys),
)

zoom_question_predictions = conversations.build_predictions_asset(
    source="zoom",
    partitions_def=RECORDINGS,
    group_name=GROUP,
    conversation_ids=lambda home, keys: list(keys),
)

ASSETS: list[dg.AssetsDefinition | dg.AssetSpec] = [
    zoom_recordings_page,
    zoom_recordings,
    zoom_chat,
    zoom_tokens,
    zoom_question_predictions,
]
