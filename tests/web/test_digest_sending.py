"""The digest goes to everybody who wants it, once, whatever breaks; what it says is what was published."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from sqlalchemy import text

from chat_platform.digest.places import Place, open_place
from chat_platform.digest.sending import send, waiting
from chat_platform.digest.weeks import Week, last_week, parse_week
from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.simulators.slack_generator import CHATTER_CHANNEL, RECORDINGS_CHANNEL
from chat_platform.simulators.world import World, start_world
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.answers import AnswerStore
from chat_platform.storage.app_database import writing
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.digests import DeliveryLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.subscriptions import SubscriptionStore
from chat_platform.storage.verdicts import signature
from chat_platform.storage.workspace import Workspace
from tests.chosen import first_of
from tests.web.mail_server import LOGIN, PASSWORD, MailServer

WEEK = Week(date(2026, 3, 2))
BASE = "https://portal.example.com"
NAMES = ("hana", "duri", "seri")


class Class:
    """A home with subscribers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.model_copy(
            update={"web": settings.web.model_copy(update={"base_url": BASE})}
        )
        self.workspace = Workspace(self.settings)
        self.accounts = AccountStore(self.workspace.database)
        self.store = SubscriptionStore(self.workspace.database, settings.home)
        self.deliveries = DeliveryLog(self.workspace.database)

    def subscribe(self, *names: str, language: str = "ko") -> list[int]:
        found = []
        for name in names:
            number = self.accounts.create(f"{name}@login.example", name)
            self.accounts.set_role(number, "class", "student")
            self.store.confirm(number, "class", self.store.ask(number, "class", f"{name}@example.com"))
            found.append(number)
            with writing(self.workspace.database) as connection:
                connection.execute(
                    text("UPDATE accounts SET language = :one WHERE account_id = :two"),
                    {"one": language, "two": number},
                )
        return found

    def with_mail(self, server: MailServer, **mail: Any) -> Class:
        given = {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout_s": 5, **mail}
        sender = {"from_address": "digest@portal.example.com", **given}
        password = {"mail_password": SecretStr(PASSWORD)} if mail.get("login") else {}
        values = {"mail": self.settings.mail.model_copy(update=sender), **password}
        self.settings = self.settings.model_copy(update=values)
        return self

    @contextmanager
    def place(self) -> Iterator[Place]:
        with open_place(Workspace(self.settings), "class") as place:
            yield place

    def send(self, week: Week = WEEK, **options: Any) -> dict[str, Any]:
        with self.place() as place:
            return send(place, week, **options).to_dict()

    def states(self) -> dict[str, tuple[str, str]]:
        found = self.deliveries.of_week("class", str(WEEK))
        return {one.key.recipient: (one.state, one.code) for one in found}

    def environment(self) -> dict[str, str]:
        mail, web = self.settings.mail, self.settings.web
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("CHATP_")},
            "CHATP_HOME": str(self.settings.home), "CHATP_WEB__CLASS_TITLE": web.class_title,
            "CHATP_WEB__BASE_URL": BASE, "CHATP_MAIL__HOST": str(mail.host), "CHATP_MAIL__PORT": str(mail.port),
            "CHATP_MAIL__SECURITY": "none", "CHATP_LANG": "en",
        }  # fmt: skip

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "chat_platform.cli.main", "digest", *arguments],
            env=self.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture
def room(settings: Settings) -> Class:
    return Class(settings)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


def tally(report: dict[str, Any], channel: str = "mail") -> tuple[int, int, dict[str, int], int]:
    part = report[channel]
    return part["sent"], part["skipped"], part["failed"], part["left"]


# What it says


