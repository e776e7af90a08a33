"""One prepared home for the whole session: importing the definitions reads dbt's manifest from it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgresql import Server, running_server

# A loaded machine is no defect. In CI the same examples every time; at home new ones, to find more.
settings.register_profile("home", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "home")

_HOME = tempfile.mkdtemp(prefix="chatp-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
# Before anything of the package is imported; nothing of the developer's own home may be touched by a test.
for _name in [name for name in os.environ if name.startswith("CHATP_")]:
    del os.environ[_name]
os.environ["CHATP_HOME"] = _HOME
os.environ["DAGSTER_HOME"] = f"{_HOME}/dagster"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of this test process; ``make test`` installs it."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def taught_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a generated class that went through the whole graph; made once for all test processes."""
    # Not at the top: importing the definitions reads what this file sets up.
    from tests.homes import made_once, teach

    return made_once("taught", tmp_path_factory, teach)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An app database without tables, on either kind: a test with this fixture runs on both."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").new_database()
    return f"sqlite:///{tmp_path / 'app.sqlite'}"
