"""Chat that is heard live: nothing that was written is lost, a day is one conversation, nothing counts twice."""

from __future__ import annotations

import configparser
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chat_platform.cli.main import app as cli_app
from chat_platform.errors import ConfigurationError, StreamError
from chat_platform.ingestion.streams import live
from chat_platform.ingestion.streams.live import capture, is_live, parse_captured, take_again, take_up
from chat_platform.ingestion.streams.vods import discover, fetch, parse
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import GeneratedVideo, StreamWorld
from chat_platform.simulators.twitch_irc_server import TwitchIrcServer, line_of
from chat_platform.sources.streams.port import live_conversation_id
from chat_platform.sources.streams.twitch.irc import TwitchLive
from chat_platform.storage.captures import LOST_AFTER, SignOfLife, captures, forget_lost
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, QUARANTINE
from chat_platform.tables.streams import EMOTE_USES

ROOT = Path(__file__).resolve().parents[3]
CHILD = "from chat_platform.cli.main import main; main()"


@pytest.fixture
def video(world: StreamWorld) -> GeneratedVideo:
    return next(v for s in world.everybody() for v in world.videos(s) if world.native_uses(v))


@pytest.fixture
def lines(world: StreamWorld, video: GeneratedVideo) -> list[str]:
    """What is said in a video, as it is heard in the channel ``ganada``."""
    streamer = world.everybody()[video.streamer]
    return [line_of(comment, streamer, "ganada", video) for comment in world.chat(video)]


@pytest.fixture
def server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwitchIrcServer]:
    with TwitchIrcServer() as started:
        urls = {"twitch": {"irc": f"irc://127.0.0.1:{started.port}"}}
        monkeypatch.setenv("CHATP_STREAMS__BASE_URLS", json.dumps(urls))
        monkeypatch.setenv("CHATP_STREAMS__LOOK_MINUTES", "0")
        yield started


def written(settings: Settings) -> list[str]:
    """Lines that were heard, as they lie in the files."""
    files = sorted((settings.live_chats / "twitch" / "ganada").glob("*"))
    found = "".join(path.read_text(encoding="utf-8") for path in files).split("\n")
    return [line for line in found if line.startswith("@")]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def listen(lines: list[str], server: TwitchIrcServer, *, drop_before: int | None = None) -> int:
    """Hear lines; the connection is lost before one of them."""
    settings, stop, heard = Settings(), threading.Event(), []
    before = len(written(settings))
    joined = sum("JOIN" in line for line in server.received)
    thread = threading.Thread(
        target=lambda: heard.append(capture(settings, "twitch", ["Ganada"], stop.is_set))
    )
    thread.start()
    for number, line in enumerate(lines):
        if number == drop_before:
            wait_until(lambda number=number: len(written(settings)) == before + number)
            server.drop()
        if number in (0, drop_before):
            joined += 1
            server.wait_for("JOIN #ganada", joined)
        server.say(line, in_pieces=number % 3 == 0)
    wait_until(lambda: len(written(settings)) == before + len(lines))
    stop.set()
    thread.join(30)
    return heard[0]


def today(settings: Settings) -> date:
    return datetime.now(settings.zone).date()


