"""What a browser does with pages that have forms, for tests."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from chat_platform.web.passwords import Passwords

BASE = "http://127.0.0.1:8600"
GOOD = "말없는 기린 넷이 춤춘다"
"""A password that is accepted."""


def quick_passwords() -> Passwords:
    """The real hashing with parameters that cost a test nothing."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def browser(app: FastAPI, address: str = "127.0.0.1", **headers: str) -> TestClient:
    """A browser at an address, without cookies."""
    return TestClient(app, base_url=BASE, follow_redirects=False, client=(address, 50_000), headers=headers)


def token_of(page: str) -> str:
    """The token that the forms of a page carry."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page[:2000]
    return html.unescape(found[1])


def send(client: TestClient, path: str, page: str | None = None, **fields: str | Sequence[str]) -> Response:
    """Open the page with a form (default: the form's own address) and send it."""
    token = token_of(client.get(page or path).text)
    data: dict[str, Any] = {"csrf_token": token, **fields}
    return client.post(path, data=data)


def sign_in(client: TestClient, login: str, password: str = GOOD, next: str = "/") -> Response:  # noqa: A002
    """Sign in by the form."""
    return send(client, "/sign-in", login=login, password=password, next=next)
