"""Throttles and the log of the portal, on both databases."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from chat_platform.errors import WebError
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.audit import AuditLog
from chat_platform.storage.throttles import FORGET, Patience, Throttles

PATIENCE = Patience(free=3, first=timedelta(seconds=2), longest=timedelta(seconds=10))


@pytest.fixture
def url(database_url: str) -> str:
    upgrade(database_url)
    return database_url


@pytest.fixture
def engine(url: str) -> Engine:
    return open_database(url)


@pytest.fixture
def throttles(engine: Engine) -> Throttles:
    return Throttles(engine)


@pytest.fixture
def log(engine: Engine) -> AuditLog:
    return AuditLog(engine)


def passes(action: Callable[[], object]) -> bool:
    try:
        action()
    except WebError as error:
        assert error.code == "CP-WEB-007"
        assert error.detail.endswith(" s")
        return False
    return True


def test_failures_make_wait_twice_as_long_each_time_up_to_a_limit(throttles: Throttles) -> None:
    now, waits = utc_now(), []
    for _ in range(8):
        try:
            throttles.attempt("k", PATIENCE, now=now)
            waits.append(0)
        except WebError as error:
            waits.append(int(error.detail.removesuffix(" s")))
            early = now + timedelta(seconds=waits[-1], milliseconds=-1)
            assert not passes(lambda: throttles.attempt("k", PATIENCE, now=early))  # noqa: B023
            now += timedelta(seconds=waits[-1])
            throttles.attempt("k", PATIENCE, now=now)
    assert waits == [0, 0, 0, 0, 2, 4, 8, 10]


def test_success_clears_and_keys_do_not_know_each_other(throttles: Throttles) -> None:
    now = utc_now()
    for _ in range(4):
        throttles.attempt("a", PATIENCE, now=now)
    assert not passes(lambda: throttles.attempt("a", PATIENCE, now=now))
    assert passes(lambda: throttles.attempt("b", PATIENCE, now=now))
    throttles.clear("a")
    assert passes(lambda: throttles.attempt("a", PATIENCE, now=now))


def test_failures_of_yesterday_are_forgotten(throttles: Throttles) -> None:
    now = utc_now()
    for _ in range(4):
        throttles.attempt("a", PATIENCE, now=now)
    later = now + FORGET
    assert all(passes(lambda: throttles.attempt("a", PATIENCE, now=later)) for _ in range(3))


def test_a_limit_is_kept_in_each_stretch(throttles: Throttles) -> None:
    now = utc_now()
    assert [passes(lambda: throttles.take("k", 3, 60, now=now)) for _ in range(5)] == [True] * 3 + [False] * 2
    late = now + timedelta(seconds=59)
    assert not passes(lambda: throttles.take("k", 3, 60, now=late))
    assert passes(lambda: throttles.take("k", 3, 60, now=now + timedelta(seconds=60)))


def test_the_key_itself_is_not_stored(engine: Engine, throttles: Throttles) -> None:
    throttles.attempt("sign-in kim@example.com", PATIENCE)
    throttles.take("kim@example.com\0", 1, 1)
    with engine.connect() as connection:
        assert "kim" not in str(connection.execute(text("select * from throttles")).all())


def test_many_at_once_get_no_more_than_the_limit(throttles: Throttles) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: passes(lambda: throttles.take("k", 5, 60)), range(24)))
        tried = list(pool.map(lambda _: passes(lambda: throttles.attempt("a", Patience(free=5))), range(24)))
    assert (sum(taken), sum(tried)) == (5, 6), "the sixth failure is the first that makes wait"


def _take(url: str) -> int:
    throttles = Throttles(open_database(url))
    return sum(passes(lambda: throttles.take("k", 5, 60)) for _ in range(10))


def test_processes_share_a_limit(url: str) -> None:
    # Forked: a spawned child has to find this module by its name, and waits for ever where it cannot.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        assert sum(pool.map(_take, [url, url])) == 5


# --- The log ----------------------------------------------------------------------------------------------------


def test_a_class_sees_what_is_about_it_and_what_its_members_did(engine: Engine, log: AuditLog) -> None:
    accounts = AccountStore(engine)
    here, there = accounts.create("kim", "Kim"), accounts.create("lee", "Lee")
    accounts.set_role(here, "a", "operator")
    accounts.set_role(there, "b", "operator")
    log.note("export.tile", account_id=here, class_id="a", subject="t", detail={"rows": 3}, address="1.2.3.4")
    log.note("sign-in", account_id=here)
    log.note("sign-in", account_id=there)
    log.note("export.tile", account_id=there, class_id="b")
    log.note("sign-in.failed", account_id=None)
    newest, oldest = log.list("a")
    assert (newest.action, newest.name, newest.class_id) == ("sign-in", "Kim", None)
    assert (oldest.subject, dict(oldest.detail), oldest.address) == ("t", {"rows": 3}, "1.2.3.4")
    assert [row.action for row in log.list("a", with_nobodys=True)] == [
        "sign-in.failed",
        "sign-in",
        "export.tile",
    ]
    assert [row.account_id for row in log.list("b")] == [there, there]


def test_the_log_is_filtered_and_read_by_pages(engine: Engine, log: AuditLog) -> None:
    accounts = AccountStore(engine)
    kim, lee = accounts.create("kim_1", "김민수"), accounts.create("kimx1", "Lee")
    for number in range(7):
        log.note("export.tile", account_id=kim, class_id="a", subject=str(number))
        log.note("exports", account_id=lee, class_id="a")
    assert len(log.list("a", action="export")) == 7, "a word of the action is whole"
    assert {row.account_id for row in log.list("a", who="kim_1")} == {kim}, "_ is no wildcard"
    assert {row.account_id for row in log.list("a", who="민수")} == {kim}
    assert log.list("a", since=utc_now() + timedelta(minutes=1)) == []
    assert len(log.list("a", until=utc_now() + timedelta(minutes=1))) == 14
    first = log.list("a", action="export", limit=3)
    second = log.list("a", action="export", limit=9, before=first[-1].audit_id)
    assert [row.subject for row in (*first, *second)] == list("6543210")


def test_what_a_request_brings_is_cut_and_can_be_stored(log: AuditLog) -> None:
    log.note("x", account_id=None, class_id="a", subject="\0" + "ㄱ" * 1000, detail={"text": "a\0b", "n": 1})
    (row,) = log.list("a")
    assert row.subject == "ㄱ" * 400 and row.detail == {"text": "ab", "n": 1}
