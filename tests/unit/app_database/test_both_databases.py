"""What must hold of the app database on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session

from chat_platform.storage.app_database import (
    current_revision,
    downgrade,
    newest_revision,
    open_database,
    upgrade,
    write_session,
)
from chat_platform.storage.app_models import Base
from chat_platform.storage.portal_models import Account


def test_migrations_make_exactly_what_the_models_declare(database_url: str) -> None:
    upgrade(database_url)
    engine = open_database(database_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert current_revision(engine) == newest_revision() is not None


def test_every_migration_goes_down_and_up_again(database_url: str) -> None:
    upgrade(database_url)
    engine = open_database(database_url)
    whole = set(inspect(engine).get_table_names())
    for revision in ("0002", "0001", "base"):
        downgrade(database_url, revision)
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    upgrade(database_url)
    assert set(inspect(engine).get_table_names()) == whole


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for outcome in [pool.submit(upgrade, database_url) for _ in range(4)]:
            outcome.result()
    assert current_revision(open_database(database_url)) == newest_revision()


def test_what_a_writer_read_stays_true_until_it_commits(database_url: str) -> None:
    upgrade(database_url)
    engine = open_database(database_url)
    inside = threading.Event()

    def add(engine: Engine, wait: float) -> None:
        with write_session(engine) as session:
            number = len(session.scalars(select(Account.account_id)).all())
            inside.set()
            time.sleep(wait)
            session.add(Account(login=f"account {number}", name="n"))

    slow = threading.Thread(target=add, args=(engine, 0.3))
    slow.start()
    inside.wait(5)
    add(open_database(database_url), 0)
    slow.join()
    with Session(engine) as session:
        assert set(session.scalars(select(Account.login))) == {"account 0", "account 1"}
