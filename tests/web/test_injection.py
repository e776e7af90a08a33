"""SQL injected into every place of every address: never an error of ours, never more than without."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from chat_platform.settings import Settings
from chat_platform.web import chats
from chat_platform.web.application import create_app
from tests.homes import copied
from tests.web.members import member

STRINGS = (
    "'", "''", '"', "`", "\\", "\\'", ";", "--", "-- ", "/*", "*/", "#", "%", "_", "%%", "%' or '1'='1",
    "' or '1'='1", "' or 1=1--", "' or ''='", "\" or \"\"=\"", "') or ('1'='1", "')) or (('1'='1", "' or true--",
    "1 or 1=1", "1; select 1", "1'; drop table marts.lectures; --", "'; drop table accounts; --",
    "' union select null--", "' union all select * from core.messages--", "1 union select login from accounts",
    "' and 1=0 union select table_name from information_schema.tables--", "'||'", "' || (select 1) || '", "$1",
    "${1}", "$limit", "?", ":1", "{{7*7}}", "{0}", "%s", "%(x)s", "0x27", "char(39)", "' and sleep(5)--",
    "' and (select count(*) from range(1000000000))>0--", "'; attach '/etc/passwd' as x; --",
    "'; copy core.messages to '/tmp/stolen.csv'; --", "' or read_csv('/etc/passwd')--", "'; pragma database_list; --",
    "NULL", "nan", "infinity", "1e309", "-1", "99999999999999999999", "\u02bc or 1=1", "\uff07 or 1=1",
)  # fmt: skip
pytestmark = pytest.mark.slow
FREE = re.compile(r"{([a-z_]+)(?::path)?}")


def places(app: Any) -> list[tuple[str, str, str]]:
    """(path, ``path`` or ``query``, name) of every text that a reader can put into an address."""
    found = []
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path or ""
        if (
            not isinstance(route, APIRoute)
            or "GET" not in (context.methods or ())
            or "{class_id}" not in path
        ):
            continue
        found += [(path, "path", name) for name in FREE.findall(path)]
        flat = [route.dependant]
        while flat:
            dependant = flat.pop()
            found += [(path, "query", field.alias) for field in dependant.query_params]
            flat += dependant.dependencies
    return list(dict.fromkeys(found))


PLACES = places(create_app(Settings()))


@pytest.fixture(scope="module")
def operator(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = copied(taught_home, tmp_path_factory.mktemp("injection"))
    app = create_app(Settings(home=home))
    published = app.state.services.classes["class"].published
    person = published.row(
        "select person_id from marts.participation_trend where person_id is not null order by 1"
    )
    with pytest.MonkeyPatch.context() as patch:
        # The whole chat on one page: what a search shows is held against it.
        patch.setattr(chats, "THREADS", 100_000)
        with member(app, "operator", person_id=person["person_id"]) as client:
            yield client
    published.close()


@pytest.fixture(scope="module")
def known(operator: TestClient) -> dict[str, str]:
    """Something that is there, for every name in an address."""
    published = operator.app.state.services.classes["class"].published  # type: ignore[attr-defined]
    row = published.row(
        "select conversation_id, message_id from marts.lecture_questions order by conversation_id, message_id"
    )
    person = published.row("select person_id from core.people where not is_bot order by 1")
    return {
        "class_id": "class",
        "conversation_id": row["conversation_id"],
        "message_id": row["message_id"],
        "question_id": row["message_id"],
        "person_id": person["person_id"],
        "tile": "daily_activity",
    }


def address(path: str, values: dict[str, str]) -> str:
    return FREE.sub(lambda found: quote(values.get(found[1], "1"), safe=""), path)


def size(answer: Any) -> int:
    """Rows of a list, or the rows of the tables of a page."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        items = body if isinstance(body, list) else body.get("items", body.get("rows", []))
        return len(items) if isinstance(items, list) else len(json.dumps(body))
    return answer.text.count("<tr") + answer.text.count("<li") + answer.text.count("<article")


def test_places_are_found_in_pages_and_in_the_api() -> None:
    paths = {path for path, _, _ in PLACES}
    assert "/c/{class_id}/operations/ledger" in paths
    assert "/api/v1/c/{class_id}/lectures/{conversation_id}/messages" in paths
    assert len(PLACES) > 50
    assert len(STRINGS) >= 50


@pytest.mark.exhaustive
@pytest.mark.parametrize(("path", "kind", "name"), PLACES, ids=lambda value: str(value))
def test_injected_sql_changes_nothing(
    operator: TestClient, known: dict[str, str], path: str, kind: str, name: str
) -> None:
    whole = operator.get(address(path, known))
    assert whole.status_code < 500, whole.text[:300]
    most = size(whole)
    for text in STRINGS:
        if kind == "path":
            answer = operator.get(address(path, {**known, name: text}))
        else:
            answer = operator.get(address(path, known), params={name: text})
        assert answer.status_code < 500, (text, answer.text[:300])
        if kind == "query" and answer.status_code == 200 and whole.status_code == 200:
            assert size(answer) <= most + 1, text
        if kind == "path" and name != "class_id":
            assert answer.status_code != 200 or size(answer) <= most, text


def test_tables_are_still_there(operator: TestClient) -> None:
    assert operator.get("/api/v1/c/class/lectures").json()["items"]
    assert operator.get("/health").status_code == 200
    assert not Path("/tmp/stolen.csv").exists()
