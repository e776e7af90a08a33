"""Attacks on the portal: other sites, guessing, planted and stolen cookies, large bodies, false names."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest
import requests
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chat_platform.settings import Settings
from chat_platform.web.application import create_app
from chat_platform.web.passwords import Passwords
from chat_platform.web.services import Services
from tests.chosen import first_of
from tests.web.browsing import BASE, GOOD, browser, quick_passwords, send, sign_in, token_of
from tests.web.serving import served

OTHER = "https://evil.example"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, web={"class_id": "one"})


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, quick_passwords())


@pytest.fixture
def services(app: FastAPI) -> Services:
    return app.state.services


@pytest.fixture
def make(services: Services) -> Callable[..., int]:
    def made(login: str, role: str = "student") -> int:
        number = services.accounts.create(login, login, password_hash=services.passwords.hash(GOOD))
        services.accounts.set_role(number, "one", role)
        return number

    return made


def at_home(app: FastAPI, login: str, address: str = "127.0.0.1") -> TestClient:
    client = browser(app, address)
    assert sign_in(client, login).status_code == 303
    return client


# --- Other sites ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": OTHER}, {"origin": "null"}, {"origin": "http://127.0.0.1:3000"}, {"origin": "http://localhost:8600"},
        {"origin": BASE + ".evil.example"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)  # fmt: skip
def test_a_form_on_another_site_changes_nothing_even_with_the_token(
    app: FastAPI, services: Services, make: Callable[..., int], headers: dict[str, str]
) -> None:
    number = make("kim")
    client = at_home(app, "kim")
    fields = {"csrf_token": token_of(client.get("/account").text), "language": "en"}
    answer = client.post("/language", data=fields, headers=headers)
    assert (answer.status_code, "CP-WEB-004" in answer.text) == (403, True)
    assert services.accounts.by_id(number).language is None
    right = client.post("/language", data=fields, headers={"origin": BASE, "sec-fetch-site": "same-origin"})
    assert right.status_code == 303
    assert services.accounts.by_id(number).language == "en"


def test_a_token_is_needed_and_must_be_of_this_very_session(app: FastAPI, make: Callable[..., int]) -> None:
    make("kim")
    make("evil")
    client, again = at_home(app, "kim"), at_home(app, "kim")
    of_evil = token_of(at_home(app, "evil").get("/account").text)
    of_nobody = token_of(browser(app).get("/sign-in").text)
    of_other_session = token_of(again.get("/account").text)
    for token in (None, "", "x", ".", "AA==.AA==", of_evil, of_nobody, of_other_session):
        fields = {"language": "en", **({} if token is None else {"csrf_token": token})}
        assert client.post("/language", data=fields).status_code == 403
        headers = {} if token is None else {"x-csrf-token": token}
        assert client.post("/language", data={"language": "en"}, headers=headers).status_code == 403
    assert client.post("/sign-out").status_code == 403
    assert client.get("/account").status_code == 200
    assert client.get("/sign-out").status_code == 405


def test_another_site_cannot_sign_somebody_into_the_attackers_account(
    app: FastAPI, make: Callable[..., int]
) -> None:
    make("evil")
    fields = {"login": "evil", "password": GOOD}
    victim = browser(app)
    assert victim.post("/sign-in", data=fields).status_code == 403
    of_attacker = token_of(browser(app).get("/sign-in").text)
    assert victim.post("/sign-in", data={**fields, "csrf_token": of_attacker}).status_code == 403
    token = token_of(victim.get("/sign-in").text)
    answer = victim.post("/sign-in", data={**fields, "csrf_token": token}, headers={"origin": OTHER})
    assert answer.status_code == 403
    assert "session" not in victim.cookies


def test_pages_are_framed_by_nobody_and_kept_by_nobody(app: FastAPI) -> None:
    for path in ("/sign-in", "/account", "/nowhere", "/static/nowhere.css"):
        headers = browser(app).get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store, private"
        assert "server" not in headers


# --- Guessing ---------------------------------------------------------------------------------------------------


def guesses(app: FastAPI, login: str, address: str, times: int) -> list[int]:
    client = browser(app, address)
    return [sign_in(client, login, f"guess {i}").status_code for i in range(times)]


def test_guessing_is_slowed_for_known_and_unknown_logins_alike(
    app: FastAPI, make: Callable[..., int]
) -> None:
    make("kim")
    known, unknown = guesses(app, "kim", "10.0.0.1", 9), guesses(app, "nobody", "10.0.0.2", 9)
    assert known == unknown == [401] * 6 + [429] * 3
    blocked = sign_in(browser(app, "10.0.0.1"), "kim", GOOD)
    assert blocked.status_code == 429, "while it waits, the right password is refused too"
    assert re.search(r"\d+ s", blocked.text)


def test_a_guesser_locks_out_nobody_at_another_address(app: FastAPI, make: Callable[..., int]) -> None:
    make("kim")
    assert 429 in guesses(app, "kim", "10.0.0.1", 12)
    assert sign_in(browser(app, "10.0.0.2"), "kim").status_code == 303
    assert guesses(app, "kim", "2001:db8::1", 7)[-1] == 429
    same_network, other_network = browser(app, "2001:db8::ffff"), browser(app, "2001:db8:0:1::1")
    assert sign_in(same_network, "kim").status_code == 429
    assert sign_in(other_network, "kim").status_code == 303


def test_a_botnet_makes_new_browsers_wait_but_not_the_one_that_was_here_before(
    app: FastAPI, services: Services, make: Callable[..., int]
) -> None:
    make("kim")
    at_work = at_home(app, "kim", "10.1.0.1")
    send(at_work, "/sign-out", "/account")
    spent = [guesses(app, "kim", f"10.2.{i // 250}.{i % 250}", 4)[-1] for i in range(26)]
    assert spent[-1] == 429
    assert sign_in(browser(app, "10.3.0.1"), "kim").status_code == 429
    assert sign_in(at_work, "kim").status_code == 303, "its cookie tells it from the others"
    thief = browser(app, "10.3.0.2")
    thief.cookies.set("browser", at_work.cookies["browser"])
    tries = [sign_in(thief, "kim", f"guess {i}").status_code for i in range(13)]
    assert tries == [401] * 11 + [429] * 2, "a stolen cookie has a count of its own"
    forged = browser(app, "10.3.0.3")
    forged.cookies.set("browser", "nonce." + "0" * 64)
    make("lee")
    assert 429 in [sign_in(forged, "lee", "x").status_code for _ in range(7)]


def test_the_proof_of_a_browser_ends_with_the_password(
    app: FastAPI, services: Services, make: Callable[..., int]
) -> None:
    number = make("kim")
    client = at_home(app, "kim")
    proof = client.cookies["browser"]
    services.accounts.set_password(number, services.passwords.hash("ein ganz anderes 12"))
    for i in range(26):
        guesses(app, "kim", f"10.2.0.{i}", 4)
    other = browser(app, "10.3.0.1")
    other.cookies.set("browser", proof)
    assert sign_in(other, "kim", "ein ganz anderes 12").status_code == 429


def test_one_address_that_tries_many_logins_is_slowed(app: FastAPI) -> None:
    client = browser(app, "10.0.0.9")
    codes = [sign_in(client, f"user{i}", "password").status_code for i in range(122)]
    assert codes == [401] * 120 + [429] * 2
    assert sign_in(browser(app, "10.0.0.10"), "user1", "password").status_code == 401


def test_an_unknown_login_takes_as_long_as_a_known_one(tmp_path: Path, make: Callable[..., int]) -> None:
    """With the real parameters: without the dummy hash an unknown login would take a twentieth of the time."""
    app = create_app(Settings(home=tmp_path / "timing", web={"class_id": "one"}), Passwords())
    services: Services = app.state.services
    for i in range(6):
        services.accounts.create(f"known{i}", "K", password_hash=services.passwords.hash(GOOD))
    services.accounts.create("no-password", "P")
    taken: dict[str, list[float]] = {"known": [], "unknown": [], "without password": []}
    addresses = (f"10.9.{i // 250}.{i % 250}" for i in count())

    def clock(kind: str, login: str) -> None:
        client = browser(app, next(addresses))
        token = token_of(client.get("/sign-in").text)
        start = time.process_time()
        answer = client.post(
            "/sign-in", data={"csrf_token": token, "login": login, "password": "wrong wrong"}
        )
        taken[kind].append(time.process_time() - start)
        assert answer.status_code == 401

    clock("known", "known0")
    taken["known"].clear()
    for i in range(6):  # in turns, so that whatever disturbs for a while disturbs all
        clock("known", f"known{i % 6}")
        clock("unknown", f"nobody{i}")
        clock("without password", "no-password")
    quickest = {kind: min(times) for kind, times in taken.items()}
    assert max(quickest.values()) / min(quickest.values()) < 1.5, quickest


# --- Stolen and planted cookies ---------------------------------------------------------------------------------


def test_a_cookie_opens_nothing_after_any_way_out(
    app: FastAPI, services: Services, make: Callable[..., int]
) -> None:
    number = make("kim")
    make("boss", "operator")

    def sign_in_again(client: TestClient) -> None:
        fields = {"csrf_token": token_of(client.get("/account").text), "login": "kim", "password": GOOD}
        assert client.post("/sign-in", data=fields).status_code == 303

    ways: list[Callable[[TestClient], object]] = [
        lambda client: send(client, "/sign-out", "/account"),
        lambda client: send(client, "/account/sessions/close-all", "/account"),
        sign_in_again,
        lambda _: services.members.disable(number, rights={"one"}),
    ]
    for way in ways:
        client = at_home(app, "kim")
        secret = client.cookies["session"]
        assert client.get("/account").status_code == 200
        way(client)
        thief = browser(app)
        thief.cookies.set("session", secret)
        assert thief.get("/account").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "' or 1=1 --", "%00", "a" * 5000, "é", "null", "../../etc"])
def test_a_cookie_that_is_no_session_is_nobody(app: FastAPI, make: Callable[..., int], cookie: str) -> None:
    make("kim")
    answer = browser(app).get("/account", headers={"cookie": f"session={cookie}".encode()})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "login",
    [
        "kim\r\nset-cookie: a=b",
        "' or '1'='1",
        "kim\0",
        "%00",
        "\u202ekim",
        "{{7*7}}",
        "<script>x</script>",
        "k" * 2000,
    ],
)
def test_hostile_logins_are_text(app: FastAPI, make: Callable[..., int], login: str) -> None:
    make("kim")
    answer = sign_in(browser(app), login)
    assert answer.status_code == 401
    assert "<script>x" not in answer.text
    assert "49" not in re.sub(r'value="[^"]*"', "", answer.text.partition("<main")[2])
    assert all(not c.startswith("a=") for c in answer.headers.get_list("set-cookie"))


def test_hostile_names_are_text_wherever_accounts_are_shown(
    app: FastAPI, services: Services, make: Callable[..., int]
) -> None:
    make("boss", "operator")
    hostile = "<img src=x onerror=alert(1)>\r\nSet-Cookie: a=b {{7*7}}"
    path = f"/invitation/{services.invitations.invite('one', 'student', by='boss', lasts=services.accounts._longest)}"
    guest = browser(app)
    send(guest, path, login="guest", name=hostile, password=GOOD)
    number = services.accounts.by_login("guest").account_id
    boss = at_home(app, "boss")
    for client, page in (
        (guest, "/account"),
        (boss, "/c/one/members"),
        (boss, f"/c/one/members/{number}"),
        (boss, "/c/one/audit"),
    ):
        text = client.get(page).text
        assert "&lt;img src=x onerror=alert(1)&gt; Set-Cookie: a=b {{7*7}}" in text
        assert "<img src=x" not in text


# --- On the wire ------------------------------------------------------------------------------------------------


@pytest.fixture
def port(app: FastAPI) -> Iterator[int]:
    with served(app) as found:
        yield found


def conversation(port: int, head: str, body: Iterable[bytes] = ()) -> tuple[str, int]:
    """Send a request by hand; its answer, and the bytes of the body that were taken before the server closed."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            for part in body:
                connection.sendall(part)
                sent += len(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while part := connection.recv(65_536):
                answer += part
        except ConnectionResetError:
            pass
    return answer.decode(errors="replace"), sent


def test_a_gigabyte_that_is_declared_is_refused_unread(port: int) -> None:
    head = (
        "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 1000000000\r\n\r\n"
    )
    answer, _ = conversation(port, head)
    assert answer.startswith("HTTP/1.1 413")
    assert "CP-WEB-005" in answer


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/x-www-form-urlencoded", 413),
        ("multipart/form-data; boundary=x", 413),
        ("application/json", 403),  # no form: refused without its token, unread
    ],
)
def test_a_gigabyte_in_pieces_is_refused_after_the_first_million(port: int, kind: str, status: int) -> None:
    piece = b"10000\r\n" + b"a" * 65_536 + b"\r\n"

    def pieces() -> Iterator[bytes]:
        if kind.startswith("multipart"):
            start = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
            yield b"%x\r\n%s\r\n" % (len(start), start)
        for _ in range(16_384):
            yield piece

    head = f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer, sent = conversation(port, head, pieces())
    assert sent < 20_000_000, "the server stopped reading"
    # Where the connection was reset while we were sending, the answer may be lost; it was refused all the same.
    assert answer.startswith(f"HTTP/1.1 {status}") or not answer
    assert requests.get(f"http://127.0.0.1:{port}/sign-in", timeout=10).status_code == 200


