"""The rules as a question model: what every other candidate has to beat, and what serves before any is trained.

What belongs here: turning opinions of ``labels.weak`` into probabilities. What does not: the rules.
"""

from __future__ import annotations

import hashlib
import inspect

import numpy as np
import pyarrow as pa

from chat_platform.ml.labels import weak

# Shares of questions among messages of which a rule said yes, no, or nothing, in the generated set.
_YES, _NO, _UNDECIDED = 0.9, 0.05, 0.2
THRESHOLD = 0.5


def version() -> str:
    """``rules-`` and a hash of the rules' source: changed rules are another version."""
    source = inspect.getsource(weak)
    return f"rules-{hashlib.sha256(source.encode()).hexdigest()[:12]}"


class RulesModel:
    """Probabilities from rules; nothing is learnt."""

    threshold = THRESHOLD

    def probabilities(self, messages: pa.Table) -> np.ndarray:
        """Probability that each message is a question.

        Args:
            messages: of ``ml.messages.SCHEMA``.
        """
        return np.array([_probability(opinion) for opinion in weak.opinions(messages)], dtype=float)


def _probability(opinion: weak.Opinion | None) -> float:
    if opinion is None:
        return _UNDECIDED
    return _YES if opinion.is_question else _NO
