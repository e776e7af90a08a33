"""A home that is set up, and the way to make more of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat_platform.cli.setup_home import prepare
from chat_platform.settings import Settings
from tests.integration.harness import Home


@pytest.fixture(scope="session", autouse=True)
def prepared() -> None:
    prepare(Settings())


@pytest.fixture(scope="session")
def make_home(prepared: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Home]]:
    """Makes homes by copying the one that is set up: dbt's parse takes seconds."""
    empty = tmp_path_factory.mktemp("empty") / "home"
    shutil.copytree(Settings().home, empty)

    def make(name: str) -> Home:
        folder: Path = tmp_path_factory.mktemp(name) / "home"
        shutil.copytree(empty, folder)
        assert prepare(Settings(home=folder)).lines() == [], "a copy lacks nothing"
        return Home(folder)

    yield make