def test_a_slow_body_does_not_hold_up_others(port: int) -> None:
    head = (
        "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 1000\r\n\r\na"
    )
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(60)]
    try:
        for connection in slow:
            connection.sendall(head.encode())
        assert requests.get(f"http://127.0.0.1:{port}/sign-in", timeout=10).status_code == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:8600@evil.example",
        "",
        "localhost.evil.example:80",
    ],
)
def test_a_false_host_name_reaches_no_page(port: int, host: str) -> None:
    answer, _ = conversation(port, f"GET /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 400")
    assert "evil.example" not in answer


def test_headers_of_a_proxy_are_believed_from_nobody_on_the_open_port(
    port: int, services: Services, make: Callable[..., int]
) -> None:
    make("boss", "operator")
    session = requests.Session()
    headers = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example", "Forwarded": "for=6.6.6.6"}
    page = session.get(f"http://127.0.0.1:{port}/sign-in", headers=headers, timeout=10)
    assert "evil.example" not in page.text
    fields = {"csrf_token": token_of(page.text), "login": "boss", "password": GOOD}
    session.post(f"http://127.0.0.1:{port}/sign-in", data=fields, headers=headers, timeout=10)
    assert {row.address for row in services.audit.list("one")} == {"127.0.0.1"}


# --- The command ------------------------------------------------------------------------------------------------


