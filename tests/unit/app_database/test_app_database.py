"""The app database: opening, transactions, migrations."""

from __future__ import annotations

import multiprocessing
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from chat_platform.errors import StorageError
from chat_platform.storage.app_database import (
    current_revision,
    downgrade,
    newest_revision,
    open_database,
    upgrade,
    write_session,
    writing,
)
from chat_platform.storage.app_models import Base, IdentityDecision, LedgerEntry
from chat_platform.tables.class_chat import CONVERSATIONS, IDENTITY_DECISIONS

NOON_IN_SEOUL = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'deep' / 'app.sqlite'}"


@pytest.fixture
def engine(url: str) -> Engine:
    upgrade(url)
    return open_database(url)


def entry(conversation_id: str, **values: object) -> LedgerEntry:
    return LedgerEntry(
        conversation_id=conversation_id, source="zoom", kind="recording", state="announced", **values
    )


def test_upgrade_creates_exactly_what_the_models_declare(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert current_revision(engine) == newest_revision() is not None


def test_ledger_has_the_columns_of_conversations_and_the_same_nullability() -> None:
    columns = LedgerEntry.__table__.columns
    assert columns.keys()[: len(CONVERSATIONS.columns)] == CONVERSATIONS.column_names
    assert {c.name: columns[c.name].nullable for c in CONVERSATIONS.columns} == {
        c.name: c.nullable for c in CONVERSATIONS.columns
    }


def test_identity_decisions_has_the_columns_of_its_table_spec() -> None:
    columns = IdentityDecision.__table__.columns
    assert columns.keys() == IDENTITY_DECISIONS.column_names
    assert {c.name: c.nullable for c in columns} == {c.name: c.nullable for c in IDENTITY_DECISIONS.columns}


def test_ledger_is_indexed_by_state_and_by_source(engine: Engine) -> None:
    assert {tuple(i["column_names"]) for i in inspect(engine).get_indexes("ledger")} == {
        ("state",),
        ("source",),
    }


def test_upgrade_twice_keeps_the_rows(url: str, engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("a"))
    upgrade(url)
    with Session(engine) as session:
        assert session.scalars(select(LedgerEntry.conversation_id)).all() == ["a"]


def test_downgrade_drops_our_tables_and_upgrade_brings_them_back(url: str, engine: Engine) -> None:
    downgrade(url)
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    upgrade(url)
    assert {"ledger", "identity_decisions"} <= set(inspect(engine).get_table_names())


def test_models_compile_for_postgresql_with_time_zones_and_64_bits() -> None:
    ddl = str(CreateTable(LedgerEntry.__table__).compile(dialect=postgresql.dialect()))
    assert "started_at TIMESTAMP WITH TIME ZONE" in ddl
    assert "records BIGINT" in ddl
    assert "decision_id BIGSERIAL" in str(
        CreateTable(IdentityDecision.__table__).compile(dialect=postgresql.dialect())
    )


def test_sqlite_runs_in_wal_mode_with_foreign_keys_and_a_busy_timeout(engine: Engine) -> None:
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30_000}


def test_only_the_owner_can_read_the_files_of_sqlite(url: str, engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("a"))
        session.flush()
        folder = Path(engine.url.database).parent
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {"app.sqlite", "app.sqlite-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_moments_come_back_as_the_same_moment_in_utc(engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("a", started_at=NOON_IN_SEOUL))
    with Session(engine) as session:
        stored = session.scalars(select(LedgerEntry)).one()
        assert stored.started_at == NOON_IN_SEOUL
        assert stored.started_at.tzinfo is UTC
        assert stored.updated_at.tzinfo is UTC


def test_moments_compare_in_sql_across_time_zones(engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("early", started_at=NOON_IN_SEOUL))
        session.add(entry("late", started_at=datetime(2026, 3, 2, 4, tzinfo=UTC)))
    with Session(engine) as session:
        cut = datetime(2026, 3, 2, 12, 30, tzinfo=timezone(timedelta(hours=9)))
        query = select(LedgerEntry.conversation_id).where(LedgerEntry.started_at < cut)
        assert session.scalars(query).all() == ["early"]


def test_a_moment_without_a_time_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="without a time zone"), write_session(engine) as session:
        session.add(entry("a", started_at=datetime(2026, 3, 2, 12)))


