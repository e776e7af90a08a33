"""Streams: streamers, their figures by day, their videos' chat, emotes, and rise and fall.

What belongs here: assets over ``ingestion.streams``, the same for every platform of the registry. What does not: a
platform's protocol (``sources.streams``), loading and metrics.

Chat is one partition a recorded stream; figures and lists of emotes are one a day. Platforms say what holds now only,
so a day that is over is written from the archive alone, and one that nobody asked about stays missing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from chat_platform.assets import conversations
from chat_platform.assets.metadata import preview, spec_metadata
from chat_platform.automation import NETWORK_RETRIES, OWNER
from chat_platform.errors import ChatPlatformError, StreamError
from chat_platform.ingestion.recordings import Outcome
from chat_platform.ingestion.streams import chat_files, emotes, live, snapshots, vods
from chat_platform.ingestion.streams.channels import apply_latest
from chat_platform.ingestion.streams.tables import listed_ids
from chat_platform.ingestion.tables import SNAPSHOT_TABLES, STREAM_CHAT_TABLES
from chat_platform.partitions import stream_days, stream_videos
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.resources.streams import StreamsResource
from chat_platform.settings import Settings
from chat_platform.sources.streams.registry import PLATFORMS
from chat_platform.sources.streams.snapshots import ABOUT_EVERYBODY
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNEL_TRENDS, EMOTES

GROUP = "streams"
LIST_KEY = dg.AssetKey(["raw", "streamer_list"])
TRENDS_KEY = conversations.source_key(CHANNEL_TRENDS, "streams")

streamer_lists = dg.AssetSpec(
    ["streams", "lists"],
    description="The list of streamers that somebody keeps. Not ours: imported by `chatp import streamers`, or "
    "taken from the folder inbox/streamers.",
    group_name=GROUP,
    kinds={"excel", "csv"},
    owners=[OWNER],
)


class FetchConfig(dg.Config):
    """How chat is fetched.

    Attributes:
        refetch: look for more although a chat was read to its end.
    """

    refetch: bool = False


def days_key(platform: str) -> dg.AssetKey:
    """Key of what a platform said on a day."""
    return dg.AssetKey(["raw", f"{platform}_days"])


def platform_group(platform: str) -> str:
    """Group of a platform's assets."""
    return f"{GROUP}/{platform}"


