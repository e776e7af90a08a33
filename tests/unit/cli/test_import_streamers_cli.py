"""``chatp import streamers``: what is used of a list, what is not, and which platform failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.simulators.stream_world import StreamServers, start_streams
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import CHANNELS
from tests.unit.cli.conftest import everything_in


@pytest.fixture
def outside(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamServers]:
    """Twitch and CHZZK over five streamers, in the settings of the home."""
    with start_streams(StreamWorld(5, streamers=5, days=10)) as servers:
        for name, value in servers.environment().items():
            monkeypatch.setenv(name, value)
        yield servers


@pytest.fixture
def streamers(outside: StreamServers, tmp_path: Path) -> Path:
    """A list of three channels on Twitch, one on CHZZK, and two rows that lead nowhere."""
    world = outside.world
    seen = [s for s in world.everybody() if world.visible(s)][:3]
    lines = [f"{s.display_name},https://www.twitch.tv/{world.login(s)}" for s in seen]
    lines += [f"치지직,https://chzzk.naver.com/{seen[0].chzzk_id}", "x,", "y,https://www.twitch.tv/nobody"]
    path = tmp_path / "streamers.csv"
    path.write_text("\n".join(["이름,주소", *lines]), encoding="utf-8")
    return path


def listed() -> set[str]:
    rows = Workspace(Settings()).lake.read(CHANNELS).to_pylist()
    return {row["channel_id"] for row in rows if row["listed"]}


def test_a_list_becomes_channels_and_every_other_row_is_reported(
    as_json: Callable[..., Any], streamers: Path
) -> None:
    found = as_json("import", "streamers", str(streamers))
    assert (found["rows"], found["channels"], found["new"], found["errors"]) == (6, 4, True, {})
    assert [(row["row"], row["reason"]) for row in found["bad_rows"]] == [
        (6, "missing_address"),
        (7, "unknown_channel"),
    ]
    assert len(listed()) == 4
    assert as_json("import", "streamers", str(streamers))["new"] is False


def test_a_dry_run_asks_nobody_and_writes_nothing(
    as_json: Callable[..., Any], streamers: Path, outside: StreamServers, home: Path
) -> None:
    before = everything_in(home) if home.exists() else {}
    found = as_json("import", "streamers", str(streamers), "--dry-run")
    assert (found["channels"], len(found["bad_rows"]), found["dry_run"]) == (5, 1, True)
    assert outside.twitch.requests == outside.chzzk.requests == []
    assert {name for name in everything_in(home) if name not in before} == set()


def test_a_platform_without_credentials_is_an_error_and_the_other_is_imported(
    invoke: Callable[..., Result], streamers: Path, outside: StreamServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = json.loads(outside.environment()["CHATP_STREAM_CLIENT_IDS"])
    monkeypatch.setenv("CHATP_STREAM_CLIENT_IDS", json.dumps({k: v for k, v in ids.items() if k != "chzzk"}))
    result = invoke("import", "streamers", str(streamers))
    assert result.exit_code == 1
    assert "CP-STREAM-001" in result.stderr
    assert "3 channels" in result.stdout
    assert "not_asked" in result.stdout
    assert len(listed()) == 3


def test_the_result_is_said_in_korean(
    invoke: Callable[..., Result], streamers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATP_LANG", "ko")
    result = invoke("import", "streamers", str(streamers))
    assert "채널 4개" in result.stdout
    assert "사용하지 못한 행" in result.stdout


def test_a_file_that_is_no_list_is_a_coded_error(invoke: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    result = invoke("import", "streamers", str(path))
    assert result.exit_code != 0
    assert getattr(result.exception, "code", None) == "CP-STREAM-021"
