"""Signing in with OpenID Connect against a real provider on this machine; every defect of its answer is refused."""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from chat_platform.settings import OidcProvider, Settings
from chat_platform.web.application import create_app
from chat_platform.web.oidc import Pending
from chat_platform.web.services import Services
from tests.web.browsing import GOOD, browser, quick_passwords, send
from tests.web.oidc_provider import CLIENT, SECRET, OidcServer, running

DAY = 86_400


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    with running() as found:
        yield found


@pytest.fixture
def provider(server: OidcServer) -> OidcServer:
    """The provider without the defects of the test before."""
    fresh = OidcServer(issuer=server.issuer)
    for name in ("claims", "spoil", "sign_with", "forge", "discovery", "token_status"):
        setattr(server, name, getattr(fresh, name))
    return server


def app_with(home: Path, provider: OidcServer, **options: Any) -> FastAPI:
    own = {"issuer": provider.issuer, "client_id": CLIENT, "label": "Slack", **options}
    settings = Settings(
        home=home, web={"class_id": "class", "oidc": {"slack": own}}, oidc_secrets={"slack": SECRET}
    )
    return create_app(settings, quick_passwords())


@pytest.fixture
def app(tmp_path: Path, provider: OidcServer) -> FastAPI:
    return app_with(tmp_path, provider)


def services_of(app: FastAPI) -> Services:
    return app.state.services


def invited(app: FastAPI, role: str = "student") -> str:
    return services_of(app).invitations.invite("class", role, by="op", lasts=timedelta(days=1))


def at_provider(client: TestClient, start: str) -> str:
    """Leave for the provider, sign in there; the address that it sends the browser back to."""
    left = client.get(start)
    assert left.status_code == 303, left.text
    back = requests.get(left.headers["location"], allow_redirects=False, timeout=10)
    assert back.status_code == 307
    return back.headers["location"]


def through(client: TestClient, start: str) -> Response:
    return client.get(at_provider(client, start))


# --- The right way ----------------------------------------------------------------------------------------------


def test_somebody_invited_comes_in_and_later_without_an_invitation(
    app: FastAPI, provider: OidcServer
) -> None:
    client, secret = browser(app), invited(app, "teacher")
    provider.claims = {"sub": "u1", "name": "김\n민수", "email": "Kim@Example.com", "email_verified": True}
    page = client.get(f"/invitation/{secret}").text
    start = re.search(r'href="(/sign-in/with/slack[^"]+)"', page)[1].replace("&amp;", "&")
    answer = through(client, start)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/class/lectures")
    account = services_of(app).accounts.by_login("kim@example.com")
    assert (account.name, account.password_hash) == ("김 민수", None)
    assert client.get("/c/class/members").status_code == 200
    again = browser(app)
    answer = through(again, "/sign-in/with/slack?next=/account")
    assert answer.headers["location"] == "/account"
    assert again.get("/account").status_code == 200
    assert [row.detail for row in services_of(app).audit.list("class", action="sign-in")] == [
        {"by": "slack"}
    ] * 2


def test_the_request_has_pkce_state_and_nonce_that_are_new_each_time(
    app: FastAPI, provider: OidcServer
) -> None:
    before = len(provider.asked)
    for _ in range(2):
        through(browser(app), "/sign-in/with/slack")
    first, second = provider.asked[before:]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 32
        assert first[name] != second[name]
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    assert "openid" in first["scope"].split()
    assert first["redirect_uri"] == "http://127.0.0.1:8600/sign-in/back/slack"


def test_who_is_not_invited_is_told_so_and_gets_no_account(app: FastAPI) -> None:
    client = browser(app)
    answer = through(client, "/sign-in/with/slack")
    assert (answer.status_code, "CP-WEB-019" in answer.text) == (403, True)
    assert not services_of(app).accounts.any_account()
    assert client.get("/account").status_code == 303


def test_an_invitation_that_was_used_meanwhile_lets_nobody_in(app: FastAPI, provider: OidcServer) -> None:
    client, secret = browser(app), invited(app)
    back = at_provider(client, f"/sign-in/with/slack?invitation={secret}")
    send(browser(app), f"/invitation/{secret}", login="quick", name="Q", password=GOOD)
    answer = client.get(back)
    assert (answer.status_code, "CP-WEB-014" in answer.text) == (404, True)
    assert services_of(app).provider_accounts.account(provider.issuer, "u1") is None