def build_stream_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Assets of every platform; the first day of their partitions comes from the settings."""
    days = stream_days(settings)
    built: list[dg.AssetsDefinition | dg.AssetSpec] = [streamer_lists, streamer_list, channel_trends]
    for platform in PLATFORMS:
        website = dg.AssetSpec(
            [platform, "platform"],
            description=f"The streaming platform {platform}. Not ours: asked for figures every day, and for new "
            "videos by the sensor stream_videos.",
            group_name=platform_group(platform),
            kinds={"stream"},
            owners=[OWNER],
        )
        built += [
            website,
            _asked(platform, website.key, days),
            _snapshots(platform, website.key, days),
            _emotes(platform, website.key, days),
            *_chat(platform, website.key),
        ]
    return built


@dg.asset(
    key=LIST_KEY,
    deps=[streamer_lists],
    group_name=GROUP,
    kinds={"excel", "csv", "parquet"},
    owners=[OWNER],
    pool="streamer_list",
    retry_policy=NETWORK_RETRIES,
    code_version="1",
)
def streamer_list(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, streams: StreamsResource
) -> dg.MaterializeResult:
    """The archived list of streamers, and the channels that it leads to.

    One row of the list is one address. Only addresses that led nowhere before are asked about again; whoever was
    found is followed by id. What cannot be used stands in quarantine under `streamer-list`.
    """
    found = apply_latest(workspace.open(), streams.connect, clock=streams.clock())
    if found is None:
        context.log.info("No list of streamers was imported.")
        return dg.MaterializeResult(metadata={"channels": 0, "not_used": 0})
    for platform, error in found.errors.items():
        context.log.warning(f"{platform}: {error}")
    return dg.MaterializeResult(
        metadata={
            "channels": found.channels,
            "not_used": len(found.bad_rows),
            **{
                f"not_used/{reason}": n for reason, n in Counter(row.reason for row in found.bad_rows).items()
            },
        }
    )


@dg.asset(
    key=TRENDS_KEY,
    deps=[conversations.source_key(CHANNEL_SNAPSHOTS, platform) for platform in PLATFORMS],
    description=f"{CHANNEL_TRENDS.description} Computed from the days in the lake; nothing is done while no day has "
    "changed.",
    group_name=GROUP,
    kinds={"parquet", "scipy"},
    owners=[OWNER],
    code_version="1",
    metadata=spec_metadata(CHANNEL_TRENDS),
)
def channel_trends(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """Rise and fall of every streamer with figures in the last 60 days."""
    from chat_platform.ingestion.streams.trends import write_trends  # scipy: not while loading

    home = workspace.open()
    report = write_trends(home)
    context.log.info(f"{report.rows} trends {'written' if report.new else 'stand as they were'}")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.rows,
            "as_of": str(report.as_of),
            "new": report.new,
            **{f"trend/{name}": number for name, number in report.by_class.items()},
            "preview": preview(CHANNEL_TRENDS, home.lake.read(CHANNEL_TRENDS)),
        }
    )


def _asked(platform: str, website: dg.AssetKey, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Asset ``raw/<platform>_days``: what a platform said on a day, in the raw vault."""

    @dg.asset(
        key=days_key(platform),
        deps=[LIST_KEY, website],
        description=f"Profiles, figures, videos and lists of emotes of every listed streamer of {platform} on a day, "
        "in the raw vault. Asking goes on where it stopped. It touches no table, so that a class need not wait for "
        "it; a day that is over is not asked about.",
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=platform_group(platform),
        kinds={"json"},
        owners=[OWNER],
        pool=f"{platform}_days",
        retry_policy=NETWORK_RETRIES,
        code_version="1",
        metadata={"dagster/table_name": f"raw.{platform}_days"},
    )
    def asked(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource, streams: StreamsResource
    ) -> dg.MaterializeResult:
        home, today = workspace.open(), streams.today()
        channels = listed_ids(home, platform)
        if today.isoformat() not in context.partition_keys or not channels:
            context.log.info("nothing is asked: the days are over, or nobody is listed")
            return dg.MaterializeResult(metadata={"channels": 0})
        try:
            with streams.open(platform) as opened, streams.third_party_emotes(platform) as providers:
                lists = emotes.archive_emotes(home, opened, providers, channels, today)
                found = snapshots.keep_asking(home, opened, today, clock=streams.clock())
        except ChatPlatformError as error:
            raise dg.Failure(str(error), allow_retries=error.transient) from error
        _warn_of_lists(context, lists)
        if found.error is not None:
            raise dg.Failure(str(found.error), allow_retries=found.error.transient) from found.error
        return dg.MaterializeResult(
            metadata={
                "channels": found.taken,
                "without": len(found.missing),
                "lists_read": lists.read,
                "lists_changed": lists.changed,
                "lists_failed": len(lists.failed),
            }
        )

    return asked


def _warn_of_lists(context: dg.AssetExecutionContext, lists: emotes.EmoteRefresh) -> None:
    reasons = Counter(error.code for error in lists.failed.values())
    if reasons:
        context.log.warning(f"lists that stay as they were: {dict(reasons)}")


