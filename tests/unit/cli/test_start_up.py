"""Starting quickly: what the graph and the commands do not need is not imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_platform.cli.setup_home import prepare
from chat_platform.settings import Settings
from chat_platform.storage.app_database import current_revision, newest_revision, open_database

SLOW = (
    "alembic",
    "kiwipiepy",
    "matplotlib",
    "networkx",
    "polars",
    "scipy",
    "selenium",
    "sklearn",
    "skops",
    "torch",
    "transformers",
    # All of dbt: see assets/dbt_bridge.py.
    "dbt.adapters",
    "dbt.graph",
)


def imported_by(statement: str, **variables: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules), file=sys.__stdout__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_loading_the_code_location_imports_nothing_slow() -> None:
    prepare(Settings())
    modules = imported_by("import chat_platform.definitions")
    assert "dagster" in modules
    assert modules.isdisjoint(SLOW), sorted(modules & set(SLOW))


def test_dbt_can_still_be_imported_after_the_code_location() -> None:
    prepare(Settings())
    modules = imported_by("import chat_platform.definitions, dbt.version")
    assert "dbt.version" in modules


@pytest.mark.parametrize("command", ["sql", "rollback"])
def test_reading_what_is_published_imports_neither_dagster_nor_the_rest_of_the_storage(
    home: Path, publish: Callable[[str], int], command: str
) -> None:
    for name in ("t", "u"):
        publish(f"create table core.{name} as select 1 as x")
    arguments = ["sql", "select 1"] if command == "sql" else ["rollback"]
    modules = imported_by(
        f"from chat_platform.cli.main import app\napp({arguments!r}, standalone_mode=False)",
        CHATP_HOME=str(home),
    )
    assert "duckdb" in modules
    assert modules.isdisjoint({*SLOW, "dagster", "sqlalchemy", "requests"})


def test_a_database_that_is_up_to_date_is_opened_without_alembic(home: Path) -> None:
    url = Settings().app_database
    upgrade = f"from chat_platform.storage.app_database import upgrade; upgrade({url!r})"
    assert "alembic" in imported_by(upgrade)
    assert "alembic" not in imported_by(upgrade)
    assert current_revision(open_database(url)) == newest_revision()
