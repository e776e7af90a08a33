"""How good an author model is on messages that it has not seen.

What belongs here: which figures of which parts are computed. What does not: the figures themselves and their
intervals (``ml.evaluation``), what they must reach (``registry.promotion``).

Messages are pooled in two ways. *Drawn*: any of the author's test messages, as a quiz would show them.
*Running*: messages one behind the other, which speak of one matter and are harder. In both a message is in one
bundle only, and what is left over is not judged. A running bundle is resampled with the conversation of its
first message, a drawn one with its author: its messages are from everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from chat_platform.errors import ModelError
from chat_platform.ml.authors.linear import parts
from chat_platform.ml.authors.model import AuthorModel, NamedText
from chat_platform.ml.evaluation.intervals import Judged, Resampler
from chat_platform.ml.evaluation.metrics import ranks

POOLED = (1, 5, 20)
LENGTHS = ((0, 10), (10, 30), (30, 80), (80, None))


@dataclass(frozen=True)
class Figure:
    """A figure of a part of the test, as a row of ``ml.evaluations`` has it.

    Attributes:
        slice: ``all``, ``length=10-29``, ``pooled=5``, ``pooled=5,running`` or ``outsiders``.
        metric: ``top1``, ``top5``, ``macro_f1``, ``majority``, ``ece``, ``named`` (share of askings that got a
            name), ``precision`` (share of those names that are right) or ``unknown`` (share without a name).
        value: NaN where the rows do not define it.
        low: lower end of the 95 % interval.
        high: upper end.
        rows: askings it was measured on.
    """

    slice: str
    metric: str
    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Askings:
    """Askings about people whom the model knows, and what it said.

    Attributes:
        authors: place of the right person in ``AuthorModel.persons``.
        probabilities: shape (askings, persons).
        units: what is resampled together.
        threshold: least probability for a name.
    """

    authors: np.ndarray
    probabilities: np.ndarray
    units: np.ndarray
    threshold: float

    def of(self, chosen: np.ndarray) -> Askings:
        """Some of them, by a mask."""
        return Askings(self.authors[chosen], self.probabilities[chosen], self.units[chosen], self.threshold)


@dataclass(frozen=True)
class AuthorEvaluation:
    """Everything measured.

    Attributes:
        figures: of all parts.
        singles: the single messages behind ``all``, for pictures and for comparing two models.
    """

    figures: tuple[Figure, ...]
    singles: Askings

    def value(self, part: str, metric: str) -> float:
        """One figure; KeyError when it was not measured."""
        found = {(one.slice, one.metric): one.value for one in self.figures}
        return found[part, metric]


def evaluate(model: AuthorModel, test: pa.Table, *, seed: int = 0) -> AuthorEvaluation:
    """Measure a model on later messages.

    Args:
        model: to be judged.
        test: of ``dataset.SCHEMA``; people whom the model does not know are the outsiders.
        seed: of drawing bundles and of resampling.

    Raises:
        ModelError: CP-ML-033 when the test has no message of anybody whom the model knows.
    """
    place = {person: number for number, person in enumerate(model.persons)}
    authors = np.array([place.get(person, -1) for person in test["person_id"].to_pylist()], dtype=np.int64)
    texts = test["text"].to_pylist()
    conversations = np.array(test["conversation_id"].to_pylist(), dtype=object)
    if not (authors >= 0).any():
        raise ModelError("CP-ML-033", f"{len(test)} messages")
    known = np.flatnonzero(authors >= 0)
    ones = _asked(model, texts, [known[at : at + 1] for at in range(len(known))], authors, conversations)
    figures = _figures("all", ones, seed)
    lengths = np.array([len(texts[row]) for row in known])
    for low, high in LENGTHS:
        inside = (lengths >= low) & (lengths < (high or np.inf))
        name = f"length={low}-{high - 1}" if high else f"length={low}+"
        figures += _figures(name, ones.of(inside), seed) if inside.any() else []
    random = np.random.default_rng(seed)
    for size in POOLED[1:]:
        drawn = _bundles(
            {a: random.permutation(np.flatnonzero(authors == a)) for a in set(authors[known])}, size
        )
        running = _bundles({a: np.flatnonzero(authors == a) for a in set(authors[known])}, size)
        if drawn:
            units = np.array([f"author {authors[group[0]]}" for group in drawn], dtype=object)
            figures += _figures(f"pooled={size}", _asked(model, texts, drawn, authors, units=units), seed)
            asked = _asked(model, texts, running, authors, conversations)
            figures += _figures(f"pooled={size},running", asked, seed)
    figures += _outsiders(model, texts, np.flatnonzero(authors < 0), conversations, seed)
    return AuthorEvaluation(tuple(figures), ones)


def _bundles(rows: Mapping[int, np.ndarray], size: int) -> list[np.ndarray]:
    return [
        part for author in sorted(rows) if len(rows[author]) >= size for part in parts(rows[author], size)
    ]


def _asked(
    model: AuthorModel,
    texts: Sequence[str],
    groups: Sequence[np.ndarray],
    authors: np.ndarray,
    conversations: np.ndarray | None = None,
    *,
    units: np.ndarray | None = None,
) -> Askings:
    first = np.array([group[0] for group in groups], dtype=np.int64)
    found = model.probabilities([[NamedText(texts[row]) for row in group] for group in groups])
    if units is None:
        units = np.asarray(conversations)[first]
    return Askings(authors[first], found, units, model.threshold(len(groups[0])))


def _figures(part: str, asked: Askings, seed: int) -> list[Figure]:
    resampler = Resampler(list(map(str, asked.units)), seed=seed)
    place = ranks(asked.authors, asked.probabilities)
    sure, guessed = asked.probabilities.max(axis=1), asked.probabilities.argmax(axis=1)
    right = guessed == asked.authors
    majority = np.bincount(asked.authors).argmax()
    named = sure >= asked.threshold
    judged = {
        "top1": ("rate", Judged(right, sure)),
        "top5": ("rate", Judged(place <= 5, sure)),
        "macro_f1": ("macro_f1", Judged(asked.authors, guessed)),
        "majority": ("rate", Judged(asked.authors == majority, sure)),
        "ece": ("ece", Judged(right, sure)),
        "named": ("rate", Judged(named, sure)),
        "precision": ("precision", Judged(right, sure, threshold=asked.threshold)),
    }
    found = []
    for name, (metric, rows) in judged.items():
        interval = resampler.interval(metric, rows)
        found.append(Figure(part, name, interval.value, interval.low, interval.high, interval.rows))
    return found


def _outsiders(
    model: AuthorModel, texts: Sequence[str], rows: np.ndarray, conversations: np.ndarray, seed: int
) -> list[Figure]:
    """How often the model says that it does not know, of people whom it cannot know."""
    if not len(rows):
        return []
    answers = [model.guess([NamedText(texts[row])], top=1).unknown for row in rows]
    resampler = Resampler(list(map(str, conversations[rows])), seed=seed)
    interval = resampler.interval("rate", Judged(np.array(answers), np.ones(len(rows))))
    return [Figure("outsiders", "unknown", interval.value, interval.low, interval.high, interval.rows)]
