"""Deliveries of the digest: one claim for one sending; subscriptions: nobody's address but one's own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.app_database import open_database, upgrade, writing
from chat_platform.storage.digests import CLAIM_LASTS, DeliveryKey, DeliveryLog
from chat_platform.storage.portal_models import DigestSubscription
from chat_platform.storage.subscriptions import (
    CONFIRM_WITHIN,
    KEY_FILE,
    SubscriptionStore,
    checked_address,
    masked,
)

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
KEY = DeliveryKey("class", "2026-03-02", "mail", "7")
SLACK = DeliveryKey("class", "2026-03-02", "slack", "C1")


@pytest.fixture
def engine(database_url: str) -> Engine:
    upgrade(database_url)
    return open_database(database_url)


@pytest.fixture
def log(engine: Engine) -> DeliveryLog:
    return DeliveryLog(engine)


def state(log: DeliveryLog, key: DeliveryKey = KEY) -> tuple[str, str, int]:
    (found,) = [one for one in log.of_week(key.class_id, key.week) if one.key == key]
    return found.state, found.code, found.attempts


def test_what_is_claimed_or_sent_is_claimed_by_nobody_else(log: DeliveryLog) -> None:
    claim = log.claim(KEY)
    assert claim is not None
    assert log.claim(KEY) is None
    log.sent(claim)
    assert log.claim(KEY) is None
    assert state(log) == ("sent", "", 1)
    assert log.left_to_send("class", KEY.week, "mail", ["7", "8"]) == ["8"]


def test_of_many_processes_one_gets_the_claim(log: DeliveryLog) -> None:
    got, start = [], threading.Barrier(8)

    def work() -> None:
        start.wait()
        got.append(log.claim(KEY))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in got if claim]) == 1


@pytest.mark.parametrize("code", ["CP-WEB-051", "CP-WEB-053"])
def test_what_was_put_off_is_sent_by_the_next_run(log: DeliveryLog, code: str) -> None:
    claim = log.claim(KEY)
    assert claim is not None
    log.failed(claim, f"{code} 451")
    assert log.left_to_send("class", KEY.week, "mail", ["7"]) == ["7"]
    again = log.claim(KEY)
    assert again is not None
    assert again.attempts == 2


@pytest.mark.parametrize("code", ["CP-WEB-052", "CP-WEB-054"])
def test_what_was_refused_or_is_unknown_waits_for_the_operator(log: DeliveryLog, code: str) -> None:
    claim = log.claim(KEY)
    assert claim is not None
    log.failed(claim, code)
    assert log.claim(KEY) is None
    log.release(KEY)
    assert log.left_to_send("class", KEY.week, "mail", ["7"]) == ["7"]
    assert log.claim(KEY) is not None


def test_a_mail_that_a_dead_process_left_is_unknown_after_an_hour(log: DeliveryLog) -> None:
    log.claim(KEY, NOW)
    assert log.close_left("class", NOW + CLAIM_LASTS) == 0
    assert log.claim(KEY, NOW + CLAIM_LASTS) is None
    assert state(log)[0] == "sending"
    assert log.close_left("class", NOW + CLAIM_LASTS + timedelta(seconds=1)) == 1
    assert state(log) == ("failed", "CP-WEB-054", 1)
    assert log.claim(KEY, NOW + timedelta(days=9)) is None


def test_what_a_dead_process_left_for_slack_is_claimed_anew(log: DeliveryLog) -> None:
    log.claim(SLACK, NOW)
    assert log.claim(SLACK, NOW + CLAIM_LASTS) is None
    again = log.claim(SLACK, NOW + CLAIM_LASTS + timedelta(seconds=1))
    assert again is not None
    assert again.attempts == 2


def test_an_answer_that_comes_late_still_counts(log: DeliveryLog) -> None:
    slow = log.claim(KEY, NOW)
    assert slow is not None
    log.close_left("class", NOW + 2 * CLAIM_LASTS)
    log.sent(slow)
    assert state(log) == ("sent", "", 1)
    log.failed(slow, "CP-WEB-054")
    assert state(log) == ("sent", "", 1)


def test_only_what_failed_is_released(log: DeliveryLog) -> None:
    with pytest.raises(WebError, match="CP-WEB-001"):
        log.release(KEY)
    claim = log.claim(KEY)
    assert claim is not None
    log.sent(claim)
    with pytest.raises(WebError, match="CP-WEB-001"):
        log.release(KEY)


def test_a_killed_process_leaves_its_claim(engine: Engine, database_url: str, log: DeliveryLog) -> None:
    child = (
        "import os, signal, sys\n"
        "from chat_platform.storage.app_database import open_database\n"
        "from chat_platform.storage.digests import DeliveryKey, DeliveryLog\n"
        "DeliveryLog(open_database(sys.argv[1])).claim(DeliveryKey('class', '2026-03-02', 'mail', '7'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", child, database_url], check=False)
    assert done.returncode == -signal.SIGKILL
    assert state(log)[0] == "sending"
    assert log.claim(KEY) is None


# Subscriptions


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> SubscriptionStore:
    accounts = AccountStore(engine)
    for login in ("hana", "duri"):
        accounts.set_role(accounts.create(login, login), "class", "student")
    return SubscriptionStore(engine, tmp_path)


def confirmed(store: SubscriptionStore, account_id: int, address: str) -> None:
    store.confirm(account_id, "class", store.ask(account_id, "class", address))


def test_nothing_goes_to_an_address_before_it_is_confirmed(store: SubscriptionStore) -> None:
    token = store.ask(1, "class", "hana@example.com")
    assert store.recipients("class") == []
    assert store.by_token(token) is None
    store.confirm(1, "class", token)
    (found,) = store.recipients("class")
    assert (found.account_id, found.address) == (1, "hana@example.com")


def test_a_link_confirms_for_the_account_that_asked_and_only_once(store: SubscriptionStore) -> None:
    token = store.ask(1, "class", "victim@example.com")
    store.ask(2, "class", "duri@example.com")
    for account_id, said in ((2, token), (1, token + "x"), (1, "")):
        with pytest.raises(WebError, match="CP-WEB-056"):
            store.confirm(account_id, "class", said)
    store.confirm(1, "class", token)
    with pytest.raises(WebError, match="CP-WEB-056"):
        store.confirm(1, "class", token)


def test_a_link_is_too_old_after_two_days(store: SubscriptionStore) -> None:
    token = store.ask(1, "class", "hana@example.com", NOW)
    with pytest.raises(WebError, match="CP-WEB-056"):
        store.confirm(1, "class", token, NOW + CONFIRM_WITHIN + timedelta(seconds=1))
    store.confirm(1, "class", token, NOW + CONFIRM_WITHIN)


def test_another_address_must_be_confirmed_anew(store: SubscriptionStore) -> None:
    confirmed(store, 1, "hana@example.com")
    old = store.recipients("class")[0]
    token = store.ask(1, "class", "victim@example.com")
    assert store.recipients("class") == []
    assert not store.still_wanted(old, "class")
    store.confirm(1, "class", token)
    assert not store.still_wanted(old, "class")
    assert store.recipients("class")[0].token == old.token


def test_the_link_of_a_digest_ends_it_and_never_changes(store: SubscriptionStore) -> None:
    confirmed(store, 1, "hana@example.com")
    token = store.recipients("class")[0].token
    assert store.recipients("class")[0].token == token
    ended = store.end_by_token(token)
    assert (ended.account_id, ended.active) == (1, False)
    assert store.end_by_token(token).ended_at == ended.ended_at
    assert store.recipients("class") == []
    confirmed(store, 1, "hana@example.com")
    assert store.recipients("class")[0].token == token
    with pytest.raises(WebError, match="CP-WEB-056"):
        store.end_by_token("x" * 24)


def test_the_database_alone_opens_no_link(store: SubscriptionStore, engine: Engine, tmp_path: Path) -> None:
    confirmed(store, 1, "hana@example.com")
    token = store.recipients("class")[0].token
    with Session(engine) as session:
        row = session.scalars(select(DigestSubscription)).one()
    assert token not in str(vars(row))
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if KEY_FILE in path.name] == [KEY_FILE]


def test_a_lost_key_makes_new_links_that_work(store: SubscriptionStore, tmp_path: Path) -> None:
    confirmed(store, 1, "hana@example.com")
    (tmp_path / KEY_FILE).unlink()
    store.keep_links("class")
    assert store.end_by_token(
        store.recipients("class")[0].token if store.recipients("class") else ""
    ).ended_at


def test_who_left_or_is_locked_out_gets_nothing(store: SubscriptionStore, engine: Engine) -> None:
    confirmed(store, 1, "hana@example.com")
    confirmed(store, 2, "duri@example.com")
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM memberships WHERE account_id = 1"))
        connection.execute(text("UPDATE accounts SET disabled_at = created_at WHERE account_id = 2"))
    assert store.recipients("class") == []


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@", "@b", "a b@example.com", "a@example.com\r\nBcc: b@example.com", "a@example.com,b@example.com",
     "<a@example.com>", "a@exa mple.com", "a@-", "a@-b.com", "\u202ea@example.com", "하나@example.com",
     "a" * 250 + "@example.com",
     'a"b"@example.com', "a@@example.com", "a..b@example.com", "a@example..com", "a@example.com;b", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(WebError, match="CP-WEB-055"):
        checked_address(address)


def test_addresses_are_kept_as_typed_and_shown_masked() -> None:
    assert checked_address(" Hana.Kim+class@Mail.example.co.kr ") == "Hana.Kim+class@Mail.example.co.kr"
    assert masked("hana@example.com") == "h•••@example.com"
