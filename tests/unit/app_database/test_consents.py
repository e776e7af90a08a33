"""The log of consents: nobody is in unasked, and who withdraws is out."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.exc import IntegrityError

from chat_platform.errors import ModelError
from chat_platform.storage.app_database import open_database, upgrade, write_session, writing
from chat_platform.storage.app_models import Consent
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Engine:
    upgrade(database_url)
    return open_database(database_url)


@pytest.fixture
def log(engine: Engine) -> ConsentLog:
    return ConsentLog(engine)


def withdrawn_at(engine: Engine, person_id: str, moment: datetime) -> None:
    """Put a withdrawal at a moment."""
    with writing(engine) as connection:
        connection.execute(
            update(Consent)
            .where(Consent.person_id == person_id, Consent.withdrawn_at.is_not(None))
            .values(withdrawn_at=moment)
        )


def test_nobody_agrees_before_they_are_asked(log: ConsentLog) -> None:
    assert log.active(AUTHOR_MODEL) == frozenset()
    log.grant("p1", "newsletter", by="p1")
    assert log.active(AUTHOR_MODEL) == frozenset()


def test_a_consent_is_logged_with_who_and_when(log: ConsentLog) -> None:
    number = log.grant("p1", AUTHOR_MODEL, by=" p1 ")
    (row,) = log.history("p1")
    assert row["granted_at"].tzinfo is not None
    assert row == {
        "consent_id": number, "person_id": "p1", "purpose": AUTHOR_MODEL, "granted_at": row["granted_at"],
        "granted_by": "p1", "withdrawn_at": None, "withdrawn_by": None,
    }  # fmt: skip


def test_agreeing_twice_is_agreeing_once(log: ConsentLog) -> None:
    assert log.grant("p1", AUTHOR_MODEL, by="p1") == log.grant("p1", AUTHOR_MODEL, by="teacher")
    assert len(log.history()) == 1


def test_every_cycle_is_kept(log: ConsentLog) -> None:
    for _ in range(3):
        log.grant("p1", AUTHOR_MODEL, by="p1")
        log.withdraw("p1", AUTHOR_MODEL, by="operator")
    log.grant("p1", AUTHOR_MODEL, by="p1")
    assert [row["withdrawn_by"] for row in log.history("p1")] == ["operator"] * 3 + [None]
    assert log.active(AUTHOR_MODEL) == {"p1"}


def test_there_is_nothing_to_withdraw_without_a_standing_consent(log: ConsentLog) -> None:
    log.grant("p1", AUTHOR_MODEL, by="p1")
    log.withdraw("p1", AUTHOR_MODEL, by="p1")
    before = log.history()
    for person, purpose in (("p1", AUTHOR_MODEL), ("p2", AUTHOR_MODEL), ("p1", "newsletter")):
        with pytest.raises(ModelError, match="CP-ML-019"):
            log.withdraw(person, purpose, by="p1")
    assert log.history() == before


def test_nobody_agrees_or_withdraws_anonymously(log: ConsentLog) -> None:
    with pytest.raises(ModelError, match="CP-ML-010"):
        log.grant("p1", AUTHOR_MODEL, by=" ")
    log.grant("p1", AUTHOR_MODEL, by="p1")
    with pytest.raises(ModelError, match="CP-ML-010"):
        log.withdraw("p1", AUTHOR_MODEL, by="")
    assert log.active(AUTHOR_MODEL) == {"p1"}


def test_who_withdrew_since_a_moment_is_known_and_who_agreed_again_is_not_among_them(
    log: ConsentLog, engine: Engine
) -> None:
    for person in ("early", "exact", "late", "again"):
        log.grant(person, AUTHOR_MODEL, by="t")
        log.withdraw(person, AUTHOR_MODEL, by="t")
    log.grant("other", "newsletter", by="t")
    log.withdraw("other", "newsletter", by="t")
    withdrawn_at(engine, "early", START - timedelta(microseconds=1))
    withdrawn_at(engine, "exact", START)
    log.grant("again", AUTHOR_MODEL, by="t")
    log.grant("stays", AUTHOR_MODEL, by="t")
    assert log.withdrawn_since(AUTHOR_MODEL, START) == {"exact", "late"}


def test_erasing_a_person_leaves_no_row_of_theirs(log: ConsentLog) -> None:
    for person in ("p1", "p2"):
        log.grant(person, AUTHOR_MODEL, by=person)
    log.withdraw("p1", AUTHOR_MODEL, by="p1")
    log.grant("p1", AUTHOR_MODEL, by="p1")
    assert log.erase({"p1"}) == 2
    assert [row["person_id"] for row in log.history()] == ["p2"]


def test_of_grants_at_the_same_moment_one_is_written(engine: Engine) -> None:
    start, numbers = threading.Barrier(6), []

    def agree() -> None:
        start.wait()
        numbers.append(ConsentLog(engine).grant("p1", AUTHOR_MODEL, by="t"))

    threads = [threading.Thread(target=agree) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 1
    assert len(numbers) == 6


def test_the_database_itself_holds_one_standing_consent_at_most(engine: Engine, log: ConsentLog) -> None:
    log.grant("p1", AUTHOR_MODEL, by="t")
    with pytest.raises(IntegrityError), write_session(engine) as session:
        session.add(Consent(person_id="p1", purpose=AUTHOR_MODEL, granted_by="t"))
    with pytest.raises(IntegrityError), write_session(engine) as session:
        session.add(Consent(person_id="p2", purpose=AUTHOR_MODEL, granted_by="t", withdrawn_by="t"))
    assert [row["person_id"] for row in log.history()] == ["p1"]
