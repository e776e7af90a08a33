"""``status``, ``sql``, ``publish``, ``rollback``: what is shown is what is stored."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.cli import graph_runs
from chat_platform.cli.data import distinct, remedy_of
from chat_platform.errors import ChatPlatformError, ZoomError
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace

NOTHING = dict.fromkeys(
    ("records", "messages", "replies", "reactions", "removals", "quarantined", "duplicates"), 0
)


def code_of(result: Result) -> str | None:
    return result.exception.code if isinstance(result.exception, ChatPlatformError) else None


# --- sql -------------------------------------------------------------------------------------------------------


def test_lists_and_structs_are_json_in_their_cell(invoke: Callable[..., Result], publish: Any) -> None:
    publish(
        "create table core.t as select ['가', 'b\n'] as l, {'k': date '2026-03-02', 'n': null} as s, true as b"
    )
    ((items, struct, flag),) = list(csv.reader(io.StringIO(invoke("sql", "from core.t", "--csv").stdout)))[1:]
    assert json.loads(items) == ["가", "b\n"]
    assert json.loads(struct) == {"k": "2026-03-02", "n": None}
    assert flag == "true"
    header, row = invoke("sql", "from core.t").stdout.splitlines()
    assert header == "l\ts\tb"
    assert json.loads(row.split("\t")[0]) == ["가", "b\n"]


def test_columns_of_one_name_are_all_shown(invoke: Callable[..., Result], publish: Any) -> None:
    publish("create table core.t as select 1 as x")
    query = "select 1 as a, 2 as a, 3 as a_1, 4 as b from core.t"
    assert json.loads(invoke("sql", query, "--json").stdout) == [{"a": 1, "a_2": 2, "a_1": 3, "b": 4}]
    assert invoke("sql", query, "--csv").stdout == "a,a_2,a_1,b\n1,2,3,4\n"
    assert invoke("sql", query).stdout == "a\ta_2\ta_1\tb\n1\t2\t3\t4\n"


@given(st.lists(st.sampled_from(["a", "a_1", "a_2", "A", "b", ""]), max_size=8))
def test_distinct_names_never_repeat_and_keep_the_first_of_each(names: list[str]) -> None:
    found = distinct(names)
    assert len(found) == len(names) == len(set(found))
    for index, name in enumerate(names):
        assert found[index].startswith(name)
        if name not in names[:index]:
            assert found[index] == name


def test_values_in_csv_can_be_read_back(invoke: Callable[..., Result], publish: Any) -> None:
    publish(
        "create table core.t as select 'a,\"b\"' as text, null as nothing, 1.5::decimal(4,1) as d, "
        "timestamptz '2026-03-02 10:00:00+00' as moment, 'ab'::blob as bytes"
    )
    ((text, nothing, number, moment, data),) = list(
        csv.reader(io.StringIO(invoke("sql", "from core.t", "--csv").stdout))
    )[1:]
    assert (text, nothing, number, data) == ('a,"b"', "", "1.5", "6162")
    assert datetime.fromisoformat(moment) == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_query_comes_from_a_file(invoke: Callable[..., Result], publish: Any, tmp_path: Path) -> None:
    publish("create table core.t as select '가' as x")
    file = tmp_path / "query.sql"
    file.write_text("\ufeffselect x from core.t where x = '가'", encoding="utf-8")
    assert json.loads(invoke("sql", "-f", str(file), "--json").stdout) == [{"x": "가"}]
    assert code_of(invoke("sql", "-f", str(tmp_path / "none.sql"))) == "CP-FILE-000"
    file.write_bytes("select '가'".encode("cp949"))
    assert code_of(invoke("sql", "-f", str(file))) == "CP-FILE-002"
    assert invoke("sql", "  ").exit_code == 2


# --- status ----------------------------------------------------------------------------------------------------


def announce(workspace: Workspace, *ids: str) -> None:
    workspace.ledger.announce(Announced(i, "zoom", "recording", "r1") for i in ids)


def test_missing_and_due_are_counted(workspace: Workspace, as_json: Callable[..., Any]) -> None:
    announce(workspace, "zoom-1", "zoom-2", "zoom-3", "zoom-4")
    ledger = workspace.ledger
    ledger.mark_fetched("zoom-1", strategy="http", payload_sha256="x", fetched_at=datetime.now(UTC))
    ledger.mark_fetched("zoom-2", strategy="http", payload_sha256="x", fetched_at=datetime.now(UTC))
    ledger.mark_parsed("zoom-2", NOTHING)
    row = ledger.get("zoom-2")
    assert row is not None
    ledger.mark_published(1, {"zoom-2": ("parsed", row["parsed_at"])})
    ledger.mark_failed("zoom-3", ZoomError("CP-ZOOM-004"))
    found = as_json("status")
    # zoom-3 and zoom-4 were never fetched; a wrong passcode waits for a person, so it is not due.
    assert (found["missing"], found["due"]) == (2, 2)
    assert {row["conversation"] for row in found["conversations"]} == {"zoom-1", "zoom-3", "zoom-4"}


def test_every_reason_of_an_announcement_has_a_remedy_in_both_languages(
    workspace: Workspace, as_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from chat_platform.sources.slack import announcements

    reasons = [
        word.strip("`,.;)(")
        for word in (announcements.__doc__ or "").partition("Reasons:")[2].split()
        if word.startswith("``")
    ]
    assert len(reasons) >= 9
    for reason in reasons:
        english = remedy_of(reason)
        monkeypatch.setenv("CHATP_LANG", "ko")
        assert english, reason
        assert remedy_of(reason) != english
        monkeypatch.setenv("CHATP_LANG", "en")
    item = Announced("announcement-C-20260302-x", "zoom", "recording", "r1")
    workspace.ledger.quarantine(item, "announcement_without_date")
    (row,) = as_json("status")["conversations"]
    assert "date" in row["remedy"]


# --- publish, rollback -----------------------------------------------------------------------------------------


def test_a_dry_publication_says_what_waits_and_runs_nothing(
    workspace: Workspace, as_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("a dry run ran")

    monkeypatch.setattr(graph_runs, "publish", refuse)
    announce(workspace, "zoom-1")
    workspace.ledger.mark_failed("zoom-1", ZoomError("CP-ZOOM-004"))
    found = as_json("publish", "--dry-run")
    assert found == {"waiting": ["zoom-1"], "before": None, "after": None, "new": False, "dry_run": True}


def test_a_publication_names_the_version_before_and_after(
    as_json: Callable[..., Any], publish: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("create table core.t as select 1 as x")
    monkeypatch.setattr(graph_runs, "publish", lambda: publish("create table core.u as select 1 as x"))
    found = as_json("publish")
    assert (found["before"]["number"], found["after"]["number"], found["new"]) == (1, 2, True)


def test_rollback_goes_one_version_back_and_dry_not_at_all(
    as_json: Callable[..., Any], invoke: Callable[..., Result], publish: Callable[[str], int]
) -> None:
    assert code_of(invoke("rollback")) == "CP-STORE-005"
    publish("create table core.t as select 1 as x")
    assert code_of(invoke("rollback", "--dry-run")) == "CP-STORE-005"
    publish("create table core.u as select 1 as x")
    dry = as_json("rollback", "--dry-run")
    assert (dry["before"]["number"], dry["after"]["number"], dry["dry_run"]) == (2, 1, True)
    assert as_json("status")["published"]["number"] == 2
    assert as_json("rollback")["after"]["number"] == 1
    assert as_json("status")["published"]["number"] == 1
