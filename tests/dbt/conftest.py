"""Build files that tests of the metrics start from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from tests.dbt.classroom import (
    Build,
    Conversation,
    Row,
    groups,
    identity,
    parse_project,
    person,
    random_lecture,
    version,
)
from tests.dbt.streaming import Tables, streaming


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The dbt project, parsed once."""
    return parse_project(tmp_path_factory.mktemp("dbt-project"))


@pytest.fixture(scope="session")
def lectures() -> list[Conversation]:
    """Two recordings, a saved chat and a day of a Slack channel; two of them on one date."""
    return [
        random_lecture("r1", "zoom", date(2026, 3, 2), seed=1),
        random_lecture("r2", "zoom", date(2026, 3, 4), seed=2),
        random_lecture("f1", "zoom_file", date(2026, 3, 5), seed=3),
        random_lecture("s1", "slack", date(2026, 3, 5), seed=4),
    ]


@pytest.fixture(scope="session")
def streams() -> tuple[Tables, list[Conversation]]:
    """Two channels and the chats of their three videos."""
    return streaming()


@pytest.fixture(scope="session")
def people() -> list[Row]:
    return [person("p0", "teacher", slack_id="U0"), *(person(f"p{n}") for n in range(1, 8))]


@pytest.fixture(scope="session")
def identities() -> list[Row]:
    """A name for each person, and one that two people share."""
    return [*(identity(f"i{n}", f"p{n}") for n in range(8)), identity("i8", None, "ambiguous")]


@pytest.fixture(scope="session")
def full_refresh(
    tmp_path_factory: pytest.TempPathFactory,
    project: Manifest,
    lectures: list[Conversation],
    streams: tuple[Tables, list[Conversation]],
    people: list[Row],
    identities: list[Row],
) -> Build:
    """Everything loaded and built at once, with its data tests; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        build = _build(tmp_path_factory.mktemp("full"), project, patch)
        build.people(people, identities)
        build.models([version()], groups(lectures))
        build.streams(streams[0])
        build.load([*lectures, *streams[1]])
        build.dbt("build", "--exclude-resource-type", "unit_test", "--full-refresh")
    return build


@pytest.fixture
def copy_of(tmp_path: Path, project: Manifest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Build], Build]:
    """A function that copies a published build, for a test that changes it."""

    def copy(original: Build) -> Build:
        build = _build(tmp_path, project, monkeypatch)
        original.copy_to(build.path)
        build.published()
        return build

    return copy


@pytest.fixture
def empty(tmp_path: Path, project: Manifest, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build file whose tables hold nothing."""
    return _build(tmp_path, project, monkeypatch)


def _build(folder: Path, project: Manifest, patch: pytest.MonkeyPatch) -> Build:
    build = Build(folder, project)
    patch.setenv("CHATP_WAREHOUSE_BUILD", str(build.path))
    return build
