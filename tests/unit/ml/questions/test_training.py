"""Labels of every origin, divided: nothing of the test in the training, whatever is said how often and by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.errors import ModelError
from chat_platform.ml.evaluation.split import leaks, near_copies
from chat_platform.ml.labels.seed import seed_labels
from chat_platform.ml.messages import SCHEMA, from_texts
from chat_platform.ml.questions.augment import TrainingText, augmented
from chat_platform.ml.questions.training import (
    TrainingSet,
    assemble,
    rules_files,
    score,
    sides,
    train_linear,
    train_rules,
    without_question_marks,
)

ASKED = (
    "이거 왜 안 되나요",
    "과제 마감이 언제인지 궁금합니다",
    "판다스 설치는 어떻게 하면 될까요",
    "왜요",
    "혹시 녹화본 링크 다시 알려주실 수 있나요",
    "how do I install pandas on my laptop",
    "can you share the link again",
)
TOLD = (
    "네",
    "네 잘 들립니다",
    "감사합니다 오늘도 고생 많으셨습니다",
    "저는 3번이 제일 어려웠어요",
    "그 방법으로 하니까 해결됐어요",
    "it works now thank you",
    "print(df.head())",
)
# What makes a nearly shared text of a shared one, and what chat puts around it: the same as the augmentation puts.
_BEFORE = ("", "", "", "네 ", "강사님 ", "안녕하세요 ", "ok so ", "저 ")
_BEHIND = ("", "", "", "?", "??", "ㅠㅠ", " lol", "...", "요")
RECORDINGS = ("rec-1", "rec-2", "rec-3", "rec-4")
TOPICS = ("그룹바이로 묶을 때", "지하철 지도를 그리면", "도커 이미지를 올리니", "회귀 계수 표를 보면")
DATES = {name: f"2026-03-0{number}" for number, name in enumerate(RECORDINGS, start=2)}


@st.composite
def said(draw: st.DrawFn) -> tuple[str, bool]:
    """A text, often one that others say too or nearly so, and its label."""
    asks = draw(st.booleans())
    text = draw(st.sampled_from(ASKED if asks else TOLD))
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(text) - 1))
        text = text[:place] + text[place + 1 :] or text
    return draw(st.sampled_from(_BEFORE)) + text + draw(st.sampled_from(_BEHIND)), asks


@st.composite
def label_sets(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[tuple[str, str, str]]]:
    """Labels of every origin, and the messages of recordings as (message id, recording, text)."""
    rows, messages = [], []
    loose = draw(st.lists(st.tuples(said(), st.sampled_from(("seed", "import"))), min_size=8, max_size=24))
    for number, ((text, asks), origin) in enumerate(loose):
        group = draw(st.one_of(st.none(), st.integers(0, 11).map(lambda n: f"group:{n}")))
        rows.append(label(f"loose-{number}", None, group, text, asks, origin))
    spoken = draw(
        st.lists(
            st.tuples(said(), st.sampled_from(RECORDINGS), st.sampled_from(("correction", "weak", None))),
            max_size=30,
        )
    )
    for number, ((text, asks), recording, origin) in enumerate(spoken):
        messages.append((f"m-{number}", recording, text))
        if origin is not None:
            rows.append(label(f"label-{number}", f"m-{number}", recording, text, asks, origin))
    return rows, messages


def label(
    label_id: str, message_id: str | None, conversation: str | None, text: str, asks: bool, origin: str
) -> dict[str, Any]:
    return {
        "label_id": label_id,
        "message_id": message_id,
        "conversation_id": conversation,
        "text": text,
        "language": "en" if text.isascii() else "ko",
        "is_question": asks,
        "origin": origin,
        "weight": 1.0,
        "used": True,
    }


def table(messages: Sequence[tuple[str, str, str]]) -> pa.Table:
    if not messages:
        return SCHEMA.empty_table()
    ids, recordings, texts = zip(*messages, strict=True)
    return from_texts(texts, message_id=ids, conversation_id=recordings)


def divided(rows: Sequence[Mapping[str, Any]], messages: pa.Table) -> TrainingSet | None:
    """The division; ``None`` where no label is left on one side, which is said by a coded error."""
    try:
        return assemble(rows, messages, dates=DATES)
    except ModelError as error:
        assert error.code == "CP-ML-002"
        return None


@settings(max_examples=40)
@given(label_sets())
def test_no_text_and_no_near_copy_stands_on_both_sides(
    made: tuple[list[dict[str, Any]], list[tuple[str, str, str]]],
) -> None:
    rows, messages = made
    found = divided(rows, table(messages))
    if found is not None:
        assert leaks(*sides(found)) == []
        bare = without_question_marks(found.test).messages["text"].to_pylist()
        worded = [text for text in bare if text]
        assert (near_copies(worded, found.train.messages["text"].to_pylist()) < 0).all()


@settings(max_examples=25)
@given(label_sets())
def test_the_test_is_what_people_say_of_recordings_that_nothing_was_learnt_from(
    made: tuple[list[dict[str, Any]], list[tuple[str, str, str]]],
) -> None:
    rows, messages = made
    found = divided(rows, table(messages))
    if found is None:
        return
    by_id = {row["label_id"]: row for row in rows}
    tested = [by_id[key] for key in found.test.keys if key in by_id]
    assert all(row["origin"] != "weak" for row in tested)
    late = {row["conversation_id"] for row in tested if row["message_id"]}
    assert late.isdisjoint(found.train.groups)
    left_out = sum(row["origin"] == "weak" and row["conversation_id"] in late for row in rows)
    assert found.excluded.get("weak labels of test recordings", 0) == left_out


def test_a_variant_that_says_what_somebody_said_in_a_tested_recording_is_not_trained_on() -> None:
    """The augmentation makes 네 왜요 of 왜요, and the latest recording has 네 왜요."""
    texts = [
        TrainingText(f"{topic} {text}", True, f"g{n}") for n, text in enumerate(ASKED) for topic in TOPICS
    ]
    loose = [label(f"l{n}", None, text.group, text.text, True, "seed") for n, text in enumerate(texts)]
    typed = [text.text for text in augmented(texts)[len(texts) :]]
    messages = [("m-first", "rec-1", "네 잘 들립니다")]
    messages += [(f"m-{n}", "rec-4", text) for n, text in enumerate(typed)]
    rows = [*loose, *(label(f"c-{i}", i, rec, text, True, "correction") for i, rec, text in messages)]
    found = assemble(rows, table(messages), dates=DATES)
    assert leaks(*sides(found)) == []
    assert found.excluded["variants like the test"] > 0


def recordings() -> tuple[list[dict[str, Any]], pa.Table]:
    """Four recordings of ten messages: two corrections each, and weak labels of the others."""
    rows, messages = [], []
    for recording, topic in zip(RECORDINGS, TOPICS, strict=True):
        for number, text in enumerate((*ASKED[:5], *TOLD[:5])):
            message_id = f"{recording}-{number}"
            spoken = f"{topic} {text}"
            messages.append((message_id, recording, spoken))
            origin = "correction" if number in (0, 5) else "weak"
            rows.append(label(f"l-{message_id}", message_id, recording, spoken, number < 5, origin))
    return rows, table(messages)


def test_the_latest_recording_is_the_test_and_its_weak_labels_are_left_out() -> None:
    rows, messages = recordings()
    found = assemble(rows, messages, dates=DATES)
    assert set(found.test.groups) == {"rec-4"}
    assert len(found.test) == 2
    assert found.excluded["weak labels of test recordings"] == 8
    assert set(found.train.groups) == {"rec-1", "rec-2", "rec-3"}
    assert found.trained_on == {"correction": 6, "weak": 24}


def test_dates_and_not_names_say_which_recording_is_the_latest() -> None:
    rows, messages = recordings()
    found = assemble(rows, messages, dates={**DATES, "rec-2": "2026-09-01"})
    assert set(found.test.groups) == {"rec-2"}


def test_labels_that_lost_and_messages_that_are_gone_are_counted_and_not_used() -> None:
    rows, messages = recordings()
    rows[0]["used"] = False
    kept = messages.slice(0, messages.num_rows - 3)
    found = assemble(rows, kept, dates=DATES)
    assert found.excluded["outweighed labels"] == 1
    assert found.excluded["messages that are gone"] == 3


def test_equal_input_has_an_equal_fingerprint_and_another_label_another() -> None:
    rows, messages = recordings()
    first, again = assemble(rows, messages, dates=DATES), assemble(rows, messages, dates=DATES)
    assert first.train.fingerprint() == again.train.fingerprint()
    assert first.test.fingerprint() == again.test.fingerprint()
    assert first.train.messages.equals(again.train.messages)
    rows[1]["is_question"] = not rows[1]["is_question"]
    assert assemble(rows, messages, dates=DATES).train.fingerprint() != first.train.fingerprint()


def test_loose_texts_are_trained_on_as_they_are_and_as_chat_would_type_them() -> None:
    rows = [
        label(f"s{n}", None, row.group, row.text, row.is_question, "seed")
        for n, row in enumerate(seed_labels()[::30])
    ]
    found = assemble(rows, SCHEMA.empty_table())
    texts = found.train.messages["text"].to_pylist()
    tidy = {row["text"] for row in rows} & set(texts)
    assert len(tidy) < len(texts) < 2 * len(rows)
    assert set(found.train.groups).isdisjoint(found.test.groups)


def test_without_labels_of_both_sides_there_is_nothing_to_learn() -> None:
    with pytest.raises(ModelError) as error:
        assemble([], SCHEMA.empty_table())
    assert error.value.code == "CP-ML-002"


def test_candidates_are_scored_on_the_same_rows_and_trained_alike_twice() -> None:
    rows = [
        label(f"s{n}", None, f"seed:{row.group}", row.text, row.is_question, "seed")
        for n, row in enumerate(seed_labels()[::10])
    ]
    data = assemble(rows, SCHEMA.empty_table())
    by_rules = train_rules(data)
    one, two = (train_linear(data, kind="linear_characters", morphemes=False, frames=False) for _ in range(2))
    assert by_rules.scored.keys == one.scored.keys == data.test.keys
    assert one.files == two.files
    assert by_rules.files == rules_files()
    again = score(one.scorer, data.test)
    assert np.array_equal(again.probabilities, one.scored.probabilities)
