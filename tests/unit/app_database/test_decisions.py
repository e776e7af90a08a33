"""The log of identity decisions, on a real database, and what it leads to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from chat_platform.errors import InputError
from chat_platform.people.identity import provisional_person_id, resolve, suggestions
from chat_platform.settings import NameRules
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.decisions import DecisionLog, KnownIds, Merge
from chat_platform.tables.class_chat import IDENTITY_DECISIONS
from chat_platform.tables.ids import identity_id

KNOWN = KnownIds(frozenset({"i1", "i2"}), frozenset({"p1", "p2"}))


@pytest.fixture
def engine(database_url: str) -> Engine:
    upgrade(database_url)
    return open_database(database_url)


@pytest.fixture
def log(engine: Engine) -> DecisionLog:
    return DecisionLog(engine, KNOWN)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    return caught.value.code


def test_a_decision_is_logged_with_who_when_and_why(log: DecisionLog) -> None:
    number = log.merge("i1", "p1", by=" teacher ", evidence="same voice")
    row = log.list()[0]
    assert row["decided_at"].tzinfo is not None
    assert row == {
        "decision_id": number, "kind": "merge", "identity_id": "i1", "person_id": "p1", "decided_by": "teacher",
        "decided_at": row["decided_at"], "evidence": "same voice", "undone_at": None, "undone_by": None,
    }  # fmt: skip


def test_the_log_is_the_declared_table(log: DecisionLog) -> None:
    log.split("i1", by="teacher")
    log.undo(log.lock("i2", by="teacher"), by="operator")
    table = IDENTITY_DECISIONS.table(log.list())
    assert table.column("kind").to_pylist() == ["split", "lock"]
    assert table.column("undone_by").to_pylist() == [None, "operator"]


def test_what_names_nobody_is_refused(log: DecisionLog, engine: Engine) -> None:
    assert refusal(lambda: log.merge("i9", "p1", by="t")) == "CP-PEOPLE-010"
    assert refusal(lambda: log.split("i9", by="t")) == "CP-PEOPLE-010"
    assert refusal(lambda: log.lock("i9", by="t")) == "CP-PEOPLE-010"
    assert refusal(lambda: log.merge("i1", "p9", by="t")) == "CP-PEOPLE-011"
    assert refusal(lambda: log.undo(9, by="t")) == "CP-PEOPLE-014"
    assert refusal(lambda: log.split("i1", by="  ")) == "CP-PEOPLE-016"
    assert refusal(lambda: DecisionLog(engine).split("i1", by="t")) == "CP-PEOPLE-010"
    assert log.list() == []


def test_a_locked_name_refuses_every_decision_and_every_undoing_until_the_lock_is_undone(
    log: DecisionLog,
) -> None:
    merged = log.merge("i1", "p1", by="t")
    locked = log.lock("i1", by="t")
    assert refusal(lambda: log.merge("i1", "p2", by="t")) == "CP-PEOPLE-012"
    assert refusal(lambda: log.split("i1", by="t")) == "CP-PEOPLE-012"
    assert refusal(lambda: log.lock("i1", by="t")) == "CP-PEOPLE-012"
    assert refusal(lambda: log.undo(merged, by="t")) == "CP-PEOPLE-012"
    log.merge("i2", "p2", by="t")
    log.undo(locked, by="t")
    log.undo(merged, by="t")
    log.merge("i1", "p2", by="t")
    assert [row["kind"] for row in log.list() if row["undone_at"] is None] == ["merge", "merge"]


def test_a_decision_is_undone_once(log: DecisionLog) -> None:
    number = log.split("i1", by="t")
    log.undo(number, by="t")
    before = log.list()
    assert refusal(lambda: log.undo(number, by="somebody else")) == "CP-PEOPLE-013"
    assert log.list() == before


def test_the_same_decision_twice_in_a_row_is_refused_and_anew_after_undoing_is_not(log: DecisionLog) -> None:
    number = log.merge("i1", "p1", by="t")
    assert refusal(lambda: log.merge("i1", "p1", by="t")) == "CP-PEOPLE-015"
    log.undo(number, by="t")
    again = log.merge("i1", "p1", by="t")
    log.merge("i1", "p2", by="t")
    log.merge("i1", "p1", by="t")
    assert again > number
    assert [row["person_id"] for row in log.list()] == ["p1", "p1", "p2", "p1"]


def test_several_merges_are_taken_all_or_none(log: DecisionLog) -> None:
    assert refusal(lambda: log.merge_all([Merge("i1", "p1"), Merge("i2", "p9")], by="t")) == "CP-PEOPLE-011"
    assert log.list() == []
    first, second = log.merge_all([Merge("i1", "p1"), Merge("i2", "p2")], by="t")
    assert first < second
    assert log.merge_all([], by="t") == []


def test_of_people_who_decide_the_same_at_once_one_is_heard(engine: Engine) -> None:
    codes: list[str] = []
    start = threading.Barrier(6)

    def decide() -> None:
        start.wait()
        try:
            DecisionLog(engine, KNOWN).merge("i1", "p1", by="t")
            codes.append("done")
        except InputError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=decide) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["CP-PEOPLE-015"] * 5 + ["done"]
    assert len(DecisionLog(engine).list()) == 1


# --- The log and what it leads to -----------------------------------------------------------------------------


def participant(name: str, day: int) -> dict[str, Any]:
    return {
        "identity_id": identity_id("zoom", name), "system": "zoom", "identity_key": name, "display_name": name,
        "conversations": 1, "messages": day, "senders": 1, "first_seen_at": None, "last_seen_at": None,
    }  # fmt: skip


NAMES = ["가나다", "가나다_온라인", "라마바", "강사_라마바", "사아자"]
PARTICIPANTS = [participant(name, day) for day, name in enumerate(NAMES)]
USERS = [
    {"slack_id": f"U000000{n}", "name": None, "real_name": name, "display_name": name, "email": None,
     "is_admin": False, "is_bot": False, "deleted": False}
    for n, name in enumerate(["가나다", "라마바", "라마바"])
]  # fmt: skip


class DecidingPeople(RuleBasedStateMachine):
    """People decide and undo as they like; after undoing, everything is as the remaining decisions alone make it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.states: dict[tuple[int, ...], object] = {}

    @initialize()
    def start(self) -> None:
        url = f"sqlite:///{self.folder.name}/app.sqlite"
        upgrade(url)
        self.engine = open_database(url)
        self.log = DecisionLog(self.engine)

    def resolve(self) -> Any:
        return resolve(PARTICIPANTS, USERS, [], self.log.list(), NameRules())

    def active(self) -> tuple[int, ...]:
        return tuple(row["decision_id"] for row in self.log.list() if row["undone_at"] is None)

    @invariant()
    def decisions_that_hold_make_the_state_whatever_was_undone_meanwhile(self) -> None:
        if hasattr(self, "log"):
            state = self.resolve()
            assert self.states.setdefault(self.active(), state) == state

    def decide(self, action: Callable[[DecisionLog], object]) -> None:
        state = self.resolve()
        try:
            action(DecisionLog(self.engine, KnownIds.of(state.identities, state.people)))
        except InputError as error:
            assert error.code in ("CP-PEOPLE-012", "CP-PEOPLE-015")
            assert self.resolve() == state

    @rule(who=st.sampled_from(PARTICIPANTS), data=st.data())
    def merge(self, who: dict[str, Any], data: st.DataObject) -> None:
        people = [row["person_id"] for row in self.resolve().people]
        target = data.draw(st.sampled_from(people))
        self.decide(lambda log: log.merge(who["identity_id"], target, by="t"))

    @rule(who=st.sampled_from(PARTICIPANTS))
    def split(self, who: dict[str, Any]) -> None:
        self.decide(lambda log: log.split(who["identity_id"], by="t"))

    @rule(who=st.sampled_from(PARTICIPANTS))
    def lock(self, who: dict[str, Any]) -> None:
        self.decide(lambda log: log.lock(who["identity_id"], by="t"))

    @precondition(lambda self: self.active())
    @rule(data=st.data())
    def undo_any(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.active()))
        without = [row for row in self.log.list() if row["decision_id"] != number]
        try:
            self.log.undo(number, by="t")
        except InputError as error:
            assert error.code == "CP-PEOPLE-012"
        else:
            assert self.resolve() == resolve(PARTICIPANTS, USERS, [], without, NameRules())

    @precondition(lambda self: self.active())
    @rule()
    def undo_the_last(self) -> None:
        before = self.active()[:-1]
        self.log.undo(self.active()[-1], by="t")
        assert self.active() == before

    @rule()
    def accept_everything_that_is_unique(self) -> None:
        state = self.resolve()
        merges = [
            Merge(s.identity_id, s.person_id, s.evidence)
            for s in suggestions(state.identities, state.people)
            if s.unique
        ]
        log = DecisionLog(self.engine, KnownIds.of(state.identities, state.people))
        log.merge_all(merges, by="t")
        person_of = {row["identity_id"]: row["person_id"] for row in self.resolve().identities}
        assert all(person_of[merge.identity_id] == merge.person_id for merge in merges)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()
        self.folder.cleanup()


def test_undoing_restores_exactly_what_was_before_whatever_people_decide() -> None:
    run_state_machine_as_test(
        DecidingPeople, settings=settings(max_examples=20, stateful_step_count=12, deadline=None)
    )


def test_undoing_a_merge_gives_each_person_their_own_numbers_back(engine: Engine) -> None:
    def messages() -> dict[str | None, int]:
        counts: dict[str | None, int] = {}
        for row in resolve(PARTICIPANTS, USERS, [], DecisionLog(engine).list(), NameRules()).identities:
            counts[row["person_id"]] = counts.get(row["person_id"], 0) + row["messages"]
        return counts

    state = resolve(PARTICIPANTS, USERS, [], [], NameRules())
    before = messages()
    log = DecisionLog(engine, KnownIds.of(state.identities, state.people))
    one, other = (provisional_person_id(PARTICIPANTS[n]["identity_id"]) for n in (1, 4))
    number = log.merge(PARTICIPANTS[4]["identity_id"], one, by="t")
    assert messages()[one] == before[one] + before[other]
    log.undo(number, by="t")
    assert messages() == before
