"""What grammar knows of a message, as a few dense features.

What belongs here: endings, wh-words and word order, looked up for all messages at once. What does not: the rules
that make labels of them (``labels.weak``), n-grams.

A model learns from its corpus which endings ask; an ending that the corpus lacks is nothing to it. Which endings
ask is known, so it is told. Punctuation is not looked at: that is a block of its own.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.ml.labels import weak

HINTS = (
    "asking_ending",
    "telling_ending",
    "open_ending",
    "wh_word",
    "wh_word_and_open_ending",
    "indirect",
    "wonders",
    "indirect_and_wonders",
    "english_asks",
    "english_statement",
    "request",
)
_MARKS = r"[?？!.~]+"


def hints(texts: pa.Array, forms: pa.Array, tags: pa.Array) -> np.ndarray:
    """Hints of each message: float32 of 0 and 1, shape (messages, len(HINTS)).

    Args:
        texts: clean text.
        forms: list<string>, its tokens.
        tags: list<string>, their tags.
    """
    rows = len(texts)
    lengths = pc.fill_null(pc.list_value_length(tags), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    owner = np.repeat(np.arange(rows), lengths)
    form, tag = forms.flatten(), tags.flatten()
    ending = _last_endings(owner, form, tag, rows)
    asking, telling, open_ended = (
        _in(ending, words) for words in (weak.ASKING_ENDINGS, weak.TELLING_ENDINGS, weak.OPEN_ENDINGS)
    )
    wh = _any(owner, _in(form, weak.WH_WORDS) & _matches(tag, "^[MNVI]"), rows)
    indirect = _any(owner, _in(form, weak.INDIRECT_ENDINGS) & _matches(tag, "^EC"), rows)
    wonders = _any(owner, _in(form, weak.WONDERING), rows)
    bare = pc.replace_substring_regex(texts, _MARKS, " ")
    english = _matches(bare, _re2(weak.ENGLISH_ASKS))
    latin = _matches(bare, r"[A-Za-z]{2,}\W+[A-Za-z]+\W+[A-Za-z]{2,}") & ~_matches(bare, "[가-힣]")
    request = _matches(bare, _re2(weak.REQUEST))
    columns = (
        asking,
        telling,
        open_ended,
        wh,
        wh & open_ended,
        indirect,
        wonders,
        indirect & wonders,
        english,
        latin & ~english,
        request,
    )
    return np.column_stack(columns).astype(np.float32)


def _last_endings(owner: np.ndarray, form: pa.Array, tag: pa.Array, rows: int) -> pa.Array:
    """The last ending of each message; null without one. Between clauses, only one that closes the message counts."""
    final, between = _matches(tag, "^EF"), _matches(tag, "^EC")
    silent = _matches(tag, "^[SJZ]|^EMOJI|^W_|^IC")
    count = np.arange(len(owner))
    last_word = np.full(rows, -1, dtype=np.int64)
    spoken = ~silent
    last_word[owner[spoken]] = count[spoken]
    closing = between & (count == last_word[owner]) if len(owner) else between
    ends = final | closing
    place = np.full(rows, -1, dtype=np.int64)
    place[owner[ends]] = count[ends]
    return form.take(pa.array(np.where(place < 0, 0, place), mask=place < 0))


def _any(owner: np.ndarray, holds: np.ndarray, rows: int) -> np.ndarray:
    found = np.zeros(rows, dtype=bool)
    found[owner[holds]] = True
    return found


def _in(values: pa.Array, words: frozenset[str]) -> np.ndarray:
    found = pc.is_in(values, pa.array(sorted(words), pa.string()))
    return found.to_numpy(zero_copy_only=False).astype(bool)


def _matches(values: pa.Array, pattern: str) -> np.ndarray:
    found = pc.fill_null(pc.match_substring_regex(values, pattern), False)
    return found.to_numpy(zero_copy_only=False).astype(bool)


def _re2(pattern: re.Pattern[str]) -> str:
    """A pattern as Arrow's RE2 takes it, with its flag inside; RE2 has no look-ahead."""
    return ("(?i)" if pattern.flags & re.IGNORECASE else "") + pattern.pattern
