"""What an encoder learns without labels: guessing masked pieces.

What belongs here: the loss. What does not: the loop around it (``loop``), the order of steps (``pretraining``).
Imports PyTorch: import this module where the extra is known to be there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional
from transformers import BertForMaskedLM

from chat_platform.ml.encoder import networks
from chat_platform.ml.encoder.vocabulary import masked


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
