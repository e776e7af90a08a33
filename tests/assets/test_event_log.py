"""Dagster's event log with files that stay open: the same events for whoever reads them, also after a kill."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from chat_platform.cli import setup_home
from chat_platform.resources.event_log import OPEN_FILES, OpenSqliteEventLogStorage


@dg.asset(check_specs=[dg.AssetCheckSpec("some", asset="numbers")])
def numbers() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True, check_name="some")]
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``DAGSTER_HOME`` with the settings that every home gets."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_bytes(setup_home._TEMPLATE.read_bytes())
    return tmp_path


def types(storage: SqliteEventLogStorage, run_id: str) -> list[str]:
    return [
        entry.dagster_event_type.value for entry in storage.get_logs_for_run(run_id) if entry.dagster_event
    ]


def test_what_one_process_stores_dagsters_own_storage_reads(folder: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, OpenSqliteEventLogStorage)
        runs = [dg.materialize([numbers], instance=instance).run_id for _ in range(OPEN_FILES + 2)]
        # While the files are open, and of runs whose files were closed to open others.
        plain = SqliteEventLogStorage(str(folder / "history" / "runs"))
        for run_id in (runs[0], runs[-1]):
            found = types(plain, run_id)
            assert found == types(instance.event_log_storage, run_id)
            assert found.count("ASSET_MATERIALIZATION") == 1
            assert found.count("ASSET_CHECK_EVALUATION") == 1
            assert found[-1] == "PIPELINE_SUCCESS"
        event = instance.get_latest_materialization_event(dg.AssetKey("numbers"))
        assert event is not None
        assert event.run_id == runs[-1]
        instance.delete_run(runs[0])
        assert types(instance.event_log_storage, runs[0]) == []


def test_the_table_of_assets_is_described_once_not_for_every_event(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []
    of_dagster = SqliteEventLogStorage._has_asset_key_col_on_connection

    def describe(self: SqliteEventLogStorage, connection: Any, column: str) -> bool:
        described.append(column)
        return of_dagster(self, connection, column)

    monkeypatch.setattr(SqliteEventLogStorage, "_has_asset_key_col_on_connection", describe)
    with dg.DagsterInstance.get() as instance:
        runs = [dg.materialize([numbers], instance=instance).run_id for _ in range(3)]
        record = instance.get_asset_records([dg.AssetKey("numbers")])[0]
    assert described.count("last_materialization_timestamp") == 1
    assert record.asset_entry.last_run_id == runs[-1]
    assert record.asset_entry.last_materialization.run_id == runs[-1]


def test_who_watches_a_run_hears_of_each_event(folder: Path) -> None:
    heard: list[str] = []
    ended = threading.Event()

    def hear(entry: dg.EventLogEntry, _cursor: str) -> None:
        if entry.dagster_event:
            heard.append(entry.dagster_event.event_type_value)
            if heard[-1] == "PIPELINE_SUCCESS":
                ended.set()

    with dg.DagsterInstance.get() as writer, dg.DagsterInstance.from_config(str(folder)) as reader:
        finished = dg.materialize([numbers], instance=writer)
        events = writer.all_logs(finished.run_id)
        run_id = "11111111-2222-4333-8444-555555555555"
        reader.event_log_storage.get_logs_for_run(run_id)
        reader.watch_event_logs(run_id, None, hear)
        time.sleep(0.3)
        for entry in events:
            writer.event_log_storage.store_event(entry._replace(run_id=run_id))
        assert ended.wait(20)
        reader.end_watch_event_logs(run_id, hear)
    assert heard == [entry.dagster_event.event_type_value for entry in events if entry.dagster_event]
    assert heard.count("ASSET_MATERIALIZATION") == 1


def test_a_killed_process_has_stored_what_it_said_it_stored(folder: Path) -> None:
    script = textwrap.dedent(
        """
        import os, signal, sys
        import dagster as dg

        @dg.asset
        def numbers(): ...

        @dg.asset(deps=[numbers])
        def last():
            os.kill(os.getpid(), signal.SIGKILL)

        instance = dg.DagsterInstance.get()
        dg.materialize([numbers, last], instance=instance)
        """
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], env=dict(os.environ), capture_output=True, check=False, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        found = types(instance.event_log_storage, run.run_id)  # type: ignore[arg-type]
        assert found.count("ASSET_MATERIALIZATION") == 1
        assert found[-1] == "STEP_START"
        assert instance.get_latest_materialization_event(dg.AssetKey("numbers")) is not None
