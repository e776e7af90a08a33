"""Accounts: set-up link, signing in and out, invitations, members, the log; through the pages, as browsers do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.web.application import create_app
from chat_platform.web.passwords import Passwords, refuse_weak
from chat_platform.web.services import Services
from chat_platform.web.signing_in import local_path
from tests.web.browsing import GOOD, browser, quick_passwords, send, sign_in, token_of

BETTER = "열두 개의 노란 우산과 바다"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A portal with two classes and nothing published: accounts must work before anything else does."""
    return Settings(
        home=tmp_path / "home",
        web={"class_id": "one", "class_title": "하나", "classes": {"two": tmp_path / "two"}},
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, quick_passwords())


@pytest.fixture
def services(app: FastAPI) -> Services:
    return app.state.services


@pytest.fixture
def accounts(services: Services) -> AccountStore:
    return services.accounts


Make = Callable[..., int]


@pytest.fixture
def make(services: Services) -> Make:
    """``make("kim", one="student")``: an account with the good password."""

    def made(login: str, **roles: str) -> int:
        password_hash = services.passwords.hash(GOOD)
        number = services.accounts.create(login, login.title(), password_hash=password_hash)
        for class_id, role in roles.items():
            services.accounts.set_role(number, class_id, role)
        return number

    return made


def at_home(app: FastAPI, login: str) -> TestClient:
    """A browser in which somebody has signed in."""
    client = browser(app)
    assert sign_in(client, login).status_code == 303
    return client


def actions(services: Services, class_id: str = "one") -> list[str]:
    return [row.action for row in services.audit.list(class_id, with_nobodys=True)]


def link_of(page: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:8600(/invitation/[\w-]+)", page)
    assert found
    return found[1]


# --- Set-up -----------------------------------------------------------------------------------------------------


def test_the_set_up_link_makes_an_operator_of_every_class_once(app: FastAPI, services: Services) -> None:
    path, client = f"/set-up/{services.invitations.set_up('one')}", browser(app)
    answer = send(client, path, login="Boss@example.com", name="대표", password=GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    account = services.accounts.by_login("boss@example.com")
    assert {c: m.role for c, m in services.accounts.members(account.account_id).items()} == {
        "one": "operator",
        "two": "operator",
    }
    assert client.get("/c/two/members").status_code == 200, "signed in at once"
    for other in (client, browser(app)):
        assert other.get(path).status_code == 404
    assert actions(services) == ["sign-in", "account.set-up"]


def test_a_weak_password_is_refused_and_the_form_keeps_what_was_typed(
    app: FastAPI, services: Services
) -> None:
    path, client = f"/set-up/{services.invitations.set_up('one')}", browser(app)
    answer = send(client, path, login="boss", name="대표", password="password1234")
    assert answer.status_code == 422
    assert "CP-WEB-013" in answer.text
    assert 'value="boss"' in answer.text
    assert "password1234" not in answer.text
    assert not services.accounts.any_account()
    assert send(client, path, login="boss", name="대표", password=GOOD).status_code == 303


def test_an_old_set_up_link_ends_with_a_new_start_and_with_the_first_account(
    app: FastAPI, services: Services, make: Make
) -> None:
    old, new = services.invitations.set_up("one"), services.invitations.set_up("one")
    assert browser(app).get(f"/set-up/{old}").status_code == 404
    client = browser(app)
    token = token_of(client.get(f"/set-up/{new}").text)
    make("kim")
    answer = client.post(
        f"/set-up/{new}", data={"csrf_token": token, "login": "x", "name": "X", "password": GOOD}
    )
    assert answer.status_code == 404, "somebody else was first"


# --- Passwords --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password1234",
        "1q2w3e4r5t",
        "qwertyuiop",
        "aaaaaaaaaaaa",
        "비밀번호비밀번호비밀",
        "kimminsu2024",
        "x" * 1001,
    ],
)
def test_passwords_that_are_guessed_first_are_refused(password: str) -> None:
    with pytest.raises(WebError, match="CP-WEB-013"):
        refuse_weak(password, ("kim.minsu@example.com", "Kim Minsu"))


