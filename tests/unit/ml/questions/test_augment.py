"""Labelled texts as chat would have written them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.ml.labels.seed import seed_labels
from chat_platform.ml.questions.augment import TrainingText, augmented

ROWS = [
    TrainingText(row.text, row.is_question, row.group, row.language) for row in seed_labels()[:3_000:3]
] + [TrainingText(row.text, row.is_question, row.group, row.language) for row in seed_labels()[-1_200::3]]
ENGLISH = [row for row in ROWS if row.language == "en"]


def variants(rows: list[TrainingText], **options: int) -> list[TrainingText]:
    return augmented(rows, **options)[len(rows) :]


def test_the_rows_come_first_and_as_they_are() -> None:
    assert augmented(ROWS)[: len(ROWS)] == ROWS
    assert augmented(ROWS, copies=0) == ROWS


def test_the_same_seed_says_the_same_and_another_something_else() -> None:
    assert augmented(ROWS, seed=3) == augmented(ROWS, seed=3)
    assert augmented(ROWS, seed=3) != augmented(ROWS, seed=4)


def test_what_a_text_becomes_does_not_depend_on_its_place() -> None:
    shuffled = ROWS.copy()
    Random(1).shuffle(shuffled)
    assert sorted(map(repr, augmented(ROWS))) == sorted(map(repr, augmented(shuffled)))


@pytest.mark.parametrize("copies", [1, 2])
def test_a_variant_has_the_group_the_language_and_half_the_weight_of_its_row(copies: int) -> None:
    rows = [replace(row, weight=0.8) for row in ROWS if row.language in ("ko", "en")]
    made = variants(rows, copies=copies)
    assert len(made) == copies * len(rows)
    for number, variant in enumerate(made):
        row = rows[number // copies]
        assert (variant.group, variant.language, variant.weight) == (row.group, row.language, 0.4)


def test_copies_of_a_text_differ() -> None:
    made = variants(ROWS, copies=2)
    pairs = list(zip(made[::2], made[1::2], strict=True))
    assert sum(one.text != other.text for one, other in pairs) > 0.7 * len(pairs)


def test_a_question_stays_one() -> None:
    asked = [row for row in ROWS if row.is_question and row.language in ("ko", "en")]
    assert all(variant.is_question for variant in variants(asked))


def test_what_tells_asks_only_behind_a_mark_or_beside_a_question() -> None:
    """The documented ways: 해요체 with a question mark, and a second sentence that asks."""
    told = [row for row in ROWS if not row.is_question and row.language in ("ko", "en")]
    changed = [variant for variant in variants(told) if variant.is_question]
    assert changed
    # All partners tell as well, so only marks can have changed the label.
    assert all("?" in variant.text for variant in changed)
    alone = [TrainingText("확인했습니다", False, "g"), TrainingText("네 그렇습니다", False, "h")]
    assert not any(variant.is_question for seed in range(40) for variant in variants(alone, seed=seed))


def test_beside_a_question_what_tells_is_part_of_one() -> None:
    told, asks = TrainingText("확인했습니다", False, "g"), TrainingText("이거 왜 안 되나요", True, "h")
    made = [variant for seed in range(60) for variant in variants([told, asks], seed=seed)]
    joined = [variant for variant in made if variant.group == "g" and variant.is_question]
    assert joined
    assert all(len(variant.text) > len(told.text) + 5 for variant in joined)


def test_most_questions_get_a_mark_and_some_do_not() -> None:
    asked = [row for row in ROWS if row.is_question and row.language in ("ko", "en")]
    share = sum("?" in variant.text for variant in variants(asked)) / len(asked)
    assert 0.6 < share < 0.9


def test_other_languages_are_left_as_they_are() -> None:
    rows = [TrainingText("df.head()", False, "c", "code"), TrainingText("🎉", False, "e", "emoji")]
    assert augmented(rows, copies=3) == rows


def test_english_apostrophes_and_capitals_are_only_dropped() -> None:
    single = [row for row in ENGLISH if len(row.text) > 40]
    for row, variant in zip(single, variants(single), strict=True):
        kept = row.text.lower().replace("'", "").replace(" ", "")
        assert kept in variant.text.lower().replace("'", "").replace(" ", "")


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(0, 5))
def test_any_text_is_taken(texts: list[str], seed: int) -> None:
    rows = [TrainingText(text, bool(number % 2), str(number)) for number, text in enumerate(texts)]
    assert len(augmented(rows, copies=2, seed=seed)) == 3 * len(rows)
