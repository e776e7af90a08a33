"""Metrics: the dbt project as assets, built in one call for each batch.

What belongs here: dbt's assets and how their specs look in Dagster. What does not: SQL (``dbt_project``).
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from packaging.version import Version

from chat_platform.assets.dbt_bridge import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from chat_platform.automation import FOLLOW, OWNER, WAREHOUSE_POOL
from chat_platform.resources import dbt_standby
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.settings import Settings, project_root
from chat_platform.storage import metric_builds
from chat_platform.storage.metric_definitions import read_manifest, write_definitions

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8), warn_window=timedelta(days=4))
# Unit tests prove the SQL, not the data: CI runs them.
NOT_EACH_BATCH = ("--exclude-resource-type", "unit_test")
# Every detail of every node in a file that nobody reads costs a tenth of dbt's time.
LOG = ("--log-level-file", "info")
SIDE = "chatp/side"


def dbt_project(settings: Settings) -> DbtProject:
    """The dbt project; its manifest is made at set-up (``chatp prepare``).

    dbt's target folder lies in the home: dbt parses everything again whenever the database's path changes, so
    each home keeps a parse of its own.
    """
    return DbtProject(project_dir=project_root() / "dbt_project", target_path=settings.home / "dbt")


def run_target(settings: Settings, project: DbtProject) -> Path:
    """Dbt's target folder for runs, with a parse to begin with; one run at a time uses it.

    The manifest that Dagster loads lies beside it and is not touched by runs.
    """
    folder = settings.home / "dbt" / "run"
    folder.mkdir(parents=True, exist_ok=True)
    parse = project.manifest_path.with_name("partial_parse.msgpack")
    if parse.exists() and not (folder / parse.name).exists():
        shutil.copy(parse, folder / parse.name)
    return folder


class Translator(DagsterDbtTranslator):
    """Names and looks of dbt's assets: key = schema and name, group by layer, owner, freshness, automation."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """``[schema, name]``, which is the table's name in DuckDB."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The spec that dagster-dbt makes, polished."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        layer = spec.key.path[0]
        return spec.replace_attributes(
            group_name=f"metrics/{layer}",
            owners=[OWNER],
            tags={**spec.tags, **({SIDE: node["config"]["meta"]["side"]} if node else {})},
            kinds={"dbt", "duckdb"},
            automation_condition=FOLLOW,
            freshness_policy=FRESHNESS if layer == "marts" else None,
        )


def metric_variables(settings: Settings) -> dict[str, Any]:
    """Dbt variables that the settings override; those that are as in the project are left out.

    dbt parses everything again when it is given variables, which costs seconds.
    """
    default = Settings.model_construct()
    pairs = {
        "timezone": (settings.timezone, default.timezone),
        "stop_words": (settings.stop_words, default.stop_words),
        "peak_window_minutes": (settings.peaks.window_minutes, default.peaks.window_minutes),
        "peak_min_speakers": (settings.peaks.min_speakers, default.peaks.min_speakers),
        "peak_min_messages": (settings.peaks.min_messages, default.peaks.min_messages),
        "peak_ratio": (settings.peaks.ratio, default.peaks.ratio),
    }
    return {name: value for name, (value, usual) in pairs.items() if value != usual}


def build_dbt_assets(project: DbtProject) -> dg.AssetsDefinition:
    """Every model, seed and data test of the dbt project as one multi-asset."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=Translator(),
        pool=WAREHOUSE_POOL,
        name="metrics",
    )
    def metrics(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: WorkspaceResource
    ) -> Iterator[Any]:
        home = workspace.open()
        variables = metric_variables(home.settings)
        arguments = ["--vars", json.dumps(variables, ensure_ascii=False)] if variables else []
        # The profile reads the build file's path from the environment, and dbt runs as our child.
        os.environ["CHATP_WAREHOUSE_BUILD"] = str(home.warehouse.build_path)
        with home.warehouse.lock():
            target = run_target(home.settings, project)
            with home.warehouse.open_locked() as connection:
                now = metric_builds.sources(connection, _models(project, variables))
                unchanged = set() if context.is_subset else _unchanged(metric_builds.due(connection, now))
            for side in sorted(unchanged):
                arguments += ["--exclude", f"config.meta.side:{side}"]
            invocation = dbt.cli(
                ["build", *NOT_EACH_BATCH, *LOG, *arguments], context=context, target_path=target
            )
            events = list(invocation.stream())
            with home.warehouse.open_locked() as connection:
                write_definitions(connection, read_manifest(target / "manifest.json"))
                rows = _row_counts(connection)
                if not context.is_subset:
                    metric_builds.remember(connection, now)
        for event in events:
            yield _with_row_count(event, rows)
        yield from _unbuilt(context.assets_def, unchanged)

    return metrics


def _models(project: DbtProject, variables: Mapping[str, Any]) -> str:
    """Stands for the models and their settings; a new parse of the project is a new one."""
    parsed = project.manifest_path.stat()
    return (
        f"{parsed.st_mtime_ns} {parsed.st_size} {json.dumps(variables, sort_keys=True, ensure_ascii=False)}"
    )


def _unbuilt(assets: dg.AssetsDefinition, sides: set[str]) -> Iterator[dg.Output]:
    """What was left out, so that what follows in the run is not; no side reads the other."""
    names = {key: name for name, key in assets.keys_by_output_name.items()}
    left_out = {key for key in names if assets.tags_by_key[key].get(SIDE) in sides}
    order = TopologicalSorter({key: assets.asset_deps[key] & left_out for key in left_out})
    for key in order.static_order():
        yield dg.Output(None, names[key], metadata={"unchanged": True})


def _unchanged(due: set[str]) -> set[str]:
    """The sides that are as they would be; with nothing due somebody wants all of it built again."""
    return {metric_builds.CLASS, metric_builds.STREAMS} - due if due else set()


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of each table that dbt makes, by its name.

    ``fetch_row_counts()`` of dagster-dbt would keep the build file open in this process, read-only, and nobody
    could write to it any more.
    """
    sql = "select table_name, estimated_size from duckdb_tables() where schema_name in ('intermediate', 'marts')"
    return dict(connection.execute(sql).fetchall())


def _with_row_count(event: Any, rows: Mapping[str, int]) -> Any:
    if not isinstance(event, dg.Output):
        return event
    unique_id = event.metadata.get("unique_id")
    name = str(unique_id.value).rsplit(".", 1)[-1] if unique_id is not None else ""
    if name not in rows:
        return event
    return event.with_metadata({**event.metadata, "dagster/row_count": rows[name]})


def mart_keys(assets: dg.AssetsDefinition) -> list[dg.AssetKey]:
    """Keys of the marts, which publication waits for."""
    return sorted(key for key in assets.keys if key.path[0] in ("marts", "main"))


class DbtCommandLine(DbtCliResource):
    """dbt's command line, without the adapter that dagster-dbt opens in this process beside it.

    That adapter only serves ``fetch_row_counts`` and ``fetch_column_metadata``; opening it imports all of dbt and
    costs five seconds a run.
    """

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None

    @property
    def _cli_version(self) -> Version:
        """Read from the installed package; asking the command costs another start of dbt."""
        return Version(version("dbt-core"))


def dbt_resource(project: DbtProject) -> DbtCliResource:
    """Dbt's command line, with the build file in its environment."""
    return DbtCommandLine(
        project_dir=str(project.project_dir),
        profiles_dir=str(Path(project.project_dir)),
        dbt_executable=dbt_standby.executable(),
    )
