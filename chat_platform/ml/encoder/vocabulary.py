"""Texts to numbers: the tokenizer of the own encoder, and reading with any tokenizer.

What belongs here: learning a vocabulary, cutting texts into pieces, shortening, and telling what a text says
nothing of. What does not: the network; cleaning texts.

The own tokenizer merges letters, not syllables (byte-pair encoding, Sennrich et al. 2016, over NFD). What makes
a Korean sentence a question is its ending, and endings begin inside a syllable: 할까요 and 될까요 share ㄹ까요,
which no tokenizer over syllables can see. A letter outside the vocabulary becomes its UTF-8 bytes, so nothing is
unknown. Unigram models were left out: their training sums in an order that changes from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from chat_platform.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, CLS, SEP, MASK = "[PAD]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PAD, CLS, SEP, MASK)
_BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
# Conjoining jamo of modern Korean: there also where the texts lack one.
_JAMO = tuple(map(chr, (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3))))
# Letters of their own in the vocabulary: all of Korean and ASCII, common signs and emoji; Hanja go to bytes.
_ALPHABET = 600
_MASKED = 0.3
# Longer texts are cut before they are tokenised: no piece is longer than this many characters on average.
_CHARACTERS_PER_PIECE = 16


def learn_vocabulary(texts: Iterable[str], size: int, *, keep_case: bool = False) -> Tokenizer:
    """A tokenizer from texts; the same texts give the same one.

    Args:
        texts: clean texts.
        size: most pieces, the special ones and the 256 bytes included.
        keep_case: as in ``TransformerSettings``.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    lowered = [] if keep_case else [normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), *lowered])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=max(size - len(_BYTES), len(SPECIAL) + 1),
        min_frequency=2,
        limit_alphabet=max(min(_ALPHABET, (size - len(_BYTES)) // 2), len(_JAMO) + 32),
        initial_alphabet=list(_JAMO),
        special_tokens=list(SPECIAL),
        max_token_length=_CHARACTERS_PER_PIECE,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer = _with_bytes(tokenizer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}", special_tokens=[(name, tokenizer.token_to_id(name)) for name in (CLS, SEP)]
    )
    return tokenizer


def _with_bytes(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer with a piece for every byte that is not in its alphabet."""
    from tokenizers import Tokenizer

    value = json.loads(tokenizer.to_str())
    pieces = value["model"]["vocab"]
    for byte in _BYTES:
        pieces.setdefault(byte, len(pieces))
    value["model"] |= {"byte_fallback": True}
    return Tokenizer.from_str(json.dumps(value))


@dataclass(frozen=True)
class Pieces:
    """What the network is told of a text.

    Attributes:
        ids: int64, the special pieces at both ends included.
        silent: the text holds nothing that a model could judge by: no letter, digit or question mark, or mostly
            letters that the tokenizer has never seen.
    """

    ids: np.ndarray
    silent: bool


class Reader:
    """Reads texts with a tokenizer.

    Of a text with more than ``max_length`` pieces it keeps the head and the tail: whom it addresses and what it
    asks for stands in front, the ending that makes it a question stands last.

    Args:
        tokenizer: the own one or a checkpoint's. Special pieces that stand in a text are read as plain letters.
        max_length: most pieces, the special ones included.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._known: dict[str, bool] = {}

    @classmethod
    def from_bytes(cls, data: bytes, max_length: int) -> Self:
        """A reader with the tokenizer of a model's file.

        Raises:
            ModelError: CP-ML-045 when it is none.
        """
        from tokenizers import Tokenizer

        try:
            return cls(Tokenizer.from_str(data.decode("utf-8")), max_length)
        except Exception as error:
            # The tokenizers library raises plain Exception.
            raise ModelError("CP-ML-045", f"tokenizer: {type(error).__name__}") from error

    def read(self, texts: Sequence[str]) -> list[Pieces]:
        """Pieces of each text."""
        room = self.max_length - sum(map(len, self._ends))
        shortened = [_shortened(text, room * _CHARACTERS_PER_PIECE) for text in texts]
        encodings = self.tokenizer.encode_batch_fast(shortened, add_special_tokens=False)
        return [
            Pieces(self._framed(encoding.ids, room), self._is_silent(text))
            for text, encoding in zip(shortened, encodings, strict=True)
        ]

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Special pieces before and after a text."""
        bare = self.tokenizer.encode("a", add_special_tokens=False).ids
        whole = self.tokenizer.encode("a").ids
        starts = range(len(whole) - len(bare) + 1)
        start = next((at for at in starts if whole[at : at + len(bare)] == bare), 0)
        return whole[:start], whole[start + len(bare) :]

    @cached_property
    def _strange_ids(self) -> frozenset[int]:
        pieces = self.tokenizer.get_vocab(with_added_tokens=True)
        return frozenset(pieces[name] for name in (*_BYTES, "[UNK]", "<unk>") if name in pieces)

    def _framed(self, ids: list[int], room: int) -> np.ndarray:
        before, after = self._ends
        if len(ids) > room:
            ids = ids[: room // 2] + ids[len(ids) - (room - room // 2) :]
        return np.array([*before, *ids, *after], dtype=np.int64)

    def _is_silent(self, text: str) -> bool:
        letters = {character for character in text if character.isalpha()}
        if not letters:
            return not any(character.isdigit() or character == "?" for character in text)
        return 2 * sum(map(self._is_known, letters)) < len(letters)

    def _is_known(self, letter: str) -> bool:
        if letter not in self._known:
            ids = self.tokenizer.encode(letter, add_special_tokens=False).ids
            self._known[letter] = bool(ids) and self._strange_ids.isdisjoint(ids)
        return self._known[letter]


def masked(
    rows: Sequence[np.ndarray], vocabulary: int, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pieces hidden for the network to guess (Devlin et al. 2019): 30 of 100, chat messages being short.

    Of those chosen 80 of 100 become the mask, 10 a random piece, 10 stay. Every text gives at least one.

    Args:
        rows: ids of texts from the own tokenizer, one special piece at each end.
        vocabulary: number of pieces.

    Returns:
        Changed ids, and for each text which positions (bool) are to be guessed.
    """
    changed, chosen = [], []
    for ids in rows:
        inner = len(ids) - 2
        guess = np.zeros(len(ids), dtype=bool)
        guess[1:-1] = rng.random(inner) < _MASKED
        if inner and not guess.any():
            guess[1 + rng.integers(inner)] = True
        fate = rng.random(len(ids))
        drawn = rng.integers(len(SPECIAL), vocabulary, len(ids))
        hidden = np.where(fate < 0.8, SPECIAL.index(MASK), np.where(fate < 0.9, drawn, ids))
        changed.append(np.where(guess, hidden, ids))
        chosen.append(guess)
    return changed, chosen


def _shortened(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    half = characters // 2
    return f"{text[:half]} {text[-half:]}"


def distinct(texts: Iterable[str]) -> list[str]:
    """Texts that hold something, each once, in their order."""
    return list(dict.fromkeys(text for text in texts if text.strip()))