def test_what_is_heard_becomes_the_tables_of_a_video(
    world: StreamWorld, video: GeneratedVideo, lines: list[str], workspace: Workspace, server: TwitchIrcServer
) -> None:
    channel = world.everybody()[video.streamer].channel_id
    assert listen(lines[:20], server) == 20
    workspace = Workspace(Settings())
    (conversation,) = take_up(workspace, "twitch")
    assert conversation == live_conversation_id("twitch", channel, today(workspace.settings))
    assert workspace.ledger.due("twitch") == [conversation] and is_live(workspace, conversation)
    assert parse_captured(workspace, "twitch", conversation).state == "parsed"
    assert take_up(workspace, "twitch") == [], "nothing has grown"
    # Listening again, with a lost connection: the day grows, and is replaced.
    listen(lines[20:], server, drop_before=5)
    assert take_up(workspace, "twitch") == [conversation]
    outcome = parse_captured(workspace, "twitch", conversation)
    rows = workspace.lake.read(MESSAGES, conversation).to_pylist()
    assert [row["message_id"] for row in rows] == [f"twitch-{c.comment_id}" for c in world.chat(video)]
    assert {row["source"] for row in rows} == {"twitch_live"}
    uses = workspace.lake.read(EMOTE_USES, conversation).to_pylist()
    native = sum(row["uses"] for row in uses if row["provider"] == "native")
    assert native == sum(world.native_uses(video).values())
    gaps = [row["reason"] for row in workspace.lake.read(QUARANTINE, conversation).to_pylist()]
    assert gaps == ["chat_gap", "chat_gap"], "between the two listenings, and the lost connection"
    assert outcome.parsed is not None and outcome.parsed.counts()["quarantined"] == 2
    modes = {path.stat().st_mode & 0o777 for path in workspace.settings.live_chats.rglob("2*")}
    assert modes == {0o600}


def test_killed_it_loses_nothing_that_it_wrote_and_stops_when_asked(
    lines: list[str], workspace: Workspace, server: TwitchIrcServer
) -> None:
    settings = Settings()

    def start(times: int) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, "streams", "live", "ganada"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        )
        server.wait_for("JOIN #ganada", times)
        return child

    child = start(1)
    for line in lines[:15]:
        server.say(line)
    wait_until(lambda: len(written(settings)) == 15)
    (sign,) = captures(settings.home)
    assert (sign.channels, sign.pid, sign.problem(datetime.now(UTC))) == (("ganada",), child.pid, None)
    child.send_signal(signal.SIGKILL)
    child.wait(20)
    later = datetime.now(UTC) + LOST_AFTER
    (lost,) = [capture.problem(later) for capture in captures(settings.home)]
    assert lost is not None and lost.code == "CP-STREAM-011" and "ganada" in str(lost)
    assert written(settings) == lines[:15]
    path = max((settings.live_chats / "twitch" / "ganada").glob("*"))
    with path.open("a", encoding="utf-8") as file:
        file.write("@id=half;tmi")
    server.drop()
    child = start(2)
    (again,) = captures(settings.home)
    assert again.pid == child.pid and again.problem(later) is None, (
        "it takes the place of the one that was killed"
    )
    for line in lines[15:30]:
        server.say(line)
    wait_until(lambda: len(written(settings)) == 31)
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0
    assert captures(settings.home) == [], "it was told to stop"
    assert [line for line in written(settings) if line != "@id=half;tmi"] == lines[:30]
    workspace = Workspace(Settings())
    (conversation,) = take_up(workspace, "twitch")
    parse_captured(workspace, "twitch", conversation)
    assert workspace.lake.read(MESSAGES, conversation).num_rows == 30


def test_messages_of_a_recorded_stream_are_its_own(
    world: StreamWorld,
    video: GeneratedVideo,
    lines: list[str],
    workspace: Workspace,
    connect,
    twitch,
    clock,
) -> None:
    streamer = world.everybody()[video.streamer]
    zone = workspace.settings.zone
    folder = workspace.settings.live_chats / "twitch" / "ganada"
    folder.mkdir(parents=True)
    begun = video.started_at.astimezone(zone)
    said_after = lines[-1].replace(world.chat(video)[-1].comment_id, "said-after-the-end")
    path = folder / f"{begun:%Y-%m-%dT%H}"
    path.write_text("\n".join([*lines, said_after]) + "\n", encoding="utf-8")
    (heard,) = take_up(workspace, "twitch")
    parse_captured(workspace, "twitch", heard)
    assert workspace.lake.read(MESSAGES, heard).num_rows == len(lines) + 1
    assert take_up(workspace, "twitch") == [] and not path.exists(), "a day that is over is archived"
    platform = connect(twitch())
    discover(workspace, platform, since=world.first_day, channel_ids=[streamer.channel_id], clock=clock)
    recorded = f"twitch-{video.video_id}"
    fetch(workspace, platform, [recorded])
    assert [one.state for one in parse(workspace, "twitch", [recorded])] == ["parsed"]
    assert take_again(workspace, "twitch", recorded) == [heard]
    assert heard in workspace.ledger.due("twitch")
    outcome = parse_captured(workspace, "twitch", heard)
    assert workspace.lake.read(MESSAGES, heard)["message_id"].to_pylist() == ["twitch-said-after-the-end"]
    assert outcome.parsed is not None and outcome.parsed.duplicates == len(lines)
    outcome.parsed.check_conservation()


