"""The two ways in which the author model reads a text: its characters, and an encoder's vector of it.

What belongs here: numbers of messages and of bundles of them, and how machines are fitted on each. What does not:
features of characters (``style``), the encoder (``ml.encoder``), probabilities (``calibration``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from chat_platform.errors import ModelError
from chat_platform.ml.authors import linear
from chat_platform.ml.authors.linear import Machines
from chat_platform.ml.authors.style import StyleFeatures
from chat_platform.ml.encoder.embedding import TextEncoder

CHARACTERS, ENCODER = "characters", "encoder"
_COST = 1.0
_LEAST_SCALE = 1e-6


class Reading(Protocol):
    """What machines see of a text."""

    @property
    def width(self) -> int:
        """Numbers of a message."""

    def transform(self, texts: Sequence[str]) -> Any:
        """Messages as rows, of shape (texts, width)."""

    def bundle(self, rows: Any, groups: Sequence[np.ndarray]) -> Any:
        """Groups of messages as rows of length 1, of shape (groups, width)."""

    def fit(self, rows: Any, authors: np.ndarray, *, seed: int) -> Machines:
        """Machines that learn from messages."""

    def state(self) -> dict[str, np.ndarray]:
        """Its arrays."""


@dataclass(frozen=True)
class Voice:
    """A reading and what was fitted on it."""

    reading: Reading
    machines: Machines

    def scores(self, rows: Any, groups: Sequence[np.ndarray]) -> np.ndarray:
        """Float32 of shape (groups, authors)."""
        return self.machines.scores(self.reading.bundle(rows, groups))

    def state(self) -> dict[str, np.ndarray]:
        """Its arrays."""
        machines = {"weights": self.machines.weights, "intercepts": self.machines.intercepts}
        return {**self.reading.state(), **machines}


@dataclass(frozen=True)
class Characters:
    """N-grams of characters, words and shapes."""

    features: StyleFeatures

    @property
    def width(self) -> int:
        """N-grams."""
        return self.features.width

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """As ``Reading``."""
        return self.features.transform(texts)

    def bundle(self, rows: sparse.csr_matrix, groups: Sequence[np.ndarray]) -> sparse.csr_matrix:
        """As ``Reading``."""
        return linear.bundle(rows, groups)

    def fit(self, rows: sparse.csr_matrix, authors: np.ndarray, *, seed: int) -> Machines:
        """As ``Reading``."""
        return linear.with_habits(linear.fit_machines(rows, authors, seed=seed), rows, authors)

    def state(self) -> dict[str, np.ndarray]:
        """As ``Reading``."""
        return self.features.state()


@dataclass(frozen=True)
class Embeddings:
    """Vectors of an encoder.

    Attributes:
        center: mean vector of the training messages; float32 of shape (width,).
        scale: standard deviation of each number; float32 of shape (width,).
    """

    encoder: TextEncoder
    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fitted(cls, encoder: TextEncoder, texts: Sequence[str]) -> tuple[Embeddings, np.ndarray]:
        """The reading of an encoder, and the rows of the training messages."""
        raw = encoder.embed(texts)
        center = raw.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.maximum(raw.std(axis=0, dtype=np.float64), _LEAST_SCALE).astype(np.float32)
        return cls(encoder, center, scale), (raw - center) / scale

    @classmethod
    def from_state(cls, encoder: TextEncoder, state: Mapping[str, np.ndarray]) -> Embeddings:
        """The reading that gave ``state``.

        Raises:
            KeyError: when an array is missing.
            ModelError: CP-ML-034 when one is not what ``state`` gives.
        """
        for name in ("center", "scale"):
            value = state[name]
            if value.dtype != np.float32 or value.shape != (encoder.width,) or not np.isfinite(value).all():
                raise ModelError("CP-ML-034", f"{ENCODER}.{name}")
        if (state["scale"] < np.float32(_LEAST_SCALE)).any():
            raise ModelError("CP-ML-034", f"{ENCODER}.scale")
        return cls(encoder, state["center"], state["scale"])

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return self.encoder.width

    def transform(self, texts: Sequence[str]) -> np.ndarray:
        """As ``Reading``."""
        return (self.encoder.embed(texts) - self.center) / self.scale

    def bundle(self, rows: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
        """The direction of the mean; as ``Reading``."""
        means = np.zeros((len(groups), rows.shape[1]), dtype=np.float32)
        for place, group in enumerate(groups):
            if len(group):
                means[place] = rows[group].mean(axis=0)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return means / np.where(lengths > 0, lengths, 1)

    def fit(self, rows: np.ndarray, authors: np.ndarray, *, seed: int) -> Machines:
        """As ``Reading``."""
        return linear.fit_machines(rows, authors, seed=seed, bundled=self.bundle, cost=_COST)

    def state(self) -> dict[str, np.ndarray]:
        """As ``Reading``; the encoder has files of its own."""
        return {"center": self.center, "scale": self.scale}
