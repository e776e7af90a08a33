"""Who may do what: every route has a rule, and the rules hold for every role and class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from httpx import Response

from chat_platform.settings import Settings
from chat_platform.storage.tokens import SCOPES
from chat_platform.web import access
from chat_platform.web.application import create_app
from chat_platform.web.services import Services
from tests.homes import copied
from tests.web.browsing import BASE, quick_passwords
from tests.web.conftest import SignIn

NUMBER = "999999"
"""Stands for every part of a path but the class: nothing has it."""


@dataclass(frozen=True)
class Address:
    """A route as it is reached: method, whole path with its holes, and its rule."""

    method: str
    path: str
    rule: access.Rule | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def filled(self, class_id: str = "class") -> str:
        """The path with a class, and with numbers that nothing has."""
        return re.sub(r"\{[^}]+\}", NUMBER, self.path.replace("{class_id}", class_id))


def addresses() -> list[Address]:
    found = []
    for context in iter_route_contexts(create_app(Settings()).routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            found += [
                Address(method, context.path, access.rule_of(route)) for method in sorted(route.methods)
            ]
    return found


ADDRESSES = addresses()
OF_CLASSES = [address for address in ADDRESSES if "{class_id}" in address.path]
CHANGING = [address for address in ADDRESSES if address.method not in access.SAFE_METHODS]


def test_routes_are_found() -> None:
    assert {"/", "/health", "/c/{class_id}/members", "/api/v1/me"} <= {address.path for address in ADDRESSES}
    assert len(ADDRESSES) == len({str(address) for address in ADDRESSES})


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_every_route_has_one_rule(address: Address) -> None:
    rule = address.rule
    assert rule is not None, f"{address} needs a parameter of a type of web.access"
    assert (rule.roles is not None) == ("{class_id}" in address.path), (
        "a route of a class needs a rule about roles"
    )
    assert rule.scope is None or rule.scope in SCOPES
    assert rule.check_form or not rule.signed_in, (
        "only links that are their own proof need no token of the form"
    )


# --- Role × route × class ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """Somebody who asks: a role in the class or elsewhere, a token with its scopes, or nobody."""

    name: str
    role: str | None = None
    elsewhere: str | None = None
    closed: bool = False
    scopes: frozenset[str] | None = None
    signed_in: bool = True


KINDS = (
    Kind("student", "student"),
    Kind("teacher", "teacher"),
    Kind("operator", "operator"),
    Kind("operator of another class", elsewhere="operator"),
    Kind("in no class"),
    Kind("nobody", signed_in=False),
    Kind("closed", "operator", closed=True, signed_in=False),
    Kind("token of a student", "student", scopes=frozenset(SCOPES)),
    Kind("token of an operator", "operator", scopes=frozenset(SCOPES)),
    Kind("narrow token", "operator", scopes=frozenset({"read:account"})),
    Kind("token of another class", elsewhere="operator", scopes=frozenset(SCOPES)),
    Kind("revoked token", "operator", scopes=frozenset()),
)


def expected(address: Address, kind: Kind) -> str:
    """``passes``, or the code of the refusal."""
    rule = address.rule
    assert rule is not None
    if not rule.look:
        return "passes"
    signed_in = kind.signed_in
    if kind.scopes is not None:
        if rule.scope is None:
            signed_in = False  # tokens open what has a scope; elsewhere they are nothing
        elif not kind.scopes:
            return "CP-WEB-010"
        elif rule.scope not in kind.scopes:
            return "CP-WEB-011"
    if rule.signed_in and not signed_in:
        return "CP-WEB-002"
    if not rule.signed_in:
        by_nobody = kind.scopes is not None and rule.check_form and address in CHANGING
        return "CP-WEB-004" if by_nobody else "passes"
    if rule.roles is None:
        return "passes"
    if kind.role is None:
        return "CP-WEB-001"
    return "passes" if kind.role in rule.roles else "CP-WEB-003"


@pytest.fixture(scope="module")
def app(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """A portal with the taught class and a second, empty one."""
    folder = tmp_path_factory.mktemp("matrix")
    home = copied(taught_home, folder)
    web = {"classes": {"second": folder / "second"}, "api_requests_per_minute": 10**6}
    return create_app(Settings(home=home, web=web), quick_passwords())


class Asker:
    """Sends a request as one of the kinds, each time with a session or token of its own."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.services: Services = app.state.services
        self.numbers = {kind: self._account(kind) for kind in KINDS}

    def _account(self, kind: Kind) -> int:
        number = self.services.accounts.create(kind.name.replace(" ", "-"), kind.name)
        for class_id, role in (("class", kind.role), ("second", kind.elsewhere)):
            if role is not None:
                self.services.accounts.set_role(number, class_id, role)
        if kind.closed:
            self.services.members.disable(number, rights={"class"})
        return number

    def ask(self, kind: Kind, method: str, path: str, *, with_token: bool = True) -> Response:
        client = TestClient(self.app, base_url=BASE, follow_redirects=False, raise_server_exceptions=True)
        services, number, csrf = self.services, self.numbers[kind], "nobodys-token"
        if kind.scopes is not None:
            token = services.tokens.create(number, "t", kind.scopes or SCOPES)
            made = services.tokens.of(number)[0]
            if not kind.scopes:
                services.tokens.revoke(number, made.token_id)
            client.headers["Authorization"] = f"Bearer {token}"
        elif kind.name != "nobody":
            secret = services.accounts.open_session(number)
            client.cookies.set("session", secret)
            found = services.accounts.visitor(secret)
            csrf = found.csrf_token if found else csrf
        if with_token and kind.scopes is None:
            client.headers["X-CSRF-Token"] = csrf
        client.cookies.set("form", "nobodys-token")
        try:
            return client.request(method, path)
        finally:
            if kind.scopes is not None:
                services.tokens.revoke(number, services.tokens.of(number)[0].token_id)


