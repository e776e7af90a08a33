"""Homes of a class that was taught, and copies of them to be written to.

What belongs here: making one once for all test processes, the class itself, copying it. What does not: portals.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_platform.cli.setup_home import prepare
from chat_platform.ingestion.publication import publish
from chat_platform.settings import Settings
from chat_platform.simulators.world import start_world
from chat_platform.storage.workspace import Workspace
from tests.integration.harness import Home

RECORDINGS = 3


def made_once(name: str, factory: pytest.TempPathFactory, make: Callable[[Path], None]) -> Path:
    """A home that the first test process which needs it makes, while the others wait.

    Whoever works on the portal sets ``TAUGHT_HOME`` to a folder that keeps it from one test run to the next.
    """
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    shared = Path(os.environ.get("TAUGHT_HOME", shared))
    home = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / ".whole").exists():
            shutil.rmtree(home, ignore_errors=True)
            make(home)
            (home / ".whole").touch()
    return home


def teach(home: Path) -> None:
    """A class of three recordings, from its announcements to what is published.

    It is published twice, so that there is a version to go back to.
    """
    prepare(Settings(home=home))
    with start_world(5, recordings=RECORDINGS, messages_per_recording=150, mode="plain") as world:
        report = Home(home).catch_up(world.environment())
    assert report.ok, [run.error for run in report.runs]
    workspace = Workspace(Settings(home=home))
    workspace.warehouse.build_path.touch()
    assert publish(workspace)[0].number == 2
    workspace.database.dispose()


def copied(home: Path, folder: Path) -> Path:
    """A copy in ``folder / "home"``, without what only runs of the graph read: that is most of the files."""
    left_out = shutil.ignore_patterns("dbt", "logs", "storage")
    return Path(shutil.copytree(home, folder / "home", ignore=left_out))
