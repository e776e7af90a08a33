"""The code location: ``build_defs`` puts everything together, ``defs`` is what Dagster loads. Nothing else."""

from chat_platform.importing import uncollected

with uncollected():
    import dagster as dg

    from chat_platform.assets import author_model, metrics, question_model, slack, warehouse, zoom
    from chat_platform.assets.digest import weekly_digest
    from chat_platform.assets.streams import build_stream_assets
    from chat_platform.jobs import LAUNCHABLE, MODEL_JOBS, REPARSE, STREAM_JOBS
    from chat_platform.resources.storage import (
        SlackResource,
        WarehouseResource,
        WorkspaceResource,
        ZoomResource,
    )
    from chat_platform.resources.streams import StreamsResource
    from chat_platform.schedules import build_schedules, retention
    from chat_platform.sensors.class_chat import build_sensors
    from chat_platform.sensors.failures import run_failures
    from chat_platform.sensors.models import build_model_sensors
    from chat_platform.sensors.streams import build_stream_sensors
    from chat_platform.settings import Settings


def build_defs(settings: Settings | None = None, **resource_overrides: object) -> dg.Definitions:
    """All definitions.

    Args:
        settings: default: from the environment and ``chatp.toml``.
        resource_overrides: resources by name, instead of the real ones.
    """
    settings = settings or Settings()
    project = metrics.dbt_project(settings)
    dbt = metrics.build_dbt_assets(project)
    assets = [
        *zoom.ASSETS,
        *slack.build_slack_assets(settings),
        *build_stream_assets(settings),
        *question_model.ASSETS,
        *author_model.ASSETS,
        *warehouse.ASSETS,
        dbt,
        warehouse.build_publication([*metrics.mart_keys(dbt), *warehouse.STREAM_KEYS]),
    ]
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        asset_checks=[*question_model.CHECKS, *author_model.CHECKS],
        jobs=[*LAUNCHABLE, REPARSE, *STREAM_JOBS, *MODEL_JOBS, retention, weekly_digest],
        schedules=build_schedules(settings),
        sensors=[
            *build_sensors(settings),
            *build_stream_sensors(),
            *build_model_sensors(settings),
            run_failures,
            dg.AutomationConditionSensorDefinition(
                "follow_upstream",
                target=dg.AssetSelection.all(),
                default_status=dg.DefaultSensorStatus.RUNNING,
                minimum_interval_seconds=60,
            ),
        ],
        resources={
            "workspace": WorkspaceResource(),
            "warehouse": WarehouseResource(database=str(settings.warehouse / "build.duckdb")),
            "slack": SlackResource(),
            "zoom": ZoomResource(),
            "streams": StreamsResource(),
            "dbt": metrics.dbt_resource(project),
            **resource_overrides,
        },
        executor=dg.in_process_executor,
    )


with uncollected():
    defs = build_defs()