def test_an_account_with_the_same_address_is_not_taken_over(app: FastAPI, provider: OidcServer) -> None:
    accounts = services_of(app).accounts
    mine = accounts.create("kim@example.com", "Kim", password_hash="x")
    provider.claims = {"sub": "u9", "name": "N", "email": "kim@example.com", "email_verified": True}
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    other = services_of(app).provider_accounts.account(provider.issuer, "u9")
    assert (other.login, other.account_id != mine) == ("slack:u9", True)
    provider.claims = {"sub": "u10", "name": "N", "email": "boss@example.com", "email_verified": False}
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    assert accounts.by_login("boss@example.com") is None, "an address that nobody has verified is no login"


def test_a_closed_account_stays_closed(app: FastAPI, provider: OidcServer) -> None:
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    account = services_of(app).provider_accounts.account(provider.issuer, "u1")
    services_of(app).members.disable(account.account_id, rights={"class"})
    answer = through(browser(app), "/sign-in/with/slack")
    assert (answer.status_code, "CP-WEB-012" in answer.text) == (401, True)


def test_an_account_connects_a_provider_and_can_take_it_back(app: FastAPI, provider: OidcServer) -> None:
    services = services_of(app)
    number = services.accounts.create("kim", "Kim", password_hash=services.passwords.hash(GOOD))
    client = browser(app)
    client.cookies.set("session", services.accounts.open_session(number))
    assert through(client, "/account/connect/slack").headers["location"] == "/account"
    assert services.provider_accounts.account(provider.issuer, "u1").account_id == number
    assert through(browser(app), "/sign-in/with/slack").status_code == 303
    send(client, "/account/disconnect/slack", "/account")
    assert through(browser(app), "/sign-in/with/slack").status_code == 403


def test_what_somebody_else_began_is_not_connected_to_my_account(app: FastAPI, provider: OidcServer) -> None:
    services = services_of(app)
    attacker = browser(app)
    evil = services.accounts.create("evil", "E")
    attacker.cookies.set("session", services.accounts.open_session(evil))
    back = at_provider(attacker, "/account/connect/slack")
    victim = browser(app)
    victim.cookies.set("session", services.accounts.open_session(services.accounts.create("kim", "Kim")))
    assert victim.get(back).status_code == 400, "the victim's browser has no such journey"
    victim.cookies.set("provider", attacker.cookies["provider"])
    assert victim.get(back).status_code == 303
    assert services.provider_accounts.account(provider.issuer, "u1") is None


def test_another_site_cannot_start_a_sign_in(app: FastAPI) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert browser(app).get("/sign-in/with/slack", headers=headers).status_code == 403
    assert browser(app).get("/sign-in/with/other").status_code == 404


# --- Slack ------------------------------------------------------------------------------------------------------


def slack_claims(slack_id: str, team: str = "T1", sub: str = "u1") -> dict[str, str]:
    return {"sub": sub, "name": "N", "https://slack.com/user_id": slack_id, "https://slack.com/team_id": team}


@pytest.fixture
def person(taught_home: Path) -> dict[str, Any]:
    """Somebody of the class whom Slack knows."""
    room = services_of(create_app(Settings(home=taught_home))).classes["class"]
    return room.published.row(
        "select person_id, slack_id from core.people where slack_id is not null and not is_bot order by 1 limit 1"
    )


def test_slack_proves_which_person_an_account_is(
    home: Path, provider: OidcServer, person: dict[str, Any]
) -> None:
    app = app_with(home, provider, slack_team="T1")
    provider.claims = slack_claims(person["slack_id"])
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    account = services_of(app).provider_accounts.account(provider.issuer, "u1")
    member = services_of(app).members.get("class", account.account_id)
    assert (member.person_id, member.proof, member.linked_by) == (person["person_id"], "slack", "slack")
    provider.claims = slack_claims(person["slack_id"], sub="u2")
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    second = services_of(app).provider_accounts.account(provider.issuer, "u2")
    assert services_of(app).members.get("class", second.account_id).person_id is None, "the person is taken"