def rows(room: Class, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    with room.place() as place:
        return place.query(sql, parameters)


PUBLIC = "m.visibility = 'everyone' and not m.removed and m.conversation_id = ?"


def test_figures_are_those_of_the_published_messages(room: Class) -> None:
    with room.place() as place:
        digest = place.digest(WEEK)
        assert len(digest.published.lectures) == 3
        for lecture in digest.published.lectures:
            (said,) = place.query(
                f"select count(*) as n from core.messages m where {PUBLIC}", [lecture.conversation_id]
            )
            assert lecture.messages == said["n"] > 0
            assert sum(count for _, count in lecture.minutes) == said["n"]
            (given,) = place.query(
                "select coalesce(sum(r.count), 0) as n from core.reactions r join core.messages m using (message_id)"
                f" where not r.removed and {PUBLIC}",
                [lecture.conversation_id],
            )
            assert lecture.reactions == given["n"]
            for peak in lecture.peaks:
                (burst,) = place.query(
                    f"select count(*) as n from core.messages m where {PUBLIC}"
                    " and floor(m.offset_s / 60) between ? and ?",
                    [lecture.conversation_id, peak.minute, peak.minute + 2],
                )
                assert peak.messages == burst["n"]
                assert peak.link is not None
                assert "startTime=" in peak.link
        best = digest.published.top[0]
        (most,) = place.query(
            "select max(n) as n from (select sum(r.count) as n from core.reactions r"
            " join core.messages m using (message_id) where not r.removed and m.source <> 'slack'"
            " and m.visibility = 'everyone' and not m.removed group by r.message_id)",
            [],
        )
        assert best.reactions == most["n"]
        (written,) = place.query(
            "select count(*) as n from core.messages where visibility = 'everyone' and not removed", []
        )
        assert digest.published.totals.messages == written["n"]
        assert (
            digest.open_questions
            == place.query("select count(*) as n from marts.open_questions", [])[0]["n"]
            > 8
        )
        assert len({question.question_id for question in digest.questions}) == 8


def test_a_week_without_lectures_says_nothing_and_is_not_sent(room: Class, server: MailServer) -> None:
    room.with_mail(server).subscribe(*NAMES)
    report = room.send(Week(date(2026, 2, 16)))
    assert report["empty"]
    assert server.accepted == []
    assert room.states() == {}


def test_too_few_people_are_no_number(room: Class) -> None:
    web = room.settings.web.model_copy(update={"smallest_group": 37})
    room.settings = room.settings.model_copy(update={"web": web})
    with room.place() as place:
        published = place.digest(WEEK).published
    assert [lecture.speakers for lecture in published.lectures] == [None, 39, None]
    assert {peak.speakers for lecture in published.lectures for peak in lecture.peaks} == {None}


def test_what_people_did_on_the_portal_changes_the_questions(room: Class) -> None:
    engine = room.workspace.database
    student, teacher = room.subscribe("hana", "duri")
    room.accounts.set_role(teacher, "class", "teacher")
    with room.place() as place:
        before = place.digest(WEEK)
    answered, no_question = before.questions[0], before.questions[1]
    AnswerStore(engine, "class").add(answered.question_id, student, "학습률을 **낮추면** 됩니다")
    LabelLog(engine).correct(no_question.question_id, False, by=signature(teacher))
    own = AskedStore(engine, "class").ask(student, "보강은 언제인가요?", hidden=True)
    with writing(engine) as connection:
        moment = datetime(2026, 3, 4, 3, tzinfo=UTC)
        for table in ("portal_questions", "portal_answers"):
            connection.execute(
                text(f"UPDATE {table} SET created_at = :at").bindparams(at=moment.replace(tzinfo=None))
            )
    with room.place() as place:
        after = place.digest(WEEK)
        next_week = place.digest(Week(date(2026, 3, 9)))
    assert after.open_questions == before.open_questions - 2 + 1
    left = {question.question_id: question for question in after.questions}
    assert not {answered.question_id, no_question.question_id} & set(left)
    assert left[own].name is None
    (shown,) = after.answered
    assert (shown.text, shown.answer, shown.endorsed) == (answered.text, "학습률을 **낮추면** 됩니다", False)
    assert next_week.answered == ()
    assert next_week.questions == ()


# The mail


class Tags(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def html_of(mail: EmailMessage) -> Tags:
    part = mail.get_body(("html",))
    assert part is not None
    return Tags(part.get_content())


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return part.get_content()


def test_a_mail_has_text_html_and_its_pictures(room: Class, server: MailServer) -> None:
    (number,) = room.with_mail(server).subscribe("hana")
    assert tally(room.send()) == (1, 0, {}, 0)
    mail = server.mail_to("hana@example.com")
    assert mail["Subject"] == "[시험 수업] 3월 2일~8일 강의 소식 · 답을 기다리는 질문 28개"
    assert str(mail["To"]) == "hana@example.com"
    assert mail["From"].addresses[0].addr_spec == "digest@portal.example.com"
    assert mail["From"].addresses[0].display_name == "시험 수업"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", *["image/png"] * 4,
    ]  # fmt: skip
    token = room.store.recipients("class")[0].token
    assert mail["List-Unsubscribe"] == f"<{BASE}/unsubscribe/{token}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page, words = html_of(mail), text_of(mail)
    images = {attrs["src"] for tag, attrs in page.tags if tag == "img"}
    parts = {f"cid:{part['Content-ID'].strip('<>')}": part for part in mail.walk() if part["Content-ID"]}
    assert images == set(parts)
    assert all(part.get_content().startswith(b"\x89PNG") for part in parts.values())
    assert all(attrs["alt"] for tag, attrs in page.tags if tag == "img")
    links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert f"{BASE}/unsubscribe/{token}" in links
    with room.place() as place:
        digest = place.digest(WEEK)
    for lecture in digest.published.lectures:
        assert f"{BASE}/c/class/lectures/{lecture.conversation_id}" in links
        assert {peak.link for peak in lecture.peaks} <= links
    for question in digest.questions:
        assert question.text in page.text
        assert question.text in words
    assert f"{BASE}/unsubscribe/{token}" in words
    assert all(byte < 128 for byte in server.accepted[0][1])
    assert max(len(line) for line in server.accepted[0][1].split(b"\r\n")) <= 998
    assert str(number) in room.states()


def test_each_reads_in_their_language_and_no_other_address_is_named(room: Class, server: MailServer) -> None:
    room.with_mail(server).subscribe("hana")
    room.subscribe("duri", language="en")
    room.send()
    korean, english = server.mail_to("hana@example.com"), server.mail_to("duri@example.com")
    assert english["Subject"] == "[시험 수업] Lectures of 2–8 Mar · 28 open questions"
    assert "Questions that wait for an answer" in html_of(english).text
    assert "답을 기다리는 질문" in html_of(korean).text
    contents = dict(server.accepted)
    assert b"duri" not in contents["hana@example.com"]
    assert korean["Message-ID"] != english["Message-ID"]


def test_one_click_is_promised_with_https_only(room: Class, server: MailServer) -> None:
    room.with_mail(server).subscribe("hana")
    web = room.settings.web.model_copy(update={"base_url": "http://portal.example.com/" + "x" * 90})
    room.settings = room.settings.model_copy(update={"web": web})
    room.send()
    mail = server.mail_to("hana@example.com")
    assert mail["List-Unsubscribe-Post"] is None
    assert f"List-Unsubscribe: <{web.base_url}/unsubscribe/".encode() in server.accepted[0][1]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "제목\r\nBcc: victim@example.com\r\n\r\n<b>body</b>",
    "=?utf-8?q?x?=\nX-Injected: yes",
    "\u202egnp.exe\u2066 \u200bzero\u200dwidth\ufeff",
    "javascript:alert(1)",
    "</title></head><body onload=alert(1)>",
    ".\r\n.\r\nMAIL FROM:<x@example.com>",
    "a" * 5_000,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_are_shown_and_do_nothing(room: Class, server: MailServer, hostile: str) -> None:
    pointer = room.workspace.publication.current().path
    with duckdb.connect(str(pointer)) as connection:
        connection.execute("update marts.lectures set title = ?, link = ?", [hostile, hostile])
        connection.execute("update marts.top_messages set text = ?, name = ?, link = ?", [hostile] * 3)
        connection.execute("update marts.open_questions set text = ?, name = ?, link = ?", [hostile] * 3)
        connection.execute("update marts.lecture_peaks set link = ?", [hostile])
    web = room.settings.web.model_copy(update={"class_title": hostile})
    room.settings = room.settings.model_copy(update={"web": web})
    room.with_mail(server).subscribe("hana")
    assert tally(room.send()) == (1, 0, {}, 0)
    mail = server.mail_to("hana@example.com")
    assert set(mail.keys()) == {
        "Subject", "From", "To", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "List-Id",
        "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert [address.addr_spec for address in mail["From"].addresses] == ["digest@portal.example.com"]
    page = html_of(mail)
    allowed = {"html", "head", "meta", "title", "body", "div", "h1", "h2", "h3", "p", "a", "bdi", "img", "ul", "li",
               "blockquote", "br", "span"}  # fmt: skip
    assert {tag for tag, _ in page.tags} <= allowed
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("src", "cid:").startswith("cid:")  # type: ignore[union-attr]
        if tag == "a":
            assert str(attrs["href"]).startswith((f"{BASE}/", "http://127.0.0.1:"))
    shown = " ".join("".join(c for c in hostile if c not in "\u202e\u2066\u200b\ufeff").split())[:60]
    assert shown in " ".join(page.text.split())
    assert shown in " ".join(text_of(mail).split())
    assert not re.search(
        "[\u202a-\u202e\u2066-\u2069\u200b\ufeff]", page.text + text_of(mail) + str(mail["Subject"])
    )


# Once


def test_a_second_run_sends_nothing_and_a_late_subscriber_gets_it(room: Class, server: MailServer) -> None:
    room.with_mail(server).subscribe(*NAMES)
    assert tally(room.send()) == (3, 0, {}, 0)
    assert tally(room.send()) == (0, 3, {}, 0)
    room.subscribe("late")
    assert tally(room.send()) == (1, 3, {}, 0)
    assert server.recipients == sorted(f"{name}@example.com" for name in (*NAMES, "late"))


def test_a_dry_run_sends_nothing(room: Class, server: MailServer) -> None:
    room.with_mail(server).subscribe(*NAMES)
    assert tally(room.send(dry_run=True)) == (0, 0, {}, 3)
    assert server.accepted == []
    assert room.states() == {}


@pytest.mark.parametrize(
    ("fault", "code", "comes_again"),
    first_of(
        [
            ("550", "CP-WEB-052", False),
            ("421", "CP-WEB-051", True),
            ("cut", "CP-WEB-054", False),
            ("450", "CP-WEB-051", True),
            ("data-554", "CP-WEB-052", False),
            ("data-451", "CP-WEB-051", True),
        ],
        3,
    ),
)
def test_one_bad_recipient_stops_nobody(
    room: Class, server: MailServer, fault: str, code: str, comes_again: bool
) -> None:
    _, bad, _ = room.with_mail(server).subscribe(*NAMES)
    server.faults["duri@example.com"].append(fault)
    assert tally(room.send()) == (2, 0, {code: 1}, 0)
    assert room.states()[str(bad)] == ("failed", code)
    assert server.recipients == ["hana@example.com", "seri@example.com"]
    room.send()
    room.send()
    assert len(server.accepted) == (3 if comes_again else 2)
    (row,) = [one for one in room.deliveries.of_week("class", str(WEEK)) if one.key.recipient == str(bad)]
    assert "@" not in (row.error or "")
    if not comes_again:
        room.deliveries.release(row.key)
        room.send()
    assert server.recipients == sorted(f"{name}@example.com" for name in NAMES)
    assert set(room.states().values()) == {("sent", "")}


def test_an_answer_that_is_lost_sends_nothing_twice(room: Class, server: MailServer) -> None:
    _, lost, _ = room.with_mail(server).subscribe(*NAMES)
    server.faults["duri@example.com"].append("lost")
    assert tally(room.send()) == (2, 0, {"CP-WEB-054": 1}, 0)
    room.send()
    assert server.recipients == sorted(f"{name}@example.com" for name in NAMES)
    assert room.states()[str(lost)] == ("failed", "CP-WEB-054")


def test_a_slow_server_is_waited_for_and_a_silent_one_is_given_up(room: Class, server: MailServer) -> None:
    room.with_mail(server, timeout_s=1).subscribe("hana", "duri")
    server.faults["hana@example.com"].append("slow")
    assert tally(room.send()) == (2, 0, {}, 0)
    room.subscribe("seri")
    server.slow_s = 3
    server.faults["seri@example.com"].append("slow")
    assert tally(room.send()) == (0, 2, {"CP-WEB-054": 1}, 0)


def test_a_server_that_is_down_claims_nobody_and_the_next_run_sends(room: Class) -> None:
    with MailServer() as gone:
        room.with_mail(gone)
    room.subscribe(*NAMES)
    report = room.send()
    assert tally(report) == (0, 0, {}, 3)
    assert report["mail"]["problem"] == "CP-WEB-051"
    assert room.states() == {}
    with MailServer() as back:
        assert tally(room.with_mail(back).send()) == (3, 0, {}, 0)


def test_a_server_that_refuses_us_is_asked_once(room: Class) -> None:
    with MailServer(refuse_sender=True) as refusing:
        room.with_mail(refusing).subscribe(*NAMES)
        report = room.send()
    assert tally(report) == (0, 0, {"CP-WEB-053": 1}, 2)
    assert report["mail"]["problem"] == "CP-WEB-053"
    with MailServer() as kind:
        assert tally(room.with_mail(kind).send()) == (3, 0, {}, 0)


def test_who_ends_it_during_the_run_gets_nothing(room: Class, server: MailServer) -> None:
    hana, duri, seri = room.with_mail(server).subscribe(*NAMES)
    server.before_answer = lambda _: room.store.end(seri, "class")
    assert tally(room.send()) == (2, 1, {}, 0)
    assert server.recipients == ["duri@example.com", "hana@example.com"]


@pytest.mark.exhaustive
def test_a_killed_process_sends_nothing_twice_and_loses_nobody_silently(
    room: Class, server: MailServer
) -> None:
    first, second, third = room.with_mail(server).subscribe(*NAMES)
    child: list[subprocess.Popen[str]] = []

    def kill_at_the_second(recipient: str) -> None:
        if recipient == "duri@example.com":
            while not child:
                time.sleep(0.01)
            child[0].send_signal(signal.SIGKILL)
            child[0].wait()

    server.before_answer = kill_at_the_second
    child.append(room.command("send", "--week", str(WEEK)))
    assert child[0].wait(120) == -signal.SIGKILL
    assert room.states() == {str(first): ("sent", ""), str(second): ("sending", "")}
    assert tally(room.send()) == (1, 2, {}, 0)
    assert server.recipients == sorted(f"{name}@example.com" for name in NAMES)
    with writing(room.workspace.database) as connection:
        hour = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=61)
        connection.execute(
            text("UPDATE digest_deliveries SET claimed_at = :at WHERE state = 'sending'").bindparams(at=hour)
        )
    assert tally(room.send()) == (0, 3, {}, 0)
    assert room.states()[str(second)] == ("failed", "CP-WEB-054")
    assert len(server.accepted) == 3


@pytest.mark.exhaustive
def test_two_processes_at_once_send_once(room: Class, server: MailServer) -> None:
    names = [f"n{number}" for number in range(6)]
    room.with_mail(server).subscribe(*names)
    server.faults["*"] += ["slow"] * 6
    running = [room.command("send", "--week", str(WEEK), "--json") for _ in range(2)]
    output = [process.communicate(timeout=180)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], output
    assert server.recipients == sorted(f"{name}@example.com" for name in names)
    assert set(room.states().values()) == {("sent", "")}


# Encryption and login


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def context_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_is_encrypted_with_a_certificate_that_is_trusted(
    room: Class, certificate: Path, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.subscribe("hana")
    with MailServer(**{security: context_of(certificate)}) as server:
        room.with_mail(server, security=security, host="localhost")
        refused = room.send()
        assert refused["mail"]["problem"] == "CP-WEB-053"
        assert server.accepted == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert tally(room.send()) == (1, 0, {}, 0)


def test_nothing_is_sent_in_the_clear_where_encryption_is_asked_for(room: Class, server: MailServer) -> None:
    room.with_mail(server, security="starttls").subscribe("hana")
    assert room.send()["mail"]["problem"] == "CP-WEB-053"
    assert server.accepted == []


@pytest.mark.parametrize(("login", "problem"), [(LOGIN, None), ("nobody", "CP-WEB-053")])
def test_login(room: Class, login: str, problem: str | None) -> None:
    with MailServer(needs_login=True) as server:
        room.with_mail(server, login=login).subscribe("hana")
        assert room.send()["mail"]["problem"] == problem
    assert len(server.accepted) == (0 if problem else 1)


# Slack


@pytest.fixture
def world() -> Iterator[World]:
    with start_world(5, recordings=1, messages_per_recording=5, mode="plain") as found:
        found.workspace.set_now(datetime(2026, 3, 9, tzinfo=UTC))
        yield found


@pytest.fixture
def on_slack(room: Class, world: World) -> Class:
    slack = room.settings.slack.model_copy(update={"base_url": f"{world.slack_url}/api/", "timeout_s": 2})
    digest = room.settings.digest.model_copy(update={"slack_channel": f"#{CHATTER_CHANNEL}"})
    room.settings = room.settings.model_copy(
        update={"slack": slack, "digest": digest, "slack_token": SecretStr(world.slack_token)}
    )
    return room


def posted(world: World) -> list[dict[str, Any]]:
    return [row for row in world.workspace.messages(CHATTER_CHANNEL) if row.get("metadata")]


def test_slack_gets_one_message(on_slack: Class, world: World) -> None:
    assert tally(on_slack.send(), "slack") == (1, 0, {}, 0)
    assert tally(on_slack.send(), "slack") == (0, 1, {}, 0)
    (found,) = posted(world)
    assert "3월 2일~8일 강의 소식" in found["text"]
    assert found["metadata"] == {
        "event_type": "chatp_digest", "event_payload": {"class_id": "class", "week": "2026-03-02"},
    }  # fmt: skip
    body = str(found["blocks"])
    assert f"<{BASE}/c/class/questions|" in body
    with on_slack.place() as place:
        for question in place.digest(WEEK).questions[:5]:
            assert question.text in body
    assert "녹화본" not in body
    assert "/rec/share/" not in body


@pytest.mark.parametrize(
    ("fault", "code", "posts_before"),
    [("cut", "CP-SLACK-008", 1), ("server_error", "CP-SLACK-007", 0)],
)
def test_slack_is_looked_at_before_it_is_posted_again(
    on_slack: Class, world: World, fault: str, code: str, posts_before: int
) -> None:
    world.faults.add({"kind": fault, "endpoint": "chat.postMessage"})
    assert tally(on_slack.send(), "slack") == (0, 0, {code: 1}, 0)
    assert len(posted(world)) == posts_before
    assert tally(on_slack.send(), "slack") == (1, 0, {}, 0)
    assert len(posted(world)) == 1
    assert set(on_slack.states().values()) == {("sent", "")}


def test_nothing_is_posted_when_nobody_can_look(on_slack: Class, world: World) -> None:
    world.faults.add({"kind": "cut", "endpoint": "chat.postMessage"})
    on_slack.send()
    world.faults.add(
        {"kind": "server_error", "endpoint": "conversations.history", "status": 400, "count": None}
    )
    assert tally(on_slack.send(), "slack") == (0, 0, {"CP-SLACK-011": 1}, 0)
    assert len(posted(world)) == 1


def test_a_process_that_died_while_posting_is_followed_by_a_look(on_slack: Class, world: World) -> None:
    on_slack.send()
    with writing(on_slack.workspace.database) as connection:
        connection.execute(text("UPDATE digest_deliveries SET state = 'sending', sent_at = NULL"))
    assert tally(on_slack.send(), "slack") == (0, 1, {}, 0)
    old = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=2)
    with writing(on_slack.workspace.database) as connection:
        connection.execute(text("UPDATE digest_deliveries SET claimed_at = :at").bindparams(at=old))
    assert tally(on_slack.send(), "slack") == (1, 0, {}, 0)
    assert len(posted(world)) == 1


def test_somebody_elses_mark_is_not_ours(on_slack: Class, world: World) -> None:
    """Another app may attach the same metadata: only the post of this very bot counts."""
    mark = {"event_type": "chatp_digest", "event_payload": {"class_id": "class", "week": "2026-03-02"}}
    row = world.workspace.say_as_app(CHATTER_CHANNEL, "not ours", metadata=mark)
    with world.workspace._lock:
        world.workspace._existing(CHATTER_CHANNEL, row["ts"])["user"] = "U0OTHER"
    world.workspace.set_now(world.workspace.now + timedelta(minutes=1))
    assert tally(on_slack.send(), "slack") == (1, 0, {}, 0)
    assert len(posted(world)) == 2


def test_the_channel_of_the_announcements_is_refused(on_slack: Class, world: World) -> None:
    digest = on_slack.settings.digest.model_copy(update={"slack_channel": RECORDINGS_CHANNEL})
    on_slack.settings = on_slack.settings.model_copy(update={"digest": digest})
    assert on_slack.send()["slack"]["problem"] == "CP-WEB-050"
    assert world.slack.count("chat.postMessage") == 0


def test_hostile_words_on_slack_mention_nobody(on_slack: Class, world: World) -> None:
    hostile = "<!channel> <https://evil.example|click> *a* & <@U123>"
    with duckdb.connect(str(on_slack.workspace.publication.current().path)) as connection:
        connection.execute("update marts.open_questions set text = ?", [hostile])
    on_slack.send()
    (found,) = posted(world)
    for block in found["blocks"][1:]:
        shown = block["text"]["text"]
        assert block["text"]["verbatim"] is True
        assert {link.split("|")[0].split("/c/")[0] for link in re.findall(r"<([^>]*)>", shown)} <= {BASE}
    assert "&lt;!channel&gt;" in str(found["blocks"])


def test_mail_and_slack_do_not_wait_for_each_other(on_slack: Class, world: World) -> None:
    with MailServer() as gone:
        on_slack.with_mail(gone)
    on_slack.subscribe("hana")
    report = on_slack.send()
    assert report["mail"]["problem"] == "CP-WEB-051"
    assert tally(report, "slack") == (1, 0, {}, 0)
    with on_slack.place() as place:
        assert waiting(place, WEEK) == {"mail": 1, "slack": 0}


# Weeks


def test_weeks() -> None:
    zone = Settings().zone
    sunday_night = datetime(2026, 3, 8, 14, 59, tzinfo=UTC)
    assert last_week(sunday_night, zone) == Week(date(2026, 2, 23))
    assert last_week(sunday_night + timedelta(minutes=1), zone) == WEEK
    assert WEEK.bounds(zone) == (datetime(2026, 3, 1, 15, tzinfo=UTC), datetime(2026, 3, 8, 15, tzinfo=UTC))
    assert parse_week("2026-03-02", sunday_night + timedelta(minutes=1), zone) == WEEK
    for wrong in ("2026-03-02", "2026-03-03", "x", "0001-01-01", "9999-12-27", "2026-W10"):
        with pytest.raises(WebError, match="CP-WEB-057"):
            parse_week(wrong, sunday_night, zone)


def test_an_account_that_is_deleted_is_counted_nowhere(room: Class, server: MailServer) -> None:
    (number,) = room.with_mail(server).subscribe("hana")
    room.send()
    with writing(room.workspace.database) as connection:
        connection.execute(text("DELETE FROM accounts WHERE account_id = :one").bindparams(one=number))
    assert tally(room.send()) == (0, 0, {}, 0)
    assert room.states() == {str(number): ("sent", "")}
