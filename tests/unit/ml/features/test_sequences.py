"""Texts and tokens as flat arrays of symbols."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.ml.features.sequences import END, START, Sequences, of_characters, of_jamo, of_tokens

TEXTS = st.lists(st.text(max_size=12), max_size=8)
TOKENS = st.lists(st.none() | st.lists(st.text(max_size=4), max_size=6), max_size=8)


def pieces(sequences: Sequences) -> list[list[int]]:
    """Each sequence without its fences, after looking that it has them."""
    found = []
    for start, end in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True):
        symbols = sequences.symbols[start:end]
        assert (symbols[0], symbols[-1]) == (START, END)
        found.append(symbols[1:-1].tolist())
    return found


@given(TEXTS)
def test_a_character_is_its_code_point_behind_the_fence(texts: list[str]) -> None:
    found = pieces(of_characters(texts))
    assert [[symbol - 16 for symbol in one] for one in found] == [[ord(c) for c in text] for text in texts]


@given(TEXTS)
def test_no_character_is_taken_for_a_fence(texts: list[str]) -> None:
    sequences = of_characters(texts)
    assert np.isin(sequences.symbols, [START, END]).sum() == 2 * len(texts)


@given(TEXTS)
def test_jamo_are_the_letters_of_the_decomposed_text(texts: list[str]) -> None:
    apart = [unicodedata.normalize("NFD", text) for text in texts]
    assert pieces(of_jamo(texts)) == pieces(of_characters(apart))


def test_the_ending_of_two_syllables_is_the_same_letters() -> None:
    done, gone = pieces(of_jamo(["될까", "갈까"]))
    assert done[-3:] == gone[-3:]
    assert pieces(of_characters(["될"])) != pieces(of_characters(["갈"]))


def test_a_lone_surrogate_is_a_symbol_like_any_other() -> None:
    assert pieces(of_characters(["\ud800", ""])) == [[0xD800 + 16], []]


@given(TOKENS)
def test_equal_tokens_are_equal_symbols_and_a_null_is_empty(tokens: list[list[str] | None]) -> None:
    found = pieces(of_tokens(pa.array(tokens, pa.list_(pa.string()))))
    words = [word for row in tokens for word in row or []]
    symbols = [symbol for row in found for symbol in row]
    assert [len(row) for row in found] == [len(row or []) for row in tokens]
    assert len(set(words)) == len(set(symbols)) == len(set(zip(words, symbols, strict=True)))


def test_a_part_of_a_column_gives_the_symbols_of_that_part() -> None:
    tokens = pa.array([["이", "거"], ["왜"], None, ["안", "되"]], pa.list_(pa.string()))
    assert pieces(of_tokens(tokens.slice(1, 2))) == pieces(of_tokens(tokens))[1:3]


def test_a_token_has_the_same_symbol_in_every_process() -> None:
    code = (
        "import pyarrow as pa\n"
        "from chat_platform.ml.features.sequences import of_tokens\n"
        "print(of_tokens(pa.array([['나요/EF']])).symbols[1])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {str(of_tokens(pa.array([["나요/EF"]])).symbols[1])}


@given(TEXTS)
def test_every_symbol_knows_its_text(texts: list[str]) -> None:
    sequences = of_characters(texts)
    assert np.bincount(sequences.owners(), minlength=len(texts)).tolist() == [len(t) + 2 for t in texts]
    assert len(sequences) == len(texts)
