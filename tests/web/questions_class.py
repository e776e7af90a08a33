"""What the tests of questions know of the class by itself: straight from the published file and the app database.

What belongs here: reading what pages should show, without the code that they are made with. What does not: tests.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
from fastapi.testclient import TestClient
from httpx import Response

BASE = "/c/class"
QUESTIONS = f"{BASE}/questions"


def published(home: Path, sql: str, parameters: object = ()) -> list[dict[str, Any]]:
    """Rows of the newest published file."""
    folder = home / "warehouse" / "published"
    newest = max(folder.glob("warehouse-*.duckdb"), key=lambda path: int(path.stem.split("-")[1]))
    # DuckDB keeps one instance per path, and the portal's is configured otherwise.
    other_name = newest.with_name("for-tests.duckdb")
    if not other_name.exists():
        other_name.hardlink_to(newest)
    with duckdb.connect(str(other_name), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql, parameters).to_arrow_table().to_pylist()


def in_chats(home: Path) -> list[dict[str, Any]]:
    """Questions that the model found, the newest first."""
    return published(home, "select * from marts.lecture_questions order by asked_at desc, message_id")


def address(question_id: str) -> str:
    return f"{QUESTIONS}/{quote(question_id, safe='')}"


class Page(HTMLParser):
    """Elements and words of a page, as a browser would find them."""

    def __init__(self, answer: Response) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._silent = 0
        self.feed(answer.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def board(client: TestClient, **query: str) -> tuple[int, list[str]]:
    """How many questions the board says there are, and the ids of all of them, page by page."""
    ids: list[str] = []
    number = 1
    while True:
        answer = client.get(QUESTIONS, params={**query, "page": str(number)}, headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.text
        match = re.search(r'class="number">([\d,]+)</span>', answer.text)
        assert match is not None
        total = int(match[1].replace(",", ""))
        found = re.findall(r'name="question_id" value="([^"]*)"', answer.text)
        ids += found
        if len(ids) >= total or not found:
            return total, ids
        number += 1


def ask(client: TestClient, text: str, **fields: str) -> str:
    """Ask a question on the portal; its id."""
    answer = client.post(QUESTIONS, data={"text": text, **fields})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


def answer(client: TestClient, question_id: str, body: str, **fields: str) -> int:
    """Write an answer; its number."""
    got = client.post(f"{BASE}/answers", data={"question_id": question_id, "body": body, **fields})
    assert got.status_code == 303, got.text
    return int(got.headers["location"].rpartition("#answer-")[2])


def label(client: TestClient, message: dict[str, Any], is_question: bool) -> Response:
    """Say whether a message is a question."""
    return client.post(
        f"{BASE}/labels",
        data={
            "message_id": message["message_id"],
            "conversation_id": message["conversation_id"],
            "is_question": "yes" if is_question else "no",
        },
    )
