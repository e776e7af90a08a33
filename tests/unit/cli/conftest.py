"""A home of its own for each test, and commands in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from chat_platform.cli.main import app
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings
from chat_platform.storage.publication import Publication
from chat_platform.storage.warehouse import Warehouse
from chat_platform.storage.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``CHATP_HOME``; nothing is in it."""
    monkeypatch.setenv("CHATP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CHATP_LANG", "en")
    monkeypatch.delenv("CHATP_SLACK_TOKEN", raising=False)
    return tmp_path / "home"


@pytest.fixture
def workspace(home: Path) -> Workspace:
    """The storage of that home."""
    return Workspace(Settings())


@pytest.fixture
def invoke(home: Path) -> Callable[..., Result]:
    """Run a command; what is no coded error and no exit fails the test."""

    def run(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(app, list(arguments), **options)
        if result.exception is not None and not isinstance(result.exception, (SystemExit, ChatPlatformError)):
            raise result.exception
        return result

    return run


@pytest.fixture
def as_json(invoke: Callable[..., Result]) -> Callable[..., Any]:
    """Run a command with ``--json`` and read its answer."""

    def run(*arguments: str) -> Any:
        result = invoke(*arguments, "--json")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return json.loads(result.stdout)

    return run


@pytest.fixture
def publish(home: Path) -> Callable[[str], int]:
    """Publish a build made by SQL; gives the version's number."""

    def run(statement: str) -> int:
        warehouse = Warehouse(home / "warehouse")
        with warehouse.write() as connection:
            connection.execute(statement)
        return Publication(home / "warehouse" / "published").publish(warehouse.build_path)[0].number

    return run


def everything_in(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder but SQLite's own bookkeeping."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if not path.name.endswith(("-wal", "-shm", ".lock"))
    }
