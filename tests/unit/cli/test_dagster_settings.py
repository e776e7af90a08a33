"""The shipped ``dagster.yaml`` says to Dagster what we mean."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus

from chat_platform.automation import SLACK_POOL, WAREHOUSE_POOL, ZOOM_POOL
from chat_platform.cli import setup_home


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    shutil.copy(Path(setup_home.__file__).with_name("dagster.yaml"), home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def test_nothing_is_sent_home(instance: dg.DagsterInstance) -> None:
    assert instance.telemetry_enabled is False


def test_runs_that_never_start_or_hang_are_seen(instance: dg.DagsterInstance) -> None:
    assert instance.run_monitoring_enabled is True
    assert instance.run_monitoring_start_timeout_seconds == 300
    assert instance.run_monitoring_cancel_timeout_seconds == 180


def test_one_step_at_a_time_in_each_pool_and_slots_of_the_dead_are_freed(
    instance: dg.DagsterInstance,
) -> None:
    config = instance.get_concurrency_config()
    assert config.pool_config.default_pool_limit == 1
    assert config.pool_config.pool_granularity is not None
    assert config.pool_config.pool_granularity.value == "op"
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 60
    for pool in (WAREHOUSE_POOL, ZOOM_POOL, SLACK_POOL):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)
        assert instance.event_log_storage.get_concurrency_info(pool).slot_count == 1


def test_ticks_are_kept_for_as_long_as_they_say_something(instance: dg.DagsterInstance) -> None:
    sensors = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert sensors[TickStatus.SKIPPED] == 7
    assert sensors[TickStatus.FAILURE] == 30
    assert sensors[TickStatus.SUCCESS] == 60
    schedules = instance.get_tick_retention_settings(InstigatorType.SCHEDULE)
    assert set(schedules.values()) == {60}
