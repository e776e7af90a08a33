"""``/api/v1``: what the pages show, as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient

from chat_platform.settings import Settings
from chat_platform.storage.tokens import SCOPES
from chat_platform.web.api_document import openapi_document, operations
from chat_platform.web.application import create_app
from chat_platform.web.pages.api.common import cursor_of
from tests.web.conftest import SignIn

C = "/api/v1/c/class"
WithToken = Callable[..., TestClient]


@pytest.fixture
def with_token(settings: Settings) -> WithToken:
    """``with_token("student", "read:lectures", …)``: a program with such a token."""
    app = create_app(settings)
    services = app.state.services

    def make(role: str, *scopes: str, person_id: str | None = None) -> TestClient:
        login = f"{role}@example.com"
        known = services.accounts.by_login(login)
        number = known.account_id if known else services.accounts.create(login, role)
        services.accounts.set_role(number, "class", role)
        if person_id:
            services.accounts.link_person(number, "class", person_id, proof="operator", by="test")
        token = services.tokens.create(number, "test", scopes or list(SCOPES), lasts=timedelta(days=1))
        client = TestClient(app, base_url=services.base_url, follow_redirects=False)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    return make


@pytest.fixture
def tables(settings: Settings, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """What is published, in a copy: one process opens a file with one configuration only."""
    folder = settings.warehouse / "published"
    copy = shutil.copy(folder / (folder / "CURRENT").read_text().strip(), tmp_path / "tables.duckdb")
    connection = duckdb.connect(str(copy), read_only=True)
    connection.execute("set timezone = 'UTC'")
    return connection


def walk(client: TestClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page, following ``Link``."""
    found: list[dict[str, Any]] = []
    answer = client.get(path, params=params)
    for _ in range(10_000):
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["items"]
        link = answer.headers.get("link")
        assert (link is None) == (body["next"] is None)
        if link is None:
            return found
        answer = client.get(link.partition(">")[0].removeprefix("<"))
    raise AssertionError("the list never ends")


def test_me_tells_account_role_and_scopes(with_token: WithToken) -> None:
    body = with_token("student", "read:account").get("/api/v1/me").json()
    assert (body["login"], body["scopes"]) == ("student@example.com", ["read:account"])
    assert body["classes"] == [
        {"class_id": "class", "title": "시험 수업", "role": "student", "person_id": None}
    ]


def test_lectures_are_those_of_the_mart_the_newest_first(with_token: WithToken, tables: Any) -> None:
    found = walk(with_token("student"), f"{C}/lectures", limit=1)
    rows = tables.execute(
        "select conversation_id, lecture_date, messages, replies, reactions, speakers from marts.lectures "
        "order by lecture_date desc, conversation_id desc"
    ).fetchall()
    assert len(rows) == 3
    keys = ("conversation_id", "lecture_date", "messages", "replies", "reactions", "speakers")
    assert [tuple(item[key] for key in keys) for item in found] == [(r[0], str(r[1]), *r[2:]) for r in rows]


@pytest.mark.parametrize(
    ("part", "key", "sql"),
    [
        (
            "minutes",
            "minute",
            "select minute from marts.lecture_minutes where conversation_id = ? order by 1",
        ),
        ("peaks", "peak", "select peak from marts.lecture_peaks where conversation_id = ? order by 1"),
        ("words", "rank", "select rank from marts.lecture_words where conversation_id = ? order by 1"),
        ("speakers", "rank", "select rank from marts.lecture_speakers where conversation_id = ? order by 1"),
        (
            "top-messages",
            "rank",
            "select rank_in_conversation from marts.top_messages where conversation_id = ? order by 1",
        ),
        (
            "messages",
            "message_id",
            "select message_id from core.messages where conversation_id = ? and not removed "
            "and visibility = 'everyone' order by position",
        ),
    ],
)
def test_a_walk_in_small_pages_meets_every_row_once(
    with_token: WithToken, tables: Any, part: str, key: str, sql: str
) -> None:
    client = with_token("teacher")
    total = 0
    for (lecture,) in tables.execute("select conversation_id from marts.lectures").fetchall():
        expected = [row[0] for row in tables.execute(sql, [lecture]).fetchall()]
        assert [item[key] for item in walk(client, f"{C}/lectures/{lecture}/{part}", limit=7)] == expected
        total += len(expected)
    assert total > 0


def test_messages_carry_reactions_and_people(with_token: WithToken, tables: Any) -> None:
    client = with_token("student")
    number = 0
    for (lecture,) in tables.execute("select conversation_id from marts.lectures").fetchall():
        expected = dict(
            tables.execute(
                "select message_id, sum(count)::int from core.reactions where conversation_id = ? and not removed "
                "group by 1",
                [lecture],
            ).fetchall()
        )
        for message in walk(client, f"{C}/lectures/{lecture}/messages", limit=500):
            assert sum(one["count"] for one in message["reactions"]) == expected.get(message["message_id"], 0)
            number += len(message["reactions"])
    assert number > 0


