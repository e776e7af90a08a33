"""``prepare``, ``doctor``, ``clean``, ``docs``: what they say is so, what they left alone is untouched."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chat_platform.cli import doctor, setup_home
from chat_platform.settings import Settings, project_root
from chat_platform.storage.app_database import current_revision, downgrade, newest_revision, open_database
from chat_platform.storage.workspace import Workspace
from tests.unit.cli.conftest import everything_in


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Dagster and dbt as they are seen from outside: what they are asked for, and the files that they leave."""
    asked: list[str] = []

    def run(name: str, arguments: list[str], settings: Settings) -> None:
        asked.append(f"{name} {arguments[-1] if name == 'dagster' else 'parse'}")
        left = (
            settings.home / "dagster" / "history" / "runs" / "index.db"
            if name == "dagster"
            else settings.home / "dbt" / "manifest.json"
        )
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text("{}", encoding="utf-8")

    monkeypatch.setattr(setup_home, "_run", run)
    return asked


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project of two models in a folder of its own."""
    root = tmp_path / "project"
    models = root / "dbt_project" / "models" / "marts"
    models.mkdir(parents=True)
    for name in ("a.sql", "b.sql"):
        (models / name).write_text("select 1", encoding="utf-8")
    old = time.time() - 3600
    for path in (*models.iterdir(), models, models.parent, root / "dbt_project"):
        os.utime(path, (old, old))
    monkeypatch.setattr(setup_home, "project_root", lambda: root)
    return root / "dbt_project"


# --- prepare ---------------------------------------------------------------------------------------------------


def test_a_home_is_prepared_once(as_json: Callable[..., Any], programs: list[str], home: Path) -> None:
    first, second = as_json("prepare"), as_json("prepare")
    assert first["created"] == [str(home), *(str(home / n) for n in ("dagster", "warehouse", "inbox"))]
    assert [first[n] for n in ("settings", "storage", "migrated", "parsed")] == [True] * 4
    assert first["revision"] == newest_revision()
    assert programs == ["dagster migrate", "dbt parse"]
    assert second["created"] == []
    assert [second[n] for n in ("settings", "storage", "migrated", "parsed")] == [False] * 4


def test_migrated_is_said_only_when_the_revision_changed(
    as_json: Callable[..., Any], programs: list[str], home: Path
) -> None:
    as_json("prepare")
    downgrade(Settings().app_database, "0001")
    assert as_json("prepare", "--dry-run")["migrated"] is True
    assert current_revision(open_database(Settings().app_database)) == "0001"
    assert as_json("prepare")["migrated"] is True
    assert current_revision(open_database(Settings().app_database)) == newest_revision()
    assert as_json("prepare")["migrated"] is False


def test_a_dry_preparation_makes_nothing(
    as_json: Callable[..., Any], programs: list[str], home: Path
) -> None:
    found = as_json("prepare", "--dry-run")
    assert (found["dry_run"], found["migrated"], found["parsed"]) == (True, True, True)
    assert not home.exists()
    assert programs == []


@pytest.mark.parametrize("change", ["delete", "edit", "add", "rename"])
def test_every_change_of_the_dbt_project_is_parsed_and_only_once(
    as_json: Callable[..., Any], programs: list[str], project: Path, home: Path, change: str
) -> None:
    as_json("prepare")
    assert as_json("prepare")["parsed"] is False
    marts = project / "models" / "marts"
    past = time.time() - 60
    os.utime(home / "dbt" / "manifest.json", (past, past))
    assert as_json("prepare", "--dry-run")["parsed"] is False
    match change:
        case "delete":
            (marts / "b.sql").unlink()
        case "edit":
            (marts / "b.sql").write_text("select 2", encoding="utf-8")
        case "add":
            (marts / "c.sql").write_text("select 3", encoding="utf-8")
        case "rename":
            (marts / "b.sql").rename(marts / "c.sql")
    assert as_json("prepare")["parsed"] is True
    assert as_json("prepare")["parsed"] is False


def test_what_other_programs_leave_in_the_project_is_no_change_of_it(
    as_json: Callable[..., Any], programs: list[str], project: Path
) -> None:
    as_json("prepare")
    for folder in ("target", "logs"):
        (project / folder).mkdir()
        (project / folder / "compiled.sql").write_text("select 1", encoding="utf-8")
    assert as_json("prepare")["parsed"] is False


# --- doctor ----------------------------------------------------------------------------------------------------


def findings(as_json: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in as_json("doctor")}


def test_wrong_settings_are_one_failed_check_and_the_others_run(
    as_json: Callable[..., Any], home: Path
) -> None:
    home.mkdir()
    (home / "chatp.toml").write_text(
        'timezone = "Mars/Olympus"\nslack_token = "xoxb-planted"\n', encoding="utf-8"
    )
    found = findings(as_json)
    assert found["settings"]["ok"] is False
    assert "CP-CONF-001" in found["settings"]["seen"]
    assert found["settings"]["remedy"]
    assert found["python"]["ok"]
    assert found["duckdb"]["ok"]
    assert found["lake"]["ok"]
    assert "xoxb-planted" not in str(found)
    assert {"disk", "home", "dagster", "dbt", "slack", "clock"} <= set(found)


def test_a_lake_that_cannot_be_written_is_found(
    as_json: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "lake").mkdir(parents=True)
    before = everything_in(home / "lake")
    assert findings(as_json)["lake"]["ok"] is True
    assert everything_in(home / "lake") == before

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", full)
    found = findings(as_json)["lake"]
    assert (found["ok"], "No space left" in found["seen"]) == (False, True)


def test_a_vault_that_others_can_read_is_found(
    as_json: Callable[..., Any], workspace: Workspace, home: Path
) -> None:
    workspace.vault.write("zoom", "zoom-1", "answer", b"{}")
    vault = home / "lake" / "raw"
    assert findings(as_json)["lake"]["ok"] is True
    vault.chmod(stat.S_IRWXU | stat.S_IRGRP)
    found = findings(as_json)["lake"]
    assert (found["ok"], found["remedy"]) == (False, f"chmod 700 {vault}")


def test_the_clock_is_looked_at_without_slack(
    as_json: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no Slack" in findings(as_json)["clock"]["seen"]
    monkeypatch.setenv("CHATP_SLACK_TOKEN", "xoxb-0-0")
    monkeypatch.setenv("CHATP_SLACK__BASE_URL", "http://127.0.0.1:9/api/")
    found = findings(as_json)
    assert found["slack"]["ok"] is False
    assert found["clock"]["ok"] is True
    assert "cannot be reached" in found["clock"]["seen"]
    monkeypatch.setattr(doctor.time, "time", lambda: 1_000_000.0)
    assert findings(as_json)["clock"]["ok"] is False


# --- clean, docs -----------------------------------------------------------------------------------------------


def test_cleaning_says_what_it_removed(as_json: Callable[..., Any], home: Path) -> None:
    (home / "lake" / "core").mkdir(parents=True)
    (home / "screenshots").mkdir()
    old, new = home / "screenshots" / "old.png", home / "screenshots" / "new.png"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    dry = as_json("clean", "--dry-run")
    assert (dry["found"], dry["removed"], old.exists()) == ([str(old)], [], True)
    assert as_json("clean")["removed"] == [str(old)]
    assert (old.exists(), new.exists()) == (False, True)
    everything = as_json("clean", "--all", "--yes")
    assert set(everything["removed"]) == {str(home / "lake"), str(home / "screenshots")}
    assert not (home / "lake").exists()


def test_a_dry_run_of_docs_names_what_differs_and_writes_nothing(
    invoke: Callable[..., Result],
    as_json: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from chat_platform.cli import machine

    root = tmp_path / "project"
    shutil.copytree(project_root() / "docs", root / "docs", ignore=shutil.ignore_patterns("pictures"))
    monkeypatch.setattr(machine, "project_root", lambda: root)
    assert invoke("docs").exit_code == 0
    (root / "docs" / "errors.md").write_text("old", encoding="utf-8")
    before = everything_in(root)
    assert as_json("docs", "--dry-run") == {"changed": ["docs/errors.md"], "dry_run": True}
    assert everything_in(root) == before
    assert as_json("docs")["changed"] == ["docs/errors.md"]
    assert as_json("docs")["changed"] == []
