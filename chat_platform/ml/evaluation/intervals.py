"""How sure a figure is: intervals by resampling whole recordings.

What belongs here: the bootstrap of one model's figures and of the difference between two models on the same rows.
What does not: the figures (``metrics``), what a difference leads to (``registry.promotion``).

Messages of one lecture resemble each other, so whole groups (recordings) are drawn, not rows. Most figures depend
on sums only: they are summed once a group, and 1,000 resamples are one product of matrices. Areas under curves need
the rows' order: rows are sorted once, and a resample is a weighting of them. With fewer than ``MIN_GROUPS`` groups
there is little to draw from; rows are drawn then, and ``Interval.unit`` says so: such an interval is too narrow
where rows of a group resemble each other.

Intervals are the 2.5 % and 97.5 % quantiles of the resamples in which the figure is defined. A calibration error
is larger in resamples than in the rows they come from, so its interval may lie above its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from chat_platform.ml.evaluation import metrics

RESAMPLES = 1_000
MIN_GROUPS = 5
LEVEL = 0.95
_BLOCK_CELLS = 4_000_000
_SUMMED = ("precision", "recall", "f1", "accuracy", "brier", "ece", "rate", "macro_f1")
_ORDERED = ("auc", "average_precision")
METRICS = _SUMMED + _ORDERED


@dataclass(frozen=True)
class Judged:
    """Rows as one model judged them.

    ``rate`` is the share of true labels: with ``labels`` = "the first guess was right" it is top-1 accuracy, and
    ``ece`` is the calibration of the confidence in the guess.

    Attributes:
        labels: bool, shape (rows,); for ``macro_f1`` the classes, of any type.
        probabilities: float, shape (rows,); for ``macro_f1`` the predicted classes.
        threshold: probability from which the model says yes.
        weights: at least 0, shape (rows,); ``None``: all 1.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    threshold: float = 0.5
    weights: np.ndarray | None = None

    def of(self, rows: np.ndarray) -> Judged:
        """Some of the rows: a mask or their numbers."""
        weights = None if self.weights is None else np.asarray(self.weights)[rows]
        return Judged(
            np.asarray(self.labels)[rows], np.asarray(self.probabilities)[rows], self.threshold, weights
        )


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        value: the figure on all rows; NaN where they do not define it.
        low: lower end; NaN where no interval can be given.
        high: upper end.
        rows: rows it was measured on.
        unit: what was resampled, ``groups`` or ``rows``.
    """

    value: float
    low: float
    high: float
    rows: int
    unit: str = "groups"


@dataclass(frozen=True)
class Resampler:
    """Draws of groups, the same for every figure and model that is asked of it.

    Args:
        groups: group (recording) of each row, shape (rows,).
        resamples: number of draws.
        seed: the same seed gives the same draws.
    """

    groups: Sequence[str] | np.ndarray
    resamples: int = RESAMPLES
    seed: int = 0
    _codes: np.ndarray = field(init=False, repr=False)
    _draws: np.ndarray = field(init=False, repr=False)
    unit: str = field(init=False)

    def __post_init__(self) -> None:
        names, codes = np.unique(np.asarray(self.groups, dtype=str), return_inverse=True)
        by_group = len(names) >= MIN_GROUPS
        codes = codes if by_group else np.arange(len(codes))
        number = len(names) if by_group else len(codes)
        object.__setattr__(self, "unit", "groups" if by_group else "rows")
        object.__setattr__(self, "_codes", codes)
        object.__setattr__(self, "_draws", _draws(number, self.resamples, self.seed))

    def interval(self, metric: str, judged: Judged) -> Interval:
        """A figure and how sure it is.

        Args:
            metric: one of ``METRICS``.
            judged: all rows, in the order of ``groups``; rows of weight 0 count nowhere.
        """
        value, samples = self._samples(metric, judged)
        low, high = _ends(samples)
        return Interval(value, low, high, _rows(judged), self.unit)

    def difference(self, metric: str, candidate: Judged, champion: Judged) -> Interval:
        """Candidate minus champion on the same rows, the same draws for both."""
        if len(candidate.labels) != len(champion.labels):
            raise ValueError(
                f"{len(candidate.labels)} rows of one model, {len(champion.labels)} of the other"
            )
        value, samples = self._samples(metric, candidate)
        other, other_samples = self._samples(metric, champion)
        low, high = _ends(samples - other_samples)
        return Interval(value - other, low, high, _rows(candidate), self.unit)

    def _samples(self, metric: str, judged: Judged) -> tuple[float, np.ndarray]:
        if len(judged.labels) != len(self._codes):
            raise ValueError(f"{len(judged.labels)} judged rows, {len(self._codes)} rows with groups")
        if metric in _SUMMED:
            return self._summed(metric, judged)
        if metric in _ORDERED:
            return self._ordered(_auc if metric == "auc" else _average_precision, judged)
        raise ValueError(f"no interval for {metric!r}")

    def _summed(self, metric: str, judged: Judged) -> tuple[float, np.ndarray]:
        columns, finish = _sums(metric, judged)
        number = self._draws.shape[1]
        by_group = np.stack(
            [np.bincount(self._codes, weights=column, minlength=number) for column in columns], axis=1
        )
        whole = by_group.sum(axis=0, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(finish(whole)[0]), finish(self._draws @ by_group)

    def _ordered(self, area: Callable[..., np.ndarray], judged: Judged) -> tuple[float, np.ndarray]:
        probabilities = np.asarray(judged.probabilities, dtype=float)
        order = np.argsort(-probabilities, kind="stable")
        ranked = probabilities[order]
        starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1]))) if len(ranked) else order
        labels = np.asarray(judged.labels, dtype=bool)[order]
        weights = metrics.weights_of(judged.labels, judged.weights)[order].astype(np.float32)
        if not len(ranked):
            return math.nan, np.full(self.resamples, math.nan)
        codes = self._codes[order]
        whole = area(weights[None, :], labels, starts)
        block = max(1, _BLOCK_CELLS // len(ranked))
        parts = [
            area(self._draws[at : at + block][:, codes] * weights, labels, starts)
            for at in range(0, self.resamples, block)
        ]
        return float(whole[0]), np.concatenate([np.empty(0), *parts])


def _draws(number: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of ``number`` things is drawn; float32 of shape (resamples, number)."""
    random = np.random.default_rng(seed)
    counts = np.zeros((resamples, number), dtype=np.float32)
    block = max(1, _BLOCK_CELLS // max(number, 1))
    for at in range(0, resamples if number else 0, block):
        size = min(block, resamples - at)
        drawn = random.integers(0, number, size=(size, number)) + np.arange(size)[:, None] * number
        counts[at : at + size] = np.bincount(drawn.ravel(), minlength=size * number).reshape(size, number)
    return counts


def _ends(samples: np.ndarray) -> tuple[float, float]:
    defined = samples[np.isfinite(samples)]
    # Where most resamples leave a figure undefined, the quantiles of the rest would speak of something else.
    if len(defined) < len(samples) / 2 or not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _rows(judged: Judged) -> int:
    return int(np.count_nonzero(metrics.weights_of(judged.labels, judged.weights)))


Finish = Callable[[np.ndarray], np.ndarray]


def _sums(metric: str, judged: Judged) -> tuple[list[np.ndarray], Finish]:
    """Columns to be summed, and the figure from sums of shape (resamples, columns)."""
    w = metrics.weights_of(judged.labels, judged.weights)
    if metric == "macro_f1":
        return _macro_f1(judged, w)
    labels = np.asarray(judged.labels, dtype=bool)
    probabilities = np.asarray(judged.probabilities, dtype=float)
    said = probabilities >= judged.threshold
    if metric == "ece":
        return _calibration(labels, probabilities, w)
    columns = {
        "precision": (labels & said, said),
        "recall": (labels & said, labels),
        "f1": (2 * (labels & said), labels.astype(int) + said),
        "accuracy": (labels == said, np.ones(len(labels))),
        "brier": ((probabilities - labels) ** 2, np.ones(len(labels))),
        "rate": (labels, np.ones(len(labels))),
    }[metric]
    return [w * column for column in columns], lambda sums: sums[:, 0] / sums[:, 1]


def _calibration(
    labels: np.ndarray, probabilities: np.ndarray, w: np.ndarray
) -> tuple[list[np.ndarray], Finish]:
    """Bins are those of all rows; resamples do not move them."""
    places = metrics.mass_bins(probabilities, w)
    gaps = [w * (probabilities - labels) * (places == number) for number in range(metrics.DEFAULT_BINS)]
    return [w, *gaps], lambda sums: np.abs(sums[:, 1:]).sum(axis=1) / sums[:, 0]


def _macro_f1(judged: Judged, w: np.ndarray) -> tuple[list[np.ndarray], Finish]:
    labels, predicted = np.asarray(judged.labels), np.asarray(judged.probabilities)
    classes = np.unique(np.concatenate([labels[w > 0], predicted[w > 0]]))
    columns = [w * 2 * ((labels == one) & (predicted == one)) for one in classes]
    columns += [w * ((labels == one).astype(int) + (predicted == one)) for one in classes]
    columns += [w * (labels == one) for one in classes]
    never_there = ~np.isin(classes, labels[w > 0])

    def finish(sums: np.ndarray) -> np.ndarray:
        if not len(classes):
            return np.full(len(sums), math.nan)
        right, either, there = np.split(sums, 3, axis=1)
        f1 = right / either
        # A class whose groups were not drawn is no class of the resample: that somebody else is taken for it would
        # count as a whole class of nothing but errors, and the interval would lie below the value. One that is
        # nobody's class in all rows is guessed wrongly whenever it is guessed.
        known = (there > 0) | (never_there & (either > 0))
        return np.where(known, f1, 0).sum(axis=1) / known.sum(axis=1)

    return columns or [w], finish


def _auc(weights: np.ndarray, labels: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Areas under ROC curves.

    Args:
        weights: of rows from the highest probability down, shape (resamples, rows).
        labels: shape (rows,).
        starts: first row of each distinct probability.
    """
    yes, both = _by_value(weights * labels, starts), _by_value(weights, starts)
    no = both - yes
    # Right pairs: each no with the yeses above it, and half of those beside it.
    yes_from_top = np.cumsum(yes, axis=1, dtype=np.float64)
    all_yes, all_no = yes_from_top[:, -1], no.sum(axis=1, dtype=np.float64)
    right = np.einsum("ij,ij->i", yes_from_top, no) - np.einsum("ij,ij->i", yes, no) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return right / (all_yes * all_no)


def _average_precision(weights: np.ndarray, labels: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Areas under precision-recall curves, as steps; arguments as of ``_auc``."""
    yes = _by_value(weights * labels, starts)
    said = np.cumsum(_by_value(weights, starts), axis=1, dtype=np.float64)
    found = np.cumsum(yes, axis=1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(said > 0, found / said, 0)
        return np.einsum("ij,ij->i", precision, yes) / found[:, -1]


def _by_value(weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sums over rows of equal probability."""
    return weights if len(starts) == weights.shape[1] else np.add.reduceat(weights, starts, axis=1)