def serve(home: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "chat_platform.cli.main", "serve", *options],
        env={**os.environ, "CHATP_HOME": str(home), "CHATP_LANG": "en", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def link_of(process: subprocess.Popen[str]) -> str | None:
    """The set-up link that a start prints, once the server answers."""
    assert process.stdout is not None
    address, link = None, None
    for line in process.stdout:
        address = address or (line.strip() if line.startswith("http") else None)
        link = link or (found[0] if (found := re.search(r"http\S+/set-up/\S+", line)) else None)
        if "Dagster" in line:
            break
    assert address is not None
    for _ in range(200):
        try:
            requests.get(f"{address}/sign-in", timeout=5)
            return link
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the portal does not answer")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.exhaustive
def test_a_start_prints_a_set_up_link_until_there_is_an_account(tmp_path: Path) -> None:
    port, links = free_port(), []
    for step in range(3):
        process = serve(tmp_path, "--port", port)
        try:
            links.append(link_of(process))
            if step == 1:
                session = requests.Session()
                assert session.get(links[0], timeout=10).status_code == 404, "the link of the start before"
                page = session.get(links[1], timeout=10).text
                fields = {"csrf_token": token_of(page), "login": "boss", "name": "B", "password": GOOD}
                made = session.post(links[1], data=fields, timeout=10, allow_redirects=False)
                assert made.status_code == 303
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert links[0] != links[1]
    assert links[2] is None


@pytest.mark.parametrize(
    "environment",
    first_of(
        [
            {"CHATP_WEB__HOST": "0.0.0.0"},  # noqa: S104
            {"CHATP_WEB__HOST": "::"},
            {"CHATP_WEB__HOST": "0.0.0.0", "CHATP_WEB__BASE_URL": "http://class.example"},  # noqa: S104
        ],
        1,
    ),
)
def test_a_port_that_others_reach_is_not_opened_without_tls(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    process = serve(tmp_path, "--port", free_port(), **environment)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "CP-WEB-015" in output


def test_a_port_that_others_reach_is_opened_when_somebody_says_so(tmp_path: Path) -> None:
    port = free_port()
    process = serve(
        tmp_path, "--port", port, CHATP_WEB__HOST="0.0.0.0", CHATP_WEB__ALLOW_PLAIN_HTTP="true",  # noqa: S104
        CHATP_WEB__BASE_URL=f"http://127.0.0.1:{port}",
    )  # fmt: skip
    try:
        assert link_of(process) is not None
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
