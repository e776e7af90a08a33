"""The two things an encoder learns: guessing masked pieces, telling questions.

What belongs here: losses. What does not: the loop around them. Imports PyTorch: import this module where the extra
is known to be there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional
from transformers import BertForMaskedLM, PreTrainedModel

from chat_platform.ml.questions.transformer import batches, networks
from chat_platform.ml.questions.transformer.calibration import temperature
from chat_platform.ml.questions.transformer.vocabulary import masked

# Padding included. A CPU is fastest while a batch stays in its caches.
_PIECES_AT_ONCE = {"cpu": 1_024, "cuda": 65_536}


def network_scores(network: PreTrainedModel, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Log odds of a question for any number of texts, float64 of shape (texts,)."""
    found = np.zeros(len(rows))
    lengths = np.array([len(row) for row in rows])
    network.eval()
    with torch.inference_mode():
        for batch in batches.by_length(lengths, _PIECES_AT_ONCE[network.device.type]):
            found[batch] = networks.scores(network, [rows[at] for at in batch]).cpu().numpy()
    return found


class Guessing:
    """Masked language modelling (Devlin et al. 2019).

    Args:
        network: the own encoder.
        rows: ids of texts, as the own tokenizer gives them.
    """

    def __init__(self, network: BertForMaskedLM, rows: Sequence[np.ndarray]) -> None:
        self.network = network
        self.lengths = np.array([len(row) for row in rows])
        self._rows = rows

    def loss(self, rows: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Mean over the pieces to be guessed."""
        pad = networks.padding(self.network)
        wanted = [self._rows[at] for at in rows]
        changed, chosen = masked(wanted, self.network.config.vocab_size, rng)
        ids, attention = networks.padded(changed, pad, self.network.device)
        guess = networks.padded(chosen, 0, self.network.device)[0].bool()
        targets = networks.padded(wanted, pad, self.network.device)[0][guess]
        hidden = self.network.bert(input_ids=ids, attention_mask=attention).last_hidden_state
        # Only where a piece is hidden: the table of all pieces costs as much as the encoder.
        return functional.cross_entropy(self.network.cls(hidden[guess]).float(), targets)

    def held_out_loss(self) -> None:
        """No text is held out."""
        return


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
