"""A home that is set up, and the way to make more of them."""

from __future__ import annotations

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
def make_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Home]]:
    def make(name: str) -> Home:
        folder: Path = tmp_path_factory.mktemp(name) / "home"
        prepare(Settings(home=folder))
        return Home(folder)

    yield make
