"""Labels that people give, on a real database."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, CreateTable

from chat_platform.errors import ModelError
from chat_platform.ml.labels.resolve import resolve
from chat_platform.ml.labels.rows import correction_rows, import_rows
from chat_platform.people.erasure import erase_from_table
from chat_platform.storage import labels as labels_module
from chat_platform.storage.app_database import open_database, upgrade, write_session
from chat_platform.storage.app_models import Base, Consent, ImportedLabel, LabelCorrection, LabelImport
from chat_platform.storage.labels import LabelLog, LabelSource
from chat_platform.tables.models import LABELS

NEW_TABLES = ("label_corrections", "label_imports", "imported_labels", "consents", "model_promotions")
SOURCE = LabelSource("own", "f" * 64, 0.8, "ours")


@pytest.fixture
def url(database_url: str) -> str:
    upgrade(database_url)
    return database_url


@pytest.fixture
def engine(url: str) -> Engine:
    return open_database(url)


@pytest.fixture
def log(engine: Engine) -> LabelLog:
    return LabelLog(engine)


def rows(*labels: bool) -> list[dict[str, Any]]:
    return [
        {"line": line, "text": f"글 {line}", "is_question": label, "group": None}
        for line, label in enumerate(labels, start=1)
    ]


def stored(engine: Engine, model: type[Base]) -> int:
    with Session(engine) as session:
        return session.scalars(select(func.count()).select_from(model)).one()


# --- Corrections ------------------------------------------------------------------------------------------------


def test_a_correction_is_logged_with_who_when_and_why(log: LabelLog) -> None:
    number = log.correct("m1", True, by=" teacher ", comment="indirect")
    (row,) = log.corrections()
    assert row["corrected_at"].tzinfo is not None
    assert row == {
        "correction_id": number, "message_id": "m1", "is_question": True, "corrected_by": "teacher",
        "corrected_at": row["corrected_at"], "comment": "indirect", "undone_at": None, "undone_by": None,
    }  # fmt: skip


def test_of_a_person_the_newest_word_that_was_not_undone_stands(log: LabelLog) -> None:
    first = log.correct("m1", True, by="a")
    second = log.correct("m1", False, by="a")
    log.correct("m1", True, by="b")
    log.correct("m2", True, by="a")

    def words() -> set[tuple[str, str, bool]]:
        return {(row["message_id"], row["corrected_by"], row["is_question"]) for row in log.standing()}

    assert words() == {("m1", "a", False), ("m1", "b", True), ("m2", "a", True)}
    log.undo(second, by="a")
    assert words() == {("m1", "a", True), ("m1", "b", True), ("m2", "a", True)}
    log.undo(first, by="operator")
    assert words() == {("m1", "b", True), ("m2", "a", True)}
    assert [row["undone_by"] for row in log.corrections()] == ["operator", "a", None, None]


def test_the_same_word_twice_is_written_once_and_with_another_comment_or_after_another_word_again(
    log: LabelLog,
) -> None:
    first = log.correct("m1", True, by="a")
    assert log.correct("m1", True, by="a") == first
    assert log.correct("m1", True, by="a", comment="because") != first
    log.correct("m1", False, by="a")
    log.correct("m1", True, by="a")
    assert [row["is_question"] for row in log.corrections()] == [True, True, False, True]


def test_what_does_not_exist_or_was_undone_cannot_be_undone(log: LabelLog) -> None:
    number = log.correct("m1", True, by="a")
    log.undo(number, by="a")
    before = log.corrections()
    for wrong in (number, 99):
        with pytest.raises(ModelError, match="CP-ML-017"):
            log.undo(wrong, by="a")
    assert log.corrections() == before


def test_nobody_labels_anonymously(log: LabelLog, engine: Engine) -> None:
    number = log.correct("m1", True, by="a")
    for action in (
        lambda: log.correct("m1", True, by=""),
        lambda: log.undo(number, by=" "),
        lambda: log.add_import(SOURCE, rows(True), by="\t"),
    ):
        with pytest.raises(ModelError, match="CP-ML-010"):
            action()
    assert [row["undone_at"] for row in log.corrections()] == [None]
    assert stored(engine, ImportedLabel) == 0


def test_corrections_are_counted_since_a_number_and_since_a_moment(log: LabelLog, engine: Engine) -> None:
    numbers = [log.correct(f"m{n}", True, by="a") for n in range(5)]
    start = datetime(2026, 3, 2, tzinfo=UTC)
    with write_session(engine) as session:
        for place, row in enumerate(session.scalars(select(LabelCorrection))):
            row.corrected_at = start + timedelta(hours=place)
    assert log.count_since() == 5
    assert log.count_since(numbers[1]) == 3
    assert log.count_since(start + timedelta(hours=1)) == 3
    log.undo(numbers[4], by="a")
    assert (log.count_since(numbers[1]), log.count_since(start + timedelta(hours=1))) == (2, 2)


def test_people_who_correct_at_once_are_all_heard_and_each_once(engine: Engine) -> None:
    start = threading.Barrier(6)

    def correct(name: str) -> None:
        start.wait()
        for number in range(5):
            LabelLog(engine).correct(f"m{number}", True, by=name)

    threads = [threading.Thread(target=correct, args=(f"p{n % 3}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each of three people speaks through two threads: the second word is the same and not written again.
    assert len(LabelLog(engine).corrections()) == 15
    assert len(LabelLog(engine).standing()) == 15


def test_erasing_messages_leaves_nothing_that_was_said_of_them(
    log: LabelLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels_module, "_MAX_PARAMETERS", 2)
    for message in ("m1", "m2", "m3", "m4"):
        log.undo(log.correct(message, True, by="a"), by="a")
        log.correct(message, False, by="a")
    assert log.erase({"m1", "m2", "m3", "unknown"}) == 6
    assert {row["message_id"] for row in log.corrections()} == {"m4"}


def test_erasing_messages_drops_their_rows_of_ml_labels_and_no_others() -> None:
    said = [{"message_id": m, "corrected_by": "kim", "is_question": True, "corrected_at": None} for m in "ab"]
    texts = {m: {"conversation_id": "c", "clean_text": "되나요", "language": "ko"} for m in "ab"}
    imported = {"source": "own", "text": "되나요", "is_question": True, "group_key": None, "weight": 1.0}
    made = [*correction_rows(said, texts), *import_rows([{**imported, "imported_at": None}])]
    table = LABELS.table(resolve(made)[0])
    left = erase_from_table(table, LABELS, set(), set(), {"a"}, key=b"key")
    assert left.column("message_id").to_pylist() == ["b", None]


# --- Imports ----------------------------------------------------------------------------------------------------


def test_an_import_is_kept_with_its_source_and_read_back(log: LabelLog) -> None:
    grouped = [{**row, "group": "g"} for row in rows(True, False)]
    result = log.add_import(SOURCE, grouped, by=" t ")
    assert (result.new, result.replaced) == (True, ())
    (facts,) = log.imports()
    assert facts == {
        "import_id": result.import_id, "source": "own", "file_sha256": "f" * 64, "weight": 0.8, "licence": "ours",
        "imported_by": "t", "imported_at": facts["imported_at"], "labels": 2, "questions": 1,
    }  # fmt: skip
    assert log.imported_labels() == [
        {"import_id": result.import_id, "source": "own", "line": n, "text": f"글 {n}", "is_question": n == 1,
         "group_key": "g", "weight": 0.8, "imported_at": facts["imported_at"]}
        for n in (1, 2)
    ]  # fmt: skip


def test_the_same_file_twice_changes_nothing(log: LabelLog) -> None:
    first = log.add_import(SOURCE, rows(True, False), by="t")
    before = (log.imports(), log.imported_labels())
    for replace in (False, True):
        again = log.add_import(SOURCE, rows(True, False), by="other", replace=replace)
        assert (again.import_id, again.new, again.replaced) == (first.import_id, False, ())
    assert (log.imports(), log.imported_labels()) == before


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        (SOURCE, (True, True)),
        (LabelSource("own", "f" * 64, 0.5, "ours"), (True, False)),
        (LabelSource("own", "f" * 64, 0.8, None), (True, False)),
        (LabelSource("renamed", "f" * 64, 0.8, "ours"), (True, False)),
    ],
)
def test_the_same_file_in_another_way_is_refused_and_taken_with_replace(
    log: LabelLog, source: LabelSource, labels: tuple[bool, ...]
) -> None:
    first = log.add_import(SOURCE, rows(True, False), by="t")
    before = (log.imports(), log.imported_labels())
    with pytest.raises(ModelError, match="CP-ML-014"):
        log.add_import(source, rows(*labels), by="t")
    assert (log.imports(), log.imported_labels()) == before
    result = log.add_import(source, rows(*labels), by="t", replace=True)
    assert result.replaced == (first.import_id,)
    assert [(row["source"], row["weight"]) for row in log.imports()] == [(source.name, source.weight)]
    assert [row["is_question"] for row in log.imported_labels()] == list(labels)


def test_a_source_may_have_several_files_and_replace_takes_the_place_of_all(log: LabelLog) -> None:
    log.add_import(SOURCE, rows(True), by="t")
    log.add_import(LabelSource("own", "e" * 64), rows(False, False), by="t")
    log.add_import(LabelSource("other", "d" * 64), rows(True), by="t")
    assert [row["labels"] for row in log.imports()] == [1, 2, 1]
    kept = log.add_import(SOURCE, rows(True), by="t", replace=True)
    assert (kept.new, len(kept.replaced)) == (False, 1)
    log.add_import(LabelSource("own", "c" * 64), rows(True, True, True), by="t", replace=True)
    assert [(row["source"], row["labels"]) for row in log.imports()] == [("other", 1), ("own", 3)]


def test_nothing_usable_and_a_weight_out_of_range_are_refused(log: LabelLog, engine: Engine) -> None:
    for source, labels in (
        (SOURCE, rows()),
        (LabelSource("own", "f", 0.0), rows(True)),
        (LabelSource("own", "f", 1.5), rows(True)),
        (LabelSource("own", "f", float("nan")), rows(True)),
    ):
        with pytest.raises(ModelError, match="CP-ML-015"):
            log.add_import(source, labels, by="t")
    assert stored(engine, LabelImport) == 0


def test_removing_a_source_removes_all_of_it_and_nothing_else(log: LabelLog, engine: Engine) -> None:
    log.add_import(SOURCE, rows(True, False), by="t")
    log.add_import(LabelSource("own", "e" * 64), rows(True), by="t")
    log.add_import(LabelSource("other", "d" * 64), rows(True), by="t")
    assert log.remove_import("own") == 3
    assert [row["source"] for row in log.imports()] == ["other"]
    assert stored(engine, ImportedLabel) == 1
    with pytest.raises(ModelError, match="CP-ML-017"):
        log.remove_import("own")


def test_of_two_who_import_the_same_file_at_once_one_writes(engine: Engine) -> None:
    start, results = threading.Barrier(4), []

    def take_in() -> None:
        start.wait()
        results.append(LabelLog(engine).add_import(SOURCE, rows(*[True] * 500), by="t"))

    threads = [threading.Thread(target=take_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.new for result in results) == [False, False, False, True]
    assert stored(engine, ImportedLabel) == 500


def _die_in_the_middle(url: str) -> None:
    log = LabelLog(open_database(url))
    labels_module._stored = lambda *_: os.kill(
        os.getpid(), signal.SIGKILL
    )  # after the first row of the import
    log.add_import(LabelSource("own", "a" * 64), rows(True), by="t", replace=True)


def test_a_process_killed_in_the_middle_of_a_replacement_leaves_what_was(url: str, log: LabelLog) -> None:
    log.add_import(SOURCE, rows(True, False, True), by="t")
    before = (log.imports(), log.imported_labels())
    process = multiprocessing.get_context("forkserver").Process(target=_die_in_the_middle, args=(url,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert (log.imports(), log.imported_labels()) == before
    log.add_import(LabelSource("own", "b" * 64), rows(False), by="t", replace=True)
    assert [row["is_question"] for row in log.imported_labels()] == [False]


def test_the_database_itself_refuses_what_makes_no_sense(engine: Engine, log: LabelLog) -> None:
    log.add_import(SOURCE, rows(True), by="t")
    for wrong in (
        LabelImport(source="x", file_sha256="x", rows_sha256="x", weight=2.0, imported_by="t"),
        LabelImport(source="x", file_sha256="f" * 64, rows_sha256="x", weight=1.0, imported_by="t"),
        ImportedLabel(import_id=99, line=1, text="x", is_question=True),
        LabelCorrection(message_id="m", is_question=True, corrected_by="t", undone_by="t"),
    ):
        with pytest.raises(IntegrityError), write_session(engine) as session:
            session.add(wrong)


def test_the_new_tables_compile_for_postgresql() -> None:
    dialect = postgresql.dialect()
    ddl = {name: str(CreateTable(Base.metadata.tables[name]).compile(dialect=dialect)) for name in NEW_TABLES}
    assert "is_question BOOLEAN NOT NULL" in ddl["label_corrections"]
    assert "import_id BIGSERIAL" in ddl["label_imports"]
    assert "SERIAL" not in ddl["imported_labels"]
    assert "ON DELETE CASCADE" in ddl["imported_labels"]
    (index,) = Consent.__table__.indexes
    assert "WHERE withdrawn_at IS NULL" in str(CreateIndex(index).compile(dialect=dialect))
