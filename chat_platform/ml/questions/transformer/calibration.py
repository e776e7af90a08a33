"""Scores to probabilities.

What belongs here: the temperature and what is kept of it. What does not: which texts it is fitted on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

FORMAT = 1
_COLDEST, _HOTTEST = 0.05, 50.0


@dataclass(frozen=True)
class Calibration:
    """What stands between the network's score and a probability.

    Attributes:
        temperature: divides the log odds (Guo et al. 2017).
        prior: share of questions among the training texts; the answer for texts that say nothing.
        max_length: pieces of a text that are read.
    """

    temperature: float
    prior: float
    max_length: int

    def probabilities(self, scores: np.ndarray, silent: np.ndarray) -> np.ndarray:
        """Probability of a question.

        Args:
            scores: log odds of the network, shape (texts,).
            silent: bool of shape (texts,), see ``vocabulary.Pieces``.
        """
        from scipy.special import expit

        return np.where(silent, self.prior, expit(scores / self.temperature))

    def to_json(self) -> dict[str, Any]:
        """For the model's file."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Calibration:
        """From the model's file.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']}")
        found = cls(float(value["temperature"]), float(value["prior"]), int(value["max_length"]))
        if not (found.temperature > 0 and 0 <= found.prior <= 1 and 1 < found.max_length <= 100_000):
            raise ValueError("out of range")
        return found


def temperature(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """The temperature under which scores fit the labels best.

    Labels are taken as a little less than sure, by Platt's (1999) rule: otherwise a held-out part without a
    mistake would ask for a temperature of 0.

    Args:
        scores: log odds, shape (texts,).
        labels: bool of shape (texts,).
        weights: of shape (texts,), at least one above 0.

    Returns:
        The temperature, and the weighted mean of the log loss under it.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_expit

    yes, no = weights[labels].sum(), weights[~labels].sum()
    targets = np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(log_temperature: float) -> float:
        odds = scores / np.exp(log_temperature)
        losses = -(targets * log_expit(odds) + (1 - targets) * log_expit(-odds))
        return float(np.average(losses, weights=weights))

    best = minimize_scalar(loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded")
    return float(np.exp(best.x)), float(best.fun)
