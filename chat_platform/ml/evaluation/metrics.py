"""Figures that say how good probabilities and decisions are.

What belongs here: pure functions from labels and predictions to numbers. What does not: their intervals
(``intervals``), parts of a data set (``slices``), what a figure must reach (``registry.promotion``).

A figure that the rows do not define is NaN: precision of a model that never says yes, the area under a curve
when only one class is there, anything of no rows. Nothing here puts a zero or a one in its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

DEFAULT_BINS = 10
UNRANKED = 2**31 - 1
"""Rank of a class that the model does not know: beyond every ``top k``."""


@dataclass(frozen=True)
class Confusion:
    """Sums of weights, or counts where rows have no weights."""

    tp: float
    fp: float
    fn: float
    tn: float

    @property
    def precision(self) -> float:
        """Share of what was called a yes that is one."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the yeses that were found."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where everything said and everything there disagree, NaN with no yes at all."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        return ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar probability: what was promised, and what came.

    Attributes:
        promised: mean probability.
        happened: share of yeses.
        weight: sum of the weights.
    """

    promised: float
    happened: float
    weight: float


def ratio(part: float, whole: float) -> float:
    """``part / whole``, NaN where there is no whole."""
    return float(part / whole) if whole > 0 else math.nan


def confusion(labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> Confusion:
    """The four cells, of arrays of shape (rows,)."""
    labels, predicted = np.asarray(labels, dtype=bool), np.asarray(predicted, dtype=bool)
    w = weights_of(labels, weights)
    cells = np.bincount(2 * labels + predicted, weights=w, minlength=4)
    return Confusion(tp=float(cells[3]), fp=float(cells[1]), fn=float(cells[2]), tn=float(cells[0]))


def auc(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Area under the ROC curve; NaN unless both classes have weight."""
    from sklearn.metrics import roc_auc_score

    labels, probabilities, w = _rows_with_weight(labels, probabilities, weights)
    if labels.all() or not labels.any():
        return math.nan
    return float(roc_auc_score(labels, probabilities, sample_weight=w))


