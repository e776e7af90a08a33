"""N-grams and pairs as sparse features."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import ModelError
from chat_platform.ml.features.ngrams import NgramVectorizer, PairVectorizer
from chat_platform.ml.features.sequences import of_characters, of_tokens

# Few letters, so that n-grams recur; some of two UTF-16 units.
TEXTS = st.lists(st.text("가나다ab?😀", max_size=10), min_size=1, max_size=12)
START, END = "\u0002", "\u0003"


def fenced(texts: list[str]) -> list[str]:
    return [f"{START}{text}{END}" for text in texts]


def scikit_rows(train: list[str], asked: list[str], shortest: int, longest: int, min_rows: int) -> np.ndarray:
    """What scikit-learn makes of the texts with their fences, fences alone left out of the vocabulary."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def ngrams(text: str) -> list[str]:
        starts = range(len(text))
        cut = [text[i : i + n] for n in range(shortest, longest + 1) for i in starts if i + n <= len(text)]
        return [gram for gram in cut if gram not in (START, END, START + END)]

    peer = TfidfVectorizer(
        analyzer=ngrams, sublinear_tf=True, norm="l2", min_df=min_rows, smooth_idf=True, dtype=np.float64
    )
    return peer.fit(fenced(train)).transform(fenced(asked)).toarray()


def gram(matrix: np.ndarray) -> np.ndarray:
    """Products of all rows: what a linear model sees of a matrix, whatever the order of its columns."""
    return matrix @ matrix.T


@given(TEXTS, TEXTS, st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))
def test_values_are_those_of_scikit_learn(
    train: list[str], asked: list[str], shortest: int, more: int, min_rows: int
) -> None:
    ours = NgramVectorizer(shortest, shortest + more, min_rows=min_rows)
    try:
        ours.fit(of_characters(train))
    except ModelError:
        with pytest.raises(ValueError, match="no terms remain|empty vocabulary|min_df"):
            scikit_rows(train, asked, shortest, shortest + more, min_rows)
        return
    both = [*train, *asked]
    theirs = scikit_rows(train, both, shortest, shortest + more, min_rows)
    found = ours.transform(of_characters(both)).toarray()
    assert found.shape == theirs.shape
    assert np.allclose(gram(found), gram(theirs), atol=1e-5)
    assert np.allclose(np.sort(found, axis=None), np.sort(theirs, axis=None), atol=1e-5)


def test_on_characters_alone_values_are_those_of_the_character_analyser() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["이거 왜 안 되나요", "이거 되나요", "왜 안 되나요", "넵 됩니다 됩니다"]
    peer = TfidfVectorizer(analyzer="char", ngram_range=(1, 1), sublinear_tf=True, norm="l2", min_df=2)
    theirs = peer.fit_transform(texts).toarray()
    ours = NgramVectorizer(1, 1, min_rows=2).fit_transform(of_characters(texts)).toarray()
    assert np.allclose(gram(ours), gram(theirs), atol=1e-6)


@pytest.mark.parametrize(
    "vectorizer",
    [
        lambda: NgramVectorizer(1, 3, min_rows=1),
        lambda: NgramVectorizer(2, 4, min_rows=2, most=7, binary=True),
        lambda: PairVectorizer(3, min_rows=1),
        lambda: PairVectorizer(with_last=True, min_rows=1),
    ],
)
@given(texts=TEXTS)
def test_fitting_and_then_reading_gives_what_fitting_gave(vectorizer, texts: list[str]) -> None:
    sequences = of_characters(texts)
    one, two = vectorizer(), vectorizer()
    try:
        together = one.fit_transform(sequences)
    except ModelError as error:
        assert error.code == "CP-ML-001"
        return
    apart = two.fit(sequences).transform(sequences)
    assert np.array_equal(one.vocabulary_, two.vocabulary_)
    assert np.allclose(together.toarray(), apart.toarray(), atol=1e-6)
    lengths = np.sqrt((together.toarray() ** 2).sum(axis=1))
    assert np.all(np.isclose(lengths, 1, atol=1e-5) | (lengths == 0))


