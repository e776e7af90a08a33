"""dbt by a process that stands by: what it says and how it ends are dbt's own, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from chat_platform.resources import dbt_standby
from tests.chosen import first_of

CALLED = Path(sys.executable).with_name("chatp-dbt")
# Somebody who calls dbt, and lives as long as their standard input.
OWNER = """
import os, sys
from chat_platform.resources import dbt_standby
dbt_standby.stand_by()
print(os.environ[dbt_standby.VARIABLE], flush=True)
sys.stdin.read()
"""


@contextmanager
def owning() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def environment_of(owner: subprocess.Popen[str]) -> dict[str, str]:
    """Of whoever calls dbt where it stands by."""
    assert owner.stdout is not None
    return {**os.environ, dbt_standby.VARIABLE: owner.stdout.readline().strip()}


@pytest.fixture(scope="module")
def owner() -> Iterator[subprocess.Popen[str]]:
    with owning() as process:
        yield process


@pytest.fixture(scope="module")
def environment(owner: subprocess.Popen[str]) -> dict[str, str]:
    return environment_of(owner)


def call(
    environment: Mapping[str, str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CALLED), *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def standing_by(owner: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(owner.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=30)
    return alive == []


def until_busy(processes: list[psutil.Process]) -> None:
    """Until the query itself is at work, as before that dbt has nothing to interrupt."""

    def spent() -> float:
        return sum(process.cpu_times().user for process in processes)

    before = spent()
    while spent() < before + 1:
        time.sleep(0.05)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, whose model takes as long as the environment says."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(
        "name: small\nprofile: small\nversion: '1.0'\n", encoding="utf-8"
    )
    profile = """
        small:
          target: dev
          outputs:
            dev: {type: duckdb, path: "{{ env_var('SMALL_FILE') }}"}
    """
    (tmp_path / "profiles.yml").write_text(textwrap.dedent(profile), encoding="utf-8")
    pairs = "range({{ env_var('ROWS') }}) as a, range(1000) as b"
    sql = f"{{{{ config(materialized='table') }}}} select sum(a.range * b.range) as n from {pairs}"
    (tmp_path / "models" / "one.sql").write_text(sql, encoding="utf-8")
    return tmp_path


def test_a_call_says_and_ends_as_dbt_does(environment: dict[str, str], project: Path) -> None:
    alone = {name: value for name, value in environment.items() if name != dbt_standby.VARIABLE}
    for arguments in (["no-such-command"], ["ls", "--quiet"]):
        here = [
            call({**given, "SMALL_FILE": "a.duckdb", "ROWS": "1"}, *arguments, cwd=project)
            for given in (environment, alone)
        ]
        assert here[0].returncode == here[1].returncode, arguments
        assert (here[0].stdout, here[0].stderr) == (here[1].stdout, here[1].stderr)
    assert here[0].returncode == 0


def test_each_call_has_its_own_folder_and_environment_and_knows_of_no_other(
    environment: dict[str, str], owner: subprocess.Popen[str], project: Path
) -> None:
    for name in ("a.duckdb", "b.duckdb"):
        done = call({**environment, "SMALL_FILE": name, "ROWS": "1"}, "run", cwd=project)
        assert done.returncode == 0, done.stdout
        assert (project / name).exists()
    broken = call(
        {k: v for k, v in environment.items() if k != "ROWS"} | {"SMALL_FILE": "c.duckdb"}, "run", cwd=project
    )
    assert broken.returncode != 0
    assert "ROWS" in broken.stdout
    (standing,) = standing_by(owner)
    assert "dbt_standby" in " ".join(standing.cmdline())


@pytest.mark.parametrize("with_signal", first_of([signal.SIGINT, signal.SIGTERM, signal.SIGKILL], 1))
def test_who_interrupts_a_call_interrupts_dbt(
    environment: dict[str, str], owner: subprocess.Popen[str], project: Path, with_signal: signal.Signals
) -> None:
    for_long = {**environment, "SMALL_FILE": "a.duckdb", "ROWS": "1000000000"}
    with subprocess.Popen(
        [str(CALLED), "run"], env=for_long, cwd=project, stdout=subprocess.PIPE, text=True
    ) as caller:
        assert caller.stdout is not None
        assert any("START sql table model" in line for line in iter(caller.stdout.readline, ""))
        at_work = standing_by(owner)[1:]
        until_busy(at_work)
        caller.send_signal(with_signal)
        try:
            assert caller.wait(60) != 0
            assert gone(at_work)
        finally:
            for process in [caller, *at_work]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
    assert call({**environment, "SMALL_FILE": "a.duckdb", "ROWS": "1"}, "run", cwd=project).returncode == 0


def test_it_ends_with_its_owner_and_leaves_nothing() -> None:
    with owning() as owner:
        folder = Path(environment_of(owner)[dbt_standby.VARIABLE]).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        standing = standing_by(owner)
        assert len(standing) == 1
        assert owner.stdin is not None
        owner.stdin.close()
        assert owner.wait(30) == 0
    assert gone(standing)
    assert not folder.exists()


def test_it_ends_with_an_owner_who_was_killed_and_dbt_can_still_be_called() -> None:
    with owning() as owner:
        environment = environment_of(owner)
        standing = standing_by(owner)
        owner.kill()
    assert gone(standing)
    done = call(environment, "--version")
    assert done.returncode == 0
    assert "installed" in done.stdout
