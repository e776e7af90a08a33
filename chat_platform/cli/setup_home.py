"""Setting up a home: folders, Dagster's settings and storage, the app database, dbt's parse.

What belongs here: what ``chatp prepare`` does; quick and without effect when nothing changed. What does not:
packages and programs (``make setup``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url

from chat_platform.cli.console import tr
from chat_platform.errors import ConfigurationError
from chat_platform.settings import Settings, project_root
from chat_platform.storage.app_database import current_revision, newest_revision, open_database, upgrade

_TEMPLATE = Path(__file__).with_name("dagster.yaml")


@dataclass
class Prepared:
    """What a home lacked and has now, or would get.

    Attributes:
        created: folders.
        settings: Dagster's own settings were written.
        storage: Dagster's tables were made.
        migrated: revisions of the app database before and after; ``None``: it is the newest already.
        parsed: dbt parsed its project.
    """

    created: list[Path] = field(default_factory=list)
    settings: bool = False
    storage: bool = False
    migrated: tuple[str | None, str] | None = None
    parsed: bool = False

    def lines(self) -> list[str]:
        """In words; empty when nothing had to be done."""
        done = [f"{tr('folder', '폴더')} {path}" for path in self.created]
        if self.settings:
            done.append("dagster.yaml")
        if self.storage:
            done.append(tr("Dagster's storage", "Dagster 저장소"))
        if self.migrated:
            before, after = self.migrated
            done.append(f"{tr('app database', '앱 데이터베이스')} {before or '–'} → {after}")
        if self.parsed:
            done.append(tr("parse of the dbt project", "dbt 프로젝트 해석"))
        return done


def prepare(settings: Settings, *, dry_run: bool = False) -> Prepared:
    """Bring a home up to date; quick and without effect when it is.

    Args:
        dry_run: only say what would be done.

    Raises:
        ConfigurationError: CP-CONF-003 when Dagster or dbt ends with an error.
        StorageError: CP-STORE-020 to -023 when the app database cannot be used.
    """
    dagster_home = settings.home / "dagster"
    folders = (settings.home, dagster_home, settings.warehouse, settings.inbox)
    lacking = Prepared(
        created=[folder for folder in folders if not folder.exists()],
        settings=_differs(_TEMPLATE, dagster_home / "dagster.yaml"),
        storage=not (dagster_home / "history" / "runs" / "index.db").exists(),
        migrated=_migration(settings.app_database),
        parsed=_must_parse(settings),
    )
    if not dry_run:
        _provide(settings, lacking)
    return lacking


def _provide(settings: Settings, lacking: Prepared) -> None:
    for folder in lacking.created:
        folder.mkdir(parents=True, exist_ok=True)
    if lacking.settings:
        shutil.copy(_TEMPLATE, settings.home / "dagster" / "dagster.yaml")
    if lacking.storage:
        # Several processes on a fresh SQLite home race and fail, so the tables are made once, here.
        _run("dagster", ["instance", "migrate"], settings)
    if lacking.migrated:
        upgrade(settings.app_database)
    if lacking.parsed:
        _parse_dbt(settings)


def _migration(url: str) -> tuple[str | None, str] | None:
    """Revisions of the app database now and after migrating; ``None`` where they are the same."""
    newest = str(newest_revision())
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return None, newest
    engine = open_database(url)
    try:
        revision = current_revision(engine)
    finally:
        engine.dispose()
    return None if revision == newest else (revision, newest)


def _must_parse(settings: Settings) -> bool:
    """Whether dbt's manifest of this home is missing or older than the project.

    A folder's time tells of a file that was deleted, renamed or added.
    """
    project, manifest = project_root() / "dbt_project", _dbt_target(settings) / "manifest.json"
    if not manifest.exists():
        return True
    files = [
        path
        for path in project.rglob("*")
        if path.suffix in (".sql", ".yml", ".csv") and not {"target", "logs"} & set(path.parts)
    ]
    # The project's own folder is left out: programs put their logs there.
    folders = {folder for path in files for folder in path.parents if project in folder.parents}
    newest = max(path.stat().st_mtime for path in (*files, *folders))
    return manifest.stat().st_mtime < newest


def _parse_dbt(settings: Settings) -> None:
    """Make dbt's manifest for this home."""
    project, target = str(project_root() / "dbt_project"), str(_dbt_target(settings))
    arguments = ["parse", "--project-dir", project, "--profiles-dir", project, "--target-path", target]
    started = time.time()
    _run("dbt", ["--quiet", *arguments, "--log-path", target], settings)
    # The manifest is as old as what dbt read: what changed while it ran is parsed the next time.
    os.utime(_dbt_target(settings) / "manifest.json", (started, started))


def _dbt_target(settings: Settings) -> Path:
    return settings.home / "dbt"


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
