"""The client, against a real HTTP server that misbehaves."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from chat_platform.errors import ConfigurationError, SlackError
from chat_platform.simulators.slack_generator import CHATTER_CHANNEL, PRIVATE_CHANNEL, RECORDINGS_CHANNEL
from chat_platform.sources.slack import client as client_module
from chat_platform.sources.slack.client import SlackClient


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    """Many pages out of few messages."""
    monkeypatch.setattr(client_module, "PAGE_SIZE", 20)


def stamps(pages):
    return [message["ts"] for page in pages for message in page["messages"]]


def test_every_message_comes_once_over_many_pages(workspace, serve, connect):
    client = connect(serve())
    channel = workspace.channel_id(CHATTER_CHANNEL)
    pages = list(client.history(channel))
    assert len(pages) > 3
    assert sorted(stamps(pages)) == sorted(m["ts"] for m in workspace.messages(CHATTER_CHANNEL))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limit", "nth": 2, "retry_after": 7},
        {"kind": "server_error", "nth": 2, "count": 2},
        {"kind": "server_error", "nth": 1, "status": 503},
        {"kind": "cut", "nth": 3, "part": 0.4},
        {"kind": "timeout", "nth": 2, "seconds": 30},
        {"kind": "duplicate_page", "nth": 2},
        {"kind": "short_page", "nth": 1, "count": 3},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_passing_fault_loses_no_message(workspace, serve, connect, fault):
    server = serve({**fault, "endpoint": "conversations.history"})
    client = connect(server, timeout_s=0.5)
    found = set(stamps(client.history(workspace.channel_id(CHATTER_CHANNEL))))
    assert found == {m["ts"] for m in workspace.messages(CHATTER_CHANNEL)}
    assert [applied.kind for applied in server.faults.applied][0] == fault["kind"]


def test_a_rate_limit_is_waited_out_as_slack_says_and_a_little_more(workspace, serve, connect):
    client = connect(serve({"kind": "rate_limit", "retry_after": 7}))
    list(client.history(workspace.channel_id(CHATTER_CHANNEL)))
    assert len(client.waited) == 1
    assert 7 <= client.waited[0] <= 8


def test_a_rate_limit_without_end_is_given_up_within_the_allowed_wait(workspace, serve, connect):
    client = connect(serve({"kind": "rate_limit", "retry_after": 30, "count": None}), max_wait_s=100)
    with pytest.raises(SlackError) as caught:
        list(client.history(workspace.channel_id(CHATTER_CHANNEL)))
    assert caught.value.code == "CP-SLACK-006"
    assert caught.value.transient
    assert 60 <= sum(client.waited) <= 100


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "server_error", "count": None}, "CP-SLACK-007"),
        ({"kind": "timeout", "count": None, "seconds": 30}, "CP-SLACK-007"),
        ({"kind": "cut", "count": None}, "CP-SLACK-008"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else value,
)
def test_a_fault_that_stays_ends_in_a_transient_coded_error(workspace, serve, connect, fault, code):
    client = connect(serve(fault), timeout_s=0.2)
    with pytest.raises(SlackError) as caught:
        client.users()
    assert (caught.value.code, caught.value.transient) == (code, True)
    assert len(client.waited) == 4
    assert client.waited == sorted(client.waited)


def test_a_server_that_is_not_there_is_unreachable(serve, connect):
    server = serve()
    client = connect(server)
    server.stop()
    with pytest.raises(SlackError) as caught:
        client.auth_test()
    assert caught.value.code == "CP-SLACK-007"


def test_the_deadline_ends_waiting_and_asking(workspace, serve, connect):
    client = connect(serve({"kind": "timeout", "count": None, "seconds": 30}), timeout_s=20)
    client.deadline = time.monotonic() + 0.4
    began = time.monotonic()
    with pytest.raises(SlackError) as caught:
        client.users()
    assert time.monotonic() - began < 15, "neither the stall nor the time-out is waited for"
    assert (caught.value.code, caught.value.transient) == ("CP-SLACK-010", True)
    with pytest.raises(SlackError) as caught:
        client.auth_test()
    assert caught.value.code == "CP-SLACK-010"


def test_a_wait_that_reaches_past_the_deadline_is_not_begun(serve, connect):
    client = connect(serve({"kind": "rate_limit", "retry_after": 50, "count": None}))
    client.deadline = time.monotonic() + 5
    with pytest.raises(SlackError) as caught:
        client.users()
    assert caught.value.code == "CP-SLACK-006"
    assert client.waited == []


def test_identity_and_scopes_come_from_auth_test(workspace, serve, connect):
    info = connect(serve(scopes=("channels:read", "users:read"))).auth_test()
    assert info.user_id == workspace.story.bot_user
    assert info.scopes == {"channels:read", "users:read"}


def test_a_wrong_token_is_refused_for_good_without_retries(serve, connect):
    client = connect(serve(), token="xoxb-not-the-right-one")
    with pytest.raises(SlackError) as caught:
        client.auth_test()
    assert (caught.value.code, caught.value.transient, client.waited) == ("CP-SLACK-002", False, [])


def test_a_missing_scope_is_named(serve, connect):
    client = connect(serve(scopes=("channels:read",)))
    with pytest.raises(SlackError, match=r"users\.list needs users:read") as caught:
        client.users()
    assert caught.value.code == "CP-SLACK-003"


def test_channels_that_cannot_be_read_are_told_apart(workspace, serve, connect):
    client = connect(serve())
    with pytest.raises(SlackError, match="C0NOWHERE") as caught:
        list(client.history("C0NOWHERE"))
    assert caught.value.code == "CP-SLACK-004"
    with pytest.raises(SlackError) as caught:
        list(client.history(workspace.channel_id(PRIVATE_CHANNEL)))
    assert caught.value.code == "CP-SLACK-005"


def test_users_and_channels_are_all_listed(workspace, serve, connect):
    client = connect(serve())
    assert [user["id"] for user in client.users()] == [m["id"] for m in workspace.story.members]
    assert {c["name"]: c["id"] for c in client.channels()} == workspace.story.channel_ids


def test_a_thread_comes_with_its_parent_first(workspace, serve, connect):
    parent = next(m for m in workspace.messages(RECORDINGS_CHANNEL) if m.get("reply_count"))
    channel = workspace.channel_id(RECORDINGS_CHANNEL)
    found = stamps(connect(serve()).replies(channel, parent["ts"]))
    assert found[0] == parent["ts"]
    assert len(found) == parent["reply_count"] + 1


def test_the_token_is_in_no_address(serve, connect, token):
    server = serve()
    connect(server).users()
    assert server.requests
    assert token not in repr(server.requests)


@pytest.mark.parametrize("token", [None, "", "   ", "xoxb-planted\nsecret", "xoxb-비밀-토큰입니다"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token):
    with pytest.raises(SlackError) as caught:
        SlackClient(None if token is None else SecretStr(token))
    assert caught.value.code == "CP-SLACK-001"
    assert "planted" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", ["http://slack.example/api/", "ftp://127.0.0.1/", "https://u:p@slack.com/", "x"]
)
def test_the_token_never_travels_unprotected(url):
    with pytest.raises(ConfigurationError):
        SlackClient(SecretStr("xoxb-some-token"), base_url=url)


class Scripted:
    """A server that gives prepared answers, for what the simulator would never say."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, dict(self.headers)))
                status, headers, body = answers[min(len(outer.seen), len(answers)) - 1]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.drip(body, 0.1 if "X-Drip" in headers else 0)

            def drip(self, body: bytes, pause: float) -> None:
                try:
                    for start in range(0, len(body), 1 if pause else len(body) or 1):
                        self.wfile.write(body[start : start + (1 if pause else len(body))])
                        self.wfile.flush()
                        time.sleep(pause)
                except OSError:
                    return

            def log_message(self, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def page(cursor="", ts="1772400000.000001"):
    body = f'{{"ok":true,"messages":[{{"ts":"{ts}"}}],"response_metadata":{{"next_cursor":"{cursor}"}}}}'
    return 200, {}, body.encode()


def test_a_cursor_that_repeats_for_ever_ends_in_an_error_not_in_a_loop(connect):
    with Scripted(page("again")) as server, pytest.raises(SlackError) as caught:
        list(connect(server).history("C0AAAAAAA"))
    assert caught.value.code == "CP-SLACK-009"
    assert len(server.seen) < 10


def test_an_expired_cursor_begins_the_listing_again(connect):
    expired = (200, {}, b'{"ok":false,"error":"invalid_cursor"}')
    answers = (page("next"), expired, page("other"), page(ts="1772400000.000002"))
    with Scripted(*answers) as server:
        found = stamps(connect(server).history("C0AAAAAAA"))
    assert set(found) == {"1772400000.000001", "1772400000.000002"}


def test_a_redirect_is_not_followed(connect):
    with Scripted(page()) as elsewhere:
        with (
            Scripted((302, {"Location": elsewhere.origin}, b"")) as server,
            pytest.raises(SlackError) as caught,
        ):
            connect(server).auth_test()
        assert caught.value.code == "CP-SLACK-011"
        assert elsewhere.seen == []


def test_an_answer_that_drips_in_is_given_up(connect):
    with Scripted((200, {"X-Drip": "1"}, page()[2])) as server:
        began = time.monotonic()
        with pytest.raises(SlackError) as caught:
            connect(server, timeout_s=0.3, attempts=1).users()
    assert caught.value.code == "CP-SLACK-007"
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "body",
    [b"<html>login</html>", b'{"ok":', b"[]", b"\xff\xfe", b'{"ok":"yes"}', b'{"ok":true}', b"[" * 5000],
)
def test_whatever_is_not_an_answer_ends_in_a_coded_error(connect, body):
    with Scripted((200, {}, body)) as server, pytest.raises(SlackError) as caught:
        connect(server).users()
    assert caught.value.code == "CP-SLACK-008"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("token_revoked", "CP-SLACK-002"),
        ("not_authed", "CP-SLACK-002"),
        ("fatal_error", "CP-SLACK-007"),
        ("ratelimited", "CP-SLACK-006"),
        ("is_archived", "CP-SLACK-011"),
    ],
)
def test_slacks_errors_have_a_code_each(connect, name, code):
    answer = (200, {}, f'{{"ok":false,"error":"{name}"}}'.encode())
    with Scripted(answer) as server, pytest.raises(SlackError) as caught:
        connect(server, max_wait_s=10).users()
    assert caught.value.code == code


def test_a_planted_token_is_in_no_exception_repr_or_log(serve, connect, caplog, token):
    caplog.set_level(logging.DEBUG)
    server = serve(
        {"kind": "server_error", "endpoint": "users.list", "count": None},
        {"kind": "cut", "endpoint": "conversations.list", "count": None},
        {"kind": "rate_limit", "endpoint": "auth.test", "count": None},
    )
    client = connect(server, max_wait_s=5)
    shown = [repr(client), str(vars(client))]
    echo = (200, {}, f'{{"ok":false,"error":"bad {token}/","needed":"{token}\\n"}}'.encode())
    with Scripted(echo) as echoing:
        calls = [client.users, client.channels, client.auth_test, connect(echoing).users]
        calls += [lambda: list(client.history("C0NOWHERE"))]
        for call in calls:
            with pytest.raises(SlackError) as caught:
                call()
            shown += ["".join(traceback.format_exception(caught.value)), caught.value.render("ko")]
            assert caught.value.__context__ is None
    server.stop()
    with pytest.raises(SlackError) as caught:
        client.auth_test()
    shown += ["".join(traceback.format_exception(caught.value)), caplog.text]
    assert "CP-SLACK-007" in caplog.text
    assert token not in "".join(shown)
