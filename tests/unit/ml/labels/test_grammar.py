"""The grammar of class chat."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from chat_platform.ml.labels.grammar import Labelled, sentences


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    return list(sentences())


def test_it_says_the_same_every_time(rows: list[Labelled]) -> None:
    assert list(sentences()) == rows
    assert list(sentences(seed=12)) != rows


def test_no_text_is_both_question_and_none(rows: list[Labelled]) -> None:
    labels = defaultdict(set)
    for row in rows:
        labels[row.text].add(row.is_question)
    assert [text for text, said in labels.items() if len(said) > 1] == []


def test_both_languages_hold_both_labels_in_like_numbers(rows: list[Labelled]) -> None:
    for language in ("ko", "en"):
        asked = Counter(row.is_question for row in rows if row.language == language)
        assert 0.4 < asked[True] / asked.total() < 0.6


def test_a_korean_predicate_stands_before_endings_of_both_kinds(rows: list[Labelled]) -> None:
    by_group = defaultdict(set)
    for row in rows:
        if row.language == "ko" and row.group.count(":") == 1:
            by_group[row.group].add(row.is_question)
    assert len(by_group) > 80
    assert all(said == {True, False} for said in by_group.values())


def test_code_is_never_a_question(rows: list[Labelled]) -> None:
    code = [row for row in rows if row.language == "code"]
    assert code
    assert not any(row.is_question for row in code)


def test_fewer_endings_give_fewer_sentences(rows: list[Labelled]) -> None:
    few = list(sentences(endings=3))
    assert len(few) < len(rows)
    assert {row.group for row in few} == {row.group for row in rows}


def test_texts_are_clean_and_unpunctuated_korean_has_no_stray_jamo(rows: list[Labelled]) -> None:
    for row in rows:
        assert row.text == row.text.strip()
        assert "\t" not in row.text
        if row.language == "ko":
            # A stem and an ending that were not joined leave a letter that no syllable holds.
            assert not any("\u1100" <= letter <= "\u11ff" for letter in row.text), row.text
