"""LocalEngine: kernels over partitions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import engine_kernels as kernels
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chat_platform.errors import StorageError
from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.files import write_parquet_atomic

HERE = Path(__file__).parent


def partitions(folder: Path, count: int, rows: int = 3) -> tuple[dict[str, Path], dict[str, Path]]:
    """``count`` files; partition ``p07`` holds 7, 8, 9 …; p13 is the first that holds 13 alone when rows is 1."""
    inputs = {f"p{i:02}": folder / "in" / f"p{i:02}.parquet" for i in range(count)}
    for i, path in enumerate(inputs.values()):
        write_parquet_atomic(path, pa.table({"n": list(range(i, i + rows))}))
    return inputs, {key: folder / "out" / f"{key}.parquet" for key in inputs}


def pooled(workers: int = 2) -> LocalEngine:
    return LocalEngine(workers, small_partitions=0, small_rows=0)


@pytest.mark.parametrize("engine", [LocalEngine(1), pooled()], ids=["here", "pool"])
def test_every_partition_is_computed_written_and_reported_in_order(
    tmp_path: Path, engine: LocalEngine
) -> None:
    inputs, outputs = partitions(tmp_path, 6)
    outcomes = engine.map(kernels.doubled, inputs, outputs)
    assert list(outcomes) == list(inputs)
    assert {(o.rows_in, o.rows_out, o.error) for o in outcomes.values()} == {(3, 3, None)}
    assert all(o.seconds > 0 for o in outcomes.values())
    values = {key: pq.read_table(path)["n"].to_pylist() for key, path in outputs.items()}
    assert values == {f"p{i:02}": [2 * i, 2 * i + 2, 2 * i + 4] for i in range(6)}


def test_paths_may_be_strings_and_an_input_may_be_its_own_output(tmp_path: Path) -> None:
    inputs, _ = partitions(tmp_path, 2)
    paths = {key: str(path) for key, path in inputs.items()}
    LocalEngine(2).map(kernels.doubled, paths, paths)
    assert pq.read_table(inputs["p01"])["n"].to_pylist() == [2, 4, 6]


def test_a_small_batch_stays_in_this_process_and_a_large_one_uses_all_workers(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 8)

    def pids() -> set[int]:
        return {pid for path in outputs.values() for pid in pq.read_table(path)["pid"].to_pylist()}

    LocalEngine(2).map(kernels.with_pid, inputs, outputs)
    assert pids() == {os.getpid()}
    pooled(2).map(kernels.with_pid, inputs, outputs)
    assert len(pids()) == 2
    assert os.getpid() not in pids()


@pytest.mark.parametrize("engine", [LocalEngine(1), pooled()], ids=["here", "pool"])
def test_a_partition_that_fails_fails_alone_and_its_old_output_stays(
    tmp_path: Path, engine: LocalEngine
) -> None:
    inputs, outputs = partitions(tmp_path, 20, rows=1)
    write_parquet_atomic(outputs["p13"], pa.table({"n": [-1]}))
    inputs["p05"].write_bytes(b"not parquet")
    inputs["p06"].unlink()
    outcomes = engine.map(kernels.refuses_thirteen, inputs, outputs)
    failed = {key: (o.error or "", o.code, o.rows_out) for key, o in outcomes.items() if o.error}
    assert set(failed) == {"p05", "p06", "p13"}
    assert failed["p13"] == ("ValueError: thirteen", None, 0)
    assert [failed[key][1] for key in ("p05", "p06")] == ["CP-STORE-003", "CP-STORE-003"]
    assert pq.read_table(outputs["p13"])["n"].to_pylist() == [-1]
    assert not outputs["p05"].exists()
    assert all(outputs[key].exists() for key in inputs if key not in failed)


def test_a_coded_error_comes_back_from_a_worker_with_its_code(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 2)
    outcome = pooled().map(kernels.coded, inputs, outputs)["p00"]
    assert outcome.code == "CP-DATA-001"
    assert "a column" in (outcome.error or "")


def test_the_partition_that_kills_its_worker_takes_no_other_with_it(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 20, rows=1)
    outcomes = pooled().map(kernels.killed_by_thirteen, inputs, outputs)
    assert {key: o.code for key, o in outcomes.items() if o.error} == {"p13": "CP-STORE-030"}
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == sorted(set(inputs) - {"p13"})


def test_partitions_whose_worker_was_killed_once_are_computed_in_a_fresh_pool(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 6)
    for key in ("p00", "p03"):
        marker = tmp_path / f"{key}.marker"
        marker.touch()
        write_parquet_atomic(inputs[key], pa.table({"marker": [str(marker)]}))
    for key in set(inputs) - {"p00", "p03"}:
        write_parquet_atomic(inputs[key], pa.table({"marker": [str(tmp_path / "none")]}))
    outcomes = pooled().map(kernels.killed_once, inputs, outputs)
    assert [o.error for o in outcomes.values()] == [None] * 6
    assert all(path.exists() for path in outputs.values())


def test_no_worker_is_left_after_a_call(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 8)
    pooled().map(kernels.with_pid, inputs, outputs)
    workers = {pid for path in outputs.values() for pid in pq.read_table(path)["pid"].to_pylist()}
    assert workers
    assert not any(psutil.pid_exists(pid) for pid in workers)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 2)
    for key, path in inputs.items():
        write_parquet_atomic(path, pa.table({"marker": [str(tmp_path / key)]}))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import engine_kernels; from chat_platform.storage.engine import LocalEngine\n"
        "paths = dict(a.split('=') for a in sys.argv[2:])\n"
        "LocalEngine(2, small_partitions=0, small_rows=0).map(engine_kernels.slow, paths, paths)\n"
    )
    arguments = [f"{key}={path}" for key, path in inputs.items()]
    parent = subprocess.Popen([sys.executable, "-c", script, str(HERE), *arguments])
    deadline = time.monotonic() + 30
    while len(started := list(tmp_path.glob("*.started"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(path.suffixes[-2][1:]) for path in started]
    assert len(set(workers)) == 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(psutil.pid_exists(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(psutil.pid_exists(pid) for pid in workers)


def test_a_script_without_a_guard_is_not_run_again_in_its_workers(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 4)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import engine_kernels; from chat_platform.storage.engine import LocalEngine\n"
        "print('run', flush=True)\n"
        "pairs = [a.split('=') for a in sys.argv[2:]]\n"
        "engine = LocalEngine(2, small_partitions=0, small_rows=0)\n"
        "done = engine.map(engine_kernels.doubled, {k: i for k, i, o in pairs}, {k: o for k, i, o in pairs})\n"
        "print([o.error for o in done.values()])\n",
        encoding="utf-8",
    )
    arguments = [f"{key}={inputs[key]}={outputs[key]}" for key in inputs]
    done = subprocess.run(
        [sys.executable, str(script), str(HERE), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["run", "[None, None, None, None]"]


def test_wrong_calls_are_refused_before_anything_runs(tmp_path: Path) -> None:
    inputs, outputs = partitions(tmp_path, 2)
    with pytest.raises(ValueError, match="p01"):
        LocalEngine(1).map(kernels.doubled, inputs, {"p00": outputs["p00"]})
    with pytest.raises(ValueError, match="top-level"):
        LocalEngine(1).map(lambda table: table, inputs, outputs)
    with pytest.raises(ValueError, match="workers"):
        LocalEngine(0)
    assert LocalEngine(2).map(kernels.doubled, {}, {}) == {}
    assert not (tmp_path / "out").exists()


def test_other_work_comes_back_key_by_key_and_the_one_that_kills_its_worker_alone_has_none() -> None:
    keys = [str(n) for n in range(10, 18)]
    results = dict(LocalEngine(2).each(kernels.deadly_work, keys, kernels.__name__))
    assert sorted(results) == keys
    killed = results.pop("13")
    assert isinstance(killed, StorageError)
    assert killed.code == "CP-STORE-030"
    assert os.getpid() not in results.values()
    assert all(isinstance(pid, int) for pid in results.values())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_other_work_raises_ends_all_of_it(workers: int) -> None:
    with pytest.raises(ValueError, match="thirteen"):
        list(LocalEngine(workers).each(kernels.refused_work, ["11", "12", "13"], kernels.__name__))
    assert dict(LocalEngine(workers).each(kernels.refused_work, ["11", "12"], kernels.__name__)) == {
        "11": "11",
        "12": "12",
    }
