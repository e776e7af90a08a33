"""A portal over a copy of the taught class for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from chat_platform.cli.chromium import Browser, chromium
from chat_platform.settings import Settings
from chat_platform.web import preparation
from chat_platform.web.application import create_app
from tests.homes import copied, made_once
from tests.web.members import member


@pytest.fixture(scope="session")
def streaming_home(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same class with two streamers and the chats of three videos."""
    from tests.dbt.streaming import streaming
    from tests.web.streams_class import publish_streams

    def stream(home: Path) -> None:
        _take_over(taught_home, home)
        publish_streams(home, home / "dbt" / "test", *streaming())

    return made_once("streaming", tmp_path_factory, stream)


@pytest.fixture(scope="session")
def playing_home(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same class after the twenty who wrote most agreed and the author model was trained on what they wrote.

    So few messages make no good model: the bars of promotion are lowered, its ways are those of every training.
    """
    return made_once("playing", tmp_path_factory, lambda home: _play(taught_home, home))


def _take_over(taught: Path, home: Path) -> None:
    shutil.copytree(taught, home, ignore=shutil.ignore_patterns(".whole"))


def _play(taught: Path, home: Path) -> None:
    from chat_platform.ingestion.author_training import settle, train_candidate
    from chat_platform.ingestion.publication import publish
    from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
    from chat_platform.storage.workspace import Workspace
    from chat_platform.tables.models import AUTHOR_PREDICTIONS, EVALUATIONS, MODELS

    _take_over(taught, home)
    low = {"floor": 0, "min_rows": 1, "min_each_class": 1, "max_calibration_error": 1}
    workspace = Workspace(Settings(home=home, authors={"min_messages": 10}, promotion={"author": low}))
    with workspace.publication.read() as connection:
        people = connection.execute(
            "select person_id from marts.participation_daily inner join core.people using (person_id) "
            "where role = 'student' group by person_id order by sum(messages + replies) desc, person_id limit 20"
        ).fetchall()
    for (person_id,) in people:
        ConsentLog(workspace.database).grant(person_id, AUTHOR_MODEL, by="test")
    train_candidate(workspace)
    assert settle(workspace, by="test")[2]
    workspace.warehouse.load(workspace.lake, (MODELS, EVALUATIONS, AUTHOR_PREDICTIONS))
    publish(workspace)
    workspace.database.dispose()


@pytest.fixture(autouse=True)
def unprepared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made before it is asked for, but in modules that test a portal as it is served.

    What is prepared is made when it is first asked for otherwise; hundreds of portals that are asked once or twice
    would spend more on preparing than on answering.
    """
    if not getattr(request.module, "PREPARED", False):
        monkeypatch.setattr(preparation, "PARTS", ())


@pytest.fixture
def home(taught_home: Path, tmp_path: Path) -> Path:
    """A copy of that home, to be written to."""
    return copied(taught_home, tmp_path)


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of the copy; the class is ``class``."""
    return Settings(home=home, web={"class_title": "시험 수업"})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A browser without scripts, and nobody signed in."""
    base = f"http://{settings.web.host}:{settings.web.port}"
    with TestClient(create_app(settings), base_url=base, follow_redirects=False) as found:
        yield found


SignIn = Callable[..., TestClient]


@pytest.fixture
def sign_in(settings: Settings) -> Iterator[SignIn]:
    """``sign_in("student", login="…", person_id="…")``: a browser of somebody with that role."""
    app = create_app(settings)
    opened: list[TestClient] = []

    def make(role: str | None, login: str = "", person_id: str | None = None) -> TestClient:
        opened.append(member(app, role, login, person_id))
        return opened[-1]

    yield make
    for found in opened:
        found.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a process; each starts without cookies, at desktop size, in light colours."""
    with chromium() as found:
        yield found
