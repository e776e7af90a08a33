"""Recordings come by plain HTTP or by a real Chromium; every fault ends in an answer or in a coded error."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from chat_platform.errors import ChatPlatformError
from chat_platform.settings import ZoomSettings
from chat_platform.simulators.world import World, start_world
from chat_platform.sources.zoom.fetch import fetch_all
from chat_platform.sources.zoom.port import FetchedRecording, RecordingTicket
from tests.chosen import first_of

pytestmark = pytest.mark.timeout(120)
SCRIPT_ONLY = 3


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with start_world(
        5, recordings=8, messages_per_recording=30, mode={i: "plain" for i in range(8) if i != SCRIPT_ONLY}
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(world: World) -> Iterator[None]:
    yield
    world.faults.clear()
    for index in range(8):
        world.zoom.set_condition(index, None)


def settings(**values: object) -> ZoomSettings:
    defaults: dict[str, object] = {
        "allowed_hosts": ["127.0.0.1"],
        "allow_plain_http": True,
        "timeout_s": 5,
        "browser": "never",
    }
    return ZoomSettings(**{**defaults, **values})  # type: ignore[arg-type]


def ticket(world: World, index: int, *, passcode: str | None = None, pwd: bool = False) -> RecordingTicket:
    info = world.generated.info(index)
    link = f"{world.zoom_url}/rec/share/{info.token}"
    if pwd:
        return RecordingTicket(f"r{index}", f"{link}?pwd={info.pwd}", None)
    return RecordingTicket(f"r{index}", link, SecretStr(passcode or info.passcode))


def fetch(
    tickets: list[RecordingTicket], zoom: ZoomSettings, folder: Path
) -> dict[str, FetchedRecording | ChatPlatformError]:
    results: dict[str, FetchedRecording | ChatPlatformError] = {}
    fetch_all(tickets, zoom, screenshots=folder, on_result=lambda i, r: results.update({i: r}))
    return results


def one(world: World, index: int, folder: Path, **values: object) -> FetchedRecording | ChatPlatformError:
    return fetch([ticket(world, index)], settings(**values), folder)[f"r{index}"]


def messages(fetched: FetchedRecording | ChatPlatformError) -> int:
    assert isinstance(fetched, FetchedRecording), fetched
    ids = set()
    for answer in fetched.answers:
        result = json.loads(answer.body)["result"]
        ids |= {row["id"] for row in result.get("xmppList") or []}
        ids |= {
            comment["id"] for row in result.get("xmppList") or [] for comment in row.get("comments") or []
        }
    return len(ids)


def code(result: FetchedRecording | ChatPlatformError) -> str:
    assert isinstance(result, ChatPlatformError), result
    return result.code


def test_plain_http_brings_every_clip_of_every_recording(world: World, tmp_path: Path) -> None:
    indices = [i for i in range(8) if i != SCRIPT_ONLY and world.generated.info(i).era == "xmpp"]
    results = fetch([ticket(world, i) for i in indices], settings(), tmp_path)
    for index in indices:
        result = results[f"r{index}"]
        assert messages(result) == len(world.generated.recording(index).public)
        assert isinstance(result, FetchedRecording)
        assert len(result.answers) == len(world.generated.info(index).clips)
    assert any(len(world.generated.info(i).clips) > 1 for i in indices)


def test_a_link_that_carries_its_passcode_needs_no_other(world: World, tmp_path: Path) -> None:
    result = fetch([ticket(world, 0, pwd=True)], settings(), tmp_path)["r0"]
    assert messages(result) == len(world.generated.recording(0).public)


@pytest.mark.parametrize(
    ("condition", "expected", "transient"),
    [
        ("wrong_passcode", "CP-ZOOM-001", False),
        ("not_found", "CP-ZOOM-002", False),
        ("expired", "CP-ZOOM-003", False),
        ("processing", "CP-ZOOM-008", True),
        ("markup_changed", "CP-ZOOM-007", True),
        ("bot_wall", "CP-ZOOM-007", True),
    ],
)
def test_what_zoom_says_becomes_a_code(
    world: World, tmp_path: Path, condition: str, expected: str, transient: bool
) -> None:
    world.zoom.set_condition(0, condition)
    result = one(world, 0, tmp_path)
    assert code(result) == expected
    assert isinstance(result, ChatPlatformError)
    assert result.transient is transient


def test_a_wrong_passcode_is_sent_once(world: World, tmp_path: Path) -> None:
    before = world.zoom.count("validate", 0)
    result = fetch([ticket(world, 0, passcode="not-it")], settings(), tmp_path)["r0"]
    assert code(result) == "CP-ZOOM-001"
    assert world.zoom.count("validate", 0) - before == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limit", "endpoint": "play-info", "retry_after": 1},
        {"kind": "server_error", "endpoint": "share-info"},
        {"kind": "cut", "endpoint": "play-info"},
        {"kind": "timeout", "endpoint": "share", "seconds": 3},
        {"kind": "duplicate_page", "endpoint": "play-info"},
        {"kind": "clock_skew"},
    ],
)
def test_a_fault_that_passes_is_retried_and_the_answer_complete(
    world: World, tmp_path: Path, fault: dict[str, object]
) -> None:
    world.faults.add({**fault, "server": "zoom"})
    result = one(world, 0, tmp_path, timeout_s=1)
    assert messages(result) == len(world.generated.recording(0).public)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "server_error", "endpoint": "share-info"}, "CP-ZOOM-009"),
        ({"kind": "cut", "endpoint": "play-info"}, "CP-ZOOM-010"),
        ({"kind": "rate_limit", "endpoint": "play-info", "retry_after": 0}, "CP-ZOOM-011"),
        ({"kind": "timeout", "endpoint": "share", "seconds": 2}, "CP-ZOOM-009"),
    ],
)
def test_a_fault_that_stays_is_a_transient_coded_error_and_stops_nobody_else(
    world: World, tmp_path: Path, fault: dict[str, object], expected: str
) -> None:
    world.faults.add({**fault, "server": "zoom", "recording": 0, "count": None})
    results = fetch([ticket(world, 0), ticket(world, 1)], settings(timeout_s=0.5), tmp_path)
    assert code(results["r0"]) == expected
    assert isinstance(results["r0"], ChatPlatformError)
    assert results["r0"].transient
    assert isinstance(results["r1"], FetchedRecording)


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "https://evil.example.com/rec/share/x?pwd=leak")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_a_redirect_to_another_host_is_refused_and_names_the_host_only(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Redirect)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    link = f"http://127.0.0.1:{server.server_port}/rec/share/abc"
    result = fetch([RecordingTicket("r0", link)], settings(), tmp_path)["r0"]
    server.shutdown()
    assert code(result) == "CP-ZOOM-004"
    assert "evil.example.com" in str(result)
    assert "leak" not in str(result)


@pytest.fixture
def left_behind() -> Callable[[], list[str]]:
    """Names of browser processes that have come since, without those of a browser that others opened before."""

    def browsers() -> set[psutil.Process]:
        return {child for child in psutil.Process().children() if "chrom" in child.name()}

    before = browsers()
    return lambda: [
        process.name() for own in browsers() - before for process in (own, *own.children(recursive=True))
    ]


@pytest.mark.chromium
def test_a_page_that_needs_scripts_comes_by_chromium_and_leaves_no_process(
    world: World, tmp_path: Path, left_behind: Callable[[], list[str]]
) -> None:
    results = fetch(
        [ticket(world, SCRIPT_ONLY), ticket(world, 0)], settings(browser="auto", timeout_s=15), tmp_path
    )
    by_browser, by_http = results[f"r{SCRIPT_ONLY}"], results["r0"]
    assert isinstance(by_browser, FetchedRecording)
    assert isinstance(by_http, FetchedRecording)
    assert (by_browser.strategy, by_http.strategy) == ("browser", "http")
    assert messages(by_browser) == len(world.generated.recording(SCRIPT_ONLY).public)
    assert left_behind() == []


@pytest.mark.chromium
@pytest.mark.parametrize(
    ("condition", "expected"),
    first_of([
        ("wrong_passcode", "CP-ZOOM-001"), ("markup_changed", "CP-ZOOM-007"), ("expired", "CP-ZOOM-003"),
        ("not_found", "CP-ZOOM-002"), ("processing", "CP-ZOOM-008"),
    ], 2),
)  # fmt: skip
def test_chromium_tells_why_and_leaves_a_picture_without_the_passcode(
    world: World, tmp_path: Path, left_behind: Callable[[], list[str]], condition: str, expected: str
) -> None:
    world.zoom.set_condition(SCRIPT_ONLY, condition)
    result = one(world, SCRIPT_ONLY, tmp_path / "screenshots", browser="always", timeout_s=6)
    assert code(result) == expected
    pictures = list((tmp_path / "screenshots").glob("*.png"))
    assert len(pictures) == 1
    assert (tmp_path / "screenshots").stat().st_mode & 0o777 == 0o700
    assert pictures[0].name in str(result)
    assert left_behind() == []


@pytest.mark.chromium
def test_passcodes_and_cookies_reach_no_log_and_no_error(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Pl@nted&Secret*42"
    tickets = [ticket(world, 0, passcode=secret), ticket(world, SCRIPT_ONLY, passcode=secret)]
    results = fetch(tickets, settings(browser="auto", timeout_s=8), tmp_path)
    said = caplog.text + "".join(f"{r!r} {r}" for r in results.values()) + repr(tickets)
    assert {code(r) for r in results.values()} == {"CP-ZOOM-001"}
    assert secret not in said
    assert "_zm_ssid" not in said
    assert world.generated.info(0).token not in repr(tickets)


@pytest.mark.chromium
def test_a_missing_browser_is_a_coded_error(world: World, tmp_path: Path) -> None:
    result = one(world, SCRIPT_ONLY, tmp_path, browser="auto", chromium="/nowhere/chromium")
    assert code(result) == "CP-CONF-002"