def test_a_capture_that_ends_with_an_error_is_seen_at_once_until_it_is_forgotten(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = workspace.settings

    class Refused:
        silences = ()

        def lines(self, stop: Callable[[], bool]) -> Iterator[str]:
            assert not stop()
            raise StreamError("CP-TWITCH-004", "login refused")

    monkeypatch.setattr(TwitchLive, "listen", lambda *_: Refused())
    for _ in range(2):
        with pytest.raises(StreamError):
            capture(settings, "twitch", ["Ganada", "another"])
    (sign,) = captures(settings.home)
    problem = sign.problem(datetime.now(UTC))
    assert problem is not None and problem.code == "CP-STREAM-011"
    assert "another, ganada" in str(problem) and "CP-TWITCH-004" in str(problem)
    SignOfLife(settings.home, "twitch", ["somebody"])
    assert forget_lost(settings.home, dry_run=True) == forget_lost(settings.home) == [sign]
    assert [one.channels for one in captures(settings.home)] == [("somebody",)]


def test_a_capture_signs_while_it_is_connected(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_platform.storage.captures.SIGN_S", 0.0)
    sign = SignOfLife(workspace.settings.home, "twitch", ["ganada"])
    (begun,) = captures(workspace.settings.home)
    sign.give(0)
    (silent,) = captures(workspace.settings.home)
    assert begun.listening_at < silent.listening_at and silent.heard_at is None
    sign.give(3)
    (heard,) = captures(workspace.settings.home)
    assert (heard.lines, heard.heard_at) == (3, heard.listening_at)
    sign.give(3)
    (later,) = captures(workspace.settings.home)
    assert later.heard_at == heard.heard_at < later.listening_at
    assert later.problem(later.listening_at + LOST_AFTER) is None
    assert later.problem(later.listening_at + LOST_AFTER + timedelta(seconds=1)) is not None


def test_the_unit_for_systemd_starts_what_there_is_and_starts_it_again() -> None:
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((ROOT / "deploy" / "chatp-live.service").read_text(encoding="utf-8"))
    program, *arguments = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "chatp" and unit["Service"]["Restart"] == "on-failure"
    words = [word for word in arguments if word != "$LIVE_CHANNELS"]
    found = CliRunner().invoke(cli_app, [*words, "--help"])
    assert found.exit_code == 0 and "CHANNELS" in found.output


def test_files_are_cut_by_the_hour(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = workspace.settings
    now = datetime(2026, 3, 2, 23, 59, tzinfo=settings.zone)

    class Hours(datetime):
        @classmethod
        def now(cls, tz=None):
            return now.astimezone(tz)

    monkeypatch.setattr(live, "datetime", Hours)
    files = live._Files(settings, "twitch")
    files.write("ganada", "one")
    now += timedelta(minutes=1)
    files.write("ganada", "two")
    files.close()
    found = {path.name: path.read_text() for path in (settings.live_chats / "twitch" / "ganada").iterdir()}
    assert found == {"2026-03-02T23": "one\n", "2026-03-03T00": "two\n"}


def test_it_does_not_listen_unprotected(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("irc://chat.example.org:6667", "https://127.0.0.1"):
        monkeypatch.setenv("CHATP_STREAMS__BASE_URLS", json.dumps({"twitch": {"irc": address}}))
        with pytest.raises(ConfigurationError):
            capture(Settings(), "twitch", ["ganada"])
