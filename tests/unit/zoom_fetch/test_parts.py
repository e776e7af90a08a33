"""Hosts, tickets and what answers mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chat_platform.errors import ZoomError
from chat_platform.sources.zoom import protocol
from chat_platform.sources.zoom.hosts import HostPolicy
from chat_platform.sources.zoom.port import RecordingTicket
from chat_platform.sources.zoom.tickets import TicketVault

ZOOM = HostPolicy(["zoom.us", ".zoom.us"])


@pytest.mark.parametrize(
    "url", ["https://zoom.us/rec/share/a", "https://us02web.zoom.us/rec/share/a", "https://ZOOM.us:443/x"]
)
def test_zoom_may_be_contacted(url: str) -> None:
    assert ZOOM.checked(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://zoom.us/rec/share/a",
        "https://zoom.us.evil.com/",
        "https://evilzoom.us/",
        "https://zoom.us@evil.com/",
        "https://user:pw@zoom.us/",
        "https://zoom.us:8443/",
        "https://evil.com\\@zoom.us/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//evil.com/x",
        "https://[::1/",
        "",
    ],
)
def test_nobody_else_may(url: str) -> None:
    with pytest.raises(ZoomError) as error:
        ZOOM.checked(url, base="https://zoom.us/rec/share/a" if url.startswith("//") else None)
    assert error.value.code == "CP-ZOOM-004"


@given(st.text())
def test_any_address_is_checked_or_refused_with_a_code(url: str) -> None:
    try:
        checked = ZOOM.checked(url)
    except ZoomError as error:
        assert error.code == "CP-ZOOM-004"
    else:
        assert checked.lower().startswith("https://")


@given(st.text(max_size=60), st.text(max_size=30))
def test_a_ticket_comes_back_as_it_was_and_shows_nothing(
    tmp_path_factory: pytest.TempPathFactory, link: str, code: str
) -> None:
    link, code = (t.encode("utf-8", "replace").decode() for t in (link, code))
    folder = tmp_path_factory.mktemp("tickets") / "vault"
    ticket = RecordingTicket("zoom-1", link, SecretStr(code))
    TicketVault(folder).save(ticket)
    loaded = TicketVault(folder).load("zoom-1")
    assert loaded.link == link
    assert loaded.passcode is not None
    assert loaded.passcode.get_secret_value() == code
    assert repr(loaded) == "RecordingTicket(recording_id='zoom-1')"


def test_tickets_are_for_their_owner_only(tmp_path: Path) -> None:
    vault = TicketVault(tmp_path / "vault")
    vault.save(RecordingTicket("zoom-1", "https://zoom.us/rec/share/a", None))
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "vault" / "zoom-1.json").stat().st_mode & 0o777 == 0o600
    assert vault.known() == ["zoom-1"]
    with pytest.raises(ZoomError) as error:
        vault.load("zoom-2")
    assert error.value.code == "CP-ZOOM-020"


@pytest.mark.parametrize("script", ["fileId: 'abc'", 'fileId : "abc"', "'fileId':'abc'", '"fileId": "abc"'])
def test_the_file_id_is_found_however_it_is_written(script: str) -> None:
    page = (
        f"<script>window.recordingMobilePlayData = {{ meetingId: 'm', {script}, isLogin: false }};</script>"
    )
    assert protocol.page_value(page, "fileId") == "abc"
    assert protocol.page_value(page, "meetingId") == "m"


def test_addresses_are_encoded_and_carry_no_passcode() -> None:
    path = protocol.play_info_path("a/b==", "https://zoom.us/rec/share/T.T?pwd=secret", 1000)
    assert "a%2Fb%3D%3D" in path
    assert "originRequestUrl=https%3A%2F%2Fzoom.us%2Frec%2Fshare%2FT.T&" in path
    assert "secret" not in path
    assert path.endswith("&startTime=1000")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"status": False, "errorCode": 3302}, "CP-ZOOM-001"),
        ({"status": False, "errorCode": 3301}, "CP-ZOOM-002"),
        ({"status": True, "result": {"componentName": "play-forbidden"}}, "CP-ZOOM-003"),
        ({"status": True, "result": {"redirectUrl": "/signin?x"}}, "CP-ZOOM-006"),
        ({"status": True, "result": {"transcribing": True, "duration": 0}}, "CP-ZOOM-008"),
        ({"status": True, "result": None}, "CP-ZOOM-010"),
        ({"status": False, "errorCode": 77}, "CP-ZOOM-012"),
        ({"status": False, "errorCode": 1, "errorMessage": "Captcha needed"}, "CP-ZOOM-014"),
        ([], "CP-ZOOM-010"),
    ],
)
def test_an_answer_that_is_no_recording_has_a_code(answer: object, code: str) -> None:
    with pytest.raises(ZoomError) as error:
        protocol.check_clip(json.dumps(answer), 1)
    assert error.value.code == code


@given(st.text())
def test_any_body_is_read_or_refused_with_a_code(body: str) -> None:
    try:
        protocol.check_clip(body, 1)
    except ZoomError as error:
        assert error.code.startswith("CP-ZOOM-")


def test_a_finished_recording_without_chat_is_fine() -> None:
    assert protocol.check_clip(json.dumps({"status": True, "result": {"duration": 60}}), 1) is None
    following = {"status": True, "result": {"xmppList": [], "nextClipStartTime": 5000}}
    assert protocol.check_clip(json.dumps(following), 1) == 5000
