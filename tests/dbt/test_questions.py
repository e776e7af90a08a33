"""What the marts about questions owe to versions, privacy, identities and settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from chat_platform.storage.metric_builds import STREAMS
from tests.dbt.classroom import (
    Build,
    Conversation,
    Row,
    conversation,
    groups,
    identity,
    person,
    random_lecture,
    version,
)

Copy = Callable[[Build], Build]
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
MARTS = ("lecture_questions", "question_summary", "open_questions", "similar_questions", "question_topics")
STATES = "select message_id, state, answer_basis, answer_message_id from marts.lecture_questions order by message_id"


@pytest.fixture
def empty(empty: Build) -> Build:
    """A build file whose tables hold nothing, for the class alone."""
    empty.left_out = STREAMS
    return empty


@pytest.fixture
def copy_of(copy_of: Copy) -> Copy:
    """A function that copies a published build, of which the class alone is built again."""

    def copy(original: Build) -> Build:
        build = copy_of(original)
        build.left_out = STREAMS
        return build

    return copy


def rows_about_questions(build: Build) -> dict[str, list[tuple[object, ...]]]:
    marts = build.marts()
    return {name: marts[f"marts.{name}"] for name in MARTS}


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_versions_are_never_mixed(full_refresh: Build, copy_of: Copy, lectures: list[Conversation]) -> None:
    """A new champion takes the marts over lecture by lecture; what only the old one has read is not shown."""
    build = copy_of(full_refresh)
    versions = [version(state="retired"), version("linear-new")]
    build.models(versions, groups(lectures))
    build.dbt("build", "--exclude-resource-type", "unit_test")
    assert all(rows == [] for rows in rows_about_questions(build).values())
    again = random_lecture("r1", "zoom", date(2026, 3, 2), seed=1)
    again.predict(
        {row["message_id"] for row in again.rows["messages"] if "조인" in row["text"]}, "linear-new"
    )
    build.load([again])
    build.dbt("build", "--exclude-resource-type", "unit_test")
    read = "select distinct conversation_id, model_version from marts"
    assert build.query(f"{read}.lecture_questions") == [("r1", "linear-new")]
    assert build.query(f"{read}.question_summary") == [("r1", "linear-new")]
    assert build.query("select distinct scope from marts.question_topics order by all") == [("all",), ("r1",)]
    assert build.query("select count(*) from marts.lecture_questions where text not like '%조인%'") == [(0,)]
    # Rolled back: the old champion has read all but r1, which it reads again.
    build.models([version(), version("linear-new", "retired")], groups(lectures))
    build.load([lectures[0]])
    build.dbt("run")
    assert build.marts() == full_refresh.marts()


def test_two_champions_stop_the_build(full_refresh: Build, copy_of: Copy) -> None:
    build = copy_of(full_refresh)
    build.models([version(), version("linear-new")])
    with pytest.raises(AssertionError, match="a_model_has_one_champion_at_most"):
        build.dbt("build", "--exclude-resource-type", "unit_test", "--select", "stg_models__versions+")


@pytest.mark.exhaustive
def test_nothing_is_known_of_questions_before_the_first_promotion(
    full_refresh: Build, copy_of: Copy, lectures: list[Conversation]
) -> None:
    build = copy_of(full_refresh)
    unread = random_lecture("r1", "zoom", date(2026, 3, 2), seed=1)
    unread.rows["question_predictions"] = []
    build.models([])
    build.load([unread])
    build.dbt("build", "--exclude-resource-type", "unit_test")
    assert all(rows == [] for rows in rows_about_questions(build).values())
    build.models([version()], groups(lectures))
    build.dbt("run")
    counted = {row[0] for row in build.query("select conversation_id from marts.question_summary")}
    assert counted == {"r2", "f1"}


def test_private_questions_and_answers_reach_no_mart_and_answer_nothing(
    empty: Build, people: list[Row], identities: list[Row]
) -> None:
    made = conversation("r1", "zoom", START)
    asked = made.say("i1", START, "스파크 어디")
    secret = made.say("i2", after(5), "비밀질문", visibility="direct")
    gone = made.say("i3", after(10), "지운질문", removed=True)
    made.say("i0", after(20), "비밀답", parent_id=asked, visibility="direct")
    made.say("i0", after(25), "지운답", removed=True)
    made.say("i0", after(30), "답은 여기", parent_id=secret)
    made.predict({asked, secret, gone})
    empty.people(people, identities)
    together = [{"message_id": m, "group_id": asked, "similarity": 0.9} for m in (asked, secret, gone)]
    empty.models([version()], together)
    empty.load([made])
    empty.dbt("build", "--exclude-resource-type", "unit_test", variables={"topic_min_questions": 1})
    assert empty.query(STATES) == [(asked, "open", None, None)]
    assert empty.query("select message_id, answered_elsewhere_id from marts.open_questions") == [
        (asked, None)
    ]
    assert empty.query("select messages, asked, still_open from marts.question_summary") == [(2, 1, 1)]
    shown = rows_about_questions(empty)
    assert shown["similar_questions"] == []
    assert not any(word in str(shown) for word in ("비밀", "지운"))


@pytest.mark.exhaustive
def test_who_asked_and_who_answered_is_decided_at_the_end(empty: Build) -> None:
    """A name that turns out to be the asker's own has not answered; one that is the teacher's has, likely."""
    made = conversation("r1", "zoom", START)
    first = made.say("i1", START, "카프카 어디")
    reply = made.say("i2", after(30), "여기", parent_id=first)
    second = made.say("i1", after(300), "카프카 언제")
    made.say("i3", after(310), "저도")
    statement = made.say("i4", after(340), "내일")
    made.predict({first, second})
    people = [person("p0", "teacher"), *(person(f"p{n}") for n in range(1, 5))]
    apart = [identity(f"i{n}", f"p{n}") for n in range(1, 5)]
    merged = [identity("i1", "p1"), identity("i2", "p1"), identity("i3", "p3"), identity("i4", "p0")]
    empty.people(people, apart)
    empty.models([version()])
    empty.dbt("seed")
    empty.batch([made])
    before = empty.marts()
    by_student = [(first, "answered", "reply", reply), (second, "open", None, None)]
    assert empty.query(STATES) == by_student
    empty.people(people, merged)
    empty.dbt("run")
    by_teacher = [(first, "open", None, None), (second, "answered", "next_message", statement)]
    assert empty.query(STATES) == by_teacher
    summary = "select answered, answered_by_teacher, likely_answered, median_s from marts.question_summary"
    assert empty.query(summary) == [(1, 1, 1, 40.0)]
    empty.dbt("run", variables={"answer_window_s": 39})
    assert empty.query(STATES) == [(first, "open", None, None), (second, "open", None, None)]
    empty.people(people, apart)
    empty.dbt("run")
    assert empty.marts() == before


def test_topics_and_similar_questions_of_the_class(full_refresh: Build) -> None:
    """In the random lectures, messages about 카프카 are the questions, and nothing else tells them."""
    topics = "select scope, lemma from marts.question_topics order by scope"
    assert full_refresh.query(topics) == [(scope, "카프카") for scope in ("all", "f1", "r1", "r2")]
    [(asked,)] = full_refresh.query("select sum(asked) from marts.question_summary")
    assert full_refresh.query("select count(*) from marts.lecture_questions") == [(asked,)]
    public = "kind in ('message', 'reply') and is_public and platform = 'zoom' and text like '%카프카%'"
    assert full_refresh.query(f"select count(*) from staging.stg_class_chat__messages where {public}") == [
        (asked,)
    ]
    similar = "select sum(questions), max(lectures), bool_and(first_asked_at < last_asked_at)"
    assert full_refresh.query(f"{similar} from marts.similar_questions") == [(asked, 3, True)]