def average_precision(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Area under the precision-recall curve, as steps; NaN without a yes."""
    from sklearn.metrics import average_precision_score

    labels, probabilities, w = _rows_with_weight(labels, probabilities, weights)
    if not labels.any():
        return math.nan
    return float(average_precision_score(labels, probabilities, sample_weight=w))


def brier(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean squared distance of probability and truth."""
    labels, probabilities, w = _rows_with_weight(labels, probabilities, weights)
    return ratio(float(np.sum(w * (probabilities - labels) ** 2)), float(w.sum()))


def mass_bins(
    probabilities: np.ndarray, weights: np.ndarray | None = None, bins: int = DEFAULT_BINS
) -> np.ndarray:
    """Bin of each row, so that bins hold about equal weight; equal probabilities share one.

    Returns:
        int64 of shape (rows,), values from 0 to ``bins - 1``; some may stay empty.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    w = weights_of(probabilities, weights)
    if not len(probabilities) or w.sum() <= 0:
        return np.zeros(len(probabilities), dtype=np.int64)
    values, places = np.unique(probabilities, return_inverse=True)
    mass = np.bincount(places, weights=w, minlength=len(values))
    middle = np.cumsum(mass) - mass / 2
    bin_of_value = np.minimum((middle / mass.sum() * bins).astype(np.int64), bins - 1)
    return bin_of_value[places]


def reliability_curve(
    labels: np.ndarray,
    probabilities: np.ndarray,
    weights: np.ndarray | None = None,
    bins: int = DEFAULT_BINS,
) -> list[ReliabilityBin]:
    """Promised against happened, over bins of equal mass; empty bins are left out."""
    sums = _bin_sums(labels, probabilities, weights, bins)
    return [
        ReliabilityBin(float(p / weight), float(y / weight), float(weight))
        for weight, p, y in sums
        if weight > 0
    ]


def expected_calibration_error(
    labels: np.ndarray,
    probabilities: np.ndarray,
    weights: np.ndarray | None = None,
    bins: int = DEFAULT_BINS,
) -> float:
    """Mean distance of promised and happened over bins of equal mass (10 unless told), weighted by mass.

    Chance alone makes it larger than 0; ``calibration_noise`` says by how much.
    """
    sums = _bin_sums(labels, probabilities, weights, bins)
    return ratio(float(np.abs(sums[:, 1] - sums[:, 2]).sum()), float(sums[:, 0].sum()))


def calibration_noise(
    probabilities: np.ndarray, weights: np.ndarray | None = None, bins: int = DEFAULT_BINS
) -> float:
    """Calibration error that a perfectly calibrated model would show on these rows by chance.

    A bin's sum of ``label - probability`` is then nearly normal with variance Σ w²p(1-p), and the mean of its
    absolute value is √(2/π) times its deviation.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    w = weights_of(probabilities, weights)
    variances = np.bincount(
        mass_bins(probabilities, w, bins), weights=w**2 * probabilities * (1 - probabilities), minlength=bins
    )
    return ratio(float(np.sqrt(2 / np.pi * np.maximum(variances, 0)).sum()), float(w.sum()))


def binary_metrics(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Every figure of a yes/no model.

    Args:
        labels: bool, shape (rows,).
        probabilities: of a yes, shape (rows,).
        threshold: probability from which the model says yes.
        weights: at least 0, shape (rows,); all 1 unless given.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    cells = confusion(labels, probabilities >= threshold, weights)
    return {
        "precision": cells.precision,
        "recall": cells.recall,
        "f1": cells.f1,
        "accuracy": cells.accuracy,
        "auc": auc(labels, probabilities, weights),
        "average_precision": average_precision(labels, probabilities, weights),
        "brier": brier(labels, probabilities, weights),
        "ece": expected_calibration_error(labels, probabilities, weights),
    }


def multiclass_metrics(
    labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Accuracy, macro F1 over the classes that are in the labels or predictions, and the majority baseline."""
    from sklearn.metrics import f1_score

    labels, predicted = np.asarray(labels), np.asarray(predicted)
    w = weights_of(labels, weights)
    if w.sum() <= 0:
        return dict.fromkeys(("accuracy", "macro_f1", "majority"), math.nan)
    classes, places = np.unique(labels, return_inverse=True)
    mass = np.bincount(places, weights=w, minlength=len(classes))
    return {
        "accuracy": float(np.average(labels == predicted, weights=w)),
        "macro_f1": float(f1_score(labels, predicted, average="macro", sample_weight=w, zero_division=0)),
        "majority": float(mass.max() / mass.sum()),
    }


def ranks(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Place of the right class among the guesses, 1 the first; ties count against the model.

    Args:
        labels: column of the right class, shape (rows,); -1 where the right class is none of them.
        probabilities: shape (rows, classes).

    Returns:
        int64 of shape (rows,); ``UNRANKED`` where the right class is none of them.
    """
    labels = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(probabilities, dtype=float)
    if not probabilities.shape[1]:
        return np.full(len(labels), UNRANKED, dtype=np.int64)
    own = probabilities[np.arange(len(labels)), np.maximum(labels, 0)]
    place = (probabilities >= own[:, None]).sum(axis=1)
    return np.where(labels >= 0, place, UNRANKED).astype(np.int64)


def threshold_for_best_f1(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Threshold with the highest F1 on these rows, in the middle between two probabilities; NaN without a yes."""
    labels, probabilities, w = _rows_with_weight(labels, probabilities, weights)
    if not labels.any():
        return math.nan
    values, hits, said = _said_from(probabilities, w * labels, w)
    return _cut(values, 2 * hits / (said + hits[-1]))


def threshold_for_expected_f1(probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Threshold with the highest F1 to be expected when the probabilities are calibrated; needs no label.

    Saying yes from a probability up finds Σp yeses of the rows above it, of Σp in all; the F1 of these expectations
    is maximised, which for many rows is the expectation of F1. NaN when there is no row, or none that could be a
    yes.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    w = weights_of(probabilities, weights)
    probabilities, w = probabilities[w > 0], w[w > 0]
    if not np.any(probabilities > 0):
        return math.nan
    values, hits, said = _said_from(probabilities, w * probabilities, w)
    return _cut(values, 2 * hits / (said + hits[-1]))


def weights_of(rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The weights as floats, all 1 where none are given.

    Raises:
        ValueError: another number of weights than rows, or a weight that is negative or no number.
    """
    if weights is None:
        return np.ones(len(rows))
    w = np.asarray(weights, dtype=float)
    if w.shape != (len(rows),):
        raise ValueError(f"{len(rows)} rows, weights of shape {w.shape}")
    if not np.all(np.isfinite(w)) or np.any(w < 0):
        raise ValueError("weights must be finite and at least 0")
    return w


def _rows_with_weight(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, probabilities = np.asarray(labels, dtype=bool), np.asarray(probabilities, dtype=float)
    if labels.shape != probabilities.shape:
        raise ValueError(f"labels of shape {labels.shape}, probabilities of shape {probabilities.shape}")
    w = weights_of(labels, weights)
    return labels[w > 0], probabilities[w > 0], w[w > 0]


def _bin_sums(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None, bins: int
) -> np.ndarray:
    """Weight, promised and happened of each bin; shape (bins, 3)."""
    labels, probabilities, w = _rows_with_weight(labels, probabilities, weights)
    places = mass_bins(probabilities, w, bins)
    columns = (w, w * probabilities, w * labels)
    return np.stack([np.bincount(places, weights=column, minlength=bins) for column in columns], axis=1)


def _said_from(
    probabilities: np.ndarray, hits: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct probabilities from the highest down, and the sums of hits and weights from the highest to each."""
    values, places = np.unique(-probabilities, return_inverse=True)
    found = np.cumsum(np.bincount(places, weights=hits, minlength=len(values)))
    said = np.cumsum(np.bincount(places, weights=weights, minlength=len(values)))
    return -values, found, said


def _cut(values: np.ndarray, f1: np.ndarray) -> float:
    """Threshold below the best value, half way to the next one; of equal F1 the highest threshold."""
    best = int(np.argmax(f1))
    below = values[best + 1] if best + 1 < len(values) else 0.0
    middle = float((values[best] + below) / 2)
    # Two neighbouring floats have no middle; the lower of them would let the next value in.
    return middle if middle > below else float(values[best])