@pytest.mark.parametrize(("team", "setting"), [("T2", "T1"), ("T1", None), (None, "T1")])
def test_a_slack_id_of_another_workspace_proves_nothing(
    home: Path, provider: OidcServer, person: dict[str, Any], team: str | None, setting: str | None
) -> None:
    app = app_with(home, provider, slack_team=setting, admit_people=True)
    provider.claims = slack_claims(person["slack_id"], team)
    assert through(browser(app), "/sign-in/with/slack").status_code == 403
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    account = services_of(app).provider_accounts.account(provider.issuer, "u1")
    assert services_of(app).members.get("class", account.account_id).person_id is None


def test_people_of_the_class_may_come_without_invitation_where_the_settings_say_so(
    home: Path, provider: OidcServer, person: dict[str, Any]
) -> None:
    provider.claims = slack_claims(person["slack_id"])
    assert (
        through(browser(app_with(home, provider, slack_team="T1")), "/sign-in/with/slack").status_code == 403
    )
    app = app_with(home, provider, slack_team="T1", admit_people=True)
    assert through(browser(app), "/sign-in/with/slack").status_code == 303
    account = services_of(app).provider_accounts.account(provider.issuer, "u1")
    member = services_of(app).members.get("class", account.account_id)
    assert (member.role, member.person_id, member.proof) == ("student", person["person_id"], "slack")
    provider.claims = slack_claims("U-nobody", sub="u2")
    assert through(browser(app), "/sign-in/with/slack").status_code == 403


# --- Wrong answers ----------------------------------------------------------------------------------------------


def changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        for name, value in values.items():
            claims.pop(name) if value is None else claims.update({name: value})

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        changed(nonce="another"), changed(nonce=None), changed(aud="another"), changed(aud=[CLIENT, "another"]),
        changed(aud=None), changed(iss="https://another.example"), changed(iss=None),
        changed(exp=int(time.time()) - DAY), changed(exp=None), changed(iat=None), changed(sub=None),
        changed(sub=""), changed(sub=5),
        changed(azp="another"), changed(nbf=int(time.time()) + DAY), changed(at_hash="wrong"),
    ],
    ids=["nonce", "no nonce", "audience", "two audiences", "no audience", "issuer", "no issuer", "expired", "no end",
         "no begin", "no subject", "empty subject", "number", "party", "not yet", "access token"],
)  # fmt: skip
def test_claims_that_are_wrong_are_refused(
    app: FastAPI, provider: OidcServer, spoil: Callable[[dict[str, Any]], None]
) -> None:
    provider.spoil = spoil
    client = browser(app)
    answer = through(client, f"/sign-in/with/slack?invitation={invited(app)}")
    assert (answer.status_code, "CP-WEB-017" in answer.text) == (400, True)
    assert not services_of(app).accounts.any_account()
    assert "session" not in client.cookies


def test_a_signature_by_another_key_is_refused(app: FastAPI, provider: OidcServer) -> None:
    provider.sign_with = RSAKey.generate_key(2048, {"kid": provider.key.kid})
    answer = through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    assert (answer.status_code, services_of(app).accounts.any_account()) == (400, False)


def forged(algorithm: str, secret: bytes | None) -> Callable[[dict[str, Any]], str]:
    """A token by hand: libraries refuse to make such ones."""

    def text(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    def forge(claims: dict[str, Any]) -> str:
        body = ".".join(text(json.dumps(part).encode()) for part in ({"alg": algorithm}, claims))
        return f"{body}.{text(hmac.digest(secret, body.encode(), 'sha256')) if secret else ''}"

    return forge


def test_a_signature_that_others_can_make_is_refused_although_the_provider_offers_it(
    app: FastAPI, provider: OidcServer
) -> None:
    # The classic confusions: no signature, the client's secret, and the public key, as the secret of HS256.
    for algorithm, secret in (
        ("none", None),
        ("HS256", SECRET.encode()),
        ("HS256", provider.key.as_pem(private=False)),
    ):
        provider.forge = forged(algorithm, secret)
        answer = through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
        assert (answer.status_code, services_of(app).accounts.any_account()) == (400, False)


def test_a_new_key_of_the_provider_is_fetched(app: FastAPI, provider: OidcServer) -> None:
    through(browser(app), f"/sign-in/with/slack?invitation={invited(app)}")
    provider.change_key()
    assert through(browser(app), "/sign-in/with/slack").status_code == 303


def test_a_wrong_state_or_somebody_elses_journey_is_refused(app: FastAPI, provider: OidcServer) -> None:
    secret = invited(app)
    client = browser(app)
    back = at_provider(client, f"/sign-in/with/slack?invitation={secret}")
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert client.get(back.replace(state, "another")).status_code == 400
    assert browser(app).get(back).status_code == 400, "another browser"
    other = browser(app)
    at_provider(other, "/sign-in/with/slack")
    assert other.get(back).status_code == 400, "another journey: login CSRF"
    assert client.get(back).status_code == 303
    assert client.get(back).status_code == 400, "the journey is over"


def test_a_code_of_another_journey_fails_by_its_verifier(app: FastAPI, provider: OidcServer) -> None:
    attacker, victim = browser(app), browser(app)
    stolen = parse_qs(urlsplit(at_provider(victim, "/sign-in/with/slack")).query)["code"][0]
    mine = at_provider(attacker, f"/sign-in/with/slack?invitation={invited(app)}")
    own = parse_qs(urlsplit(mine).query)["code"][0]
    assert attacker.get(mine.replace(own, stolen)).status_code == 400
    assert not services_of(app).accounts.any_account()


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "e30", "bnVsbA", "W10", Pending("slack", "s", "n", "v").as_cookie()[:-4], "\x7f" * 9000],
)
def test_a_damaged_cookie_is_refused_in_words(app: FastAPI, cookie: str) -> None:
    client = browser(app)
    answer = client.get("/sign-in/back/slack?code=c&state=s", headers={"cookie": f"provider={cookie}"})
    assert (answer.status_code, "CP-WEB-017" in answer.text) == (400, True)


