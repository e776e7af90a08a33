"""Who may do what: every route has a rule, and the rules hold for every role and class."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from chat_platform.settings import Settings
from chat_platform.web import access
from chat_platform.web.application import create_app
from tests.web.conftest import SignIn


def routes() -> list[APIRoute]:
    found = [context.original_route for context in iter_route_contexts(create_app(Settings()).routes)]
    return [route for route in found if isinstance(route, APIRoute)]


def test_routes_are_found() -> None:
    assert {"/", "/health"} <= {route.path for route in routes()}


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{min(route.methods)} {route.path}")
def test_every_route_has_one_rule(route: APIRoute) -> None:
    rule = access.rule_of(route)
    assert rule is not None, f"{route.path} needs a parameter of a type of web.access"
    assert (rule.roles is not None) == ("{class_id}" in route.path), (
        "a route of a class needs a rule about roles"
    )


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
