"""Shapes, bundles, calibration and spans of the author model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from chat_platform.ml.authors.calibration import NEVER, SIZES, Asked, between, fit_scaling, fit_threshold
from chat_platform.ml.authors.explain import evidence_for
from chat_platform.ml.authors.linear import bundle, parts, training_bundles
from chat_platform.ml.authors.style import Place, StyleFeatures, shape_of, words_of


def test_a_shape_keeps_how_and_drops_what() -> None:
    assert shape_of("Hello 안녕하세욥!! ㅋㅋ 12 é😀") == "Aaaaa 가가가가가!! ㅋㅋ 00 x😀"


@given(st.text(max_size=80))
def test_a_shape_is_as_long_as_its_text_and_has_few_letters(text: str) -> None:
    assert len(shape_of(text)) == len(text)
    letters = {c for c in shape_of(text) if c.isalpha()}
    assert all(c in "aAx가" or "\u3130" <= c <= "\u318f" for c in letters)


def test_words_keep_runs_of_signs() -> None:
    assert words_of("what?!  I don't 몰라욥ㅋㅋ...") == [
        "what",
        "?!",
        "I",
        "don",
        "'",
        "t",
        "몰라욥ㅋㅋ",
        "...",
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_places_lie_in_the_text_and_are_the_features_that_count(texts: list[str]) -> None:
    style, _ = StyleFeatures.fit(
        ["Hello there you", "hello THERE you!", "안녕하세욥 여러분", "안녕하세요 여러분 ㅋㅋ"] * 3
    )
    rows = style.transform(texts)
    for number, text in enumerate(texts):
        places = style.places(text)
        assert {place.column for place in places} >= set(rows[number].indices.tolist())
        assert all(0 <= place.start < place.end <= len(text) for place in places)
        assert 0 <= style.familiarity(text) <= 1


def test_what_was_learnt_is_familiar_and_another_script_is_not() -> None:
    style, _ = StyleFeatures.fit(["안녕하세욥 여러분", "오늘도 안녕하세욥"] * 3)
    assert style.familiarity("안녕하세욥") > 0.8
    assert style.familiarity("καλημέρα") == 0


FEATURES = sparse.csr_matrix(np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 0]], dtype=np.float32))


def test_a_bundle_has_length_one_whatever_its_size() -> None:
    rows = bundle(FEATURES, [np.array([0]), np.array([0, 1]), np.array([2]), np.array([0, 1, 2])]).toarray()
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 0, 1])
    assert rows[1] == pytest.approx(np.sqrt(np.array([1.6, 0.8, 0]) / 2.4))


def test_no_bundle_is_no_row() -> None:
    assert bundle(FEATURES, []).shape == (0, 3)


@given(st.integers(0, 50), st.integers(1, 20))
def test_parts_are_whole_and_share_nothing(number: int, size: int) -> None:
    found = parts(np.arange(number), size)
    if number < size:
        assert [part.tolist() for part in found] == [list(range(number))]
    else:
        assert all(len(part) == size for part in found)
        assert len(np.unique(np.concatenate(found))) == number // size * size


def test_training_bundles_are_of_one_author_each() -> None:
    authors = np.repeat([0, 1, 2], [40, 5, 12])
    groups, owners = training_bundles(authors, np.random.default_rng(0))
    assert all((authors[group] == owner).all() for group, owner in zip(groups, owners, strict=True))
    for author, number in enumerate([40, 5, 12]):
        assert sum(len(g) == 1 for g, o in zip(groups, owners, strict=True) if o == author) == number


def test_scaling_recovers_what_made_the_scores() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(20_000, 4))
    lengths = random.integers(5, 300, 20_000)
    log_shares = np.log([0.4, 0.3, 0.2, 0.1])
    z = 2.0 * (lengths / 40)[:, None] ** 0.5 * scores + 0.7 * log_shares
    chances = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    authors = (chances.cumsum(axis=1) < random.random(20_000)[:, None]).sum(axis=1)
    found = fit_scaling(Asked(scores, lengths, authors, log_shares))
    assert (found.scale, found.power, found.prior) == pytest.approx((2.0, 0.5, 0.7), abs=0.1)


def test_sizes_in_between_get_values_in_between() -> None:
    values = [1.0, 2.0, 4.0]
    assert [between(size, values) for size in SIZES] == values
    assert 1 < between(2, values) < between(3, values) < 2
    assert (between(0, values), between(500, values)) == (1.0, 4.0)


def test_the_threshold_reaches_the_precision_and_not_more_than_needed() -> None:
    sure = np.linspace(0, 1, 1_001)
    right = np.random.default_rng(0).random(1_001) < sure
    threshold = fit_threshold(sure, right, np.empty(0), 0.8)
    assert right[sure >= threshold].mean() >= 0.8
    assert right[sure >= threshold - 0.05].mean() < 0.81
    assert fit_threshold(sure, right, np.full(50, 0.95), 0.8) > threshold


def test_no_threshold_is_made_up_where_none_reaches_the_precision() -> None:
    assert fit_threshold(np.full(100, 0.9), np.zeros(100, dtype=bool), np.empty(0), 0.8) == NEVER


def test_spans_that_overlap_are_one_and_count_all_within() -> None:
    text = "안녕하세욥 네"
    places = [Place(0, 4, 5), Place(1, 3, 5), Place(2, 2, 5), Place(3, 6, 7), Place(4, 0, 2)]
    values = np.array([3.0, 2.0, 1.0, 0.1, -1.0])
    (only,) = evidence_for([text], [places], [values])
    assert (only.start, only.end, only.text) == (2, 5, "하세욥")
    assert only.share == pytest.approx(6.0 / 6.1)


def test_nothing_that_speaks_for_somebody_is_no_evidence() -> None:
    assert evidence_for(["abc"], [[Place(0, 0, 2)]], [np.array([-1.0])]) == ()
    assert evidence_for([], [], []) == ()