@given(TEXTS)
def test_what_a_row_holds_does_not_depend_on_its_company(texts: list[str]) -> None:
    vectorizer = NgramVectorizer(1, 3, min_rows=1).fit(of_characters([*texts, "가나"]))
    together = vectorizer.transform(of_characters(texts)).toarray()
    alone = np.vstack([vectorizer.transform(of_characters([text])).toarray() for text in texts])
    assert np.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(
    "vectorizer",
    [
        NgramVectorizer(1, 3, min_rows=1),
        PairVectorizer(4, min_rows=1),
        PairVectorizer(with_last=True, min_rows=1),
    ],
)
@given(texts=TEXTS)
def test_occurrences_share_out_the_values_of_the_row(vectorizer, texts: list[str]) -> None:
    vectorizer.fit(of_characters(["가나다ab?", *texts]))
    values = vectorizer.transform(of_characters(texts)).toarray()
    for row, places in enumerate(vectorizer.occurrences(of_characters(texts))):
        summed = np.zeros(values.shape[1])
        for place in places:
            summed[place.column] += place.weight
        assert np.allclose(summed, values[row], atol=1e-5)


def test_an_occurrence_says_where_it_stands() -> None:
    vectorizer = NgramVectorizer(2, 2, min_rows=1).fit(of_characters(["나요"]))
    found = vectorizer.occurrences(of_characters(["되나요"]))[0]
    # 되나 is unknown; start 2 is the second character behind the fence.
    assert sorted((place.start, place.length) for place in found) == [(2, 2), (3, 2)]


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_fences_alone_are_no_feature(longest: int) -> None:
    with pytest.raises(ModelError) as caught:
        NgramVectorizer(1, longest, min_rows=1).fit(of_characters(["", ""]))
    assert caught.value.code == "CP-ML-001"


def test_an_ngram_knows_where_a_text_ends() -> None:
    vectorizer = NgramVectorizer(2, 2, min_rows=1).fit(of_characters(["나요"]))
    ends, goes_on = vectorizer.transform(of_characters(["요", "요가"])).toarray()
    assert ends.any()
    assert not goes_on.any()


def test_rows_without_a_known_ngram_are_zero_and_no_rows_no_matrix() -> None:
    vectorizer = NgramVectorizer(1, 2, min_rows=1).fit(of_characters(["가나"]))
    assert vectorizer.transform(of_characters(["xyz", "🎉"])).nnz == 0
    assert vectorizer.transform(of_characters([])).shape == (0, len(vectorizer.vocabulary_))


def test_the_most_frequent_are_kept_in_an_order_that_no_run_changes() -> None:
    texts = ["".join(letters) for letters in itertools.product("가나다", repeat=3)]
    forward, back = (
        NgramVectorizer(1, 3, min_rows=1, most=5).fit(of_characters(rows)) for rows in (texts, texts[::-1])
    )
    assert len(forward.vocabulary_) == 5
    assert np.array_equal(forward.vocabulary_, back.vocabulary_)
    single = NgramVectorizer(1, 1, min_rows=1).fit(of_characters(texts))
    assert np.isin(single.vocabulary_, forward.vocabulary_).all()


def words(*rows: str) -> pa.ListArray:
    return pa.array([row.split() for row in rows], pa.list_(pa.string()))


def features_of(vectorizer: PairVectorizer, row: str) -> set[int]:
    return set(vectorizer.transform(of_tokens(words(row))).indices.tolist())


def test_a_pair_is_ordered_and_reaches_over_what_is_between() -> None:
    vectorizer = PairVectorizer(2, min_rows=1).fit(of_tokens(words("왜 이거 나요")))
    assert len(vectorizer.vocabulary_) == 3
    assert len(features_of(vectorizer, "왜 저거 나요")) == 1
    assert not features_of(vectorizer, "나요 왜")
    assert not features_of(vectorizer, "왜 저거 안 나요")


def test_a_pair_with_the_last_reaches_all_the_way() -> None:
    vectorizer = PairVectorizer(with_last=True, min_rows=1).fit(of_tokens(words("왜 나요")))
    assert len(features_of(vectorizer, "왜 이거 저거 그거 이것 저것 그것 아무것 안 나요")) == 1
    assert not features_of(vectorizer, "왜 나요 네요")


def test_pairs_do_not_cross_from_one_text_into_the_next() -> None:
    vectorizer = PairVectorizer(8, min_rows=1).fit(of_tokens(words("왜 나요", "네 다")))
    apart = vectorizer.transform(of_tokens(words("왜", "나요")))
    assert apart.nnz == 0


def test_importing_it_does_not_import_scikit_learn() -> None:
    code = "import sys, chat_platform.ml.features.ngrams; print('sklearn' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