@pytest.fixture(scope="module")
def asker(app: FastAPI) -> Asker:
    return Asker(app)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Paths that a rule has let through."""
    found: list[str] = []
    original = access.Rule.__call__

    async def watched(self: access.Rule, request: Request) -> access.Visit:
        visit = await original(self, request)
        found.append(request.url.path)
        return visit

    monkeypatch.setattr(access.Rule, "__call__", watched)
    yield found


def refused_with(answer: Response, code: str, path: str) -> bool:
    statuses = {"CP-WEB-001": 404, "CP-WEB-003": 403, "CP-WEB-004": 403, "CP-WEB-010": 401, "CP-WEB-011": 403}
    if code == "CP-WEB-002" and not path.startswith("/api/"):
        return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    return answer.status_code == statuses.get(code, 401) and code in answer.text


@pytest.mark.exhaustive
@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_the_rule_of_a_route_holds_for_everybody(address: Address, asker: Asker, passed: list[str]) -> None:
    path = address.filled()
    for kind in KINDS:
        passed.clear()
        answer = asker.ask(kind, address.method, path)
        wanted = expected(address, kind)
        if wanted == "passes":
            assert passed == [path], f"{kind.name}: {answer.status_code}"
            assert answer.status_code < 500 or "CP-" in answer.text, f"{kind.name}: {answer.text[:500]}"
        else:
            assert passed == []
            assert refused_with(answer, wanted, path), (
                f"{kind.name}: {answer.status_code} instead of {wanted}"
            )


@pytest.mark.parametrize("address", CHANGING, ids=str)
def test_nothing_changes_without_the_token_of_the_form(
    address: Address, asker: Asker, passed: list[str]
) -> None:
    assert address.rule is not None
    allowed = [kind for kind in KINDS if kind.scopes is None and expected(address, kind) == "passes"]
    assert allowed
    for kind in allowed if address.rule.check_form else ():
        answer = asker.ask(kind, address.method, address.filled(), with_token=False)
        assert (answer.status_code, "CP-WEB-004" in answer.text, passed) == (403, True, [])


@pytest.mark.parametrize("address", OF_CLASSES, ids=str)
def test_a_class_of_others_looks_like_none(address: Address, asker: Asker) -> None:
    operator = next(kind for kind in KINDS if kind.name == "operator")
    pages = []
    for class_id in ("second", "nowhere"):
        answer = asker.ask(operator, address.method, address.filled(class_id))
        assert (answer.status_code, "CP-WEB-001" in answer.text) == (404, True)
        plain = re.sub(r'(csrf_token" value|csrf-token" content)="[^"]+"', "", answer.text)
        pages.append(plain.replace(class_id, "CLASS"))
    assert pages[0] == pages[1]


# --- First page and health --------------------------------------------------------------------------------------


def test_nobody_is_sent_to_sign_in_and_comes_back(client: TestClient) -> None:
    answer = client.get("/", params={"a": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F%3Fa%3D1")


def test_one_class_is_opened_at_once_and_none_is_said(sign_in: SignIn) -> None:
    assert sign_in("student").get("/").headers["location"] == "/c/class/lectures"
    assert "초대" in sign_in(None).get("/").text


def test_health_tells_parts_and_no_secrets(client: TestClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["parts"] == {"app_database": "ok", "published:class": "version 2"}
