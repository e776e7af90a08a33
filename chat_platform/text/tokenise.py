"""Morphemes of clean text, by Kiwi.

What belongs here: one Kiwi per process, the words that chat adds to its dictionary, tokens of a text, the cache
of texts that were seen. What does not: Arrow (``kernels``), folding of text (``normalise``), choosing words for
a metric (marts).

A token has

* ``form`` — the morpheme as Kiwi names it (못했어 → 못, 하, 었, 어); letters are those that keyboards type;
* ``lemma`` — the dictionary form: verbs and adjectives end in 다 (하 → 하다), Latin words are in lower case,
  slang has its standard word (쌤 → 선생님, 넵 → 네), an emoji has no skin tone and no VS16;
* ``tag`` — Kiwi's Sejong tag; ``EMOJI`` for an emoji; ``W_URL``, ``W_EMAIL``, ``W_MENTION`` for the placeholders
  of clean text; ``UN`` for a text that could not be analysed;
* ``start``, ``length`` — the characters (code points) of the text that it comes from. Several morphemes may
  come from one syllable (했 → 하, 었), and one that is only understood has length 0 (친구야 → 친구, 이, 야).

Kiwi takes 1.3 s and 400 MB to load, so that happens at the first text, never at import. Its own threads are
used in the main process only: workers of a pool have one core each. Kiwi's time grows with the square of a
word's length, so long texts are given to it in pieces.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from chat_platform.text.emoji import emoji_spans, fold_emoji
from chat_platform.text.normalise import EMAIL, MENTION, URL

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

# Raised whenever the words below or the rules of this module change: tokens of another version are not equal.
_RULES = 1
TOKENIZER = f"kiwipiepy {version('kiwipiepy')}, kiwipiepy-model {version('kiwipiepy-model')}, rules {_RULES}"

EMOJI_TAG = "EMOJI"
UNKNOWN_TAG = "UN"
_PLACEHOLDER_TAGS = {URL: "W_URL", EMAIL: "W_EMAIL", MENTION: "W_MENTION"}

# What chat writes and dictionaries do not hold: (word, tag, standard word).
_SLANG = (
    *((word, "IC", "네") for word in ("넵", "넹", "넴", "넨", "옙", "옛썰", "네넵", "넵넵", "넹넹", "넵넹", "네넹")),
    *((word, "IC", "오케이") for word in ("오키", "오케", "오키오키", "오키도키")),
    *((word, "IC", "굿") for word in ("굿", "굳", "굿굿", "굳굳")),
    ("쌤", "NNG", "선생님"),
    *((word, "MAG", "어떻게") for word in ("어케", "어캐", "어뜨케", "어떠케")),
    ("깃헙", "NNP", "깃허브"),
    ("깃허브", "NNP", "깃허브"),
    ("판다스", "NNP", "판다스"),
    ("넘파이", "NNP", "넘파이"),
    ("주피터", "NNP", "주피터"),
    ("콜랩", "NNP", "코랩"),
    ("코랩", "NNP", "코랩"),
    ("갠톡", "NNG", "개인톡"),
    ("단톡", "NNG", "단체톡"),
    ("줌", "NNP", "줌"),
    ("슬랙", "NNP", "슬랙"),
)  # fmt: skip
# Contractions that Kiwi reads as other words: word → morphemes with the characters that they come from.
_CONTRACTIONS = (
    ("몰겠", (("모르", "VV", 0, 1), ("겠", "EP", 1, 2))),
    ("몰랐", (("모르", "VV", 0, 2), ("었", "EP", 1, 2))),
)
_SLANG_LEMMAS = {(word, tag): lemma for word, tag, lemma in _SLANG}

_PIECE = 1_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLACEHOLDER = re.compile("|".join(_PLACEHOLDER_TAGS))
_BEFORE_WORD = " \n!?,~(["
_BLANK_AFTER = re.compile(r"\s(?=\S*$)")
_CACHED_LENGTH = 200
_CACHED_TOKENS = 600_000


class Tokens(NamedTuple):
    """Tokens of one text, as columns of equal length; see the module for their meaning."""

    forms: tuple[str, ...]
    lemmas: tuple[str, ...]
    tags: tuple[str, ...]
    starts: tuple[int, ...]
    lengths: tuple[int, ...]


class Token(NamedTuple):
    """One token; see the module for the meaning of its parts."""

    form: str
    lemma: str
    tag: str
    start: int
    length: int


_NOTHING = Tokens((), (), (), (), ())


class _Recent:
    """The texts seen last and their tokens, bounded by the number of tokens held (about 100 bytes each)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held = 0
        self._texts: OrderedDict[str, Tokens] = OrderedDict()

    def get(self, text: str) -> Tokens | None:
        found = self._texts.get(text)
        if found is not None:
            self._texts.move_to_end(text)
        return found

    def put(self, text: str, tokens: Tokens) -> None:
        if len(text) > _CACHED_LENGTH or text in self._texts:
            return
        self._texts[text] = tokens
        self._held += 1 + len(tokens.forms)
        while self._held > self._capacity:
            _, oldest = self._texts.popitem(last=False)
            self._held -= 1 + len(oldest.forms)


_lock = threading.Lock()
_recent = _Recent(_CACHED_TOKENS)
_kiwi: Kiwi | None = None


def tokenise(text: str) -> list[Token]:
    """Tokens of one text, in order. Never raises on any text."""
    return [Token(*token) for token in zip(*tokenise_batch([text])[0], strict=True)]


def tokenise_batch(texts: Sequence[str]) -> list[Tokens]:
    """Tokens of each text, in the order of ``texts``; a text that was seen lately is not analysed again.

    Never raises on any text. Faster than one text at a time: Kiwi spreads a batch over its threads.
    """
    with _lock:
        found = {text: _recent.get(text) for text in texts}
        missing = [text for text, tokens in found.items() if tokens is None]
        for text, tokens in zip(missing, _analyse(missing), strict=True):
            found[text] = tokens
            _recent.put(text, tokens)
    return [found[text] or _NOTHING for text in texts]


def _analyse(texts: list[str]) -> Iterator[Tokens]:
    """Tokens of texts that are not cached."""
    extras = [_extras(text) for text in texts]
    pieces = [list(_pieces(_masked(text, extra))) for text, extra in zip(texts, extras, strict=True)]
    analysed = iter(_morphemes([piece for of_text in pieces for _, piece in of_text]))
    for extra, of_text in zip(extras, pieces, strict=True):
        tokens = [token for offset, _ in of_text for token in _shifted(next(analysed), offset)]
        yield _columns(_merged(tokens, extra) if extra else tokens)


def _extras(text: str) -> list[Token]:
    """Emoji and placeholders, which Kiwi does not see, by start."""
    found = [
        Token(
            text[start : start + length], fold_emoji(text[start : start + length]), EMOJI_TAG, start, length
        )
        for start, length in emoji_spans(text)
    ]
    if "⟨" in text:
        found += [
            Token(m[0], m[0], _PLACEHOLDER_TAGS[m[0]], m.start(), len(m[0]))
            for m in _PLACEHOLDER.finditer(text)
        ]
        found.sort(key=lambda token: token.start)
    return found


def _masked(text: str, extras: list[Token]) -> str:
    """The text with ``extras`` hidden from Kiwi: the same length, so that places stay."""
    text = _SURROGATE.sub("\ufffd", text)
    if not extras:
        return text
    parts, end = [], 0
    for extra in extras:
        after = extra.start + extra.length
        parts += [text[end : extra.start], _mask(text, extra.start, after) * extra.length]
        end = after
    return "".join([*parts, text[end:]])


def _mask(text: str, start: int, end: int) -> str:
    """A blank; or a letter, where a particle follows a placeholder (⟨url⟩를) and needs a word before it."""
    is_word = text[start] == "⟨" and (start == 0 or text[start - 1] in _BEFORE_WORD)
    return "x" if is_word and "가" <= text[end : end + 1] <= "힣" else " "


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Pieces of a text with their places, cut at blanks where there are any; nothing for blank text."""
    start = 0
    while len(text) - start > _PIECE:
        piece = text[start : start + _PIECE]
        blank = _BLANK_AFTER.search(piece, _PIECE // 2)
        end = start + (blank.end() if blank else _PIECE)
        if not text[start:end].isspace():
            yield start, text[start:end]
        start = end
    rest = text[start:]
    if rest and not rest.isspace():
        yield start, rest


def _morphemes(texts: list[str]) -> Iterable[list[Token]]:
    if not texts:
        return []
    try:
        return [list(map(_token, found)) for found in _tokenizer().tokenize(texts, compatible_jamo=True)]
    except Exception:  # noqa: BLE001  (a text that Kiwi cannot take must not cost the others theirs)
        return [_one_by_one(text) for text in texts]


def _one_by_one(text: str) -> list[Token]:
    try:
        return list(map(_token, _tokenizer().tokenize(text, compatible_jamo=True)))
    except Exception:  # noqa: BLE001  (its text is kept as one token that says so)
        return [Token(text, text, UNKNOWN_TAG, 0, len(text))]


def _token(token: Any) -> Token:
    form, tag = sys.intern(token.form), token.tag
    return Token(form, sys.intern(_lemma(token, form, tag)), tag, token.start, token.len)


def _lemma(token: Any, form: str, tag: str) -> str:
    if tag == "SL":
        return form.lower()
    if tag.startswith("XS") and tag[2] in "VA":
        return form + "다"
    if tag[0] == "V":
        return token.lemma
    return _SLANG_LEMMAS.get((form, tag), form)


def _shifted(tokens: list[Token], offset: int) -> list[Token]:
    return [token._replace(start=token.start + offset) for token in tokens] if offset else tokens


def _merged(tokens: list[Token], extras: list[Token]) -> list[Token]:
    """Both in one order by place; Kiwi's own order stays, as it is not by start within a syllable."""
    merged: list[Token] = []
    waiting = deque(extras)
    hidden_until = 0
    for token in tokens:
        while waiting and waiting[0].start <= token.start:
            merged.append(waiting.popleft())
            hidden_until = merged[-1].start + merged[-1].length
        if token.start >= hidden_until:
            merged.append(token)
    return [*merged, *waiting]


def _columns(tokens: list[Token]) -> Tokens:
    return Tokens(*zip(*tokens, strict=True)) if tokens else _NOTHING


def _tokenizer() -> Kiwi:
    global _kiwi  # noqa: PLW0603  (one per process)
    if _kiwi is None:
        _kiwi = _load()
    return _kiwi


def _load() -> Kiwi:
    from kiwipiepy import Kiwi  # 400 MB: not at import

    in_pool = multiprocessing.parent_process() is not None
    kiwi = Kiwi(num_workers=1 if in_pool else os.cpu_count() or 1)
    for word, tag, _ in _SLANG:
        kiwi.add_user_word(word, tag, 0.0)
    for word, morphemes in _CONTRACTIONS:
        kiwi.add_pre_analyzed_word(word, list(morphemes), 0.0)
    return kiwi
