"""The log of promotions: exactly one champion, whatever happens at the same moment or is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chat_platform.errors import ModelError
from chat_platform.storage.app_database import open_database, upgrade, write_session
from chat_platform.storage.app_models import ModelPromotion
from chat_platform.storage.promotions import CHECKS, PromotionLog


@pytest.fixture
def url(database_url: str) -> str:
    upgrade(database_url)
    return database_url


@pytest.fixture
def engine(url: str) -> Engine:
    return open_database(url)


@pytest.fixture
def log(engine: Engine) -> PromotionLog:
    return PromotionLog(engine)


def promoted(log: PromotionLog, *versions: str) -> None:
    for version in versions:
        log.promote("question", version, by="t", reason="better")


def test_before_the_first_promotion_there_is_no_champion(log: PromotionLog) -> None:
    assert log.champion("question") is None
    assert log.history("question") == []


def test_a_promotion_is_logged_with_who_when_and_why(log: PromotionLog) -> None:
    number = log.promote("question", "linear-1", by=" teacher ", reason="더 낫다")
    (row,) = log.history("question")
    assert row["decided_at"].tzinfo is not None
    assert row == {
        "promotion_id": number, "model_name": "question", "model_version": "linear-1", "action": "promote",
        "decided_by": "teacher", "decided_at": row["decided_at"], "reasons": ["더 낫다"],
    }  # fmt: skip
    assert log.champion("question") == "linear-1"


def test_promoting_the_champion_again_writes_nothing(log: PromotionLog) -> None:
    promoted(log, "a")
    before = log.history("question")
    assert log.promote("question", "a", by="other", reason="again") == before[0]["promotion_id"]
    assert log.history("question") == before


def test_models_have_champions_of_their_own(log: PromotionLog) -> None:
    promoted(log, "a", "b")
    log.promote("author", "x", by="t", reason="first")
    assert (log.champion("question"), log.champion("author")) == ("b", "x")
    with pytest.raises(ModelError, match="CP-ML-011"):
        log.rollback("author", by="t")
    assert [row["model_version"] for row in log.history("author")] == ["x"]


def test_a_second_rollback_goes_one_further_back_not_forth(log: PromotionLog) -> None:
    promoted(log, "a", "b", "c")
    assert [log.rollback("question", by="t"), log.rollback("question", by="t")] == ["b", "a"]
    before = log.history("question")
    with pytest.raises(ModelError, match="CP-ML-011"):
        log.rollback("question", by="t")
    assert log.history("question") == before
    assert log.champion("question") == "a"
    assert before[-1]["reasons"] == ["rolled back from b"]


def test_a_promotion_after_a_rollback_stands_on_what_served_meanwhile(log: PromotionLog) -> None:
    promoted(log, "a", "b")
    log.rollback("question", by="t")
    promoted(log, "c")
    assert log.rollback("question", by="t") == "a"


def test_a_refusal_keeps_its_reasons_and_the_champion(log: PromotionLog) -> None:
    promoted(log, "a")
    log.refuse("question", "b", reasons=["below the floor", "한국어 조각이 무너짐"])
    row = log.history("question")[-1]
    assert (row["action"], row["decided_by"]) == ("refuse", CHECKS)
    assert row["reasons"] == ["below the floor", "한국어 조각이 무너짐"]
    assert log.champion("question") == "a"


def test_a_retry_that_refuses_again_adds_nothing_and_another_reason_does(log: PromotionLog) -> None:
    first = log.refuse("question", "b", reasons=["floor"])
    assert log.refuse("question", "b", reasons=["floor"]) == first
    assert log.refuse("question", "b", reasons=["calibration"]) != first
    assert len(log.history("question")) == 2


def test_a_refused_version_can_still_be_promoted_by_a_person(log: PromotionLog) -> None:
    log.refuse("question", "b", reasons=["floor"])
    promoted(log, "b")
    assert log.champion("question") == "b"


def test_nobody_decides_anonymously(log: PromotionLog) -> None:
    promoted(log, "a", "b")
    with pytest.raises(ModelError, match="CP-ML-010"):
        log.promote("question", "c", by="  ", reason="r")
    with pytest.raises(ModelError, match="CP-ML-010"):
        log.rollback("question", by="")
    assert log.champion("question") == "b"


def test_the_database_itself_refuses_an_unknown_action(engine: Engine) -> None:
    with pytest.raises(IntegrityError), write_session(engine) as session:
        session.add(
            ModelPromotion(model_name="q", model_version="v", action="bless", decided_by="t", reasons="[]")
        )


def test_of_rollbacks_at_the_same_moment_each_takes_one_step(engine: Engine) -> None:
    promoted(PromotionLog(engine), "a", "b", "c", "d")
    start, seen = threading.Barrier(5), []

    def back() -> None:
        start.wait()
        try:
            seen.append(PromotionLog(engine).rollback("question", by="t"))
        except ModelError as error:
            seen.append(error.code)

    threads = [threading.Thread(target=back) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["CP-ML-011", "CP-ML-011", "a", "b", "c"]
    assert PromotionLog(engine).champion("question") == "a"


def test_of_equal_promotions_at_the_same_moment_one_is_written(engine: Engine) -> None:
    start, numbers = threading.Barrier(6), []

    def promote() -> None:
        start.wait()
        numbers.append(PromotionLog(engine).promote("question", "a", by="t", reason="r"))

    threads = [threading.Thread(target=promote) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 1
    assert len(PromotionLog(engine).history("question")) == 1


def _die_while_promoting(url: str) -> None:
    with write_session(open_database(url)) as session:
        session.add(
            ModelPromotion(
                model_name="question", model_version="half", action="promote", decided_by="t", reasons="[]"
            )
        )
        session.flush()
        session.scalars(select(ModelPromotion)).all()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_killed_while_it_promotes_leaves_the_champion_and_no_lock(url: str, engine: Engine) -> None:
    promoted(PromotionLog(engine), "a")
    process = multiprocessing.get_context("forkserver").Process(target=_die_while_promoting, args=(url,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    log = PromotionLog(open_database(url))
    assert log.champion("question") == "a"
    promoted(log, "b")
    assert [row["model_version"] for row in log.history("question")] == ["a", "b"]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["a", "b", "c", "back", "refuse"]), max_size=12))
def test_the_champion_is_that_of_a_stack(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/app.sqlite"
        upgrade(address)
        engine = open_database(address)
        log, stack = PromotionLog(engine), []
        for step in steps:
            if step == "refuse":
                log.refuse("question", "z", reasons=["r"])
            elif step == "back" and len(stack) < 2:
                with pytest.raises(ModelError, match="CP-ML-011"):
                    log.rollback("question", by="t")
            elif step == "back":
                stack.pop()
                assert log.rollback("question", by="t") == stack[-1]
            else:
                stack += [] if stack[-1:] == [step] else [step]
                log.promote("question", step, by="t", reason="r")
            assert log.champion("question") == (stack[-1] if stack else None)
        with Session(engine) as session:
            rows = session.scalars(select(ModelPromotion).order_by(ModelPromotion.promotion_id)).all()
        standing = [row for row in rows if row.action != "refuse"]
        assert (standing[-1].model_version if standing else None) == (stack[-1] if stack else None)
        engine.dispose()
