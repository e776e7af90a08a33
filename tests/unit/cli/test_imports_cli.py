"""``chatp import``: several files, of which some are bad, and what became of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from chat_platform.cli import graph_runs
from chat_platform.errors import ConfigurationError
from chat_platform.ingestion import recordings
from chat_platform.storage.workspace import Workspace

CHAT = "10:00:00 From 김가나 to Everyone:\n\t안녕하세요\n"
DATE = ("--date", "2026-03-02")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(CHAT, encoding="utf-8")
    bad.write_text("", encoding="utf-8")
    return {"good": good, "bad": bad, "none": tmp_path / "none.txt"}


def chain(workspace: Workspace) -> Callable[[], None]:
    """What a run does to the ledger: parse, then publish what is parsed."""

    def run() -> None:
        due = workspace.ledger.due("zoom_file")
        for conversation_id in due:
            recordings.parse(workspace, conversation_id)
        entries = {i: workspace.ledger.get(i) for i in due}
        workspace.ledger.mark_published(1, {i: (e["state"], e["parsed_at"]) for i, e in entries.items() if e})

    return run


def facts_of(result: Result) -> dict[str, dict[str, Any]]:
    return {Path(facts["file"]).stem: facts for facts in json.loads(result.stdout)}


def test_a_bad_file_is_reported_and_the_others_go_on(
    invoke: Callable[..., Result],
    workspace: Workspace,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph_runs, "catch_up", chain(workspace))
    result = invoke("import", "zoom", *(str(files[n]) for n in ("bad", "good", "none")), *DATE, "--json")
    found = facts_of(result)
    assert result.exit_code == 2
    assert (found["bad"]["error"], found["none"]["error"]) == ("CP-FILE-001", "CP-FILE-000")
    assert found["bad"]["remedy"]
    assert (found["good"]["state"], found["good"]["published"], found["good"]["messages"]) == (
        "parsed",
        True,
        1,
    )
    assert "CP-FILE-001" in result.stderr
    assert "CP-FILE-000" in result.stderr
    lines = invoke("import", "zoom", str(files["good"]), *DATE).stdout.splitlines()
    assert lines[-1] == "good.txt: parsed · published"


def test_what_was_kept_without_a_run_is_taken_up_by_the_next_import(
    invoke: Callable[..., Result],
    workspace: Workspace,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ("import", "zoom", str(files["good"]), *DATE, "--json")
    kept = facts_of(invoke(*arguments, "--no-run"))["good"]
    assert (kept["new"], kept["state"], kept["published"]) == (True, "fetched", False)
    monkeypatch.setattr(graph_runs, "catch_up", chain(workspace))
    again = facts_of(invoke(*arguments))["good"]
    assert (again["new"], again["state"], again["published"]) == (False, "parsed", True)


def test_a_file_whose_conversation_fails_in_the_run_counts_as_bad(
    invoke: Callable[..., Result],
    workspace: Workspace,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        (conversation_id,) = workspace.ledger.due("zoom_file")
        workspace.ledger.mark_failed(conversation_id, ConfigurationError("CP-FILE-003"))

    monkeypatch.setattr(graph_runs, "catch_up", fail)
    result = invoke("import", "zoom", str(files["good"]), *DATE, "--json")
    assert result.exit_code == 1
    found = facts_of(result)["good"]
    assert (found["state"], found["reason"], found["published"]) == ("quarantined", "CP-FILE-003", False)


def test_a_failed_run_is_an_error_after_the_files_were_reported(
    invoke: Callable[..., Result], files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ConfigurationError("CP-CONF-005", "disk is full")

    monkeypatch.setattr(graph_runs, "catch_up", fail)
    result = invoke("import", "zoom", str(files["good"]), *DATE, "--json")
    assert facts_of(result)["good"]["state"] == "fetched"
    assert isinstance(result.exception, ConfigurationError)


def test_the_exit_code_counts_no_further_than_a_shell_can(
    invoke: Callable[..., Result], files: dict[str, Path]
) -> None:
    assert invoke("import", "zoom", *[str(files["none"])] * 130, "--dry-run").exit_code == 125


def test_a_dry_run_keeps_nothing_of_files_and_lists(
    invoke: Callable[..., Result], home: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    people = tmp_path / "class.csv"
    people.write_text("id,이름,직책,이메일\nU1,김가나,강사,ga@example.com\n", encoding="utf-8")
    assert invoke("import", "zoom", str(files["good"]), *DATE, "--dry-run").exit_code == 0
    result = invoke("import", "people", str(people), "--dry-run", "--json")
    assert json.loads(result.stdout) == {"people": 1, "bad_rows": [], "dry_run": True}
    assert [path for path in home.rglob("*") if path.is_file()] == []