def test_what_the_provider_says_is_not_repeated_on_our_page(app: FastAPI) -> None:
    client = browser(app)
    back = at_provider(client, "/sign-in/with/slack")
    state = parse_qs(urlsplit(back).query)["state"][0]
    page = client.get(f"/sign-in/back/slack?state={state}&error=access_denied&error_description=<script>")
    assert (page.status_code, "access_denied" in page.text, "&lt;script" in page.text) == (400, True, False)
    back = at_provider(client, "/sign-in/with/slack")
    state = parse_qs(urlsplit(back).query)["state"][0]
    page = client.get(f"/sign-in/back/slack?state={state}&error=Call 010-1234 now")
    assert "010-1234" not in page.text.partition("<main")[2]


def test_a_provider_that_names_another_issuer_or_unsafe_addresses_is_refused(
    tmp_path: Path, provider: OidcServer
) -> None:
    for number, discovery in enumerate(
        ({"issuer": "https://another.example"}, {"token_endpoint": "ftp://x/"}, {"jwks_uri": None})
    ):
        provider.discovery = discovery
        app = app_with(tmp_path / str(number), provider)
        answer = browser(app).get("/sign-in/with/slack")
        assert (answer.status_code, "CP-WEB-017" in answer.text) == (400, True)


def test_a_provider_that_is_down_is_named_and_passwords_go_on(tmp_path: Path, provider: OidcServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        down = OidcServer(issuer=f"http://127.0.0.1:{taken.getsockname()[1]}")
        client = browser(app_with(tmp_path, down))
        answer = client.get("/sign-in/with/slack")
        assert (answer.status_code, "CP-WEB-018" in answer.text) == (503, True)
        assert client.get("/sign-in").status_code == 200
    app = app_with(tmp_path, provider)
    client = browser(app)
    back = at_provider(client, f"/sign-in/with/slack?invitation={invited(app)}")
    provider.token_status = 500
    assert client.get(back).status_code in (400, 503)
    provider.token_status = 200
    assert through(client, f"/sign-in/with/slack?invitation={invited(app)}").status_code == 303


# --- Settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("issuer", ["http://slack.com", "ftp://slack.com", "slack.com"])
def test_an_issuer_without_tls_is_no_issuer(issuer: str) -> None:
    with pytest.raises(ValidationError):
        OidcProvider(issuer=issuer, client_id="c", label="Slack")


def test_the_secret_comes_from_the_environment_and_not_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    monkeypatch.setenv("CHATP_OIDC_SECRETS__SLACK", SECRET)
    found = Settings()
    assert found.oidc_secrets["slack"].get_secret_value() == SECRET
    assert SECRET not in repr(found)
    (tmp_path / "chatp.toml").write_text("[oidc_secrets]\nslack = 'x'\n", encoding="utf-8")
    with pytest.raises(ValueError, match="belongs in the environment"):
        Settings()