def test_a_change_of_a_row_moves_updated_at(engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("a", updated_at=datetime(2020, 1, 1, tzinfo=UTC)))
    with write_session(engine) as session:
        session.get_one(LedgerEntry, "a").state = "fetched"
    with Session(engine) as session:
        assert session.get_one(LedgerEntry, "a").updated_at > datetime(2026, 1, 1, tzinfo=UTC) - timedelta(
            365
        )


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="stop"), write_session(engine) as session:
        session.add(entry("a"))
        session.flush()
        raise RuntimeError("stop")
    with Session(engine) as session:
        assert session.scalars(select(LedgerEntry)).all() == []


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "guess"},
        {"kind": "merge", "person_id": None},
        {"kind": "split", "person_id": "p"},
        {"kind": "split", "undone_at": NOON_IN_SEOUL},
    ],
)
def test_the_database_itself_refuses_decisions_that_make_no_sense(engine: Engine, values: dict) -> None:
    with pytest.raises(IntegrityError), write_session(engine) as session:
        session.add(IdentityDecision(identity_id="i", decided_by="t", **values))


def test_ids_of_decisions_are_never_given_twice(engine: Engine) -> None:
    given = []
    for _ in range(2):
        with write_session(engine) as session:
            row = IdentityDecision(kind="split", identity_id="i", decided_by="t")
            session.add(row)
            session.flush()
            given.append(row.decision_id)
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM identity_decisions"))
    assert given == [1, 2]


def test_readers_do_not_wait_for_a_writer_and_see_the_state_before_it(engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("a"))
        session.flush()
        with Session(engine) as reader:  # waiting for the writer would end in an error: they share a thread
            assert reader.scalars(select(LedgerEntry)).all() == []


def test_read_then_write_loses_no_update_between_threads(engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(entry("a"))

    def count_up() -> None:
        for _ in range(25):
            with write_session(engine) as session:
                session.get_one(LedgerEntry, "a").attempts += 1

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        assert session.get_one(LedgerEntry, "a").attempts == 100


def test_a_writer_that_waits_too_long_gets_a_coded_error(url: str, engine: Engine) -> None:
    impatient = open_database(url, busy_s=0.05)
    with writing(engine), pytest.raises(StorageError) as caught, writing(impatient):
        pass
    assert caught.value.code == "CP-STORE-022"
    assert caught.value.transient


def _upgrade_and_write(url: str, number: int, start: object) -> None:
    start.wait()
    upgrade(url)
    with write_session(open_database(url)) as session:
        session.add(entry(f"process {number}"))


def test_processes_that_start_together_on_a_fresh_database_do_not_race(url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    start = context.Barrier(6)
    processes = [context.Process(target=_upgrade_and_write, args=(url, n, start)) for n in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 6
    with Session(open_database(url)) as session:
        assert len(session.scalars(select(LedgerEntry)).all()) == 6


def test_a_migration_that_dies_half_way_leaves_the_tables_as_they_were(url: str) -> None:
    engine = open_database(url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE identity_decisions (in_the_way TEXT)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(url)
    assert inspect(engine).get_table_names() == ["identity_decisions"]


def test_a_database_of_a_newer_version_is_left_alone(url: str, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError) as caught:
        upgrade(url)
    assert caught.value.code == "CP-STORE-023"
    assert "ledger" in inspect(engine).get_table_names()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "no url", "nosuchdb://host/x"])
def test_addresses_that_cannot_be_shared_by_processes_are_refused(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        open_database(url)
    assert caught.value.code == "CP-STORE-020"


def test_a_password_in_the_address_is_not_in_the_error() -> None:
    with pytest.raises(StorageError) as caught:
        open_database("nosuchdb://me:hunter2@host/x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


def test_a_file_that_is_no_database_gives_a_coded_error(tmp_path: Path) -> None:
    (tmp_path / "app.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError) as caught:
        open_database(f"sqlite:///{tmp_path / 'app.sqlite'}")
    assert caught.value.code == "CP-STORE-021"


def test_a_percent_sign_in_the_path_is_no_format(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / '100%s' / 'app.sqlite'}"
    upgrade(url)
    assert current_revision(open_database(url)) == newest_revision()
