"""Metrics: the dbt project as assets, built in one call for each batch.

What belongs here: dbt's assets and how their specs look in Dagster. What does not: SQL (``dbt_project``).
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from chat_platform.automation import FOLLOW, OWNER, WAREHOUSE_POOL
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.settings import Settings, project_root

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8), warn_window=timedelta(days=4))


def dbt_project() -> DbtProject:
    """The dbt project; its manifest is made at set-up (``chatp prepare``)."""
    return DbtProject(project_dir=project_root() / "dbt_project")


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
        layer = spec.key.path[0]
        return spec.replace_attributes(
            group_name=f"metrics/{layer}",
            owners=[OWNER],
            kinds={"dbt", "duckdb"},
            automation_condition=FOLLOW,
            freshness_policy=FRESHNESS if layer == "marts" else None,
        )


def metric_variables(settings: Settings) -> dict[str, Any]:
    """Dbt variables that the settings override."""
    return {
        "timezone": settings.timezone,
        "stop_words": settings.stop_words,
        "peak_window_minutes": settings.peaks.window_minutes,
        "peak_min_speakers": settings.peaks.min_speakers,
        "peak_min_messages": settings.peaks.min_messages,
        "peak_ratio": settings.peaks.ratio,
    }


def build_dbt_assets(project: DbtProject) -> dg.AssetsDefinition:
    """Every model, seed and test of the dbt project as one multi-asset."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=Translator(),
        exclude="resource_type:unit_test",
        pool=WAREHOUSE_POOL,
        name="metrics",
    )
    def metrics(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: WorkspaceResource
    ) -> Iterator[Any]:
        home = workspace.open()
        variables = json.dumps(metric_variables(home.settings), ensure_ascii=False)
        os.environ["CHATP_WAREHOUSE_BUILD"] = str(home.warehouse.build_path)
        with home.warehouse.lock():
            yield from dbt.cli(["build", "--vars", variables], context=context).stream().fetch_row_counts()

    return metrics


def mart_keys(assets: dg.AssetsDefinition) -> list[dg.AssetKey]:
    """Keys of the marts, which publication waits for."""
    return sorted(key for key in assets.keys if key.path[0] in ("marts", "main"))


def dbt_resource(project: DbtProject) -> DbtCliResource:
    """Dbt's command line, with the build file in its environment."""
    return DbtCliResource(
        project_dir=project,
        profiles_dir=str(Path(project.project_dir)),
        # The environment need not be activated: dbt lies beside the interpreter.
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )
