"""Blocks of features of the question models."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import ModelError
from chat_platform.ml.messages import from_texts
from chat_platform.ml.questions.features import QuestionFeatures, bare_text

TEXTS = [
    "이거 왜 안 되나요?",
    "이거 됩니다 ㅋㅋ",
    "how do I run it?",
    "you can run it",
    "왜 안 되나요",
    "네 됩니다!",
]
BLOCKS = ("characters", "jamo", "morphemes", "frames", "pairs", "punctuation", "context", "grammar")


def only(*names: str) -> QuestionFeatures:
    return QuestionFeatures(**{name: name in names for name in BLOCKS}, min_rows=1)


def bare(*texts: str) -> list[str]:
    return bare_text(pa.array(texts, pa.string())).to_pylist()


def rows_of(features: QuestionFeatures, *texts: str, **columns: list) -> np.ndarray:
    return features.transform(from_texts(list(texts), **columns)).toarray()


@pytest.mark.parametrize("block", BLOCKS[:5])
def test_words_mean_the_same_with_and_without_a_mark(block: str) -> None:
    features = only(block).fit(from_texts(TEXTS))
    marked, plain = rows_of(features, "이거 왜 되나요?!", "이거 왜 되나요")
    # The length of the text stands before the languages, behind the block.
    words = marked.shape[0] - 6
    assert np.allclose(marked[:words], plain[:words], atol=1e-6)
    assert marked[:words].any()


def test_the_grammar_of_a_text_does_not_depend_on_its_marks() -> None:
    features = only("characters", "grammar").fit(from_texts(TEXTS))
    asks, marked, tells = rows_of(features, "이거 왜 안 되나요", "이거 왜 안 되나요?!", "이거 안 됩니다")[
        :, -11:
    ]
    assert asks.any()
    assert np.array_equal(asks, marked)
    assert not np.array_equal(asks, tells)


def test_a_mark_is_seen_only_by_the_punctuation() -> None:
    features = only("punctuation").fit
    with pytest.raises(ModelError) as caught:
        features(from_texts(TEXTS))
    assert caught.value.code == "CP-ML-001"
    both = only("characters", "punctuation").fit(from_texts(TEXTS))
    marked, plain = rows_of(both, "왜 되나요?", "왜 되나요")
    differing = np.flatnonzero(~np.isclose(marked, plain))
    assert marked.shape[0] - 10 <= differing.max()
    matrix = both.transform(from_texts(["왜 되나요?", "왜 되나요"]))
    silenced = both.without_marks(matrix).toarray()
    assert np.allclose(silenced[:, -10:], 0)
    assert np.array_equal(silenced[:, :-10], matrix.toarray()[:, :-10])


def test_without_marks_leaves_the_context_alone() -> None:
    features = only("characters", "punctuation", "context").fit(from_texts(TEXTS))
    matrix = features.transform(from_texts(["왜요?"], role=["teacher"], is_reply=[True], has_reply=[False]))
    assert features.without_marks(matrix).toarray()[0, -5:].tolist() == [1, 0, 0, 1, 0]
    without = only("characters").fit(from_texts(TEXTS))
    matrix = without.transform(from_texts(["왜요?"]))
    assert without.without_marks(matrix) is matrix


def test_roles_and_replies_are_columns_and_unknown_is_zero() -> None:
    features = only("characters", "context").fit(from_texts(TEXTS))
    found = rows_of(
        features,
        *["왜요"] * 4,
        role=["student", "staff", None, "visitor"],
        is_reply=[None, False, True, None],
        has_reply=[True, None, None, False],
    )[:, -5:]
    assert found.tolist() == [[0, 0, 1, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]


def test_the_message_before_is_read_where_it_is_known() -> None:
    before = {"previous_forms": [["되", "나요"], None] * 3, "previous_tags": [["VV", "EF"], None] * 3}
    features = only("characters", "context").fit(from_texts(TEXTS, **before))
    assert "previous" in features.blocks_
    known, unknown = rows_of(
        features, "네", "네", previous_forms=[["되", "나요"], None], previous_tags=[["VV", "EF"], None]
    )
    assert not np.allclose(known, unknown)
    alone = only("characters", "context").fit(from_texts(TEXTS))
    assert "previous" not in alone.blocks_


def test_a_frame_forgets_what_is_asked_about_but_not_how() -> None:
    features = only("frames").fit(from_texts(["과제 언제 내나요", "회의 언제 내나요"]))
    one, other, told = rows_of(features, "숙제 언제 내나요", "시험 언제 내나요", "숙제 어제 냈어요")
    assert np.allclose(one, other)
    assert not np.allclose(one, told)


def test_english_function_words_stay_in_a_frame() -> None:
    features = only("frames").fit(from_texts(["how do I run tests", "you can run tests"]))
    asks, tells = rows_of(features, "how do I open files", "you can open files")
    assert not np.allclose(asks, tells)


def test_fitting_and_then_reading_gives_what_fitting_gave() -> None:
    messages = from_texts(TEXTS)
    one, two = QuestionFeatures(min_rows=1), QuestionFeatures(min_rows=1)
    together, apart = one.fit_transform(messages), two.fit(messages).transform(messages)
    assert together.shape == apart.shape == (len(TEXTS), one.width)
    assert np.allclose(together.toarray(), apart.toarray(), atol=1e-6)


def test_a_restored_pipeline_gives_the_same_features() -> None:
    messages = from_texts(TEXTS)
    features = QuestionFeatures(min_rows=1).fit(messages)
    back = QuestionFeatures(min_rows=1).restore(features.state())
    assert back.width == features.width
    assert (back.transform(messages) != features.transform(messages)).nnz == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.clear(),
        lambda state: state.pop("characters.idf"),
        lambda state: state.update({"other.vocabulary": state["characters.vocabulary"]}),
        lambda state: state.update({"characters.vocabulary": state["characters.vocabulary"][::-1]}),
        lambda state: state.update(
            {"characters.vocabulary": state["characters.vocabulary"].astype(np.int64)}
        ),
        lambda state: state.update({"characters.idf": state["characters.idf"][1:]}),
        lambda state: state.update({"characters.idf": state["characters.idf"] * np.nan}),
    ],
)
def test_a_damaged_state_is_a_coded_error(damage) -> None:
    state = QuestionFeatures(min_rows=1).fit(from_texts(TEXTS)).state()
    damage(state)
    with pytest.raises(ModelError) as caught:
        QuestionFeatures(min_rows=1).restore(state)
    assert caught.value.code == "CP-ML-003"


def test_punctuation_laughter_and_case_are_no_words() -> None:
    assert bare("왜 안 돼요?!! ㅠㅠ", "WHY... (not)", "네ㅋㅋ", "😀", "") == [
        "왜 안 돼요",
        "why not",
        "네",
        "",
        "",
    ]


@given(st.text(max_size=900))
def test_of_a_long_text_both_ends_are_read(text: str) -> None:
    assert len(bare(text)[0]) <= 401 * 3  # lower case may be longer
    long = f"시작{'가나 ' * 400}끝나요"
    assert bare(long)[0].startswith("시작")
    assert bare(long)[0].endswith("끝나요")


def test_of_many_tokens_both_ends_are_read() -> None:
    forms = [f"w{number}" for number in range(500)]
    tokens = {"forms": [forms], "tags": [["NNG"] * 500]}
    features = only("morphemes").fit(from_texts(["x"], **tokens))
    (row,) = rows_of(features, "x", forms=[["w499"]], tags=[["NNG"]])
    (lost,) = rows_of(features, "x", forms=[["w250"]], tags=[["NNG"]])
    assert row[:-6].any()
    assert not lost[:-6].any()


def test_no_messages_no_rows() -> None:
    features = QuestionFeatures(min_rows=1).fit(from_texts(TEXTS))
    assert features.transform(from_texts([])).shape == (0, features.width)
    with pytest.raises(ModelError):
        QuestionFeatures().fit(from_texts([]))


def test_a_part_of_a_table_gives_the_rows_of_that_part() -> None:
    messages = pa.concat_tables([from_texts(TEXTS[:3]), from_texts(TEXTS[3:])])
    features = QuestionFeatures(min_rows=1).fit(messages)
    whole = features.transform(messages).toarray()
    assert np.allclose(features.transform(messages.slice(2, 3)).toarray(), whole[2:5], atol=1e-6)
