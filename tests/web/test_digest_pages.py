"""The digest on the portal: nobody's address but one's own, ending it with one click, sending by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape

import duckdb
import pytest
from fastapi.testclient import TestClient

from chat_platform.digest.weeks import Week
from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.audit import AuditLog
from chat_platform.storage.digests import DeliveryKey, DeliveryLog
from chat_platform.storage.subscriptions import SubscriptionStore
from chat_platform.storage.workspace import Workspace
from chat_platform.web.application import create_app
from chat_platform.web.middleware import headers
from tests.web.conftest import SignIn
from tests.web.mail_server import MailServer

WEEK = Week(date(2026, 3, 2))
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, server: MailServer) -> Settings:
    """Settings of a portal with a mail server."""
    mail = {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout_s": 3}
    return settings.model_copy(update={"mail": settings.mail.model_copy(update=mail)})


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    return Workspace(settings)


@pytest.fixture
def store(workspace: Workspace) -> SubscriptionStore:
    return SubscriptionStore(workspace.database, workspace.settings.home)


def number_of(workspace: Workspace, login: str) -> int:
    account = AccountStore(workspace.database).by_login(login)
    assert account is not None
    return account.account_id


def subscribed(
    workspace: Workspace, store: SubscriptionStore, sign_in: SignIn, role: str = "student"
) -> TestClient:
    browser = sign_in(role)
    number = number_of(workspace, f"{role}@example.com")
    store.confirm(number, "class", store.ask(number, "class", f"{role}@example.com"))
    return browser


def link_in(server: MailServer, address: str) -> str:
    body = server.mail_to(address).get_body(("plain",))
    assert body is not None
    (link,) = re.findall(r"http://[^\s]+(/c/class/digest/confirm/\S+)", body.get_content())
    return link


def actions(workspace: Workspace) -> list[str]:
    return [
        one.action for one in AuditLog(workspace.database).list("class") if one.action.startswith("digest")
    ]


# Subscribing


def test_a_subscription_begins_with_the_link_in_a_mail(
    sign_in: SignIn, server: MailServer, store: SubscriptionStore, workspace: Workspace
) -> None:
    browser = sign_in("student")
    assert 'value="student@example.com"' in browser.get("/c/class/digest").text
    answer = browser.post("/c/class/digest/subscribe", data={"address": "own@example.com"})
    assert answer.headers["location"] == "/c/class/digest?asked=true"
    assert "own@example.com" in browser.get(answer.headers["location"]).text
    assert store.recipients("class") == []
    link = link_in(server, "own@example.com")
    assert browser.get(link).status_code == 200
    assert store.recipients("class") == []
    assert browser.post(link).headers["location"] == "/c/class/digest"
    assert [one.address for one in store.recipients("class")] == ["own@example.com"]
    assert actions(workspace) == ["digest.confirmed", "digest.asked"]
    assert browser.post("/c/class/digest/end").status_code == 303
    assert store.recipients("class") == []


def test_nobody_subscribes_a_foreign_address(
    sign_in: SignIn, server: MailServer, store: SubscriptionStore, client: TestClient
) -> None:
    mallory, victim = sign_in("student", "mallory@example.com"), sign_in("student", "victim@example.com")
    mallory.post("/c/class/digest/subscribe", data={"address": "victim@example.com"})
    link = link_in(server, "victim@example.com")
    assert mallory.post("/c/class/digest/confirm/guessed").status_code == 404
    assert victim.post(link).status_code == 404
    assert client.get(link).headers["location"].startswith("/sign-in?next=%2Fc%2Fclass%2Fdigest%2Fconfirm%2F")
    assert store.recipients("class") == []
    subject, body = str(server.mail_to("victim@example.com")["Subject"]), server.accepted[0][1]
    assert subject == "[시험 수업] 주간 다이제스트 구독 확인"
    assert b"mallory" not in body


@pytest.mark.parametrize("address", ["", "no", "a@b, c@d", "a@example.com\r\nBcc: b@example.com", "<a@b.c>"])
def test_what_is_no_address_gets_no_mail(sign_in: SignIn, server: MailServer, address: str) -> None:
    answer = sign_in("student").post("/c/class/digest/subscribe", data={"address": address})
    assert answer.status_code == 422
    assert "CP-WEB-055" in answer.text or "CP-WEB-006" in answer.text
    assert server.accepted == []


def test_nobody_floods_an_address(sign_in: SignIn, server: MailServer) -> None:
    browsers = [sign_in("student", f"s{number}@example.com") for number in range(3)]
    codes = [
        browser.post("/c/class/digest/subscribe", data={"address": "Victim@example.com"}).status_code
        for browser in browsers * 2
    ]
    assert codes == [303, 303, 303, 429, 429, 429]
    assert len(server.accepted) == 3
    one = sign_in("student", "other@example.com")
    codes = [
        one.post("/c/class/digest/subscribe", data={"address": f"a{number}@example.com"}).status_code
        for number in range(7)
    ]
    assert codes == [303] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("fault", "status", "code"), [("550", 422, "CP-WEB-052"), ("451", 303, ""), ("450", 503, "CP-WEB-051")]
)
def test_a_server_that_refuses_is_said(
    sign_in: SignIn, server: MailServer, fault: str, status: int, code: str
) -> None:  # fmt: skip
    server.faults["own@example.com"].append(fault)
    answer = sign_in("student").post("/c/class/digest/subscribe", data={"address": "own@example.com"})
    assert answer.status_code == status
    assert code in answer.text


# Ending it


def test_one_click_needs_no_session_and_no_token_of_a_form(
    sign_in: SignIn, client: TestClient, store: SubscriptionStore, workspace: Workspace
) -> None:
    subscribed(workspace, store, sign_in)
    token = store.recipients("class")[0].token
    assert client.get(f"/unsubscribe/{token}").status_code == 200
    assert len(store.recipients("class")) == 1
    elsewhere = {"origin": "https://mail.example", "sec-fetch-site": "cross-site"}
    answer = client.post(f"/unsubscribe/{token}", data=ONE_CLICK, headers=elsewhere)
    assert answer.status_code == 200
    assert "student@example.com" not in answer.text
    assert store.recipients("class") == []
    assert client.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code == 200
    assert actions(workspace)[0] == "digest.ended"


def test_the_button_works_signed_in_and_out(
    sign_in: SignIn, client: TestClient, store: SubscriptionStore, workspace: Workspace
) -> None:
    browser = subscribed(workspace, store, sign_in)
    token = store.recipients("class")[0].token
    del browser.headers["X-CSRF-Token"]
    page = browser.get(f"/unsubscribe/{token}").text
    assert re.search(rf'<form method="post" action="/unsubscribe/{token}">', page)
    assert "해지되었습니다" in browser.post(f"/unsubscribe/{token}").text
    assert store.recipients("class") == []


@pytest.mark.parametrize("token", ["x", "..%2f..", "' or 1=1 --", "a" * 5_000])
def test_other_links_end_nothing(
    client: TestClient, sign_in: SignIn, store: SubscriptionStore, workspace: Workspace, token: str
) -> None:
    subscribed(workspace, store, sign_in)
    for answer in (client.get(f"/unsubscribe/{token}"), client.post(f"/unsubscribe/{token}")):
        assert answer.status_code == 404
    assert len(store.recipients("class")) == 1


# Looking at it


def test_staff_see_any_week_and_students_none(sign_in: SignIn) -> None:
    teacher = sign_in("teacher")
    overview = teacher.get("/c/class/digest").text
    assert f"/c/class/digest/weeks/{WEEK}" in overview
    page = teacher.get(f"/c/class/digest/weeks/{WEEK}")
    assert page.headers["content-security-policy"] == headers()["content-security-policy"]
    assert "style=" not in page.text
    assert "cid:" not in page.text
    pictures = re.findall(r'src="(/c/class/digest/weeks/2026-03-02/pictures/[^"]+)"', page.text)
    assert len(pictures) == 4
    assert all(teacher.get(unescape(address)).content.startswith(b"\x89PNG") for address in pictures)
    assert teacher.get(f"/c/class/digest/weeks/{WEEK}/pictures/lecture-9.png").status_code == 404
    assert "답을 기다리는 질문 28개" in page.text
    assert "지금 보내기" not in page.text
    student = sign_in("student")
    assert student.get(f"/c/class/digest/weeks/{WEEK}").status_code == 403
    assert student.get(unescape(pictures[0])).status_code == 403
    assert "/digest/weeks/" not in student.get("/c/class/digest").text


@pytest.mark.parametrize("week", ["2026-03-03", "x", "2099-01-05", "0001-01-01", "%00", "1' or '1'='1"])
def test_other_days_are_no_weeks(sign_in: SignIn, week: str) -> None:
    assert sign_in("teacher").get(f"/c/class/digest/weeks/{week}").status_code == 404


def test_older_weeks_are_on_further_pages(sign_in: SignIn, workspace: Workspace) -> None:
    path = workspace.publication.current().path
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into marts.lectures (conversation_id, lecture_date, messages, replies, reactions, speakers)"
            " select 'old-' || n, date '2025-01-08' + cast(n * 7 as integer), 0, 0, 0, 0 from range(30) as t(n)"
        )
    browser, seen, page = sign_in("teacher"), [], "/c/class/digest"
    for _ in range(5):
        text = browser.get(page).text
        seen += re.findall(r'/digest/weeks/([0-9-]+)"', text)
        older = re.search(r'href="(/c/class/digest\?before=[^"]+)"', text)
        if older is None:
            break
        page = unescape(older[1])
    mondays = [str(date(2025, 1, 6) + timedelta(weeks=n)) for n in range(30)]
    assert {*mondays, str(WEEK)} <= set(seen)
    assert len(seen) == len(set(seen))


def test_hostile_words_are_text_on_the_page(sign_in: SignIn, workspace: Workspace) -> None:
    hostile = '"><img src=x onerror=alert(1)><script>alert(1)</script>{{ 7*7 }}'
    path = workspace.publication.current().path
    with duckdb.connect(str(path)) as connection:
        connection.execute("update marts.lectures set title = ?, link = ?", [hostile] * 2)
        connection.execute("update marts.top_messages set text = ?, name = ?", [hostile] * 2)
        connection.execute("update marts.open_questions set text = ?, name = ?", [hostile] * 2)
    page = sign_in("operator").get(f"/c/class/digest/weeks/{WEEK}").text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert page.count("{{ 7*7 }}") >= 10


# Sending it


def test_an_operator_sends_and_sees_what_became_of_it(
    sign_in: SignIn, server: MailServer, store: SubscriptionStore, workspace: Workspace
) -> None:
    subscribed(workspace, store, sign_in)
    subscribed(workspace, store, sign_in, "teacher")
    server.faults["teacher@example.com"].append("550")
    operator = sign_in("operator")
    address = f"/c/class/digest/weeks/{WEEK}"
    assert operator.post(f"{address}/send").status_code == 422
    assert server.accepted == []
    answer = operator.post(f"{address}/send", data={"confirm": "yes"})
    assert answer.headers["location"] == f"{address}?started=true"
    assert server.recipients == ["student@example.com"]
    page = operator.get(address).text
    assert "s•••@example.com" in page
    assert "t•••@example.com" in page
    assert "student@example.com" not in page
    assert "teacher@example.com" not in page
    assert "CP-WEB-052" in page
    again = re.search(r'name="recipient" value="(\d+)"', page)
    assert again is not None
    operator.post(f"{address}/send", data={"confirm": "yes"})
    assert server.recipients == ["student@example.com"]
    operator.post(f"{address}/again", data={"channel": "mail", "recipient": again[1]})
    assert server.recipients == ["student@example.com", "teacher@example.com"]
    assert actions(workspace) == ["digest.released", "digest.sent", "digest.sent"]
    assert (
        operator.post(f"{address}/again", data={"channel": "mail", "recipient": again[1]}).status_code == 404
    )


def test_only_an_operator_sends(
    sign_in: SignIn, server: MailServer, store: SubscriptionStore, workspace: Workspace
) -> None:
    subscribed(workspace, store, sign_in)
    for role in ("student", "teacher"):
        browser = sign_in(role)
        for action in ("send", "again"):
            data = {"confirm": "yes", "channel": "mail", "recipient": "1"}
            answer = browser.post(f"/c/class/digest/weeks/{WEEK}/{action}", data=data)
            assert answer.status_code == 403
    operator = sign_in("operator")
    del operator.headers["X-CSRF-Token"]
    assert operator.post(f"/c/class/digest/weeks/{WEEK}/send", data={"confirm": "yes"}).status_code == 403
    assert server.accepted == []


def test_a_server_that_is_down_is_no_error_of_the_page(
    sign_in: SignIn, server: MailServer, store: SubscriptionStore, workspace: Workspace
) -> None:
    subscribed(workspace, store, sign_in)
    server.stop()
    operator = sign_in("operator")
    address = f"/c/class/digest/weeks/{WEEK}"
    assert operator.post(f"{address}/send", data={"confirm": "yes"}).status_code == 303
    assert DeliveryLog(workspace.database).of_week("class", str(WEEK)) == []
    assert "아직 받지 못한 곳: 1" in operator.get(address).text


def test_without_mail_nothing_is_offered(settings: Settings, sign_in: SignIn) -> None:
    none = settings.model_copy(update={"mail": settings.mail.model_copy(update={"host": None})})
    operator = sign_in("operator")
    with TestClient(create_app(none), base_url="http://127.0.0.1:8600", follow_redirects=False) as bare:
        bare.cookies.update(operator.cookies)
        bare.headers["X-CSRF-Token"] = operator.headers["X-CSRF-Token"]
        page = bare.get("/c/class/digest").text
        assert "메일 서버가 설정되어 있지 않아" in page
        assert "/digest/subscribe" not in page
        refused = bare.post("/c/class/digest/subscribe", data={"address": "a@example.com"})
        assert (refused.status_code, "CP-WEB-050" in refused.text) == (409, True)
        sending = bare.post(f"/c/class/digest/weeks/{WEEK}/send", data={"confirm": "yes"})
        assert sending.status_code == 409


def test_a_claim_that_was_left_is_shown_as_unknown(sign_in: SignIn, workspace: Workspace) -> None:
    log = DeliveryLog(workspace.database)
    log.claim(DeliveryKey("class", str(WEEK), "mail", "77"), utc_now() - timedelta(hours=2))
    page = sign_in("operator").get(f"/c/class/digest/weeks/{WEEK}").text
    assert "CP-WEB-054" in page
    assert "알 수 없음" in page
