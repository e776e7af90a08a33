"""Vocabulary, masks, batches, held-out texts and temperature, each by itself; none of it needs PyTorch."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from chat_platform.ml.encoder import batches, vocabulary
from chat_platform.ml.encoder.settings import EncoderSize, TransformerSettings
from chat_platform.ml.questions.transformer.calibration import temperature
from chat_platform.ml.questions.transformer.training import _learnt_rows

# Every syllable that ends in ㄹ, before the ending of a question.
_TEXTS = [f"과제 {chr(code)}까요" for code in range(ord("갈"), ord("힣"), 28)] + ["수업 코드"] * 4


@pytest.fixture(scope="module")
def reader() -> vocabulary.Reader:
    return vocabulary.Reader(vocabulary.learn_vocabulary(_TEXTS, 350), max_length=12)


def pieces(reader: vocabulary.Reader, text: str) -> list[str]:
    return [reader.tokenizer.id_to_token(int(at)) for at in reader.read([text])[0].ids]


def test_an_ending_is_the_same_piece_behind_every_syllable(reader: vocabulary.Reader) -> None:
    assert len({pieces(reader, text)[-2] for text in ("할까요", "될까요", "쓸까요")}) == 1
    assert pieces(reader, "할까요")[-2] == unicodedata.normalize("NFD", "갈까요")[2:]


def test_a_letter_outside_the_vocabulary_becomes_its_bytes(reader: vocabulary.Reader) -> None:
    assert pieces(reader, "🤔")[-5:-1] == ["<0xF0>", "<0x9F>", "<0xA4>", "<0x94>"]


def test_every_syllable_of_korean_has_letters_of_its_own(reader: vocabulary.Reader) -> None:
    assert not any(piece.startswith("<0x") for piece in pieces(reader, "뷁쾅휇"))


def test_special_pieces_in_a_text_are_plain_letters(reader: vocabulary.Reader) -> None:
    read = pieces(reader, "[MASK][SEP]")
    assert (read[0], read[-1]) == ("[CLS]", "[SEP]")
    assert not set(read[1:-1]) & {"[MASK]", "[SEP]", "[CLS]", "[PAD]"}


def test_a_long_text_keeps_head_and_tail(reader: vocabulary.Reader) -> None:
    read = pieces(reader, "과제 " + "코드 " * 30_000 + "될까요")
    assert len(read) == 12
    assert read[1] == pieces(reader, "과제")[1]
    assert read[-3:] == pieces(reader, "될까요")[-3:]


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("", True), ("🤔", True), ("...", True), ("你好吗", True), ("?", False), ("1+1", False), ("과제", False),
        ("과제 好", False),
    ],
)  # fmt: skip
def test_silent_texts_are_those_without_letters_that_it_knows(
    reader: vocabulary.Reader, text: str, silent: bool
) -> None:
    assert reader.read([text])[0].silent is silent


def test_the_vocabulary_holds_no_more_pieces_than_allowed() -> None:
    texts = [f"{a}{b}{c}" for a in "가나다라" for b in "마바사아" for c in "자차카타"] * 3
    for size in (400, 450, 900):
        assert vocabulary.learn_vocabulary(texts, size).get_vocab_size() <= size


def test_masks_hide_some_pieces_and_never_the_special_ones() -> None:
    rows = [np.array([1, *range(10, 10 + length), 2]) for length in (1, 3, 40, 40, 40)] * 40
    changed, chosen = vocabulary.masked(rows, 100, np.random.default_rng(0))
    for row, new, guess in zip(rows, changed, chosen, strict=True):
        assert guess.any()
        assert not guess[0]
        assert not guess[-1]
        np.testing.assert_array_equal(new[~guess], row[~guess])
    hidden = np.concatenate([new[guess] for new, guess in zip(changed, chosen, strict=True)])
    assert np.mean(hidden == 3) == pytest.approx(0.8, abs=0.05)
    assert hidden.min() >= 3
    share = np.mean(np.concatenate([guess[1:-1] for guess in chosen if len(guess) == 42]))
    assert share == pytest.approx(0.3, abs=0.03)


def test_a_pass_takes_every_text_once_beside_texts_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 1_000)
    order = batches.epoch(lengths, 16, np.random.default_rng(1))
    assert len(order) == batches.steps_per_epoch(1_000, 16)
    assert sorted(np.concatenate(order)) == list(range(1_000))
    padding = sum(len(rows) * lengths[rows].max() for rows in order) / lengths.sum()
    assert padding < 1.1
    assert [rows[0] for rows in order] != [
        rows[0] for rows in batches.epoch(lengths, 16, np.random.default_rng(2))
    ]


def test_batches_of_prediction_stay_within_their_size() -> None:
    lengths = np.array([5, 900, 3, 3, 60, 61, 4])
    found = batches.by_length(lengths, 128)
    assert sorted(np.concatenate(found)) == list(range(7))
    assert all(len(rows) == 1 or len(rows) * lengths[rows].max() <= 128 for rows in found)
    assert batches.by_length(np.array([], dtype=int), 128) == []


def test_temperature_cools_what_is_too_sure_and_never_reaches_nothing() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-odds))
    found, _ = temperature(odds * 3, labels, np.ones(20_000))
    assert found == pytest.approx(3, rel=0.1)
    perfect, _ = temperature(np.array([-9.0, 9.0] * 5), np.array([False, True] * 5), np.ones(10))
    assert perfect > 1


def test_texts_of_a_group_are_never_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 400).tolist()
    answers = rng.random(400) < 0.4
    learnt = _learnt_rows(answers, np.ones(400), groups, TransformerSettings(held_out=0.2))
    inside = {groups[at] for at in learnt}
    outside = {groups[at] for at in set(range(400)) - set(learnt)}
    assert not inside & outside
    assert 0.2 <= 1 - len(learnt) / 400 < 0.25


def test_the_width_of_an_encoder_must_fit_its_heads() -> None:
    with pytest.raises(ValueError, match="multiple of heads"):
        EncoderSize(hidden=50, heads=4)
