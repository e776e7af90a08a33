"""Pages of operators, over a generated class."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from chat_platform.cli.people import app as people_cli
from chat_platform.errors import CATALOGUE, ZoomError
from chat_platform.ingestion.people import open_suggestions
from chat_platform.ml.evaluation.report import evaluate_binary
from chat_platform.ml.registry.store import ModelStore, Training
from chat_platform.settings import Settings
from chat_platform.storage import captures
from chat_platform.storage.captures import SignOfLife
from chat_platform.storage.ledger import Announced, LedgerFilter, unaccounted
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import IDENTITIES, PEOPLE
from chat_platform.web.application import create_app
from chat_platform.web.freshness import freshness
from tests.unit.ml.test_evaluation_report import scored
from tests.web.conftest import SignIn

ROOT = "/c/class/operations"


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    return Workspace(settings)


@pytest.fixture
def operator(sign_in: SignIn) -> TestClient:
    return sign_in("operator", login="박운영@example.com")


def text(html: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def actions(settings: Settings) -> list[tuple[str, str | None]]:
    """The log, oldest first."""
    audit = create_app(settings).state.services.audit
    return [(entry.action, entry.subject) for entry in audit.list(class_id="class")][::-1]


def unlinked(workspace: Workspace) -> dict[str, Any]:
    """A name of a chat that nobody has decided."""
    rows = workspace.lake.read(IDENTITIES).to_pylist()
    return max(
        (row for row in rows if row["state"] == "provisional"),
        key=lambda row: (row["messages"], row["identity_id"]),
    )


@pytest.mark.parametrize(
    "page", ["", "/ledger", "/quarantine", "/identities", "/models", "/freshness", "/publication"]
)
def test_pages_are_for_operators_only(sign_in: SignIn, operator: TestClient, page: str) -> None:
    assert operator.get(ROOT + page).status_code == 200
    for role in ("student", "teacher"):
        assert sign_in(role).get(ROOT + page).status_code == 403


def test_the_first_page_says_who_listens_to_live_chat_and_who_no_longer_does(
    operator: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "실시간 채팅" not in text(operator.get(ROOT).text)
    sign = SignOfLife(settings.home, "twitch", ["<b>ganada"])
    try:
        listening = operator.get(ROOT).text
        monkeypatch.setattr(captures, "LOST_AFTER", timedelta(0))
        lost = operator.get(ROOT).text
    finally:
        sign.end()
    assert "&lt;b&gt;ganada" in listening and "듣는 중" in listening and "CP-STREAM-011" not in listening
    assert "CP-STREAM-011" in lost and CATALOGUE["CP-STREAM-011"].what_ko in lost


def test_the_ledger_shows_every_conversation_and_that_it_adds_up(
    operator: TestClient, workspace: Workspace
) -> None:
    page = operator.get(f"{ROOT}/ledger").text
    rows = workspace.ledger.rows()
    assert [row["conversation_id"] in page for row in rows] == [True] * len(rows)
    totals = workspace.ledger.totals(LedgerFilter())
    assert totals["records"] == sum(row["records"] for row in rows) > 0
    assert unaccounted(totals) == 0
    assert f"레코드 {totals['records']:,}" in text(page)
    zoom = operator.get(f"{ROOT}/ledger", params={"source": "zoom", "since": "2026-03-03", "until": ""}).text
    shown = {row["conversation_id"] for row in rows if row["conversation_id"] in zoom}
    expected = {
        row["conversation_id"]
        for row in rows
        if row["source"] == "zoom" and row["conversation_date"].isoformat() >= "2026-03-03"
    }
    assert shown == expected != set()


def test_a_failed_conversation_shows_its_reason_what_to_do_and_when_it_is_tried_again(
    operator: TestClient, workspace: Workspace
) -> None:
    workspace.ledger.announce([Announced("zoom-late", "zoom", "recording", "r1", title="<b>늦은 강의</b>")])
    workspace.ledger.mark_failed("zoom-late", ZoomError("CP-ZOOM-008"))
    entry = workspace.ledger.get("zoom-late")
    assert entry is not None
    page = operator.get(f"{ROOT}/ledger", params={"reason": entry["reason"]}).text
    assert "&lt;b&gt;늦은 강의&lt;/b&gt;" in page
    assert ZoomError(entry["reason"]).entry.remedy_ko in text(page)
    if entry["next_attempt_at"]:
        assert entry["next_attempt_at"].astimezone(workspace.settings.zone).strftime("%Y-%m-%d %H:%M") in page


def test_the_ledger_comes_in_pages(operator: TestClient, workspace: Workspace) -> None:
    many = [Announced(f"zoom-{number:04}", "zoom_file", "saved_chat", "r") for number in range(120)]
    workspace.ledger.announce(many)
    seen: list[str] = []
    for number in (1, 2, 3):
        page = operator.get(f"{ROOT}/ledger", params={"source": "zoom_file", "page": number}).text
        seen += re.findall(r"<code[^>]*>(zoom-\d{4})</code>", page)
        assert ('rel="next"' in page) == (number < 3)
    assert seen == [item.conversation_id for item in many]


def test_quarantine_shows_reasons_and_records(
    operator: TestClient, settings: Settings, tmp_path: Path
) -> None:
    folder = settings.warehouse / "published"
    copy = shutil.copy(folder / "warehouse-2.duckdb", tmp_path / "copy.duckdb")
    with duckdb.connect(str(copy), read_only=True) as tables:
        (number,) = tables.execute("select count(*) from core.quarantine").fetchone() or (0,)
        rows = tables.execute("select distinct conversation_id from core.quarantine order by 1").fetchall()
        conversations = [row[0] for row in rows]
    pages = [operator.get(f"{ROOT}/quarantine", params={"page": page}).text for page in (1, 2)]
    shown = [len(re.findall(r"<bdi>", page)) for page in pages]
    assert shown == [50, number - 50]
    one = operator.get(f"{ROOT}/quarantine", params={"conversation": conversations[0]}).text
    assert conversations[0] in one
    assert not any(other in one for other in conversations[1:])


def test_a_decision_on_the_page_is_the_row_that_the_command_line_writes(
    operator: TestClient, workspace: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unlinked(workspace)
    person = min(
        row["person_id"] for row in workspace.lake.read(PEOPLE).to_pylist() if row["origin"] == "slack"
    )
    sent = {
        "kind": "accept",
        "identity_id": name["identity_id"],
        "person_id": person,
        "evidence": "본인 확인",
    }
    assert operator.post(f"{ROOT}/identities/decisions", data=sent).status_code == 303
    monkeypatch.setenv("CHATP_HOME", str(settings.home))
    undone = CliRunner().invoke(people_cli, ["undo", "1", "--by", "x", "--json"])
    assert undone.exit_code == 0, undone.output
    by_command = ["merge", name["identity_id"], person, "--why", "본인 확인", "--by", "박운영", "--json"]
    assert CliRunner().invoke(people_cli, by_command).exit_code == 0
    first, second = workspace.decisions.list()
    same = ("kind", "identity_id", "person_id", "decided_by", "evidence")
    assert [first[key] for key in same] == [second[key] for key in same]
    assert first["decided_by"] == "박운영"
    again = operator.post(f"{ROOT}/identities/decisions", data=sent)
    assert (again.status_code, "CP-PEOPLE-015" in again.text) == (422, True)
    assert ("identity decided", name["identity_id"]) in actions(settings)


def test_refusing_splits_and_locking_holds_until_it_is_undone(
    operator: TestClient, workspace: Workspace
) -> None:
    name = unlinked(workspace)["identity_id"]
    decide = f"{ROOT}/identities/decisions"
    assert (
        operator.post(decide, data={"kind": "refuse", "identity_id": name, "person_id": "p1"}).status_code
        == 303
    )
    assert operator.post(decide, data={"kind": "lock", "identity_id": name}).status_code == 303
    refused = operator.post(decide, data={"kind": "split", "identity_id": name})
    assert "CP-PEOPLE-012" in refused.text
    page = text(operator.get(f"{ROOT}/identities").text)
    assert page.count("게시 전") == 2
    assert operator.post(f"{decide}/2/undo").status_code == 303
    kinds = [(row["kind"], row["undone_at"] is not None) for row in workspace.decisions.list()]
    assert kinds == [("split", False), ("lock", True)]
    assert text(operator.get(f"{ROOT}/identities").text).count("게시 전") == 1, (
        "undone before it was published"
    )
    assert "CP-PEOPLE-014" in operator.post(f"{decide}/99/undo").text


def test_a_decided_suggestion_waits_no_more(operator: TestClient, workspace: Workspace) -> None:
    suggestions = open_suggestions(workspace)
    assert suggestions
    chosen = suggestions[0]
    asked = f'name="identity_id" value="{chosen.identity_id}"'
    assert asked in operator.get(f"{ROOT}/identities").text
    sent = {"kind": "accept", "identity_id": chosen.identity_id, "person_id": chosen.person_id}
    operator.post(f"{ROOT}/identities/decisions", data=sent)
    assert asked not in operator.get(f"{ROOT}/identities").text


def test_all_unique_suggestions_are_accepted_at_once(operator: TestClient, workspace: Workspace) -> None:
    unique = {(item.identity_id, item.person_id) for item in open_suggestions(workspace) if item.unique}
    operator.post(f"{ROOT}/identities/accept-unique")
    made = {(row["identity_id"], row["person_id"]) for row in workspace.decisions.list()}
    assert made == unique


def test_freshness_tells_rows_and_newest_data_of_every_table(
    operator: TestClient, settings: Settings, tmp_path: Path
) -> None:
    app = create_app(settings)
    found = {
        f"{t.schema}.{t.name}": t for t in freshness(app.state.services.classes["class"].published.pinned())
    }
    copy = shutil.copy(settings.warehouse / "published" / "warehouse-2.duckdb", tmp_path / "copy.duckdb")
    with duckdb.connect(str(copy), read_only=True) as tables:
        names = tables.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('core', 'ml', 'marts') and table_type = 'BASE TABLE'"
        ).fetchall()
        assert set(found) == {row[0] for row in names}
        for name, table in found.items():
            assert table.rows == tables.execute(f"select count(*) from {name}").fetchone()[0], name
        newest = tables.execute("select max(sent_at) from core.messages").fetchone()[0]
    assert found["core.messages"].newest == newest
    shown = newest.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
    assert shown in operator.get(f"{ROOT}/freshness").text


def test_a_publication_is_rolled_back_by_whoever_saw_what_is_current(
    operator: TestClient, workspace: Workspace, settings: Settings
) -> None:
    assert "warehouse" not in operator.get(f"{ROOT}/publication/rollback").headers.get("location", "")
    assert operator.get(f"{ROOT}/publication/rollback").status_code == 200
    assert workspace.publication.current().number == 2, "looking changes nothing"
    stale = operator.post(f"{ROOT}/publication/rollback", data={"seen": 1})
    assert (stale.status_code, "CP-WEB-043" in stale.text) == (409, True)
    assert operator.post(f"{ROOT}/publication/rollback", data={"seen": 2}).status_code == 303
    assert workspace.publication.current().number == 1
    assert operator.post(f"{ROOT}/publication/rollback", data={"seen": 1}).status_code == 503, (
        "nothing before it"
    )
    assert ("publication rolled back", "1") in actions(settings)


def test_changes_need_the_sessions_token(operator: TestClient, workspace: Workspace) -> None:
    del operator.headers["X-CSRF-Token"]
    for path, data in (
        ("/publication/rollback", {"seen": 2}),
        ("/identities/accept-unique", {}),
        ("/models/question/rollback", {"champion": "x"}),
    ):
        assert operator.post(ROOT + path, data=data).status_code == 403
    assert workspace.publication.current().number == 2
    assert not workspace.decisions.list()


def stored(settings: Settings, weight: int) -> str:
    """A version with scores of generated rows; two of them scored the same rows."""
    rows = scored(2000)
    side = {"card.md": b"# <script>alert(1)</script>", "predictions.json": rows.to_json()}
    side["evaluation.json"] = evaluate_binary("holdout", {"raw": rows}).to_json()
    training = Training(rows=100, data_sha256="ab" * 32, code_version="1", seed=0, libraries={"kiwi": "1"})
    files = {"model.json": str(weight).encode()}
    return (
        ModelStore(Path(settings.lake) / "models")
        .save(
            "question",
            "linear",
            files,
            threshold=0.4,
            training=training,
            side_files=side,
            figures={"raw.f1": 0.8},
        )
        .version
    )


def test_a_version_is_promoted_by_the_rules_and_rolled_back(
    operator: TestClient, workspace: Workspace, settings: Settings
) -> None:
    # The generated rows are hard: a perfect model of them reaches an F1 of about 0.65.
    settings.promotion.question.floor = 0.6
    one, two, rules = stored(settings, 1), stored(settings, 2), workspace_champion(workspace)
    models = f"{ROOT}/models/question"
    card = operator.get(f"{models}/versions/{one}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in card
    page = operator.get(f"{models}/versions/{one}/promote").text
    assert f'name="champion" value="{rules}"' in page
    assert workspace_champion(workspace) == rules, "looking changes nothing"
    stale = operator.post(f"{models}/versions/{one}/promote", data={"champion": two})
    assert (stale.status_code, "CP-WEB-043" in stale.text) == (409, True)
    refused = operator.post(f"{models}/versions/{one}/promote", data={"champion": rules})
    assert (refused.status_code, "CP-ML-026" in refused.text) == (422, True), (
        "no rows in common with the champion"
    )
    assert workspace_champion(workspace) == rules
    without_reason = operator.post(
        f"{models}/versions/{one}/promote", data={"champion": rules, "force": "true"}
    )
    assert "CP-ML-029" in without_reason.text
    forced = {"champion": rules, "force": "true", "why": "새 학급"}
    assert operator.post(f"{models}/versions/{one}/promote", data=forced).status_code == 303
    assert workspace_champion(workspace) == one
    by_the_rules = operator.post(f"{models}/versions/{two}/promote", data={"champion": one})
    assert by_the_rules.status_code == 303
    assert workspace_champion(workspace) == two
    assert operator.get(f"{models}/rollback").text.count(f"<code>{one}</code>") == 1
    assert operator.post(f"{models}/rollback", data={"champion": one}).status_code == 409
    assert operator.post(f"{models}/rollback", data={"champion": two}).status_code == 303
    assert workspace_champion(workspace) == one
    log = PromotionLog(workspace.database).history("question")
    assert [(row["action"], row["decided_by"]) for row in log[-4:]] == [
        ("refuse", "checks"),
        ("promote", "박운영"),
        ("promote", "박운영"),
        ("rollback", "박운영"),
    ]
    assert log[-3]["reasons"][0].startswith("forced: 새 학급")
    assert [action for action, _ in actions(settings)] == [
        "model refused",
        "model promoted",
        "model promoted",
        "model rolled back",
    ]


def workspace_champion(workspace: Workspace) -> str:
    champion = PromotionLog(workspace.database).champion("question")
    assert champion is not None
    return champion
