"""Somebody of a class, in a browser without scripts.

What belongs here: an account with a role and its session. What does not: signing in by a form, which is tested.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from chat_platform.web.services import Services


def member(app: FastAPI, role: str | None, login: str = "", person_id: str | None = None) -> TestClient:
    """A browser with a session of an account that has the role in the first class.

    The CSRF token is set as a default header, as the pages' script does.
    """
    services: Services = app.state.services
    accounts, class_id = services.accounts, next(iter(services.classes))
    login = login or f"{role or 'nobody'}@example.com"
    known = accounts.by_login(login)
    number = known.account_id if known else accounts.create(login, login.split("@")[0])
    if role:
        accounts.set_role(number, class_id, role)
    if person_id:
        accounts.link_person(number, class_id, person_id, proof="operator", by="test")
    secret = accounts.open_session(number)
    visitor = accounts.visitor(secret)
    assert visitor is not None
    client = TestClient(app, base_url=services.base_url, follow_redirects=False)
    client.cookies.set("session", secret)
    client.headers["X-CSRF-Token"] = visitor.csrf_token
    return client
