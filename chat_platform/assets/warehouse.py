"""The warehouse: core tables in the build file, people and identities, publication.

What belongs here: the steps that hold the writer's lock, except dbt (``assets.metrics``). What does not:
network, browser, tokenising: those never happen under the lock.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import duckdb

from chat_platform.assets.conversations import source_key
from chat_platform.assets.metadata import preview, spec_metadata
from chat_platform.automation import FOLLOW, OWNER, WAREHOUSE_POOL
from chat_platform.checks import CONSERVATION, reconcile, schema_matches, schema_specs
from chat_platform.ingestion.people import PEOPLE_TABLES, resolve_people
from chat_platform.ingestion.publication import publish
from chat_platform.ingestion.tables import (
    CONVERSATION_TABLES,
    SNAPSHOT_TABLES,
    STREAM_CHAT_TABLES,
    STREAM_TABLES,
    load_conversations,
    load_streams,
)
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.sources.streams.registry import PLATFORMS
from chat_platform.storage.warehouse import LoadReport
from chat_platform.tables.class_chat import CONVERSATIONS, MESSAGES, PORTAL_QUESTIONS, TOKENS
from chat_platform.tables.models import (
    AUTHOR_PREDICTIONS,
    EVALUATIONS,
    LABELS,
    MODELS,
    QUESTION_GROUPS,
    QUESTION_PREDICTIONS,
)
from chat_platform.tables.spec import TableSpec
from chat_platform.tables.streams import (
    CHANNEL_SNAPSHOTS,
    CHANNEL_TRENDS,
    CHANNELS,
    EMOTES,
    VIDEO_SNAPSHOTS,
    VIDEOS,
)


def _of_platforms(table: TableSpec) -> list[dg.AssetKey]:
    return [source_key(table, platform) for platform in PLATFORMS]


GROUP = "warehouse"
SOURCES = ("zoom", "slack", *PLATFORMS)
MODEL_TABLES = (LABELS, MODELS, EVALUATIONS, AUTHOR_PREDICTIONS)
LOADED = (CONVERSATIONS, PORTAL_QUESTIONS, *CONVERSATION_TABLES, *STREAM_CHAT_TABLES)
OF_STREAMS = (*STREAM_TABLES, *SNAPSHOT_TABLES)
# Which asset of the lake fills which table of streamers.
STREAMS_FROM = {
    CHANNELS.name: [dg.AssetKey(["raw", "streamer_list"]), *_of_platforms(CHANNEL_SNAPSHOTS)],
    VIDEOS.name: _of_platforms(VIDEO_SNAPSHOTS),
    EMOTES.name: _of_platforms(EMOTES),
    CHANNEL_TRENDS.name: [source_key(CHANNEL_TRENDS, "streams")],
    VIDEO_SNAPSHOTS.name: _of_platforms(VIDEO_SNAPSHOTS),
    CHANNEL_SNAPSHOTS.name: _of_platforms(CHANNEL_SNAPSHOTS),
}
STREAM_KEYS = [dg.AssetKey([table.schema, table.name]) for table in OF_STREAMS]
# Which step of a training fills which table.
MODELS_FROM = {
    "labels": [dg.AssetKey(["models", "question", "labels"])],
    "models": [dg.AssetKey(["models", name, "champion"]) for name in ("question", "author")],
    "evaluations": [dg.AssetKey(["models", name, "candidate"]) for name in ("question", "author")],
    "author_predictions": [dg.AssetKey(["models", "author", "champion"])],
}


def _spec(table: TableSpec, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        [table.schema, table.name],
        deps=deps,
        description=table.description,
        kinds={"duckdb"},
        owners=[OWNER],
        group_name=GROUP,
        code_version="1",
        metadata=spec_metadata(table),
        automation_condition=FOLLOW,
    )


def _loaded_specs() -> list[dg.AssetSpec]:
    raw = [dg.AssetKey(["raw", "zoom_recordings"]), dg.AssetKey(["raw", "slack_days"])]
    # Lists of streamers and days of figures are conversations too, in which what cannot be used is seen.
    seen = [dg.AssetKey(["raw", "streamer_list"]), *_of_platforms(CHANNEL_SNAPSHOTS)]
    specs = [_spec(CONVERSATIONS, [*raw, *seen, *(source_key(MESSAGES, source) for source in SOURCES)])]
    # What was asked and answered on the portal is taken in by each run, as the ledger is.
    specs.append(_spec(PORTAL_QUESTIONS, [source_key(MESSAGES, "zoom")]))
    for table in CONVERSATION_TABLES:
        specs.append(_spec(table, [source_key(table, source) for source in SOURCES]))
    specs += [_spec(table, _of_platforms(table)) for table in STREAM_CHAT_TABLES]
    return specs


@dg.multi_asset(
    name="load_core",
    specs=_loaded_specs(),
    check_specs=[*schema_specs(LOADED), CONSERVATION],
    pool=WAREHOUSE_POOL,
)
def core_tables(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Conversations' tables of every source, brought up to the lake: only partitions that changed are read."""
    home = workspace.open()
    report = load_conversations(home)
    # Metrics of streams read their tables, so these must be there.
    load_streams(home)
    _warn_of_waiting(context, report)
    context.log.info(f"{len(report.partitions)} conversations loaded, {len(report.removed)} taken out")
    with home.warehouse.write() as connection:
        yield from _brought_up(connection, LOADED, report)
        yield reconcile(connection)


