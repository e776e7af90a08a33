"""``chatp labels`` and ``chatp consent``: what people say of messages, from the command line."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from chat_platform.cli import consent, labels
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings, project_root
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import PEOPLE
from chat_platform.tables.models import LABELS

MESSAGES = [
    ("m0", 0, "안녕하세요", "everyone", False, 0.02),
    ("m1", 1, "이거 왜 안 되나요", "everyone", False, 0.55),
    ("m2", 2, "네?", "everyone", False, 0.51),
    ("m3", 3, "네?", "everyone", False, 0.49),
    ("m4", 4, "비밀 질문인가요", "direct", False, 0.5),
    ("m5", 5, "지운 질문인가요", "everyone", True, 0.5),
    ("m6", 6, "=cmd()", "everyone", False, 0.9),
]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path / "home"))
    return Workspace(Settings())


@pytest.fixture
def published(workspace: Workspace) -> Workspace:
    publish(workspace, predictions=True)
    return workspace


def publish(workspace: Workspace, *, predictions: bool) -> None:
    with workspace.warehouse.write() as connection:
        connection.execute(
            "create table core.messages (message_id varchar, conversation_id varchar, position bigint, "
            "clean_text varchar, language varchar, visibility varchar, removed boolean, source varchar)"
        )
        connection.executemany(
            "insert into core.messages values (?, 'c1', ?, ?, 'ko', ?, ?, 'zoom')",
            [row[:5] for row in MESSAGES],
        )
        if predictions:
            connection.execute(
                "create schema if not exists ml; create table ml.question_predictions (message_id varchar, "
                "probability double, threshold double, model_version varchar)"
            )
            connection.executemany(
                "insert into ml.question_predictions values (?, ?, 0.5, 'v1')",
                [(row[0], row[5]) for row in MESSAGES],
            )
    workspace.publication.publish(workspace.warehouse.build_path)


def run(app: Typer, *arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, list(arguments), **options)


def done(app: Typer, *arguments: str) -> Any:
    """JSON of a command that works."""
    result = run(app, *arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refusal(app: Typer, *arguments: str) -> str:
    error = run(app, *arguments).exception
    assert isinstance(error, ChatPlatformError), error
    return error.code


# --- Import -----------------------------------------------------------------------------------------------------

OWN = "text,class\n뭐예요,2\n네,0\n글쎄,6\n음,77\n"
MAPPED = ("--format", "csv", "--text", "text", "--label", "class", "--yes", "2,question", "--no", "0,1")


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.csv"
    path.write_text(OWN, encoding="utf-8")
    return str(path)


def test_an_import_says_what_it_found_and_could_not_use(workspace: Workspace, own: str) -> None:
    facts = done(labels.app, "import", own, *MAPPED, "--ignore", "6", "--weight", "0.8", "--by", "kim")
    assert (facts["lines"], facts["labels"], facts["questions"], facts["not_questions"]) == (5, 2, 1, 1)
    assert sum(facts["lines_by_kind"].values()) == facts["lines"]
    assert facts["ignored_by_class"] == {"6": 1}
    assert facts["not_used"] == [{"line": 5, "reason": "unknown_class", "detail": "77"}]
    (kept,) = LabelLog(workspace.database).imports()
    assert (kept["source"], kept["weight"], kept["imported_by"], kept["labels"]) == ("own", 0.8, "kim", 2)


def test_a_dry_run_reads_the_file_and_writes_nothing(workspace: Workspace, own: str) -> None:
    facts = done(labels.app, "import", own, *MAPPED, "--dry-run")
    assert (facts["labels"], facts["dry_run"]) == (2, True)
    assert LabelLog(workspace.database).imports() == []


def test_the_same_file_twice_changes_nothing_and_says_so(workspace: Workspace, own: str) -> None:
    assert done(labels.app, "import", own, *MAPPED)["new"]
    assert not done(labels.app, "import", own, *MAPPED)["new"]
    assert "imported before" in run(labels.app, "import", own, *MAPPED).stdout
    assert refusal(labels.app, "import", own, *MAPPED, "--weight", "0.5") == "CP-ML-014"
    assert done(labels.app, "import", own, *MAPPED, "--weight", "0.5", "--replace")["new"]
    assert [row["weight"] for row in LabelLog(workspace.database).imports()] == [0.5]


def test_known_layouts_need_no_columns_and_columns_are_counted_from_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "fci.txt"
    file.write_text("2\t언제 와\n6\t응\n1\t간다\n", encoding="utf-8")
    assert done(labels.app, "import", str(file), "--format", "3i4k", "--name", "3i4k")["labels"] == 2
    assert done(labels.app, "remove", "3i4k", "--dry-run")["labels"] == 2
    assert run(labels.app, "remove", "3i4k").exit_code == 0
    numbers = ("--format", "tsv", "--no-header", "--text", "2", "--label", "1", "--yes", "2", "--no", "1")
    assert done(labels.app, "import", str(file), *numbers)["questions"] == 1
    assert run(labels.app, "import", str(file), "--format", "3i4k", "--text", "2").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--format", "csv", "--text", "nothing", "--label", "class", "--yes", "2"), "CP-ML-013"),
        (("--format", "csv", "--text", "text", "--label", "class", "--yes", "5"), "CP-ML-015"),
        ((*MAPPED, "--weight", "0"), "CP-ML-015"),
        ((*MAPPED, "--by", " "), "CP-ML-010"),
        (("--format", "jsonl", "--text", "text", "--label", "class", "--yes", "2"), "CP-ML-012"),
    ],
)
def test_what_cannot_be_imported_is_a_coded_error(
    workspace: Workspace, own: str, arguments: tuple[str, ...], code: str
) -> None:
    assert refusal(labels.app, "import", own, *arguments) == code
    assert LabelLog(workspace.database).imports() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "xml"),
        ("--format", "csv", "--yes", "2"),
        ("--format", "csv", "--text", "text", "--label", "class"),
        (*MAPPED[:-1], "2"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_read(
    workspace: Workspace, own: str, arguments: tuple[str, ...]
) -> None:
    assert run(labels.app, "import", own, *arguments).exit_code == 2


def test_a_file_that_is_not_there_is_a_coded_error(workspace: Workspace) -> None:
    assert refusal(labels.app, "import", "nowhere.csv", *MAPPED) == "CP-FILE-000"


# --- Corrections ------------------------------------------------------------------------------------------------


def test_a_published_message_is_corrected_and_the_correction_taken_back(published: Workspace) -> None:
    said = done(labels.app, "add", "m1", "--question", "--by", "kim", "--comment", "indirect")
    assert said == {"correction_id": 1, "message_id": "m1", "is_question": True}
    (row,) = LabelLog(published.database).corrections()
    assert (row["corrected_by"], row["comment"]) == ("kim", "indirect")
    assert [r["message_id"] for r in done(labels.app, "list")["corrections"]] == ["m1"]
    assert run(labels.app, "undo", "1", "--by", "lee").exit_code == 0
    assert done(labels.app, "list")["corrections"] == []
    assert [r["undone_by"] for r in done(labels.app, "list", "--all")["corrections"]] == ["lee"]
    assert refusal(labels.app, "undo", "1") == "CP-ML-017"


def test_a_message_that_is_not_published_cannot_be_corrected(workspace: Workspace) -> None:
    assert refusal(labels.app, "add", "m1", "--question") == "CP-ML-016"
    publish(workspace, predictions=False)
    assert refusal(labels.app, "add", "m9", "--not-question") == "CP-ML-016"
    assert LabelLog(workspace.database).corrections() == []


def test_a_correction_says_which_it_is_and_a_dry_run_writes_nothing(published: Workspace) -> None:
    assert run(labels.app, "add", "m1").exit_code == 2
    assert done(labels.app, "add", "m1", "--not-question", "--dry-run")["correction_id"] is None
    assert LabelLog(published.database).corrections() == []


# --- Review -----------------------------------------------------------------------------------------------------


def test_review_shows_the_least_sure_first_each_text_once_and_nothing_private(published: Workspace) -> None:
    rows = done(labels.app, "review")
    assert [row["message_id"] for row in rows] == ["m2", "m1", "m6", "m0"]
    assert rows[0]["before"] == "이거 왜 안 되나요"
    assert [row["message_id"] for row in done(labels.app, "review", "-n", "1")] == ["m2"]


def test_review_asks_no_more_about_what_somebody_spoke_of(published: Workspace) -> None:
    done(labels.app, "add", "m3", "--not-question")
    assert [row["message_id"] for row in done(labels.app, "review")] == ["m1", "m6", "m0"]


def test_review_on_a_pipe_prints_and_asks_nothing(published: Workspace) -> None:
    result = run(labels.app, "review", input="y\n" * 10)
    assert "이거 왜 안 되나요" in result.stdout
    assert LabelLog(published.database).corrections() == []


def test_review_on_a_terminal_keeps_each_answer_at_once(
    published: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "_on_terminal", lambda: True)
    result = run(labels.app, "review", "--by", "kim", input="maybe\nn\ny\ns\nq\n")
    assert result.exit_code == 0
    said = LabelLog(published.database).corrections()
    assert [(row["message_id"], row["is_question"]) for row in said] == [("m2", False), ("m1", True)]
    interrupted = run(labels.app, "review", "--by", "kim", input="y\n")
    assert interrupted.exit_code != 0
    assert len(LabelLog(published.database).corrections()) == 3


def test_review_without_predictions_or_publication_is_a_coded_error(workspace: Workspace) -> None:
    assert refusal(labels.app, "review") == "CP-STORE-005"
    publish(workspace, predictions=False)
    assert refusal(labels.app, "review") == "CP-ML-018"


# --- All labels -------------------------------------------------------------------------------------------------


@pytest.fixture
def spoken(published: Workspace, own: str) -> Workspace:
    """Labels of every origin: an import, corrections, a weak label of an asset."""
    done(labels.app, "import", own, *MAPPED)
    LabelLog(published.database).correct("m1", True, by="kim")
    LabelLog(published.database).correct("m6", False, by="=kim")
    LabelLog(published.database).correct("gone", False, by="kim")
    weak = {
        "label_id": "w1", "message_id": "m1", "conversation_id": "c1", "text": "이거 왜 안 되나요", "language": "ko",
        "is_question": False, "origin": "weak", "source": "rules", "weight": 0.5, "used": True, "labelled_at": None,
    }  # fmt: skip
    stale = {**weak, "label_id": "x", "origin": "correction"}
    published.lake.write(LABELS, LABELS.table([weak, stale]))
    return published


def test_a_summary_counts_by_origin_and_shows_conflicts(spoken: Workspace) -> None:
    facts = done(labels.app, "summary")
    counted = {(row["origin"], row["is_question"], row["used"]): row["labels"] for row in facts["labels"]}
    assert counted == {
        ("correction", True, True): 1, ("correction", False, True): 1, ("import", True, True): 1,
        ("import", False, True): 1, ("weak", False, False): 1,
    }  # fmt: skip
    assert facts["conflicts_by_kind"] == {"overruled": 1}
    assert facts["conflicts"][0]["message_id"] == "m1"
    assert facts["corrections_without_message"] == 1
    assert "overruled" in run(labels.app, "summary").stdout


def test_an_export_has_every_label_with_its_origin_and_only_its_owner_reads_it(
    spoken: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "labels.jsonl"
    assert done(labels.app, "export", str(file))["labels"] == 5
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert {row["origin"] for row in rows} == {"correction", "import", "weak"}
    assert [*rows[0]] == LABELS.column_names
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert done(labels.app, "export", str(file), "--used")["labels"] == 4


def test_an_exported_csv_runs_no_formula(spoken: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    done(labels.app, "export", str(file))
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    (row,) = [row for row in rows if row["message_id"] == "m6"]
    assert (row["text"], row["source"]) == ("'=cmd()", "'=kim")


def test_an_export_elsewhere_or_of_another_kind_is_refused(spoken: Workspace, tmp_path: Path) -> None:
    assert run(labels.app, "export", str(tmp_path / "labels.xlsx")).exit_code == 2
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert refusal(labels.app, "export", str(tmp_path / "file" / "labels.csv")) == "CP-FILE-000"
    done(labels.app, "export", str(tmp_path / "dry.csv"), "--dry-run")
    assert not (tmp_path / "dry.csv").exists()


# --- Consent ----------------------------------------------------------------------------------------------------


@pytest.fixture
def people(workspace: Workspace) -> Workspace:
    row = dict.fromkeys(PEOPLE.column_names) | {
        "role": "student", "is_bot": False, "is_admin": False, "origin": "list",
    }  # fmt: skip
    known = [("p1", "김가나"), ("p2", "이라"), ("p3", "이라")]
    workspace.lake.write(
        PEOPLE, PEOPLE.table([{**row, "person_id": key, "name": name} for key, name in known])
    )
    return workspace


def test_a_person_agrees_by_name_or_id_and_withdraws(people: Workspace) -> None:
    granted = done(consent.app, "grant", " 김가나", "--by", "kim")
    assert granted == {"consent_id": 1, "person_id": "p1", "name": "김가나", "purpose": "author_model"}
    assert done(consent.app, "grant", "p1")["consent_id"] == 1
    assert [(row["name"], row["granted_by"]) for row in done(consent.app, "list")] == [("김가나", "kim")]
    done(consent.app, "withdraw", "김가나")
    assert done(consent.app, "list") == []
    assert [row["person_id"] for row in done(consent.app, "list", "p1", "--all")] == ["p1"]
    assert refusal(consent.app, "withdraw", "p1") == "CP-ML-019"


def test_two_people_of_one_name_have_to_be_told_apart_by_id(people: Workspace) -> None:
    for command in ("grant", "withdraw"):
        assert refusal(consent.app, command, "이라") == "CP-PEOPLE-011"
    assert done(consent.app, "grant", "p3")["person_id"] == "p3"


def test_nobody_unknown_agrees_and_who_is_no_longer_known_can_withdraw(people: Workspace) -> None:
    assert refusal(consent.app, "grant", "nobody") == "CP-PEOPLE-011"
    done(consent.app, "grant", "p1")
    people.lake.write(PEOPLE, PEOPLE.empty())
    assert done(consent.app, "withdraw", "p1")["consent_id"] == 1


def test_a_dry_run_of_a_consent_writes_nothing(people: Workspace) -> None:
    assert done(consent.app, "grant", "p1", "--dry-run")["consent_id"] is None
    assert done(consent.app, "list", "--all") == []
    done(consent.app, "grant", "p1")
    done(consent.app, "withdraw", "p1", "--dry-run")
    assert len(done(consent.app, "list")) == 1


def test_purposes_are_kept_apart(people: Workspace) -> None:
    done(consent.app, "grant", "p1", "--purpose", "quiz")
    assert [row["purpose"] for row in done(consent.app, "list")] == ["quiz"]
    assert done(consent.app, "list", "--purpose", "author_model") == []


# --- Help -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["labels", "consent"])
def test_help_shows_examples_in_both_languages_and_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import sys\nfrom typer.testing import CliRunner\nfrom chat_platform.cli.{module} import app\n"
        "names = [c.name or c.callback.__name__ for c in app.registered_commands]\n"
        "print([n for n in ('duckdb', 'polars', 'sqlalchemy', 'kiwipiepy', 'dagster') if n in sys.modules])\n"
        "for n in names: print(CliRunner().invoke(app, [n, '--help']).stdout)\n"
        "print(len(names))"
    )
    for language, word in (("en", "xample"), ("ko", "예:")):
        variables = {**os.environ, "CHATP_LANG": language}
        shown = subprocess.run(
            [sys.executable, "-c", code],
            env=variables, cwd=project_root(), capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        heavy, *_, number = shown.strip().splitlines()
        assert heavy == "[]"
        assert shown.count(word) == int(number)
        assert shown.count(f"chatp {module}") >= int(number)
