"""Which messages the author model learns from, and how they are divided."""

from __future__ import annotations

import pyarrow as pa
from author_rows_made import identity_table, message_table, moment
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.ml.authors.dataset import SCHEMA, author_rows, split_by_time
from chat_platform.ml.evaluation.split import Rows, leaks, two_names
from chat_platform.settings import AuthorRules

RULES = AuthorRules(min_messages=10)


def written(person: str, number: int, **changed: object) -> list[dict]:
    return [
        {
            "identity_id": f"name of {person}",
            "text": f"{person} says thing {word} about {word * 3}",
            "sent_at": moment(hour),
            "conversation_id": f"day {hour // 10}",
        }
        | changed
        for hour in range(number)
        for word in [chr(97 + hour % 26) * 4]
    ]


def rows_of(messages: list[dict], person_of: dict[str, str | None], consenting: set[str], **kw: object):
    return author_rows(message_table(messages), identity_table(person_of), consenting, RULES, **kw)


def test_only_people_who_agreed_are_learnt() -> None:
    found = rows_of(
        written("ann", 12) + written("ben", 12), {"name of ann": "p1", "name of ben": "p2"}, {"p1"}
    )
    assert set(found.rows["person_id"].to_pylist()) == {"p1"}
    assert found.excluded == {"not_consenting": 12}


def test_a_name_that_belongs_to_nobody_known_is_not_learnt() -> None:
    found = rows_of(written("ann", 12), {"name of ann": None}, {"p1"})
    assert len(found.rows) == 0
    assert found.excluded == {"not_consenting": 12}


def test_two_names_of_one_person_are_one_class() -> None:
    messages = written("ann", 12) + written("annie", 12)
    found = rows_of(messages, {"name of ann": "p1", "name of annie": "p1"}, {"p1"})
    assert found.rows["person_id"].to_pylist() == ["p1"] * 24
    names = ["name of ann"] * 12 + ["name of annie"] * 12
    assert two_names(["p1"] * 24, found.rows["person_id"].to_pylist()) == []
    assert two_names(["p1"] * 24, names) == ["p1"]


def test_two_names_reach_together_the_least_number_of_messages() -> None:
    messages = written("ann", 6) + written("annie", 6)
    apart = rows_of(messages, {"name of ann": "p1", "name of annie": "p2"}, {"p1", "p2"})
    merged = rows_of(messages, {"name of ann": "p1", "name of annie": "p1"}, {"p1", "p2"})
    assert (len(apart.rows), apart.excluded) == (0, {"too_few_messages": 12})
    assert len(merged.rows) == 12


def test_every_message_left_out_is_counted_by_its_reason() -> None:
    odd = [
        {"visibility": "direct"},
        {"removed": True},
        {"language": "code"},
        {"text": "!"},
        {"text": "😀😀"},
        {"text": "a" * 5_000},
        {"message_id": "asked unnamed"},
    ]
    messages = written("ann", 12)
    for changes in odd:
        messages += written("ann", 1, **changes)
    messages += written("bot", 3)
    people = {"name of ann": "p1", "name of bot": "p9"}
    found = rows_of(messages, people, {"p1", "p9"}, bots={"p9"}, anonymous={"asked unnamed"})
    assert found.excluded == {
        "anonymous": 1,
        "bot": 3,
        "code": 1,
        "direct": 1,
        "removed": 1,
        "too_little_text": 2,
        "too_long": 1,
    }
    assert len(found.rows) + sum(found.excluded.values()) == len(messages)


def test_text_is_kept_as_sent() -> None:
    messages = written("ann", 11) + written("ann", 1, text="WOW  ㅋㅋㅋㅋㅋ ..")
    found = rows_of(messages, {"name of ann": "p1"}, {"p1"})
    assert "WOW  ㅋㅋㅋㅋㅋ .." in found.rows["text"].to_pylist()


WORDS = st.sampled_from(
    ["네", "네네!!", "숙제 언제까지예욥", "숙제 언제 까지예욥?", "push가 안 돼요", "ok", "hi all"]
)


@st.composite
def chats(draw: st.DrawFn) -> pa.Table:
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from("abc"), WORDS | st.text(min_size=1, max_size=20), st.integers(0, 60)),
            min_size=1,
        )
    )
    table = {
        "message_id": [str(number) for number in range(len(rows))],
        "person_id": [person for person, _, _ in rows],
        "text": [text for _, text, _ in rows],
        "sent_at": [moment(hour) for *_, hour in rows],
        "conversation_id": [f"day {hour // 12}" for *_, hour in rows],
    }
    return pa.table(table).cast(SCHEMA).sort_by("sent_at")


@settings(max_examples=150, deadline=None)
@given(chats(), st.sampled_from(["class", "author"]), st.floats(0.05, 0.6))
def test_no_text_and_no_near_copy_stands_on_both_sides(chat: pa.Table, cut: str, share: float) -> None:
    split = split_by_time(chat, test_share=share, cut=cut)
    sides = [Rows(side["text"].to_pylist()) for side in (split.train, split.test)]
    assert leaks(*sides) == []
    assert len(split.train) + len(split.test) + split.near_copies == len(chat)
    assert len(split.train) > 0


@settings(max_examples=150, deadline=None)
@given(chats(), st.floats(0.05, 0.6))
def test_whole_conversations_are_later_than_all_of_the_training(chat: pa.Table, share: float) -> None:
    split = split_by_time(chat, test_share=share)
    early, late = (set(side["conversation_id"].to_pylist()) for side in (split.train, split.test))
    assert not early & late
    if late:
        assert max(split.train["sent_at"].to_pylist()) < min(split.test["sent_at"].to_pylist())


@settings(max_examples=150, deadline=None)
@given(chats())
def test_each_author_has_a_moment_of_their_own(chat: pa.Table) -> None:
    split = split_by_time(chat, cut="author")
    for person in "abc":
        mine = pa.compute.field("person_id") == person
        early, late = (side.filter(mine)["sent_at"].to_pylist() for side in (split.train, split.test))
        assert not late or max(early) < min(late)


def test_a_paste_that_many_share_is_not_tested_on() -> None:
    paste = "Traceback (most recent call last): File main.py line 3 in module import torch"
    messages = [row for person in ("ann", "ben", "eve") for row in written(person, 40)]
    messages += [row | {"text": f"{paste} {n % 2}"} for n, row in enumerate(messages[::7])]
    people = {f"name of {p}": p for p in ("ann", "ben", "eve")}
    split = split_by_time(rows_of(messages, people, set(people.values())).rows, test_share=0.3)
    pasted = [[paste in text for text in side["text"].to_pylist()] for side in (split.train, split.test)]
    assert any(pasted[0])
    assert not any(pasted[1])
    assert split.near_copies > 0