def test_an_unchanged_answer_costs_a_304_and_a_roll_back_changes_it(
    with_token: WithToken, settings: Settings
) -> None:
    client = with_token("student")
    first = client.get(f"{C}/lectures")
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["last-modified"].endswith("GMT")
    again = client.get(f"{C}/lectures", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = client.get(f"{C}/lectures", params={"limit": 1}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    teacher = with_token("teacher").get(f"{C}/lectures", headers={"If-None-Match": first.headers["etag"]})
    assert teacher.status_code == 200, "a mark belongs to a role"
    me = client.get("/api/v1/me")
    assert client.get("/api/v1/me", headers={"If-None-Match": me.headers["etag"]}).status_code == 304


def test_head_is_get_without_a_body(with_token: WithToken) -> None:
    client = with_token("student")
    head, get = client.head(f"{C}/lectures"), client.get(f"{C}/lectures")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", get.headers["etag"])


def test_other_methods_are_refused_and_the_right_ones_named(with_token: WithToken) -> None:
    answer = with_token("student").delete(f"{C}/lectures")
    assert (answer.status_code, answer.headers["allow"], answer.json()["error"]["code"]) == (
        405,
        "GET, HEAD",
        "CP-WEB-042",
    )


@pytest.mark.parametrize(
    "query",
    ["nonsense=1", "limit=0", "limit=501", "limit=1&limit=2", "since=yesterday", "cursor=!!", "cursor=_w"],
)
def test_parameters_that_make_no_sense_are_refused(with_token: WithToken, query: str) -> None:
    answer = with_token("student").get(f"{C}/lectures?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "CP-WEB-006")


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "1.5", "٣"])
def test_a_cursor_of_another_list_is_refused(with_token: WithToken, tables: Any, key: str) -> None:
    lecture = tables.execute("select min(conversation_id) from marts.lectures").fetchone()[0]
    path = f"{C}/lectures/{lecture}/messages"
    answer = with_token("student").get(path, params={"cursor": cursor_of(key)})
    assert answer.status_code == 422


def document(app: Any) -> dict[str, Any]:
    return openapi_document(app.routes, "http://127.0.0.1:8600")


def calls() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Method, path, scope and roles of every route of the document."""
    found = []
    for path, item in document(create_app(Settings()))["paths"].items():
        for method, operation in item.items():
            roles = tuple(sorted(operation["x-roles"] or ("student", "teacher", "operator")))
            found.append((method.upper(), path, operation["x-scope"], roles))
    return found


@pytest.mark.parametrize(("method", "path", "scope", "roles"), calls(), ids=str)
def test_roles_and_scopes_hold_for_every_route(
    with_token: WithToken, client: TestClient, method: str, path: str, scope: str, roles: tuple[str, ...]
) -> None:
    address = path.replace("{class_id}", "class").replace("{answer_id}", "1")
    for name in ("conversation_id", "question_id", "person_id", "tile"):
        address = address.replace("{" + name + "}", "nothing")
    body = {"POST": {"body": "x"}, "PUT": {"body": "x", "version": 1}}.get(method)
    sent = {"json": body} if body and "vote" not in path else {}
    assert client.request(method, address, **sent).status_code == 401
    for role in ("student", "teacher", "operator"):
        answer = with_token(role, scope).request(method, address, **sent)
        assert (answer.status_code == 403) == (role not in roles), (role, answer.text)
        others = [other for other in SCOPES if other != scope]
        refused = with_token(role, *others).request(method, address, **sent)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "CP-WEB-011")
        if "{class_id}" in path:
            elsewhere = with_token(role, scope).request(
                method, address.replace("/c/class", "/c/other"), **sent
            )
            assert elsewhere.status_code == 404


def test_a_session_reads_and_needs_its_token_to_write(sign_in: SignIn) -> None:
    browser = sign_in("student")
    assert browser.get(f"{C}/lectures").status_code == 200
    del browser.headers["X-CSRF-Token"]
    answer = browser.post(f"{C}/questions/nothing/answers", json={"body": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "CP-WEB-004")


def test_questions_are_those_of_the_board(with_token: WithToken, tables: Any) -> None:
    found = walk(with_token("student"), f"{C}/questions")
    expected = {row[0] for row in tables.execute("select message_id from marts.lecture_questions").fetchall()}
    assert len(found) == len(expected) > 20
    assert {item["question_id"] for item in found} == expected
    assert all(item["probability"] is None for item in found), "for staff only"
    states = {item["state"] for item in walk(with_token("student"), f"{C}/questions", state="open")}
    assert states == {"open"}


def test_an_answer_is_written_changed_and_voted_for(with_token: WithToken, tables: Any) -> None:
    asked = tables.execute("select min(message_id) from marts.lecture_questions").fetchone()[0]
    student, teacher = with_token("student"), with_token("teacher")
    path = f"{C}/questions/{asked}/answers"
    made = student.post(path, json={"body": "**다음 주**"})
    assert made.status_code == 201
    number = made.json()["answer_id"]
    changed = student.put(f"{path}/{number}", json={"body": "월요일", "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = student.put(f"{path}/{number}", json={"body": "화요일", "version": 1})
    assert stale.status_code == 409
    assert student.put(f"{path}/{number}/vote").status_code == 403, "an own answer"
    assert teacher.put(f"{path}/{number}/vote").json() == {"votes": 1}
    assert teacher.put(f"{path}/{number}/vote").json() == {"votes": 1}
    answers = teacher.get(f"{C}/questions/{asked}").json()["answer_list"]
    assert [(one["body"], one["votes"], one["voted"], one["author"]) for one in answers] == [
        ("월요일", 1, True, "student")
    ]
    assert teacher.delete(f"{path}/{number}/vote").json() == {"votes": 0}
    elsewhere = f"{C}/questions/portal-9/answers/{number}"
    assert student.put(elsewhere, json={"body": "x", "version": 2}).status_code == 404


def test_people_are_for_staff_and_a_look_is_noted(
    with_token: WithToken, tables: Any, settings: Settings
) -> None:
    teacher = with_token("teacher")
    listed = walk(teacher, f"{C}/people", limit=11)
    expected = tables.execute(
        "select person_id from core.people where not is_bot order by person_id"
    ).fetchall()
    assert [item["person_id"] for item in listed] == [row[0] for row in expected]
    person_id = tables.execute(
        "select person_id from marts.participation_trend where person_id is not null order by messages desc, 1"
    ).fetchone()[0]
    summary = teacher.get(f"{C}/people/{person_id}").json()
    written = tables.execute(
        "select sum(messages)::int from marts.participation_daily where person_id = ?", [person_id]
    ).fetchone()[0]
    assert summary["figures"]["messages"] == written > 0
    audit = create_app(settings).state.services.audit
    looks = audit.about("class", person_id, action="person.viewed")
    assert [look.name for look in looks] == ["teacher"]
    own = with_token("student", person_id=person_id).get(f"{C}/people/me").json()
    assert own["person_id"] == person_id
    assert with_token("teacher").get(f"{C}/people/me").status_code == 404


def test_operators_read_ledger_quarantine_models_and_publication(
    with_token: WithToken, tables: Any, settings: Settings
) -> None:
    operator = with_token("operator")
    ledger = walk(operator, f"{C}/operations/ledger", limit=2)
    expected = tables.execute(
        "select conversation_id, records from core.conversations order by conversation_id"
    ).fetchall()
    assert [(row["conversation_id"], row["records"]) for row in ledger] == expected
    assert {row["unaccounted"] for row in ledger} == {0}
    records = walk(operator, f"{C}/operations/quarantine", limit=50)
    assert len(records) == tables.execute("select count(*) from core.quarantine").fetchone()[0] > 50
    assert len({row["quarantine_id"] for row in records}) == len(records)
    models = operator.get(f"{C}/operations/models").json()
    assert [(row["model"], row["state"]) for row in models] == [("question", "champion")]
    published = operator.get(f"{C}/operations/publication").json()
    rows = {(table["table_schema"], table["name"]): table["rows"] for table in published["tables"]}
    for schema, name in (("marts", "lectures"), ("core", "messages"), ("marts", "lecture_minutes")):
        counted = tables.execute(f"select count(*) from {schema}.{name}").fetchone()[0]
        assert rows[schema, name] == counted


def test_too_many_requests_are_told_when_to_come_back(settings: Settings) -> None:
    web = settings.web.model_copy(update={"api_requests_per_minute": 3})
    app = create_app(settings.model_copy(update={"web": web}))
    services = app.state.services
    number = services.accounts.create("robot", "robot")
    token = services.tokens.create(number, "t", ["read:account"])
    with TestClient(app, base_url=services.base_url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        codes = [client.get("/api/v1/me").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert 0 < int(client.get("/api/v1/me").headers["retry-after"]) <= 60


def test_the_document_describes_every_error_and_needs_an_account(
    with_token: WithToken, client: TestClient
) -> None:
    assert client.get("/api/v1/openapi.json").status_code == 401
    found = with_token("student", "read:account").get("/api/v1/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    for path, item in found["paths"].items():
        for method, operation in item.items():
            assert {"401", "403", "404", "422", "429", "503"} <= set(operation["responses"]), (method, path)
    page = with_token("student", "read:account").get("/api/v1/docs")
    assert page.status_code == 200
    assert "curl" in page.text


def test_examples_of_the_document_fit_its_schemas() -> None:
    import jsonschema

    found = document(create_app(Settings()))
    number = 0
    for operation in operations(found):
        responses = found["paths"][operation.path][operation.method.lower()]["responses"]
        schema = (responses.get("200") or responses["201"])["content"]["application/json"]["schema"]
        assert operation.answer is not None
        jsonschema.validate(json.loads(operation.answer), {**schema, "components": found["components"]})
        number += 1
    assert number > 15
