"""Answers about single texts, with what spoke for them.

What belongs here: asking a question model about loose texts, and explanations that hold for any kind of model. What
does not: the models, predictions of whole conversations.

A word's weight is the change of the log odds when it is taken out of the text (occlusion): it needs nothing of the
model but its probabilities, and says what the whole model did, not one of its features.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from chat_platform.ml.messages import from_texts

_PARTS = re.compile(r"[?!.~]+|[^\s?!.~]+")
# A paste is not explained word by word.
_MOST_PARTS = 40
_SHOWN = 4
_LEAST_WEIGHT = 0.1
_EXTREME = 1e-6


class Scorer(Protocol):
    """A question model."""

    threshold: float

    def probabilities(self, messages: pa.Table) -> np.ndarray:
        """Probability that each message is a question."""


@dataclass(frozen=True)
class Reason:
    """A word or mark, and what it added to the log odds of a question."""

    text: str
    weight: float


@dataclass(frozen=True)
class Answer:
    """What a model says of a text.

    Attributes:
        reasons: the strongest first, for or against; empty when not asked for or when nothing stands out.
    """

    text: str
    is_question: bool
    probability: float
    threshold: float
    reasons: tuple[Reason, ...] = ()


def answer(model: Scorer, texts: Sequence[str], *, explain: bool = True) -> list[Answer]:
    """Ask a model about texts, each by itself.

    Args:
        model: that serves.
        texts: as people wrote them.
        explain: take each word out once, too.
    """
    probabilities = _alone(model, texts)
    threshold = float(model.threshold)
    reasons = [
        _reasons(model, text, p) if explain else () for text, p in zip(texts, probabilities, strict=True)
    ]
    return [
        Answer(text, bool(p >= threshold), float(p), threshold, why)
        for text, p, why in zip(texts, probabilities, reasons, strict=True)
    ]


def _reasons(model: Scorer, text: str, probability: float) -> tuple[Reason, ...]:
    parts = list(_PARTS.finditer(text))
    if not 1 < len(parts) <= _MOST_PARTS:
        return ()
    without = [text[: part.start()] + text[part.end() :] for part in parts]
    changed = _log_odds(np.array([probability])) - _log_odds(_alone(model, without))
    found = [Reason(part[0], float(weight)) for part, weight in zip(parts, changed, strict=True)]
    telling = [reason for reason in found if abs(reason.weight) >= _LEAST_WEIGHT]
    return tuple(sorted(telling, key=lambda reason: -abs(reason.weight))[:_SHOWN])


def _alone(model: Scorer, texts: Sequence[str]) -> np.ndarray:
    """Probabilities of texts as if each had come alone: how many of them end in ``?`` must not matter."""
    messages = from_texts(texts)
    few = [model.probabilities(messages.slice(at, 16)) for at in range(0, len(texts), 16)]
    return np.concatenate(few) if few else np.empty(0)


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, _EXTREME, 1 - _EXTREME)
    return np.log(p / (1 - p))
