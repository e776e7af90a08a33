"""Sequences of symbols: what n-grams are counted over.

What belongs here: turning texts and tokens into flat arrays of 64-bit symbols. What does not: counting them
(``ngrams``), tokenising (``text``).

A symbol is a code point, or a stable hash of a token. Every sequence is fenced by ``START`` and ``END``, so
that an n-gram knows when it opens or closes a text: most of what makes a Korean question is in its ending.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

START = np.uint64(1)
END = np.uint64(2)


@dataclass(frozen=True)
class Sequences:
    """Sequences one behind the other.

    Attributes:
        symbols: uint64, all sequences, each with its fences.
        offsets: int64 of length ``len + 1``: sequence ``i`` is ``symbols[offsets[i]:offsets[i + 1]]``.
    """

    symbols: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self.offsets) - 1

    def owners(self) -> np.ndarray:
        """Sequence that each symbol belongs to, int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def of_characters(texts: Sequence[str]) -> Sequences:
    """Code points of each text. Position ``p`` of a sequence is character ``p - 1`` of its text."""
    # A lone surrogate cannot be encoded; `surrogatepass` keeps it as the code point that it is.
    flat = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    return _fenced(flat.astype(np.uint64) + np.uint64(16), lengths)


def of_jamo(texts: Sequence[str]) -> Sequences:
    """Letters of each text, syllables taken apart: -ㄹ까 in 될까 and 할까 is one n-gram, as a typing slip is."""
    return of_characters([unicodedata.normalize("NFD", text) for text in texts])


def of_tokens(tokens: pa.ListArray) -> Sequences:
    """Tokens of each message.

    Args:
        tokens: list<string>, one list a message; a null is an empty list.
    """
    lengths = pc.fill_null(pc.list_value_length(tokens), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    encoded = tokens.flatten().dictionary_encode()
    distinct = np.array([_stable_hash(word) for word in encoded.dictionary.to_pylist()], dtype=np.uint64)
    indices = np.asarray(encoded.indices, dtype=np.int64)
    return _fenced(distinct[indices] if len(indices) else np.empty(0, dtype=np.uint64), lengths)


def _stable_hash(word: str | None) -> int:
    """The same in every process and on every machine, unlike ``hash``."""
    data = (word or "").encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _fenced(flat: np.ndarray, lengths: np.ndarray) -> Sequences:
    offsets = np.concatenate(([0], np.cumsum(lengths + 2))).astype(np.int64)
    symbols = np.empty(offsets[-1], dtype=np.uint64)
    inside = np.ones(len(symbols), dtype=bool)
    inside[offsets[:-1]] = False
    inside[offsets[1:] - 1] = False
    symbols[inside] = flat
    symbols[offsets[:-1]] = START
    symbols[offsets[1:] - 1] = END
    return Sequences(symbols, offsets)