@pytest.mark.parametrize(
    "password", [GOOD, "correct horse battery staple", "x7#Lq9!vB2m", " ".join(map(str, range(250)))]
)
def test_good_passwords_are_taken(password: str) -> None:
    refuse_weak(password, ("kim", "Kim"))


def test_hashes_are_argon2id_as_rfc_9106_has_it() -> None:
    passwords = Passwords()
    stored = passwords.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(stored, GOOD)
    assert not passwords.matches(stored, GOOD + "x")
    assert not passwords.matches(None, GOOD)
    assert not passwords.matches("damaged", GOOD)
    assert Passwords(PasswordHasher(time_cost=4)).outdated(stored)
    decomposed = "".join(chr(c) for c in (0x1106, 0x1161, 0x11AF)) + GOOD[1:]
    assert passwords.matches(stored, decomposed), "the same letters from another keyboard"


def test_a_hash_with_other_parameters_is_renewed_at_the_next_sign_in(
    app: FastAPI, accounts: AccountStore
) -> None:
    old = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)).hash(GOOD)
    accounts.create("kim", "Kim", password_hash=old)
    client = at_home(app, "kim")
    new = accounts.by_login("kim").password_hash
    assert "t=1" in new != old
    client.cookies.delete("session")
    assert sign_in(client, "kim").status_code == 303


# --- Signing in and out -----------------------------------------------------------------------------------------


def test_signing_in_leads_back_to_the_page_that_was_wanted(app: FastAPI, make: Make) -> None:
    make("kim", one="operator")
    client = browser(app)
    where = client.get("/c/one/audit?who=x").headers["location"]
    page = client.get(where)
    answer = client.post(
        "/sign-in",
        data={
            "csrf_token": token_of(page.text),
            "login": " KIM ",
            "password": GOOD,
            "next": re.findall(r'name="next" value="([^"]+)"', page.text)[-1],
        },
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/one/audit?who=x")
    assert client.get("/c/one/audit").status_code == 200
    assert client.get("/sign-in?next=/account").headers["location"] == "/account"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    app: FastAPI, make: Make, settings: Settings
) -> None:
    make("kim", one="student")
    cookies = sign_in(browser(app), "kim").headers.get_list("set-cookie")
    (session,) = [c for c in cookies if c.startswith("session=")]
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(session.split("; "))
    web = settings.web.model_copy(update={"base_url": "https://class.example"})
    secure = create_app(settings.model_copy(update={"web": web}), quick_passwords())
    client = TestClient(secure, base_url="https://class.example", follow_redirects=False)
    cookies = sign_in(client, "kim").headers.get_list("set-cookie")
    (session,) = [c for c in cookies if c.startswith("__Host-session=")]
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(session.split("; "))
    assert client.get("/account").status_code == 200


def test_nobody_is_told_whether_a_login_exists(app: FastAPI, services: Services, make: Make) -> None:
    make("kim", one="student")
    closed = make("closed", one="student")
    services.members.disable(closed, rights={"one"})
    services.accounts.create("by-provider", "P")
    pages = []
    for login, password in (("kim", "wrong"), ("nobody", "wrong"), ("closed", GOOD), ("by-provider", GOOD)):
        answer = sign_in(browser(app), login, password)
        assert answer.status_code == 401
        pages.append(re.sub(r'csrf_token" value="[^"]+"', "", answer.text).replace(login, "LOGIN"))
        assert [c.split("=")[0] for c in answer.headers.get_list("set-cookie")] == ["form"]
    assert len(set(pages)) == 1
    assert "CP-WEB-012" in pages[0]


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/\n/evil.example", "/ok\r\nset-cookie: a=b", "http:evil.example", " //evil.example",
        "///evil.example", "/" + "x" * 3000, "\u2028", "evil.example", "@evil.example",
    ],
)  # fmt: skip
def test_nothing_leads_to_another_site(app: FastAPI, make: Make, hostile: str) -> None:
    assert local_path(hostile) == "/"
    make("kim", one="student")
    client = browser(app)
    answer = sign_in(client, "kim", next=hostile) if len(hostile) < 2000 else None
    if answer is not None:
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "a" not in {c.split("=")[0] for c in answer.headers.get_list("set-cookie")}
        assert send(client, "/language", "/account", language="en", next=hostile).headers["location"] == "/"


