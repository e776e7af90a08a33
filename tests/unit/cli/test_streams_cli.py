"""``chatp streams``, and what ``doctor`` and ``status`` say of streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.simulators.stream_world import StreamServers, start_streams
from chat_platform.storage import captures
from chat_platform.storage.captures import SignOfLife
from chat_platform.storage.workspace import Workspace


@pytest.fixture
def outside(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamServers]:
    """Twitch and CHZZK over three streamers, in the settings of the home."""
    world = StreamWorld(5, streamers=3, days=10, messages_per_video=5)
    with start_streams(world, limit=None) as servers:
        for name, value in servers.environment().items():
            monkeypatch.setenv(name, value)
        yield servers


@pytest.fixture
def listed(as_json: Callable[..., Any], outside: StreamServers, tmp_path: Path) -> StreamWorld:
    """Everybody of the world on the list, with Twitch addresses."""
    world = outside.world
    path = tmp_path / "list.csv"
    lines = [f"{s.display_name},https://www.twitch.tv/{world.login(s)}" for s in world.everybody()]
    path.write_text("\n".join(["name,url", *lines]), encoding="utf-8")
    assert as_json("import", "streamers", str(path))["channels"] == 3
    return world


def ids_of(world: StreamWorld, since: str) -> list[str]:
    return sorted(
        f"twitch-{video.video_id}"
        for streamer in world.everybody()
        for video in world.videos(streamer)
        if str(video.day) >= since
    )


def test_a_back_fill_finds_every_stream_since_a_day_once(
    as_json: Callable[..., Any], listed: StreamWorld
) -> None:
    since = str(listed.day(4))
    (twitch, chzzk) = as_json("streams", "backfill", "--since", since, "--no-run")
    expected = ids_of(listed, since)
    assert (twitch["platform"], twitch["listed"], twitch["new"]) == ("twitch", 3, len(expected))
    assert (chzzk["listed"], chzzk["new"]) == (0, 0)
    assert Workspace(Settings()).ledger.ids("twitch") == expected
    assert as_json("streams", "backfill", "--since", since, "--no-run")[0]["new"] == 0
    everything = ids_of(listed, "0")
    again = as_json("streams", "backfill", "--since", "2020-01-01", "--no-run")[0]
    assert again["new"] == len(everything) - len(expected) > 0
    status = as_json("status")
    assert {"source": "twitch", "state": "announced", "conversations": len(everything)} in status["states"]
    assert status["due"] == len(everything) + 1, "and the list, which is not published yet"


def test_a_back_fill_without_credentials_says_so_and_runs_nothing(
    invoke: Callable[..., Result], listed: StreamWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATP_STREAM_CLIENT_SECRETS")
    done = invoke("streams", "backfill", "--since", "2020-01-01", "--no-run")
    assert done.exit_code == 1
    assert "CP-STREAM-001" in done.output
    assert Workspace(Settings()).ledger.ids("twitch") == []


def test_the_doctor_says_of_each_platform_whether_it_answers(
    as_json: Callable[..., Any], listed: StreamWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> dict[str, Any]:
        return {one["name"]: one for one in as_json("doctor")}

    seen = found()
    assert (seen["twitch"]["ok"], "3" in seen["twitch"]["seen"]) == (True, True)
    assert seen["chzzk"]["ok"] is True
    monkeypatch.setenv("CHATP_STREAM_CLIENT_SECRETS", '{"twitch": "another"}')
    refused = found()["twitch"]
    assert (refused["ok"], "CP-STREAM-002" in refused["seen"]) == (False, True)
    monkeypatch.delenv("CHATP_STREAM_CLIENT_SECRETS")
    missing = found()["twitch"]
    assert (missing["ok"], "CP-STREAM-001" in missing["seen"], bool(missing["remedy"])) == (False, True, True)
    monkeypatch.delenv("CHATP_STREAM_CLIENT_IDS")
    assert found()["twitch"]["ok"] is True


def test_a_capture_that_was_killed_is_seen_until_it_is_forgotten(
    as_json: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doctor() -> dict[str, Any]:
        return next(one for one in as_json("doctor") if one["name"] == "live chat")

    assert (doctor()["ok"], as_json("status")["captures"]) == (True, [])
    SignOfLife(home, "twitch", ["ganada"])
    assert (doctor()["ok"], "ganada" in doctor()["seen"]) == (True, True)
    assert as_json("status")["captures"][0]["state"] == "listening"
    assert as_json("streams", "forget")["forgotten"] == []
    monkeypatch.setattr(captures, "LOST_AFTER", timedelta(0))
    lost = doctor()
    assert (lost["ok"], "CP-STREAM-011" in lost["seen"], bool(lost["remedy"])) == (False, True, True)
    (row,) = as_json("status")["captures"]
    assert (row["channels"], row["state"]) == ("ganada", "CP-STREAM-011") and row["remedy"]
    assert as_json("streams", "forget", "--dry-run")["forgotten"][0]["channels"] == ["ganada"]
    assert doctor()["ok"] is False
    as_json("streams", "forget")
    assert (doctor()["ok"], as_json("status")["captures"]) == (True, [])
