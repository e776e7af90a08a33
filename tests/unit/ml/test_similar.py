"""Grouping of similar questions: what comes together, what never does, and that order means nothing."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.ml import similar
from chat_platform.ml.similar import SCHEMA, LetterIndex, group_similar, questions_of
from chat_platform.settings import project_root
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.text.kernels import clean_messages, tokenise_messages

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
DATA = project_root().parent / "shared" / "data"
PARAPHRASES = DATA / "ko-paraKQC" / "paraKQC_v1.txt"
PAIRS = DATA / "ko-question-pair" / "kor_pair_train.csv"


def said(texts: Sequence[str]) -> pa.Table:
    """Rows of core.messages, one a second, one lecture for every ten, cleaned."""
    rows = [
        {
            "message_id": f"m{index:05}",
            "source": "zoom",
            "conversation_id": f"r{index // 10}",
            "kind": "message",
            "position": index,
            "identity_id": "i1",
            "sent_at": START + timedelta(seconds=index),
            "text": text,
            "clean_text": "",
            "visibility": "everyone",
            "edited": False,
            "removed": False,
            "ambiguous_parent": False,
        }
        for index, text in enumerate(texts)
    ]
    return clean_messages(MESSAGES.table(rows))


def asked(texts: Sequence[str]) -> pa.Table:
    """Questions with the tokens of Kiwi."""
    messages = said(texts)
    return questions_of(messages, tokenise_messages(messages))


def of_lemmas(*lemmas: Sequence[str]) -> pa.Table:
    """Questions of the lemmas alone, which are their text too."""
    ids = [f"m{index:05}" for index in range(len(lemmas))]
    moments = [START + timedelta(seconds=index) for index in range(len(lemmas))]
    words = [list(row) for row in lemmas]
    return pa.table([ids, ["r1"] * len(ids), moments, words, [" ".join(row) for row in words]], schema=SCHEMA)


def groups(questions: pa.Table, **options: float) -> list[list[str]]:
    """Texts that were grouped, two or more together, in the order of time."""
    found = group_similar(questions, **options)
    group = dict(zip(found["message_id"].to_pylist(), found["group_id"].to_pylist(), strict=True))
    together: dict[str, list[str]] = {}
    for row in questions.sort_by("sent_at").to_pylist():
        together.setdefault(group[row["message_id"]], []).append(row["text"])
    return [texts for texts in together.values() if len(texts) > 1]


def test_questions_that_ask_the_same_in_other_words_come_together() -> None:
    texts = [
        "스파크 설치가 안 되는데 어떻게 하나요?",
        "과제 제출은 언제까지인가요?",
        "스파크 설치가 안돼요 어떻게 해야 하나요",
        "녹화본은 어디에 올라오나요?",
        "과제 제출 언제까지예요",
        "How do I install spark on windows?",
        "how can i install Spark on Windows",
    ]
    assert groups(asked(texts)) == [[texts[0], texts[2]], [texts[1], texts[4]], texts[5:]]


@pytest.mark.parametrize(
    "text", ["네?", "왜요?", "왜 안 되나요?", "진짜요?", "?", "ㅋㅋㅋ?", "👍?", "what is it?"]
)
def test_a_question_about_nothing_stays_alone_even_beside_its_twin(text: str) -> None:
    assert groups(asked([text, text, "과제 제출은 언제까지인가요?", "과제 제출은 언제까지인가요?"])) == [
        ["과제 제출은 언제까지인가요?"] * 2
    ]


def test_another_number_asks_another_thing() -> None:
    texts = [
        "3번 문제 정답이 뭔가요?",
        "4번 문제 정답이 뭔가요?",
        "3번 문제 정답이 뭔가요",
        "문제 정답 좀 알려주세요",
    ]
    assert groups(asked(texts)) == [[texts[0], texts[2]]]


def test_the_group_is_named_by_its_first_question_and_similarity_is_to_the_nearest() -> None:
    questions = asked(
        [
            "과제 제출은 언제까지인가요?",
            "녹화본 어디 있나요?",
            "과제 제출은 언제까지죠?",
            "과제 제출은 언제까지인가요",
        ]
    )
    found = group_similar(questions).to_pylist()
    assert [row["group_id"] for row in found] == ["m00000", "m00001", "m00000", "m00000"]
    first, alone, other, twin = (row["similarity"] for row in found)
    assert alone is None
    assert first == twin == 1
    assert similar.THRESHOLD <= other < 1


def test_like_its_neighbour_is_not_like_them_all() -> None:
    """Each shares most of its words with the next, and none with the one five further."""
    words = [f"낱말{letter}" for letter in "가나다라마바사아자차카타파하"]
    questions = of_lemmas(*(words[start : start + 4] for start in range(11)))
    texts = questions["text"].to_pylist()
    every = groups(questions, threshold=0.45)
    pairs = [group_similar(questions.slice(start, 2), threshold=0.45) for start in range(10)]
    assert all(len(set(pair["group_id"].to_pylist())) == 1 for pair in pairs), "a chain of alike neighbours"
    assert len(every) > 1
    for group in every:
        places = [texts.index(text) for text in group]
        assert max(places) - min(places) < 4


def test_what_is_too_large_to_be_compared_whole_is_taken_apart_at_higher_thresholds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two tight groups that share some words: at a low threshold one group, unless that is more than is compared."""
    left = [["스파크", "설치", "오류", "해결", word] for word in "가나다라마"]
    right = [["스파크", "설치", "과제", "제출", word] for word in "바사아자차"]
    questions = of_lemmas(*left, *right)
    texts = questions["text"].to_pylist()
    assert groups(questions, threshold=0.1) == [texts]
    monkeypatch.setattr(similar, "_LARGEST", 6)
    assert groups(questions, threshold=0.1) == [texts[:5], texts[5:]]