def test_signing_out_ends_the_session_and_not_only_the_cookie(app: FastAPI, make: Make) -> None:
    make("kim", one="student")
    client = at_home(app, "kim")
    secret = client.cookies["session"]
    answer = send(client, "/sign-out", "/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "session" not in client.cookies
    thief = browser(app)
    thief.cookies.set("session", secret)
    assert thief.get("/account").headers["location"] == "/sign-in?next=%2Faccount"


def test_a_session_that_somebody_planted_is_not_the_one_that_opens(app: FastAPI, make: Make) -> None:
    make("kim", one="student")
    mine = make("evil", one="student")
    planted = app.state.services.accounts.open_session(mine)
    client = browser(app)
    client.cookies.set("session", planted)
    # The sign-in page sends somebody who is signed in on; the attacker's session is ended by a sign-in on top of it.
    token = app.state.services.accounts.visitor(planted).csrf_token
    answer = client.post("/sign-in", data={"csrf_token": token, "login": "kim", "password": GOOD})
    assert answer.status_code == 303
    new = answer.cookies["session"]
    assert new != planted
    assert app.state.services.accounts.visitor(planted) is None
    assert app.state.services.accounts.visitor(new).login == "kim"
    client = browser(app)
    client.cookies.set("session", "chosen-by-somebody")
    sign_in(client, "kim")
    assert app.state.services.accounts.visitor("chosen-by-somebody") is None


def test_language_and_theme_are_chosen_with_and_without_an_account(app: FastAPI, make: Make) -> None:
    make("kim", one="student")
    client = browser(app)
    assert '<html lang="ko"' in client.get("/sign-in").text
    answer = send(client, "/language", "/sign-in", language="en", next="/sign-in")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert '<html lang="en"' in client.get("/sign-in").text
    assert send(client, "/language", "/sign-in", language="xx").status_code == 422
    other = at_home(app, "kim")
    send(other, "/language", "/account", language="en")
    send(other, "/theme", "/account", theme="dark")
    again = at_home(app, "kim").get("/account").text
    assert '<html lang="en" data-theme="dark"' in again, "it is the account's, in every browser"
    send(other, "/theme", "/account", theme="auto")
    assert '<html lang="en">' in at_home(app, "kim").get("/account").text


# --- The account's own page -------------------------------------------------------------------------------------


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(
    app: FastAPI, services: Services, make: Make
) -> None:
    make("kim", one="operator")
    here, there = at_home(app, "kim"), at_home(app, "kim")
    secret = here.cookies["session"]
    wrong = send(here, "/account/password", "/account", old="wrong", new=BETTER)
    assert (wrong.status_code, "CP-WEB-012" in wrong.text) == (401, True)
    weak = send(here, "/account/password", "/account", old=GOOD, new="kim1234567")
    assert (weak.status_code, "CP-WEB-013" in weak.text) == (422, True)
    assert there.get("/account").status_code == 200
    assert send(here, "/account/password", "/account", old=GOOD, new=BETTER).status_code == 303
    assert here.get("/account").status_code == 200
    assert here.cookies["session"] != secret
    assert services.accounts.visitor(secret) is None
    assert there.get("/account").status_code == 303
    assert sign_in(browser(app), "kim", GOOD).status_code == 401
    assert sign_in(browser(app), "kim", BETTER).status_code == 303
    assert "password.changed" in actions(services)


def test_an_account_sees_and_ends_its_sessions(app: FastAPI, make: Make) -> None:
    make("kim", one="student")
    client = browser(app, **{"user-agent": "Firefox on the bus"})
    sign_in(client, "kim")
    other = at_home(app, "kim")
    page = other.get("/account").text
    assert "Firefox on the bus" in page
    other_hash = re.search(r'name="session" value="(\w{64})"', page)[1]
    send(other, "/account/sessions/close", "/account", session=other_hash)
    assert client.get("/account").status_code == 303
    third = at_home(app, "kim")
    send(other, "/account/sessions/close-all", "/account")
    assert other.get("/account").status_code == third.get("/account").status_code == 303


def test_a_session_of_somebody_else_is_not_ended(app: FastAPI, make: Make, accounts: AccountStore) -> None:
    make("kim", one="student")
    lee = make("lee", one="student")
    secret = accounts.open_session(lee)
    send(
        at_home(app, "kim"),
        "/account/sessions/close",
        "/account",
        session=accounts.sessions(lee)[0].token_hash,
    )
    assert accounts.visitor(secret) is not None


def test_tokens_are_shown_once_and_revoked(app: FastAPI, services: Services, make: Make) -> None:
    number = make("kim", one="operator")
    client = at_home(app, "kim")
    page = send(
        client, "/account/tokens", name="<b>script</b>", scopes=["read:lectures", "read:tiles"], days="30"
    )
    token = re.search(r"chatp_[\w-]{43}", page.text)[0]
    assert services.tokens.visitor(token).scopes == {"read:lectures", "read:tiles"}
    later = client.get("/account/tokens").text
    assert token not in later
    assert "&lt;b&gt;script&lt;/b&gt;" in later
    (made,) = services.tokens.of(number)
    assert made.expires_at - made.created_at == timedelta(days=30)
    make("lee", one="student")
    stranger = send(at_home(app, "lee"), f"/account/tokens/{made.token_id}/revoke", "/account")
    assert stranger.status_code == 404
    assert services.tokens.visitor(token) is not None
    send(client, f"/account/tokens/{made.token_id}/revoke", "/account/tokens")
    assert services.tokens.visitor(token) is None
    assert send(client, "/account/tokens", name="x", days="30").status_code == 422
    assert send(client, "/account/tokens", name="x", scopes=["read:tiles"], days="31").status_code == 422


# --- Invitations ------------------------------------------------------------------------------------------------


def test_an_operator_invites_a_teacher_who_invites_a_student(
    app: FastAPI, services: Services, make: Make
) -> None:
    make("op", one="operator")
    operator = at_home(app, "op")
    made = send(
        operator, "/c/one/invitations", "/c/one/members", role="teacher", days="1", note="<i>새 강사</i>"
    )
    path = link_of(made.text)
    page = operator.get("/c/one/members").text
    assert path not in page
    assert "&lt;i&gt;새 강사&lt;/i&gt;" in page
    teacher = browser(app)
    assert "하나" in teacher.get(path).text
    answer = send(teacher, path, login="teacher", name="강사", password=GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/one/lectures")
    assert browser(app).get(path).status_code == 404, "it worked once"
    for role in ("operator", "teacher"):
        assert send(teacher, "/c/one/invitations", "/c/one/members", role=role).status_code == 403
    assert (
        send(teacher, "/c/one/invitations", "/c/one/members", role="student", person_id="p").status_code
        == 403
    )
    path = link_of(send(teacher, "/c/one/invitations", "/c/one/members", role="student").text)
    student = browser(app)
    send(student, path, login="student", name="학생", password=GOOD)
    assert {m.login: m.role for m in services.members.of("one")} == {
        "op": "operator",
        "teacher": "teacher",
        "student": "student",
    }
    assert student.get("/c/one/members").status_code == 403
    used = [row for row in services.audit.list("one") if row.action == "invitation.used"]
    assert [(row.name, row.detail["by"]) for row in used] == [("학생", "teacher"), ("강사", "op")]


def test_teachers_see_and_revoke_their_own_invitations_only(app: FastAPI, make: Make) -> None:
    make("op", one="operator")
    make("teacher", one="teacher")
    operator, teacher = at_home(app, "op"), at_home(app, "teacher")
    theirs = link_of(
        send(operator, "/c/one/invitations", "/c/one/members", role="student", note="비밀 메모").text
    )
    assert "비밀 메모" not in teacher.get("/c/one/members").text
    assert send(teacher, "/c/one/invitations/1/revoke", "/c/one/members").status_code == 404
    assert browser(app).get(theirs).status_code == 200
    assert send(operator, "/c/one/invitations/1/revoke", "/c/one/members").status_code == 303
    assert browser(app).get(theirs).status_code == 404


def test_somebody_with_an_account_joins_and_the_session_gets_a_new_secret(
    app: FastAPI, services: Services, make: Make
) -> None:
    make("op", one="operator")
    number = make("kim", two="student")
    path = link_of(send(at_home(app, "op"), "/c/one/invitations", "/c/one/members", role="teacher").text)
    kim = at_home(app, "kim")
    before = kim.cookies["session"]
    assert kim.get("/c/one/members").status_code == 404
    assert send(kim, f"{path}/join", path).headers["location"] == "/c/one/lectures"
    assert {c: m.role for c, m in services.accounts.members(number).items()} == {
        "one": "teacher",
        "two": "student",
    }
    assert kim.get("/c/one/members").status_code == 200
    assert kim.cookies["session"] != before
    assert services.accounts.visitor(before) is None


# --- Members ----------------------------------------------------------------------------------------------------


def test_a_change_of_role_is_noted_and_asks_for_a_new_sign_in(
    app: FastAPI, services: Services, make: Make
) -> None:
    make("op", one="operator")
    number = make("kim", one="student")
    operator, kim = at_home(app, "op"), at_home(app, "kim")
    assert kim.get("/account").status_code == 200
    here = f"/c/one/members/{number}"
    assert send(operator, f"{here}/role", here, role="teacher").status_code == 303
    assert kim.get("/account").status_code == 303
    assert services.accounts.members(number)["one"].role == "teacher"
    noted = next(row for row in services.audit.list("one", action="role") if row.action == "role.changed")
    assert (noted.subject, dict(noted.detail)) == (str(number), {"before": "student", "after": "teacher"})
    assert send(operator, f"{here}/role", here, role="king").status_code == 422
    assert send(operator, f"{here}/remove", here).status_code == 303
    assert services.accounts.members(number) == {}
    assert operator.get(here).status_code == 404


def test_the_last_operator_cannot_go(app: FastAPI, services: Services, make: Make) -> None:
    number = make("op", one="operator")
    operator = at_home(app, "op")
    here = f"/c/one/members/{number}"
    for action, fields in (("role", {"role": "student"}), ("remove", {}), ("disable", {})):
        answer = send(operator, f"{here}/{action}", here, **fields)
        assert (answer.status_code, "CP-WEB-016" in answer.text) == (409, True)
    assert services.accounts.members(number)["one"].role == "operator"
    assert operator.get("/account").status_code == 200


def test_closing_an_account_ends_it_everywhere_but_not_across_classes(
    app: FastAPI, services: Services, make: Make
) -> None:
    make("op", one="operator")
    kim, lee = make("kim", one="student"), make("lee", one="student", two="student")
    operator, client = at_home(app, "op"), at_home(app, "kim")
    here = f"/c/one/members/{kim}"
    assert send(operator, f"{here}/disable", here).status_code == 303
    assert client.get("/account").status_code == 303
    assert sign_in(browser(app), "kim").status_code == 401
    assert send(operator, f"{here}/enable", here).status_code == 303
    assert sign_in(browser(app), "kim").status_code == 303
    here = f"/c/one/members/{lee}"
    assert send(operator, f"{here}/disable", here).status_code == 403
    assert send(operator, f"/c/one/members/{9999}/disable", here).status_code == 404


def test_a_forgotten_password_is_set_by_a_link_of_an_operator(
    app: FastAPI, services: Services, make: Make
) -> None:
    make("op", one="operator")
    kim, lee = make("kim", one="student"), make("lee", one="student", two="student")
    operator, old_session = at_home(app, "op"), at_home(app, "kim")
    here = f"/c/one/members/{kim}"
    links = []
    for _ in range(2):
        made = send(operator, f"{here}/password-link", here).text
        links.append(re.search(r"http://127\.0\.0\.1:8600(/password/[\w-]+)", made)[1])
    assert browser(app).get(links[0]).status_code == 404, "the newer one replaced it"
    client = browser(app)
    assert send(client, links[1], password="kim1234567").status_code == 422
    assert send(client, links[1], password=BETTER).headers["location"] == "/"
    assert client.get("/account").status_code == 200
    assert old_session.get("/account").status_code == 303
    assert browser(app).get(links[1]).status_code == 404
    assert sign_in(browser(app), "kim", GOOD).status_code == 401
    assert sign_in(browser(app), "kim", BETTER).status_code == 303
    assert {"password.link", "password.changed"} <= set(actions(services))
    answer = send(operator, f"/c/one/members/{lee}/password-link", f"/c/one/members/{lee}")
    assert answer.status_code == 403, "lee may do things in another class that op may not"


# --- The log ----------------------------------------------------------------------------------------------------


def test_the_log_is_filtered_and_paged(app: FastAPI, services: Services, make: Make) -> None:
    number = make("op", one="operator")
    make("kim", one="student", two="operator")
    for i in range(120):
        services.audit.note("export.tile", account_id=number, class_id="one", subject=f"<b>tile {i}</b>")
    services.audit.note("export.tile", account_id=number, class_id="two", subject="of another class")
    operator = at_home(app, "op")
    page = operator.get("/c/one/audit?action=export").text
    seen = []
    while True:
        seen += re.findall(r"&lt;b&gt;tile (\d+)&lt;/b&gt;", page)
        older = re.search(r'href="(\?[^"]+)" rel="next"', page)
        if older is None:
            break
        page = operator.get("/c/one/audit" + older[1].replace("&amp;", "&")).text
    assert seen == [str(i) for i in reversed(range(120))]
    assert "of another class" not in operator.get("/c/one/audit").text
    assert "sign-in" in operator.get("/c/one/audit?who=op&action=sign-in").text
    assert "sign-in</code>" not in operator.get("/c/one/audit?who=kim&action=sign-in").text
    assert operator.get("/c/one/audit?since=2999-01-01").text.count("<code>") == 0
    for bad in ("since=yesterday", "until=9999-12-31", "before=x", "since=0001-01-01"):
        assert operator.get(f"/c/one/audit?{bad}").status_code == 422
    assert at_home(app, "kim").get("/c/one/audit").status_code == 403


# --- PostgreSQL -------------------------------------------------------------------------------------------------


def test_the_whole_way_on_either_database(tmp_path: Path, database_url: str) -> None:
    settings = Settings(home=tmp_path / "home", app_database_url=database_url, web={"class_id": "one"})
    app = create_app(settings, quick_passwords())
    services: Services = app.state.services
    operator, student = browser(app), browser(app)
    path = f"/set-up/{services.invitations.set_up('one')}"
    assert send(operator, path, login="boss\0", name="대표", password=GOOD).status_code == 422
    assert send(operator, path, login="boss", name="대표\0", password=GOOD).status_code == 303
    path = link_of(send(operator, "/c/one/invitations", "/c/one/members", role="student", note="메모\0").text)
    assert send(student, path, login="kim", name="학생", password=GOOD).status_code == 303
    send(student, "/sign-out", "/account")
    assert sign_in(student, "kim\0").status_code == 401
    assert sign_in(student, "kim").status_code == 303
    number = services.accounts.by_login("kim").account_id
    here = f"/c/one/members/{number}"
    assert send(operator, f"{here}/role", here, role="teacher").status_code == 303
    assert sign_in(student, "kim").status_code == 303
    assert student.get("/c/one/members").status_code == 200
    page = operator.get("/c/one/audit").text
    for action in (
        "account.set-up",
        "invitation.created",
        "invitation.used",
        "sign-in.failed",
        "role.changed",
    ):
        assert f"<code>{action}</code>" in page
    assert operator.get("/c/one/audit?who=%00&action=%00").status_code in (200, 422)