def _snapshots(
    platform: str, website: dg.AssetKey, days: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    """Assets ``core/<platform>/{video_snapshots,channel_snapshots}``, written by one step."""
    channels = conversations.source_key(CHANNEL_SNAPSHOTS, platform)

    @dg.multi_asset(
        name=f"{platform}_snapshots",
        specs=[
            dg.AssetSpec(
                conversations.source_key(spec, platform),
                deps=[LIST_KEY, days_key(platform), website],
                description=f"{spec.description} Here: of {platform}, for the whole list of streamers. A day that "
                "is over and was not asked about stays missing.",
                kinds={"parquet", "json"},
                owners=[OWNER],
                group_name=platform_group(platform),
                code_version="1",
                metadata=spec_metadata(spec),
                partitions_def=days,
            )
            for spec in SNAPSHOT_TABLES
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        retry_policy=NETWORK_RETRIES,
    )
    def taken(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource, streams: StreamsResource
    ) -> Iterator[dg.MaterializeResult]:
        home = workspace.open()
        wanted = [date.fromisoformat(key) for key in context.partition_keys]
        missing = []
        for day in wanted:
            kept = (
                _take(context, home, streams, platform, day)
                if day == streams.today()
                else snapshots.rewrite_day(home, platform, day)
            )
            context.add_asset_metadata({"channels": kept}, asset_key=channels, partition_key=day.isoformat())
            if not kept and (day != streams.today() or listed_ids(home, platform)):
                missing.append(day)
        if missing:
            _keep_those_there(context, platform, set(wanted) - set(missing))
            raise dg.Failure(
                f"no figures of {platform} on {', '.join(map(str, missing[:10]))}: a day that is over cannot be "
                "asked about any more",
                allow_retries=False,
            )
        for spec in SNAPSHOT_TABLES:
            tables = [home.lake.read(spec, snapshots.snapshot_id(platform, day)) for day in wanted]
            yield dg.MaterializeResult(
                asset_key=conversations.source_key(spec, platform),
                metadata={
                    "days": len(wanted),
                    "dagster/row_count": sum(table.num_rows for table in tables),
                    "preview": preview(spec, tables[-1]),
                },
            )

    return taken


def _take(
    context: dg.AssetExecutionContext,
    home: Workspace,
    streams: StreamsResource,
    platform: str,
    day: date,
) -> int:
    """Write today as it was asked about, or ask now; gives the channels that have figures."""
    try:
        found = snapshots.write_asked(home, platform, day)
        if found is None:
            with streams.open(platform) as opened:
                found = snapshots.snapshot_day(home, opened, day, clock=streams.clock())
    except StreamError as error:
        raise dg.Failure(str(error), allow_retries=error.transient) from error
    reasons = Counter(one.reason for one in found.missing)
    context.log.info(f"{found.taken} channels asked, {found.kept} with figures, without: {dict(reasons)}")
    if found.error is not None:
        raise dg.Failure(str(found.error), allow_retries=found.error.transient) from found.error
    return found.kept


def _keep_those_there(context: dg.AssetExecutionContext, platform: str, days: set[date]) -> None:
    """Of a range with missing days, those that are there count as materialised, and no other."""
    for spec in SNAPSHOT_TABLES:
        for day in sorted(days):
            key = conversations.source_key(spec, platform)
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat()))