@dg.multi_asset(
    name="load_streams",
    specs=[_spec(table, STREAMS_FROM[table.name]) for table in OF_STREAMS],
    check_specs=schema_specs(OF_STREAMS),
    pool=WAREHOUSE_POOL,
)
def stream_tables(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Streamers, their figures by day, videos, emotes and trends, brought up to the lake."""
    home = workspace.open()
    report = load_streams(home)
    _warn_of_waiting(context, report)
    with home.warehouse.write() as connection:
        yield from _brought_up(connection, OF_STREAMS, report)


# A step of its own: the author model is trained on people, who are resolved from what the step above loads.
@dg.multi_asset(
    name="load_models",
    specs=[_spec(table, MODELS_FROM[table.name]) for table in MODEL_TABLES],
    check_specs=schema_specs(MODEL_TABLES),
    pool=WAREHOUSE_POOL,
)
def model_tables(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Labels, versions, evaluations and guesses of the models, brought up to the store and the log of promotions."""
    from chat_platform.ingestion.model_tables import write_model_tables  # not while the code location loads

    home = workspace.open()
    context.log.info(f"{write_model_tables(home)} versions")
    report = home.warehouse.load(home.lake, MODEL_TABLES)
    with home.warehouse.write() as connection:
        yield from _brought_up(connection, MODEL_TABLES, report)


@dg.multi_asset(
    name="people",
    specs=[
        _spec(
            table,
            [dg.AssetKey(["core", "participants"])]
            + ([dg.AssetKey(["raw", "slack_users"])] if table.name == "slack_users" else []),
        )
        for table in PEOPLE_TABLES
    ],
    check_specs=schema_specs(PEOPLE_TABLES),
    pool=WAREHOUSE_POOL,
)
def people(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Who wrote: people from Slack and the class list, names seen in chats, and what somebody decided."""
    home = workspace.open()
    resolution = resolve_people(home)
    context.log.info(f"{resolution.people} people, {resolution.identities} identities")
    with home.warehouse.write() as connection:
        for table in PEOPLE_TABLES:
            yield _result(connection, table, loaded=None)
        for table in PEOPLE_TABLES:
            yield schema_matches(connection, table)


@dg.asset(
    key=[QUESTION_GROUPS.schema, QUESTION_GROUPS.name],
    deps=[[spec.schema, spec.name] for spec in (MESSAGES, TOKENS, QUESTION_PREDICTIONS)],
    description=f"{QUESTION_GROUPS.description} All questions are compared with all, so this is not part of a "
    "recording's way: publish_metrics does it, every night and after a decision.",
    group_name=GROUP,
    kinds={"duckdb", "scikitlearn"},
    owners=[OWNER],
    pool=WAREHOUSE_POOL,
    code_version="1",
    metadata=spec_metadata(QUESTION_GROUPS),
    check_specs=schema_specs((QUESTION_GROUPS,)),
)
def question_groups(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Questions of all lectures that ask nearly the same."""
    from chat_platform.ingestion.question_groups import group_questions  # scikit-learn: not at load

    home = workspace.open()
    report = group_questions(home)
    context.log.info(f"{report.questions} questions, {report.groups} groups of two or more")
    with home.warehouse.write() as connection:
        yield _result(connection, QUESTION_GROUPS, loaded=report.questions)
        yield schema_matches(connection, QUESTION_GROUPS)


def build_publication(deps: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Asset ``published/warehouse``.

    Args:
        deps: the marts and tables that must be built and checked before.
    """

    @dg.asset(
        key=["published", "warehouse"],
        deps=deps,
        group_name=GROUP,
        kinds={"duckdb", "file"},
        owners=[OWNER],
        pool=WAREHOUSE_POOL,
        code_version="1",
        automation_condition=FOLLOW,
    )
    def published_warehouse(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        """The read-only DuckDB file that everybody opens: a copy of the build, named by ``CURRENT``."""
        home = workspace.open()
        version, new, marked = publish(home)
        context.log.info(f"version {version.number} {'published' if new else 'is current already'}")
        return dg.MaterializeResult(
            metadata={
                "version": version.number,
                "new": new,
                "conversations": marked,
                "megabytes": round(version.bytes / 1e6, 1),
                "path": dg.MetadataValue.path(str(version.path)),
            }
        )

    return published_warehouse


def _warn_of_waiting(context: dg.AssetExecutionContext, report: LoadReport) -> None:
    for partition in report.waiting:
        context.log.warning(f"{partition}: its tables in the lake are not complete yet; left for a later run")


def _brought_up(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[TableSpec], report: LoadReport
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Every table's result, then every table's check."""
    for table in tables:
        yield _result(connection, table, loaded=report.rows[table.full_name])
    for table in tables:
        yield schema_matches(connection, table)


def _result(
    connection: duckdb.DuckDBPyConnection, table: TableSpec, *, loaded: int | None
) -> dg.MaterializeResult:
    rows = connection.execute(f"select count(*) from {table.full_name}").fetchone()  # noqa: S608
    sample = connection.execute(f"select * from {table.full_name} limit 5").to_arrow_table()  # noqa: S608
    metadata = {
        "dagster/row_count": rows[0] if rows else 0,
        "preview": preview(table, sample),
    }
    if loaded is not None:
        metadata["rows_loaded"] = loaded
    return dg.MaterializeResult(asset_key=[table.schema, table.name], metadata=metadata)


ASSETS: list[dg.AssetsDefinition] = [core_tables, stream_tables, model_tables, people, question_groups]