def test_what_hangs_together_at_every_threshold_is_cut_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = list(permutations(["스파크", "설치", "오류", "해결"]))
    questions = of_lemmas(*orders).set_column(4, "text", pa.array(["스파크 설치 오류 해결"] * len(orders)))
    assert [len(group) for group in groups(questions)] == [24]
    monkeypatch.setattr(similar, "_LARGEST", 10)
    found = group_similar(questions)["group_id"].to_pylist()
    assert found == ["m00000"] * 8 + ["m00008"] * 8 + ["m00016"] * 8


def test_blocks_give_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = of_lemmas(*([f"낱말{n % 13}가", f"말{n % 7}나", "스파크"] for n in range(60)))
    whole = group_similar(questions)
    monkeypatch.setattr(similar, "_BLOCK", 7)
    assert group_similar(questions) == whole


WORDS = st.sampled_from(
    ["스파크", "카프카", "설치", "오류", "과제", "제출", "언제", "왜", "되다", "하다", "3", "4", "install"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=6), max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_questions_means_nothing(lemmas: list[list[str]], rng: object) -> None:
    questions = of_lemmas(*lemmas)
    order = list(range(len(lemmas)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    found = group_similar(questions)
    assert group_similar(questions.take(pa.array(order, pa.int64()))) == found
    rows = found.to_pylist()
    first = {row["group_id"] for row in rows}
    assert [row["message_id"] for row in rows] == questions["message_id"].to_pylist()
    assert all(row["group_id"] <= row["message_id"] for row in rows)
    assert all(row["group_id"] == row["message_id"] for row in rows if row["message_id"] in first)
    sizes = Counter(row["group_id"] for row in rows)
    assert all((row["similarity"] is None) == (sizes[row["group_id"]] == 1) for row in rows)
    by_id = dict(zip(questions["message_id"].to_pylist(), lemmas, strict=True))
    for row in rows:
        assert sizes[row["group_id"]] == 1 or set(by_id[row["message_id"]]) - {"왜", "언제", "되다", "하다"}


def test_equal_moments_are_ordered_by_message() -> None:
    questions = of_lemmas(["과제", "제출"], ["과제", "제출"])
    questions = questions.set_column(2, "sent_at", pa.array([START, START], SCHEMA.field("sent_at").type))
    assert group_similar(questions.take([1, 0]))["group_id"].to_pylist() == ["m00000", "m00000"]


@pytest.mark.parametrize(
    "texts", [[], ["과제 제출은 언제까지인가요?"], ["", " ", "?"], ["스파크 설치 오류 " * 20_000] * 2]
)
def test_few_and_strange_questions_are_grouped_too(texts: list[str]) -> None:
    found = group_similar(of_lemmas(*(text.split() for text in texts)))
    assert found.num_rows == len(texts)
    assert len(set(found["group_id"].to_pylist())) == (1 if "오류" in "".join(texts) else len(texts))


def test_questions_have_their_content_words_in_order() -> None:
    messages = said(["Spark 설치가 왜 안 되나요?", "👍", "누가 발표하나요?"])
    tokens = tokenise_messages(messages)
    chosen = messages.take([2, 0, 1])
    shuffled = tokens.take(pa.array(range(tokens.num_rows - 1, -1, -1)))
    questions = questions_of(chosen, shuffled)
    assert questions.schema == SCHEMA
    assert questions["lemmas"].to_pylist() == [["누구", "발표"], ["spark", "설치", "왜", "안", "되다"], []]
    assert questions_of(messages.take([1]), tokens)["lemmas"].to_pylist() == [[]]


@pytest.mark.real_data
@pytest.mark.skipif(not PARAPHRASES.exists(), reason="shared data is not here")
def test_paraphrases_of_real_questions_come_together_and_others_do_not() -> None:
    """A thousand questions, each in ten wordings; other questions of its topic are near."""
    lines = PARAPHRASES.read_text(encoding="utf-8-sig").splitlines()[:4000]
    found = group_similar(asked([line.split("\t")[2] for line in lines]))
    labels = found["group_id"].to_pylist()
    inside = Counter((label, row // 10) for row, label in enumerate(labels))
    right = sum(times * (times - 1) // 2 for times in inside.values())
    grouped = sum(times * (times - 1) // 2 for times in Counter(labels).values())
    assert right / grouped >= 0.93
    assert right / (len(lines) // 10 * 45) >= 0.38


@pytest.mark.real_data
@pytest.mark.skipif(not PAIRS.exists(), reason="shared data is not here")
def test_real_pairs_that_ask_the_same_come_together_and_others_do_not() -> None:
    with PAIRS.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))[:3000]
    questions = asked([row[name] for row in rows for name in ("question1", "question2")])
    labels = group_similar(questions)["group_id"].to_pylist()
    together = [first == second for first, second in zip(labels[::2], labels[1::2], strict=True)]
    same = [row["is_duplicate"] == "0" for row in rows]
    right = sum(t and s for t, s in zip(together, same, strict=True))
    assert right / sum(together) >= 0.97
    assert right / sum(same) >= 0.45


# --- While somebody types -----------------------------------------------------------------------------------------

TYPED = [
    "과제 제출 기한이 언제까지인가요?",
    "학습률은 왜 낮추나요?",
    "연습문제 2번 답이 뭔가요?",
    "연습문제 3번 답이 뭔가요?",
    "",
    "ㅋㅋㅋ",
]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("과제 제출 기한", 0),
        ("과제제출 기한이 언재", 0),
        ("학습률 왜 낮추", 1),
        ("연습문제 3번", 3),
        ("연습문제 03번 답", 3),
    ],
)
def test_what_is_being_typed_finds_the_question_that_is_meant(text: str, row: int) -> None:
    found = LetterIndex(TYPED).nearest(text, 3, least=0.3)
    assert found[0][0] == row
    assert all(1 >= first >= second for (_, first), (_, second) in zip(found, found[1:], strict=False))


def test_other_numbers_are_another_question() -> None:
    assert 2 not in [row for row, _ in LetterIndex(TYPED).nearest("연습문제 3번 답이 뭔가요", 5)]


def test_texts_beside_the_index_are_found_too() -> None:
    found = LetterIndex(TYPED).nearest("학습률 낮추", 5, more=["학습률을 낮추면 되나요?", "점심 뭐 먹나요?"])
    assert {row for row, _ in found} >= {1, len(TYPED)}


@pytest.mark.parametrize("texts", [[], [""], ["ㅋㅋㅋ", "?!"], ["가"]])
@pytest.mark.parametrize("text", ["", "ㅋㅋ", "가", "\ud800", "가나다라" * 10_000])
def test_nothing_is_found_in_nothing(texts: list[str], text: str) -> None:
    found = LetterIndex(texts).nearest(text, 5, least=0.9)
    assert [row for row, _ in found] == ([0] if text and texts == [text] else [])


def test_every_text_is_nearest_to_itself_also_beyond_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_SAMPLE", 3)
    monkeypatch.setattr(similar, "_CHUNK", 2)
    index = LetterIndex(TYPED)
    assert [index.nearest(TYPED[row], 1)[0][0] for row in range(4)] == [0, 1, 2, 3]
