"""Why a name was given: which part of a text spoke for whom.

What belongs here: from contributions of features to spans of text, and texts with a word left out. What does not:
where the contributions come from (``model``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chat_platform.ml.authors.style import Place, word_places

SPANS = 5
_STRONG = 0.2
_LEAST_SHARE = 0.02
OMITTED = 24
"""Words at most that are left out, one at a time: each costs a reading."""


@dataclass(frozen=True)
class Evidence:
    """A part of a text that spoke for a person.

    Attributes:
        message: number of the text among those asked about.
        start: first character.
        end: behind the last one.
        text: ``text[start:end]``.
        share: of everything that spoke for the person, 0 to 1.
    """

    message: int
    start: int
    end: int
    text: str
    share: float


def evidence_for(
    texts: Sequence[str], places: Sequence[Sequence[Place]], contributions: Sequence[np.ndarray]
) -> tuple[Evidence, ...]:
    """The strongest parts, the strongest first.

    N-grams overlap: what 욥, 세욥 and 하세욥 say is one thing. The strong ones (at least ``_STRONG`` of the
    strongest) are merged where they overlap, and a part counts for all that lies within it.

    Args:
        texts: as asked about.
        places: features of each text.
        contributions: what each of them adds for the person, beside what it adds for others on average.
    """
    everything = sum(float(values[values > 0].sum()) for values in contributions)
    strongest = max((float(values.max()) for values in contributions if len(values)), default=0.0)
    if everything <= 0 or strongest <= 0:
        return ()
    found: list[Evidence] = []
    for number, (text, own, values) in enumerate(zip(texts, places, contributions, strict=True)):
        strong = [place for place, value in zip(own, values, strict=True) if value >= _STRONG * strongest]
        for start, end in _merged(strong):
            within = sum(
                float(value)
                for place, value in zip(own, values, strict=True)
                if start <= place.start and place.end <= end
            )
            share = within / everything
            if share >= _LEAST_SHARE:
                found.append(Evidence(number, start, end, text[start:end], min(share, 1.0)))
    found.sort(key=lambda one: (-one.share, one.message, one.start))
    return tuple(found[:SPANS])


@dataclass(frozen=True)
class LeftOut:
    """A text without one of its words.

    Attributes:
        message: number of the text.
        place: where the word stands in it.
        rest: the text without it.
    """

    message: int
    place: Place
    rest: str


def left_out(texts: Sequence[str]) -> list[LeftOut]:
    """The texts with each word left out in turn; of many words the longest, in the order in which they stand."""
    words = [(message, start, end) for message, text in enumerate(texts) for start, end in word_places(text)]
    chosen = sorted(sorted(words, key=lambda word: word[1] - word[2])[:OMITTED])
    return [
        LeftOut(message, Place(number, start, end), texts[message][:start] + texts[message][end:])
        for number, (message, start, end) in enumerate(chosen)
    ]


def _merged(places: Sequence[Place]) -> list[tuple[int, int]]:
    """Spans that cover the places; those that share a character are one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted({(place.start, place.end) for place in places}):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