def _emotes(platform: str, website: dg.AssetKey, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Asset ``core/<platform>/emotes``: lists as they were on a day."""

    @dg.asset(
        key=conversations.source_key(EMOTES, platform),
        deps=[LIST_KEY, days_key(platform), website],
        description=f"{EMOTES.description} Here: of {platform} and of the providers that know it. Lists are read on "
        "their day; those of days that are over come from the archive, and nothing else can be learnt of them.",
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=platform_group(platform),
        kinds={"parquet", "json"},
        owners=[OWNER],
        retry_policy=NETWORK_RETRIES,
        code_version="1",
        metadata=spec_metadata(EMOTES),
    )
    def read(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource, streams: StreamsResource
    ) -> dg.MaterializeResult:
        home, today = workspace.open(), streams.today()
        channels = listed_ids(home, platform)
        result = emotes.EmoteRefresh()
        asked = snapshots.asked_at(home, platform, today) is not None
        if today.isoformat() in context.partition_keys and channels and not asked:
            try:
                with streams.open(platform) as opened, streams.third_party_emotes(platform) as providers:
                    result = emotes.refresh_emotes(home, opened, providers, channels, today)
            except ChatPlatformError as error:
                raise dg.Failure(str(error), allow_retries=error.transient) from error
        else:
            emotes.rewrite_emotes(home, platform, channels)
        _warn_of_lists(context, result)
        table = home.lake.read(EMOTES)
        return dg.MaterializeResult(
            metadata={
                "lists_read": result.read,
                "lists_changed": result.changed,
                "lists_failed": len(result.failed),
                "dagster/row_count": sum(name == platform for name in table["platform"].to_pylist()),
                "preview": preview(EMOTES, table),
            }
        )

    return read


def _chat(platform: str, website: dg.AssetKey) -> list[dg.AssetsDefinition]:
    """From the pages of a video's chat to its predictions; one partition a recorded stream."""
    videos, group = stream_videos(platform), platform_group(platform)

    @dg.asset(
        key=["raw", f"{platform}_videos"],
        deps=[LIST_KEY, website],
        description="Pages of the chat of a recorded stream as they arrived, in the raw vault. Reading goes on at "
        "the last page that is archived; a video that fails is written into the ledger and taken up again later.",
        partitions_def=videos,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=group,
        kinds={"json"},
        owners=[OWNER],
        pool=platform,
        retry_policy=NETWORK_RETRIES,
        code_version="1",
        metadata={"dagster/table_name": f"raw.{platform}_videos"},
    )
    def pages(
        context: dg.AssetExecutionContext,
        config: FetchConfig,
        workspace: WorkspaceResource,
        streams: StreamsResource,
    ) -> dg.MaterializeResult:
        home, keys = workspace.open(), list(context.partition_keys)
        done: Counter[str] = Counter()

        def report(outcome: Outcome) -> None:
            done[outcome.strategy or outcome.state] += 1
            what = str(outcome.error) if outcome.error else f"{outcome.state} by {outcome.strategy}"
            context.log.info(f"{done.total()}/{len(keys)} {outcome.conversation_id}: {what}")

        try:
            with streams.open(platform) as opened:
                outcomes = vods.fetch(home, opened, keys, refetch=config.refetch, on_done=report)
        except StreamError as error:
            raise dg.Failure(str(error), allow_retries=error.transient) from error
        for outcome in outcomes:
            conversations.add_outcome_metadata(context, context.asset_key, outcome)
        for outcome in outcomes:
            if outcome.error is not None and outcome.error.code in ABOUT_EVERYBODY:
                raise dg.Failure(str(outcome.error), allow_retries=outcome.error.transient)
        return dg.MaterializeResult(metadata={"videos": len(keys), **dict(done)})

    def keys_of(_: Workspace, keys: Sequence[str]) -> list[str]:
        return list(keys)

    def parse(home: Workspace, ids: Sequence[str]) -> Iterator[Outcome]:
        heard = [one for one in ids if live.is_live(home, one)]
        files = [one for one in ids if chat_files.is_from_file(home, platform, one)]
        for conversation_id in files:
            live.take_again(home, platform, conversation_id)
            yield chat_files.parse_file(home, platform, conversation_id)
        others = {*heard, *files}
        for outcome in vods.parse(home, platform, [one for one in ids if one not in others]):
            live.take_again(home, platform, outcome.conversation_id)
            yield outcome
        # Last: what a recorded stream has is left to it.
        for conversation_id in heard:
            yield live.parse_captured(home, platform, conversation_id)

    chat = conversations.build_chat_assets(
        name=f"{platform}_chat",
        source=platform,
        raw_key=pages.key,
        partitions_def=videos,
        group_name=group,
        conversation_ids=keys_of,
        parse=parse,
        more=STREAM_CHAT_TABLES,
    )
    tokens = conversations.build_tokens_asset(
        source=platform, partitions_def=videos, group_name=group, conversation_ids=keys_of
    )
    predictions = conversations.build_predictions_asset(
        source=platform,
        partitions_def=videos,
        group_name=group,
        conversation_ids=keys_of,
        makes_up_for=lambda conversation_id: False,
    )
    return [pages, chat, tokens, predictions]
