"""Who is behind a name: properties first, then the cases of a class."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.people.accounts import account_person_id
from chat_platform.people.identity import (
    Resolution,
    aggregate_participants,
    provisional_person_id,
    resolve,
    suggestions,
)
from chat_platform.settings import NameRules
from chat_platform.tables.class_chat import IDENTITIES, PARTICIPANTS, PEOPLE
from chat_platform.tables.ids import identity_id

RULES = NameRules()
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
Row = dict[str, Any]


def zoom(name: str, *, day: int = 0, days: int = 0, senders: int = 1, messages: int = 3) -> Row:
    return seen("zoom", name, name, day=day, days=days, senders=senders, messages=messages)


def slack(slack_id: str, name: str, **values: Any) -> Row:
    return seen("slack", slack_id, name, **values)


def seen(
    system: str, key: str, name: str, *, day: int = 0, days: int = 0, senders: int = 1, messages: int = 3
) -> Row:
    return {
        "identity_id": identity_id(system, key),
        "system": system,
        "identity_key": key,
        "display_name": name,
        "conversations": 1,
        "messages": messages,
        "senders": senders,
        "first_seen_at": START + timedelta(days=day),
        "last_seen_at": START + timedelta(days=day + days, hours=1),
    }


def user(slack_id: str, real_name: str, **values: Any) -> Row:
    row = {"slack_id": slack_id, "name": slack_id.lower(), "real_name": real_name, "display_name": real_name}
    return row | {"email": None, "is_admin": False, "is_bot": False, "deleted": False} | values


def member(member_id: str, name: str, **values: Any) -> Row:
    return {"member_id": member_id, "name": name, "position": None, "role": "student", "team": None,
            "email": None} | values  # fmt: skip


def decision(decision_id: int, kind: str, who: Row, person_id: str | None = None, **values: Any) -> Row:
    return {
        "decision_id": decision_id,
        "kind": kind,
        "identity_id": who["identity_id"],
        "person_id": person_id,
        "decided_by": "teacher",
        "decided_at": START,
        "evidence": None,
        "undone_at": None,
        "undone_by": None,
    } | values


def undone(row: Row) -> Row:
    return row | {"undone_at": START, "undone_by": "teacher"}


def run(
    participants: Iterable[Row] = (),
    users: Iterable[Row] = (),
    members: Iterable[Row] = (),
    decisions: Iterable[Row] = (),
) -> Resolution:
    return resolve(participants, users, members, decisions, RULES)


def identity(result: Resolution, who: Row) -> Row:
    return next(row for row in result.identities if row["identity_id"] == who["identity_id"])


def person(result: Resolution, person_id: str) -> Row:
    return next(row for row in result.people if row["person_id"] == person_id)


def own(who: Row) -> str:
    return provisional_person_id(who["identity_id"])


def slack_person(slack_id: str) -> str:
    return account_person_id("slack", slack_id)


def suggested(result: Resolution, who: Row) -> list[str]:
    return json.loads(identity(result, who)["suggested_person_ids"] or "[]")


# --- Properties -------------------------------------------------------------------------------------------

BARE = ["가나다", "라마바", "Ga Kim"]
SHOWN = [name for bare in BARE for name in (bare, f"{bare}_온라인", f"강사_{bare}", f" {bare.upper()} ")]
SLACK_IDS = [f"U000000{n}" for n in range(4)]
LIST_IDS = [*SLACK_IDS[:3], "S-01", "S-02"]
EMAILS = [None, None, "a@example.com", "A@example.com", "b@example.com"]
PERSON_IDS = [
    *(
        account_person_id(system, key)
        for system, keys in (("slack", SLACK_IDS), ("list", LIST_IDS))
        for key in keys
    ),
    "nobody",
]


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[Row]]:
    names = draw(st.lists(st.sampled_from(SHOWN), max_size=6, unique_by=lambda n: identity_id("zoom", n)))
    participants = [
        zoom(n, day=draw(st.integers(0, 3)), senders=draw(st.sampled_from([1, 1, 1, 2]))) for n in names
    ]
    for slack_id in draw(st.lists(st.sampled_from([*SLACK_IDS, "helper bot"]), max_size=3, unique=True)):
        participants.append(slack(slack_id, draw(st.sampled_from(SHOWN))))
    users = [
        user(
            slack_id,
            draw(st.sampled_from(SHOWN)),
            email=draw(st.sampled_from(EMAILS)),
            is_bot=draw(st.booleans()),
        )
        for slack_id in draw(st.lists(st.sampled_from(SLACK_IDS), max_size=4, unique=True))
    ]
    members = [
        member(
            member_id,
            draw(st.sampled_from(SHOWN)),
            email=draw(st.sampled_from(EMAILS)),
            **draw(st.sampled_from([{}, {"position": "강사", "role": "teacher"}])),
        )
        for member_id in draw(st.lists(st.sampled_from(LIST_IDS), max_size=4))
    ]
    decisions: list[Row] = []
    if participants:
        people = [*PERSON_IDS, *map(own, participants)]
        for number in range(draw(st.integers(0, 6))):
            who = draw(st.sampled_from(participants))
            kind = draw(st.sampled_from(["merge", "merge", "split", "lock"]))
            made = decision(number + 1, kind, who, draw(st.sampled_from(people)) if kind == "merge" else None)
            decisions.append(undone(made) if draw(st.integers(0, 4)) == 0 else made)
    return {"participants": participants, "users": users, "members": members, "decisions": decisions}


def of(world: Mapping[str, list[Row]], **changes: list[Row]) -> Resolution:
    return run(**{**world, **changes})


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_does_not_matter(world: dict[str, list[Row]], order: random.Random) -> None:
    shuffled = {name: order.sample(rows, len(rows)) for name, rows in world.items()}
    assert of(shuffled) == of(world)


@given(worlds())
def test_the_result_is_two_declared_tables_that_join(world: dict[str, list[Row]]) -> None:
    result = of(world)
    PEOPLE.table(result.people)
    IDENTITIES.table(result.identities)
    people = {row["person_id"] for row in result.people}
    assert {row["identity_id"] for row in result.identities} == {
        row["identity_id"] for row in world["participants"]
    }
    for row in result.identities:
        assert (row["person_id"] is None) == (row["state"] == "ambiguous")
        assert row["person_id"] in people | {None}
        assert set(json.loads(row["suggested_person_ids"] or "[]")) <= people - {row["person_id"]}


@given(worlds())
def test_without_decisions_names_never_merge(world: dict[str, list[Row]]) -> None:
    result = of(world, decisions=[])
    for row in result.identities:
        if row["system"] == "zoom":
            assert row["person_id"] in (provisional_person_id(row["identity_id"]), None)


@given(worlds(), st.data())
def test_a_decision_and_its_undoing_leave_everything_as_it_was(
    world: dict[str, list[Row]], data: st.DataObject
) -> None:
    rows = world["decisions"]
    for place, row in enumerate(rows):
        without = [*rows[:place], *rows[place + 1 :]]
        taken_back = [*rows[:place], undone(row), *rows[place + 1 :]]
        assert of(world, decisions=taken_back) == of(world, decisions=without)


@given(worlds())
def test_a_split_makes_an_identity_its_own_person_unless_it_is_locked(world: dict[str, list[Row]]) -> None:
    before = of(world)
    for who in world["participants"]:
        after = of(world, decisions=[*world["decisions"], decision(99, "split", who)])
        if identity(before, who)["locked"]:
            assert after == before
        else:
            row = identity(after, who)
            assert (row["state"], row["person_id"]) == ("decided", own(who))
            assert person(after, own(who))["origin"] == "name"


@given(worlds())
def test_a_lock_keeps_the_person_ends_suggestions_and_stops_later_decisions(
    world: dict[str, list[Row]],
) -> None:
    before = of(world)
    for who in world["participants"]:
        locked = [*world["decisions"], decision(90, "lock", who)]
        after = of(world, decisions=locked)
        row = identity(after, who)
        assert row["locked"]
        assert row["suggested_person_ids"] is None
        assert row["person_id"] == identity(before, who)["person_id"]
        later = [decision(91, "split", who), decision(92, "merge", who, slack_person(SLACK_IDS[0]))]
        assert of(world, decisions=[*locked, *later]) == after


@given(worlds(), st.data())
def test_a_decision_moves_no_other_name_unless_that_was_merged_into_this_one(
    world: dict[str, list[Row]], data: st.DataObject
) -> None:
    if not world["participants"]:
        return
    who = data.draw(st.sampled_from(world["participants"]))
    if any(row["person_id"] == own(who) for row in world["decisions"]):
        return
    before = of(world)
    for made in (
        decision(99, "split", who),
        decision(99, "merge", who, data.draw(st.sampled_from(PERSON_IDS))),
    ):
        after = of(world, decisions=[*world["decisions"], made])
        for other in world["participants"]:
            if other is not who:
                assert [identity(after, other)[c] for c in ("person_id", "state")] == [
                    identity(before, other)[c] for c in ("person_id", "state")
                ]


@given(worlds())
def test_accepting_every_unique_suggestion_at_once_leads_each_name_to_its_person(
    world: dict[str, list[Row]],
) -> None:
    result = of(world)
    unique = [s for s in suggestions(result.identities, result.people) if s.unique]
    accepted = [
        decision(100 + number, "merge", {"identity_id": s.identity_id}, s.person_id)
        for number, s in enumerate(unique)
    ]
    after = of(world, decisions=[*world["decisions"], *accepted])
    leads = {row["identity_id"]: row["person_id"] for row in after.identities}
    assert {s.identity_id: s.person_id for s in unique} == {
        s.identity_id: leads[s.identity_id] for s in unique
    }


@given(worlds())
def test_people_with_an_id_are_never_lost_and_never_doubled(world: dict[str, list[Row]]) -> None:
    result = of(world)
    counts = Counter(row["slack_id"] for row in result.people if row["slack_id"])
    assert all(number == 1 for number in counts.values())
    with_id = [row for row in result.people if row["origin"] != "name"]
    emails = Counter(row["email"].casefold() for row in with_id if row["email"])
    assert all(number == 1 for number in emails.values())


# --- Exact ids --------------------------------------------------------------------------------------------


def test_one_id_in_slack_and_in_the_list_is_one_person_who_has_what_both_say() -> None:
    result = run(
        [slack("U0000001", "가나")],
        [user("U0000001", "김가나_온라인", email="ga@example.com", is_admin=True)],
        [member("U0000001", "김가나", position="매니저", role="staff")],
    )
    assert result.people == [
        {"person_id": slack_person("U0000001"), "name": "김가나", "role": "staff", "position": "매니저",
         "team": "온라인", "email": "ga@example.com", "slack_id": "U0000001", "is_bot": False, "is_admin": True,
         "origin": "slack"}
    ]  # fmt: skip
    row = result.identities[0]
    assert (row["state"], row["person_id"]) == ("exact", slack_person("U0000001"))
    assert [fact["rule"] for fact in json.loads(row["evidence"])] == ["slack_id", "class_list_id"]


def test_one_email_is_one_person_and_an_equal_name_is_not() -> None:
    users = [user("U0000001", "가나다", email="GA@example.com"), user("U0000002", "가나다")]
    result = run([], users, [member("S-01", "가나다", email="ga@example.com")])
    assert [row["person_id"] for row in result.people] == sorted(map(slack_person, ["U0000001", "U0000002"]))


def test_a_slack_account_that_no_list_knows_is_a_person_by_its_id() -> None:
    result = run([slack("U0000009", "가나다")])
    assert [(r["person_id"], r["name"], r["origin"]) for r in result.people] == [
        (slack_person("U0000009"), "가나다", "slack")
    ]
    assert result.identities[0]["state"] == "exact"


def test_a_slack_name_without_an_account_is_treated_like_any_name() -> None:
    who = slack("deploy helper", "deploy helper")
    result = run([who])
    assert (identity(result, who)["state"], identity(result, who)["person_id"]) == ("provisional", own(who))


@pytest.mark.parametrize(
    ("slack_id", "values"), [("U0000001", {"is_bot": True}), ("USLACKBOT", {}), ("B0000001", {})]
)
def test_bots_are_marked_and_never_suggested(slack_id: str, values: Row) -> None:
    name = zoom("가나다")
    result = run([name, slack(slack_id, "가나다")], [user(slack_id, "가나다", **values)])
    assert person(result, slack_person(slack_id))["is_bot"]
    assert suggested(result, name) == []


@pytest.mark.parametrize(
    ("members", "real_name", "role"),
    [
        ([member("U0000001", "가나다", position="강사", role="teacher")], "운영진_가나다", "teacher"),
        ([member("U0000001", "가나다", position="학생", role="student")], "강사_가나다", "student"),
        ([member("U0000001", "가나다")], "강사_가나다", "teacher"),
        ([], "LM 가나다", "staff"),
        ([], "가나다", "student"),
    ],
)
def test_the_role_comes_from_the_list_then_from_the_name(
    members: list[Row], real_name: str, role: str
) -> None:
    result = run([], [user("U0000001", real_name)], members)
    assert result.people[0]["role"] == role


def test_a_person_who_gets_a_slack_account_later_keeps_what_was_decided() -> None:
    name = zoom("호랑이")
    members = [member("S-01", "가나다", email="ga@example.com")]
    made = [decision(1, "merge", name, account_person_id("list", "S-01"))]
    assert identity(run([name], [], members, made), name)["person_id"] == account_person_id("list", "S-01")
    later = run([name], [user("U0000001", "가나다", email="ga@example.com")], members, made)
    assert identity(later, name)["person_id"] == slack_person("U0000001")


# --- Names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", ["가나다", "가나다_온라인", "강사_가 나다", "\u1100\u1161나다"])
def test_a_name_is_its_own_person_and_suggests_who_bears_it(shown: str) -> None:
    name = zoom(shown)
    result = run([name], [user("U0000001", "가나다")])
    row = identity(result, name)
    assert (row["state"], row["person_id"]) == ("provisional", own(name))
    assert suggested(result, name) == [slack_person("U0000001")]
    assert person(result, own(name))["origin"] == "name"


def test_case_and_width_of_a_name_do_not_matter() -> None:
    name = zoom("ＧＡ  kim_online")
    assert suggested(run([name], [user("U0000001", "Ga Kim")]), name) == [slack_person("U0000001")]


def test_two_people_of_one_name_stay_two_and_the_name_waits_for_a_decision() -> None:
    name = zoom("가나다")
    users = [user("U0000001", "가나다"), user("U0000002", "가나다_온라인")]
    result = run([name], users)
    row = identity(result, name)
    assert (row["state"], row["person_id"]) == ("ambiguous", None)
    assert sorted(suggested(result, name)) == sorted(map(slack_person, ["U0000001", "U0000002"]))
    assert [s.unique for s in suggestions(result.identities, result.people)] == [False, False]
    decided = run([name], users, [], [decision(1, "merge", name, slack_person("U0000002"))])
    assert identity(decided, name)["person_id"] == slack_person("U0000002")
    assert suggested(decided, name) == []


def test_what_agrees_with_a_homonym_puts_it_first_and_is_said() -> None:
    users = [user(f"U000000{n}", "가나다") for n in range(4)]
    members = [member("U0000003", "가나다", position="강사", role="teacher", team="온라인")]
    name = zoom("강사_가나다_온라인")
    result = run([name], users, members)
    assert suggested(result, name)[0] == slack_person("U0000003")
    first = suggestions(result.identities, result.people)[0]
    assert (first.agrees, first.differs) == (("role", "team"), ())
    assert "role agrees" in first.evidence


def test_one_name_with_several_senders_in_one_meeting_waits_for_a_decision() -> None:
    name = zoom("가나다", senders=2)
    result = run([name], [user("U0000001", "가나다")])
    assert identity(result, name)["state"] == "ambiguous"
    assert suggested(result, name) == [slack_person("U0000001")]
    assert {"rule": "several_senders", "senders": 2} in json.loads(identity(result, name)["evidence"])
    split = run([name], [user("U0000001", "가나다")], [], [decision(1, "split", name)])
    assert (identity(split, name)["state"], identity(split, name)["person_id"]) == ("decided", own(name))


def test_a_changed_name_suggests_the_earlier_one() -> None:
    early, late = zoom("가나다"), zoom("가나다_온라인", day=7)
    result = run([late, early])
    assert suggested(result, late) == [own(early)]
    assert suggested(result, early) == []
    merged = run([late, early], decisions=[decision(1, "merge", late, own(early))])
    assert {identity(merged, who)["person_id"] for who in (early, late)} == {own(early)}
    assert [row["person_id"] for row in merged.people] == [own(early)]
    assert merged.people[0]["team"] == "온라인"


def test_a_name_that_was_linked_once_suggests_the_same_person_again() -> None:
    nick, variant = zoom("호랑이"), zoom("호랑이_온라인", day=7)
    users = [user("U0000001", "가나다")]
    result = run([nick, variant], users, [], [decision(1, "merge", nick, slack_person("U0000001"))])
    assert suggested(result, variant) == [slack_person("U0000001")]
    assert identity(result, variant)["state"] == "provisional"


def test_names_merged_into_a_name_follow_it_when_it_is_merged_on() -> None:
    first, second, third = zoom("가나다"), zoom("가나다_온라인"), zoom("호랑이")
    made = [
        decision(1, "merge", third, own(second)),
        decision(2, "merge", second, own(first)),
        decision(3, "merge", first, slack_person("U0000001")),
    ]
    result = run([first, second, third], [user("U0000001", "가나다")], [], made)
    assert {identity(result, who)["person_id"] for who in (first, second, third)} == {
        slack_person("U0000001")
    }
    back = run([first, second, third], [user("U0000001", "가나다")], [], [*made[:2], undone(made[2])])
    assert {identity(back, who)["person_id"] for who in (first, second, third)} == {own(first)}


def test_names_merged_in_a_circle_end_at_one_person() -> None:
    first, second = zoom("가나다"), zoom("라마바")
    made = [decision(1, "merge", first, own(second)), decision(2, "merge", second, own(first))]
    result = run([first, second], decisions=made)
    assert {identity(result, who)["person_id"] for who in (first, second)} == {own(second)}


def test_a_long_chain_of_merged_names_is_followed_to_its_end() -> None:
    names = [zoom(f"이름{number}") for number in range(2_000)]
    made = [
        decision(number + 1, "merge", one, own(other))
        for number, (one, other) in enumerate(zip(names, names[1:], strict=False))
    ]
    assert {row["person_id"] for row in run(names, decisions=made).identities} == {own(names[-1])}


def test_a_merge_into_somebody_who_is_in_no_list_any_more_says_so() -> None:
    name = zoom("가나다")
    result = run([name], [], [], [decision(7, "merge", name, "gone")])
    assert identity(result, name)["state"] == "provisional"
    assert json.loads(identity(result, name)["evidence"]) == [
        {"rule": "decision", "decision_id": 7, "kind": "merge", "problem": "unknown_person"}
    ]


def test_a_linked_name_gives_its_role_and_team_where_the_list_says_none() -> None:
    name = zoom("강사_가나다_온라인")
    result = run([name], [user("U0000001", "Ga")], [], [decision(1, "merge", name, slack_person("U0000001"))])
    assert [(r["role"], r["team"]) for r in result.people] == [("teacher", "온라인")]


def test_a_split_slack_account_is_a_person_apart_from_its_id() -> None:
    who = slack("U0000001", "가나다")
    result = run([who], [user("U0000001", "가나다")], [], [decision(1, "split", who)])
    assert identity(result, who)["person_id"] == own(who)
    assert {row["person_id"]: row["slack_id"] for row in result.people} == {
        own(who): None,
        slack_person("U0000001"): "U0000001",
    }


# --- Suggestions to accept together -------------------------------------------------------------------------


def test_a_suggestion_is_unique_when_only_one_person_fits_and_nothing_speaks_against_it() -> None:
    result = run(
        [zoom("가나다_온라인"), zoom("라마바")], [user("U0000001", "가나다"), user("U0000002", "라마바")]
    )
    found = suggestions(result.identities, result.people)
    assert [
        (s.display_name, s.person_name, s.unique) for s in sorted(found, key=lambda s: s.display_name)
    ] == [
        ("가나다_온라인", "가나다", True),
        ("라마바", "라마바", True),
    ]


def test_a_name_that_may_be_merged_on_is_nobodys_unique_suggestion() -> None:
    listed, moving, merged = slack("U0000001", "가나다"), zoom("가나다"), zoom("라마바")
    following = zoom("라마바_온라인", day=8)
    world = {
        "participants": [listed, moving, merged, following],
        "users": [user("U0000001", "가나다")],
        "decisions": [decision(1, "merge", merged, own(moving))],
    }
    result = run(**world)
    found = {s.display_name: s for s in suggestions(result.identities, result.people)}
    assert found["가나다"].person_id == slack_person("U0000001")
    assert found["라마바_온라인"].person_id == own(moving)
    assert not found["라마바_온라인"].unique


@pytest.mark.parametrize(("day", "unique"), [(1, False), (8, True)])
def test_whoever_goes_with_a_name_must_not_meet_the_names_of_its_new_person(day: int, unique: bool) -> None:
    listed, name, companion = slack("U0000001", "가나다"), zoom("가나다", day=20), zoom("라마바", day=1)
    other = zoom("마바사", day=day)
    result = run(
        [listed, name, companion, other],
        [user("U0000001", "가나다")],
        decisions=[
            decision(1, "merge", companion, own(name)),
            decision(2, "merge", other, slack_person("U0000001")),
        ],
    )
    found = {s.display_name: s for s in suggestions(result.identities, result.people)}
    assert found["가나다"].person_id == slack_person("U0000001")
    assert found["가나다"].unique is unique


def test_a_role_that_differs_is_no_unique_suggestion() -> None:
    result = run([zoom("강사_가나다")], [user("U0000001", "가나다")])
    found = suggestions(result.identities, result.people)
    assert [(s.unique, s.differs) for s in found] == [(False, ("role",))]


@pytest.mark.parametrize(("day", "unique"), [(1, False), (8, True)])
def test_two_names_of_one_person_are_unique_only_when_not_seen_in_the_same_days(
    day: int, unique: bool
) -> None:
    names = [zoom("가나다", days=3), zoom("가나다_온라인", day=day)]
    result = run(names, [user("U0000001", "가나다")])
    assert [s.unique for s in suggestions(result.identities, result.people)] == [unique, unique]
    decided = run(
        names, [user("U0000001", "가나다")], [], [decision(1, "merge", names[0], slack_person("U0000001"))]
    )
    assert [s.unique for s in suggestions(decided.identities, decided.people)] == [unique]


def test_the_names_used_most_are_suggested_first() -> None:
    result = run(
        [zoom("가나다", messages=1), zoom("라마바", messages=9)],
        [user("U0000001", "가나다"), user("U0000002", "라마바")],
    )
    assert [s.display_name for s in suggestions(result.identities, result.people)] == ["라마바", "가나다"]


# --- Participants -------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(SHOWN), st.integers(0, 5), st.integers(1, 3)),
        max_size=20,
    )
)
def test_participants_are_summed_up_by_identity(facts: list[tuple[int, str, int, int]]) -> None:
    rows = {
        (conversation, identity_id("zoom", name)): {
            "conversation_id": f"c{conversation}",
            "identity_id": identity_id("zoom", name),
            "system": "zoom",
            "identity_key": name,
            "display_name": name,
            "senders": senders,
            "messages": messages,
            "first_at": START + timedelta(days=conversation),
            "last_at": START + timedelta(days=conversation, hours=messages),
        }
        for conversation, name, messages, senders in facts
    }
    found = aggregate_participants(PARTICIPANTS.table(rows.values()))
    assert [row["identity_id"] for row in found] == sorted({who for _, who in rows})
    for row in found:
        own_rows = [r for r in rows.values() if r["identity_id"] == row["identity_id"]]
        last = max(own_rows, key=lambda r: (r["last_at"], r["display_name"]))
        assert row == {
            "identity_id": row["identity_id"],
            "system": "zoom",
            "identity_key": last["identity_key"],
            "display_name": last["display_name"],
            "conversations": len(own_rows),
            "messages": sum(r["messages"] for r in own_rows),
            "first_seen_at": min(r["first_at"] for r in own_rows),
            "last_seen_at": max(r["last_at"] for r in own_rows),
            "senders": max(r["senders"] for r in own_rows),
        }
