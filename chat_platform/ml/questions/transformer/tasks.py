"""What the candidate learns from labels: telling questions.

What belongs here: scores and their loss. What does not: the loop around it, pre-training (``ml.encoder``). Imports
PyTorch: import this module where the extra is known to be there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional
from transformers import PreTrainedModel

from chat_platform.ml.encoder import batches, networks
from chat_platform.ml.questions.transformer.calibration import temperature


def network_scores(network: PreTrainedModel, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Log odds of a question for any number of texts, float64 of shape (texts,)."""
    found = np.zeros(len(rows))
    lengths = np.array([len(row) for row in rows])
    network.eval()
    with torch.inference_mode():
        for batch in batches.by_length(lengths, networks.PIECES_AT_ONCE[network.device.type]):
            found[batch] = networks.scores(network, [rows[at] for at in batch]).cpu().numpy()
    return found


class Telling:
    """Question or not, weighted.

    Args:
        network: with a head of two answers.
        rows: ids of texts.
        labels: bool of shape (texts,).
        weights: of shape (texts,).
        learnt: which texts are learnt from, indices; the others are held out.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        rows: Sequence[np.ndarray],
        labels: np.ndarray,
        weights: np.ndarray,
        learnt: np.ndarray,
    ) -> None:
        self.network = network
        self._learnt = learnt
        self._held_out = np.setdiff1d(np.arange(len(rows)), learnt)
        self.lengths = np.array([len(rows[at]) for at in learnt])
        self._rows, self._labels = rows, labels
        self._weights = weights / weights[learnt].mean()

    def loss(self, rows: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Mean of the weighted losses."""
        texts = self._learnt[rows]
        scores = networks.scores(self.network, [self._rows[at] for at in texts])
        targets = torch.from_numpy(self._labels[texts]).to(scores)
        weights = torch.from_numpy(self._weights[texts]).to(scores)
        return functional.binary_cross_entropy_with_logits(scores, targets, weight=weights)

    def held_out_loss(self) -> float:
        """Log loss under the best temperature: being too sure is mended later, being wrong is not."""
        return self.fitted_temperature()[1]

    def fitted_temperature(self) -> tuple[float, float]:
        """Temperature and log loss on the held-out texts."""
        rows = self._held_out
        scores = network_scores(self.network, [self._rows[at] for at in rows])
        return temperature(scores, self._labels[rows], self._weights[rows])
