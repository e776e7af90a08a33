"""Nothing of the test stands in the training: not a text, not a near-copy, not a conversation, not a person."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.ml.evaluation.split import (
    LEAST_LETTERS,
    SIMILAR,
    Leak,
    Rows,
    leaks,
    near_copies,
    split_rows,
    text_key,
    two_names,
)
from chat_platform.settings import project_root
from tests.cost import growth

WORDS = (
    "이거",
    "왜",
    "안",
    "되나요",
    "질문",
    "있습니다",
    "파이썬",
    "설치",
    "오류",
    "강사님",
    "why",
    "does",
    "it",
)
TEXTS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join),
        st.text(alphabet="가나다abc?! ㅋ", max_size=30),
    ),
    max_size=40,
)


def jaccard(one: str, two: str) -> float:
    sets = [{key[at : at + 4] for at in range(len(key) - 3)} for key in (one, two)]
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if union else 0.0


def distance_at_most_one(one: str, two: str) -> bool:
    """Edit distance by the textbook recurrence."""
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        new = [i]
        for j, other in enumerate(two, 1):
            new.append(min(new[-1] + 1, row[j] + 1, row[j - 1] + (letter != other)))
        row = new
    return row[-1] <= 1


def is_near_copy(one: str, two: str) -> bool:
    """The definition, the slow way."""
    a, b = text_key(one), text_key(two)
    if a == b or jaccard(a, b) >= SIMILAR:
        return True
    return min(len(a), len(b)) >= LEAST_LETTERS and distance_at_most_one(a, b)


@given(TEXTS, TEXTS)
def test_the_quick_search_finds_exactly_the_near_copies(texts: list[str], others: list[str]) -> None:
    found = near_copies(texts, others)
    for text, place in zip(texts, found, strict=True):
        if place >= 0:
            assert is_near_copy(text, others[place])
        else:
            assert not any(is_near_copy(text, other) for other in others)


@given(st.text(alphabet="가나다라마바사", min_size=30, max_size=120), st.data())
def test_long_texts_with_a_few_changes_are_found(text: str, data: st.DataObject) -> None:
    changed = list(text)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = "하"
    other = "".join(changed)
    assert (near_copies([text], [other])[0] == 0) == is_near_copy(text, other)


def test_what_does_not_count() -> None:
    assert (
        text_key("이거 왜 안 되나요???")
        == text_key("이거왜 안되나요")
        == text_key("이거 왜 안 되나요오".removesuffix("오"))
    )
    assert text_key("와아아아 ㅋㅋㅋㅋ") == text_key("와아 ㅋㅋ")
    assert text_key("Why NOT") == text_key("why not!")
    assert text_key("11번") != text_key("1번")
    assert text_key("???") == text_key("?") != text_key("!")
    assert near_copies(["네", "아니오", "왜요"], ["넵", "아니요", "왜"]).tolist() == [-1, -1, -1]


@given(TEXTS, st.integers(0, 5))
def test_no_division_leaks(texts: list[str], seed: int) -> None:
    rng = random.Random(seed)
    conversations = [rng.choice([None, "a", "b", "c", "d"]) for _ in texts]
    persons = [rng.choice(["김", "이", "박", None]) for _ in texts]
    split = split_rows(texts, conversations=conversations, times=range(len(texts)), persons=persons)
    sides = [
        Rows(*([column[row] for row in rows.tolist()] for column in (texts, conversations, persons)))
        for rows in (split.train, split.test)
    ]
    assert leaks(*sides) == []
    assert not set(split.train) & set(split.test)
    assert len(split.train) + len(split.test) + split.near_copies + split.same_person == len(texts)


def test_leaks_names_each_kind() -> None:
    train = Rows(
        ["질문 있습니다!", "파이썬 설치가 안 돼요", "고유한 말"], ["x", "a", "y"], ["김", "이", "박"]
    )
    test = Rows(["질문있습니다", "파이썬 설치가 안 되요", "다른 말"], ["z", "a", "w"], ["최", "정", "박"])
    assert leaks(train, test) == [
        Leak("same_text", 0, 0),
        Leak("near_copy", 1, 1),
        Leak("same_conversation", 1, 1),
        Leak("same_person", 2, 2),
    ]


def test_the_latest_conversations_are_the_test() -> None:
    names = [f"rec-{n}" for n in (3, 1, 2, 5, 4) for _ in range(10)]
    texts = [f"{name} 의 {n}번째 이야기는 {n * 7919 % 1000} 입니다" for n, name in enumerate(names)]
    times = [int(name[-1]) for name in names]
    split = split_rows(texts, conversations=names, times=times, test_share=0.4)
    assert {names[row] for row in split.test} == {"rec-4", "rec-5"}
    assert {names[row] for row in split.train} <= {"rec-1", "rec-2", "rec-3"}


def test_one_conversation_alone_is_trained_on() -> None:
    split = split_rows(["하나", "둘"], conversations=["a", "a"])
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1], [])


def test_groups_stay_together_and_do_not_move() -> None:
    texts = [f"문장 번호 {n} 그리고 {n * 31}" for n in range(300)]
    groups = [f"g{n // 3}" for n in range(300)]
    split = split_rows(texts, groups=groups)
    sides = {groups[row] for row in split.test}
    assert 0.1 < len(sides) / 100 < 0.3
    assert not sides & {groups[row] for row in split.train}
    later = split_rows(texts[:150], groups=groups[:150])
    assert {groups[row] for row in later.test} == {g for g in sides if int(g[1:]) < 50}


def test_one_person_under_two_names_is_seen() -> None:
    assert two_names(["p1", "p1", "p2", "p3", "p3"], ["가나", "가나(2조)", "다라", "마바", "마바"]) == ["p1"]


@pytest.mark.real_data
def test_a_real_set_is_divided_without_leaks() -> None:
    """All pairs of a sample, the slow way: the same sentences about weather and lamps come back again and again."""
    file = project_root().parent / "shared" / "data" / "ko-3i4k" / "fci_train_val.txt"
    if not file.exists():
        pytest.skip("ko-3i4k is not here")
    lines = file.read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t", 1)[1] for line in lines if "\t" in line]
    split = split_rows(texts)
    assert split.near_copies > 100 and len(split.train) + len(split.test) + split.near_copies == len(texts)
    test = [texts[row] for row in split.test.tolist()]
    sample = random.Random(0).sample(split.train.tolist(), 25)
    close = [
        (texts[row], other)
        for row in sample
        for other in test
        if abs(len(texts[row]) - len(other)) <= 3 and set(texts[row][:9]) & set(other[:9])
    ]
    assert len(close) > 10_000
    assert [pair for pair in close if is_near_copy(*pair)] == []


def test_time_grows_with_the_rows() -> None:
    """Templates that share most pieces are the hard case: of 20,000 there are 200 million pairs."""
    rng = random.Random(1)
    texts = [
        f"{a} {b} 수업에서 {rng.randint(0, 99999)}번 문제 풀이를 {c} 올려 주실 수 있나요"
        for (a, b, c), _ in product([(x, y, z) for x in WORDS for y in WORDS for z in WORDS], range(10))
    ][:20_000]
    assert growth(lambda rows: split_rows(texts[:: 20_000 // rows]), 5_000, times=1) < 2.5
    split = split_rows(texts)
    assert np.all(
        near_copies([texts[r] for r in split.train[:500].tolist()], [texts[r] for r in split.test.tolist()])
        < 0
    )
