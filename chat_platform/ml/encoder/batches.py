"""Which texts go through the network together.

What belongs here: the order of training, and batches of texts of like length. What does not: the network.

A batch is as long as its longest text, so texts of one length belong together; in training the order must be
random all the same.
"""

from __future__ import annotations

import numpy as np

# Texts are sorted by length within this many batches: nearly no padding, and still a random order.
_POOL = 32


def steps_per_epoch(texts: int, batch_size: int) -> int:
    """Batches that ``epoch`` gives."""
    return -(-texts // batch_size)


def epoch(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows of each batch of one pass; every row once."""
    order = rng.permutation(len(lengths))
    pools = [order[at : at + _POOL * batch_size] for at in range(0, len(order), _POOL * batch_size)]
    sorted_rows = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = [sorted_rows[at : at + batch_size] for at in range(0, len(order), batch_size)]
    return [batches[at] for at in rng.permutation(len(batches))]


def by_length(lengths: np.ndarray, pieces: int) -> list[np.ndarray]:
    """Rows of each batch for prediction, long texts first.

    Args:
        lengths: pieces of each text.
        pieces: most pieces of a batch, padding included; a single text may have more.
    """
    batches: list[np.ndarray] = []
    batch: list[int] = []
    longest = 0
    for row in np.argsort(-lengths, kind="stable"):
        longest = longest or int(lengths[row])
        if batch and (len(batch) + 1) * longest > pieces:
            batches.append(np.array(batch))
            batch, longest = [], int(lengths[row])
        batch.append(int(row))
    return [*batches, np.array(batch)] if batch else batches
