"""Setting up a home: folders, Dagster's settings and storage, the app database, dbt's parse.

What belongs here: what ``chatp prepare`` does; quick and without effect when nothing changed. What does not:
packages and programs (``make setup``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from chat_platform.errors import ConfigurationError
from chat_platform.settings import Settings, project_root
from chat_platform.storage.app_database import upgrade

_TEMPLATE = Path(__file__).with_name("dagster.yaml")


def prepare(settings: Settings) -> list[str]:
    """Bring a home up to date.

    Returns:
        What was done, in words; empty when nothing had to be.
    """
    done = []
    for folder in (settings.home, settings.home / "dagster", settings.warehouse, settings.inbox):
        if not folder.exists():
            folder.mkdir(parents=True)
            done.append(f"created {folder}")
    dagster_home = settings.home / "dagster"
    if _differs(_TEMPLATE, dagster_home / "dagster.yaml"):
        shutil.copy(_TEMPLATE, dagster_home / "dagster.yaml")
        done.append("wrote dagster.yaml")
    if not (dagster_home / "history" / "runs" / "index.db").exists():
        # Several processes on a fresh SQLite home race and fail, so the tables are made once, here.
        _run("dagster", ["instance", "migrate"], settings)
        done.append("prepared Dagster's storage")
    upgrade(settings.app_database)
    if parse_dbt(settings):
        done.append("parsed the dbt project")
    return done


def parse_dbt(settings: Settings) -> bool:
    """Make dbt's manifest for this home, unless it is newer than every file of the project.

    Returns:
        Whether dbt ran.
    """
    project, target = project_root() / "dbt_project", settings.home / "dbt"
    manifest = target / "manifest.json"
    sources = [
        p for p in project.rglob("*") if p.suffix in (".sql", ".yml", ".csv") and "target" not in p.parts
    ]
    newest = max(path.stat().st_mtime for path in sources)
    if manifest.exists() and manifest.stat().st_mtime >= newest:
        return False
    arguments = [
        "parse",
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target-path",
        str(target),
    ]
    _run("dbt", ["--quiet", *arguments, "--log-path", str(target)], settings)
    return True


def environment(settings: Settings) -> dict[str, str]:
    """Environment of programs that work on this home."""
    return {
        **os.environ,
        "CHATP_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "CHATP_WAREHOUSE_BUILD": str(settings.warehouse / "build.duckdb"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        # See runner.ONE_PLANNED_EVENT; the daemon reads it too.
        "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true",
    }


def program(name: str) -> str:
    """A program of our environment, which need not be activated."""
    return str(Path(sys.executable).with_name(name))


def _run(name: str, arguments: list[str], settings: Settings) -> None:
    done = subprocess.run(
        [program(name), *arguments],
        env=environment(settings),
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise ConfigurationError("CP-CONF-003", f"{name} {arguments[0]}: {' '.join(lines[-3:])}")


def _differs(source: Path, target: Path) -> bool:
    return not target.exists() or target.read_bytes() != source.read_bytes()
