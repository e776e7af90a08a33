"""What an evaluation found: figures with intervals, the curves behind the pictures, and the scored rows.

What belongs here: putting metrics, intervals and slices together; their JSON. What does not: pictures
(``pictures``), the model card (``card``), what is good enough (``registry.promotion``). No text of any message
enters a report: rows are named by keys that the caller derives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from chat_platform.errors import ModelError
from chat_platform.ml.evaluation import metrics
from chat_platform.ml.evaluation.intervals import Interval, Judged, Resampler
from chat_platform.ml.evaluation.metrics import Confusion, ReliabilityBin
from chat_platform.ml.evaluation.slices import ALL

RAW = "raw"
NO_QUESTION_MARK = "no_question_mark"
WHOLE_METRICS = ("precision", "recall", "f1", "accuracy", "auc", "average_precision", "brier", "ece")
SLICE_METRICS = ("precision", "recall", "f1", "accuracy")
_CURVE_POINTS = 200
_DIGITS = 6


@dataclass(frozen=True)
class Figure:
    """A row of ``ml.evaluations`` without the model."""

    dataset: str
    variant: str
    slice: str
    metric: str
    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Curves:
    """What the pictures of one variant are drawn from.

    Attributes:
        precision_recall: pairs (recall, precision), from the highest threshold down.
    """

    dataset: str
    variant: str
    confusion: Confusion
    reliability: tuple[ReliabilityBin, ...]
    precision_recall: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ScoredRows:
    """Test rows as one version scored them: what two versions are compared on.

    For a model that ranks (authors), a label says whether its first guess was right, and the probability is its
    confidence in that guess.

    Attributes:
        keys: names of the rows, stable and unique, and no text.
        groups: recording of each row.
        labels: bool, shape (rows,).
        probabilities: float, shape (rows,).
        threshold: probability from which the version says yes.
        masks: slice → bool, shape (rows,).
        weights: shape (rows,); ``None``: all 1.
    """

    keys: tuple[str, ...]
    groups: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    threshold: float
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        parts = [self.groups, self.labels, self.probabilities, *self.masks.values()]
        if any(len(part) != len(self.keys) for part in parts) or len(set(self.keys)) != len(self.keys):
            raise ValueError("scored rows need one key, group, label and probability each, and no key twice")

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.keys)

    @property
    def judged(self) -> Judged:
        """The rows as the metrics take them."""
        return Judged(self.labels, self.probabilities, self.threshold, self.weights)

    def of(self, rows: np.ndarray | Sequence[int]) -> ScoredRows:
        """Some of the rows: a mask or their numbers."""
        chosen = np.asarray(rows)
        numbers = np.arange(len(self))[chosen if chosen.dtype == bool else chosen.astype(np.int64)]
        return ScoredRows(
            tuple(self.keys[row] for row in numbers),
            tuple(self.groups[row] for row in numbers),
            self.labels[numbers],
            self.probabilities[numbers],
            self.threshold,
            {name: mask[numbers] for name, mask in self.masks.items()},
            None if self.weights is None else self.weights[numbers],
        )

    def common(self, other: ScoredRows) -> tuple[ScoredRows, ScoredRows]:
        """The rows that both have, in this one's order."""
        place = {key: number for number, key in enumerate(other.keys)}
        mine = np.array([number for number, key in enumerate(self.keys) if key in place], dtype=np.int64)
        theirs = np.array([place[self.keys[number]] for number in mine], dtype=np.int64)
        return self.of(mine), other.of(theirs)

    def to_json(self) -> bytes:
        """The rows, probabilities with six digits."""
        value = {
            "threshold": self.threshold,
            "keys": self.keys,
            "groups": self.groups,
            "labels": np.asarray(self.labels, dtype=int).tolist(),
            "probabilities": np.round(self.probabilities, _DIGITS).tolist(),
            "masks": {name: np.flatnonzero(mask).tolist() for name, mask in sorted(self.masks.items())},
            "weights": None if self.weights is None else np.asarray(self.weights, dtype=float).tolist(),
        }
        return json.dumps(value, separators=(",", ":")).encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes) -> ScoredRows:
        """What ``to_json`` wrote.

        Raises:
            ModelError: CP-ML-028 when it is something else.
        """
        value = _parsed(data, "predictions.json")
        try:
            number = len(value["keys"])
            masks = {}
            for name, rows in value["masks"].items():
                masks[name] = np.zeros(number, dtype=bool)
                masks[name][np.array(rows, dtype=np.int64)] = True
            weights = value["weights"]
            return cls(
                tuple(value["keys"]),
                tuple(value["groups"]),
                np.array(value["labels"], dtype=bool),
                np.array(value["probabilities"], dtype=float),
                float(value["threshold"]),
                masks,
                None if weights is None else np.array(weights, dtype=float),
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ModelError("CP-ML-028", f"predictions.json: {type(error).__name__}") from error


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured of one version."""

    figures: tuple[Figure, ...]
    curves: tuple[Curves, ...] = ()

    def table_rows(self, model_name: str, model_version: str) -> list[dict[str, Any]]:
        """Rows of ``ml.evaluations``; what is not defined is null."""
        return [
            {"model_name": model_name, "model_version": model_version} | _nulls(asdict(figure))
            for figure in self.figures
        ]

    def figure(
        self, metric: str, *, variant: str = RAW, slice_name: str = ALL, dataset: str | None = None
    ) -> Figure | None:
        """One figure, of the first data set unless told; ``None`` where it was not measured."""
        for figure in self.figures:
            wanted = (metric, variant, slice_name, dataset or figure.dataset)
            if (figure.metric, figure.variant, figure.slice, figure.dataset) == wanted:
                return figure
        return None

    def summary(self) -> dict[str, float | None]:
        """Figures on all rows as ``<variant>.<metric>``, of the first data set; for lists and manifests."""
        found: dict[str, float | None] = {}
        for figure in self.figures:
            if figure.slice == ALL and figure.dataset == self.figures[0].dataset:
                value = None if math.isnan(figure.value) else round(figure.value, _DIGITS)
                found.setdefault(f"{figure.variant}.{figure.metric}", value)
        return found

    def joined(self, *others: Evaluation) -> Evaluation:
        """This evaluation and others, one behind the other."""
        parts = (self, *others)
        return Evaluation(
            tuple(figure for part in parts for figure in part.figures),
            tuple(curve for part in parts for curve in part.curves),
        )

    def to_json(self) -> bytes:
        """Figures and curves; what is not defined is null."""
        value = {
            "figures": [_nulls(asdict(figure)) for figure in self.figures],
            "curves": [_nulls(asdict(curve)) for curve in self.curves],
        }
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1).encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes) -> Evaluation:
        """What ``to_json`` wrote.

        Raises:
            ModelError: CP-ML-028 when it is something else.
        """
        value = _parsed(data, "evaluation.json")
        try:
            return cls(
                tuple(Figure(**_nans(figure)) for figure in value["figures"]),
                tuple(_curves(curve) for curve in value["curves"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("CP-ML-028", f"evaluation.json: {type(error).__name__}") from error


def evaluate_binary(dataset: str, variants: Mapping[str, ScoredRows], *, seed: int = 0) -> Evaluation:
    """Evaluate a yes/no model.

    Args:
        dataset: name of the evaluation set.
        variants: ``raw`` and ``no_question_mark``, each scored. Slices are those of its masks.
        seed: of the resampling.
    """
    figures, curves = [], []
    for variant, rows in variants.items():
        figures += _figures(dataset, variant, ALL, rows, WHOLE_METRICS, seed)
        for name, mask in rows.masks.items():
            if name != ALL:
                figures += _figures(dataset, variant, name, rows.of(mask), SLICE_METRICS, seed)
        curves.append(_curves_of(dataset, variant, rows))
    return Evaluation(tuple(figures), tuple(curves))


def evaluate_ranking(
    dataset: str,
    variant: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    groups: Sequence[str],
    masks: Mapping[str, np.ndarray] | None = None,
    *,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a model that ranks classes (authors).

    Figures: ``top1``, ``top5``, ``macro_f1``, ``ece`` of the confidence in the first guess, and ``majority``: what
    always guessing the most frequent class of these rows would reach.

    Args:
        dataset: name of the evaluation set.
        variant: as in ``ml.evaluations``.
        labels: column of the right class, shape (rows,); -1 where it is none of them.
        probabilities: shape (rows, classes).
        groups: recording of each row.
        masks: slice → bool, shape (rows,).
        seed: of the resampling.
    """
    labels, probabilities = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=float)
    group_names = np.asarray(groups, dtype=str)
    figures = []
    for name, mask in {ALL: np.ones(len(labels), dtype=bool), **(masks or {})}.items():
        figures += _ranking_figures(
            dataset, variant, name, labels[mask], probabilities[mask], group_names[mask], seed
        )
    return Evaluation(tuple(figures))


def ranking_rows(
    keys: Sequence[str],
    groups: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
    masks: Mapping[str, np.ndarray] | None = None,
    threshold: float = 0.0,
) -> ScoredRows:
    """Scored rows of a model that ranks; arguments as of ``evaluate_ranking``."""
    probabilities = np.asarray(probabilities, dtype=float)
    first = metrics.ranks(labels, probabilities) == 1
    confidence = probabilities.max(axis=1, initial=0.0)
    return ScoredRows(tuple(keys), tuple(groups), first, confidence, threshold, dict(masks or {}))


def _figures(
    dataset: str, variant: str, name: str, rows: ScoredRows, wanted: Sequence[str], seed: int
) -> list[Figure]:
    resampler = Resampler(rows.groups, seed=seed)
    values = metrics.binary_metrics(rows.labels, rows.probabilities, rows.threshold, rows.weights)
    return [
        _figure(dataset, variant, name, metric, resampler.interval(metric, rows.judged), values[metric])
        for metric in wanted
    ]


def _figure(
    dataset: str, variant: str, name: str, metric: str, interval: Interval, value: float | None = None
) -> Figure:
    value = interval.value if value is None else value
    return Figure(dataset, variant, name, metric, value, interval.low, interval.high, interval.rows)


def _ranking_figures(
    dataset: str,
    variant: str,
    name: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    seed: int,
) -> list[Figure]:
    resampler, places = Resampler(groups, seed=seed), metrics.ranks(labels, probabilities)
    classes = probabilities.shape[1]
    guesses = probabilities.argmax(axis=1) if classes else np.zeros(len(labels), dtype=np.int64)
    confidence = probabilities.max(axis=1, initial=0.0)
    majority = metrics.multiclass_metrics(labels, guesses)["majority"]
    measured = {
        "top1": resampler.interval("rate", Judged(places == 1, confidence)),
        "top5": resampler.interval("rate", Judged(places <= 5, confidence)),
        "macro_f1": resampler.interval("macro_f1", Judged(labels, guesses)),
        "ece": resampler.interval("ece", Judged(places == 1, confidence)),
        "majority": Interval(majority, math.nan, math.nan, len(labels)),
    }
    return [_figure(dataset, variant, name, metric, found) for metric, found in measured.items()]


def _curves_of(dataset: str, variant: str, rows: ScoredRows) -> Curves:
    said = np.asarray(rows.probabilities) >= rows.threshold
    return Curves(
        dataset,
        variant,
        metrics.confusion(rows.labels, said, rows.weights),
        tuple(metrics.reliability_curve(rows.labels, rows.probabilities, rows.weights)),
        _precision_recall(rows),
    )


def _precision_recall(rows: ScoredRows) -> tuple[tuple[float, float], ...]:
    """At most ``_CURVE_POINTS`` points; none without a yes."""
    from sklearn.metrics import precision_recall_curve

    if not np.any(rows.labels):
        return ()
    precision, recall, _ = precision_recall_curve(
        rows.labels, rows.probabilities, sample_weight=rows.weights, drop_intermediate=True
    )
    kept = np.unique(np.linspace(0, len(recall) - 1, _CURVE_POINTS).astype(int))
    points = zip(recall[kept][::-1], precision[kept][::-1], strict=True)
    return tuple((round(float(r), _DIGITS), round(float(p), _DIGITS)) for r, p in points)


def _curves(value: Mapping[str, Any]) -> Curves:
    return Curves(
        value["dataset"],
        value["variant"],
        Confusion(**value["confusion"]),
        tuple(ReliabilityBin(**one) for one in value["reliability"]),
        tuple((recall, precision) for recall, precision in value["precision_recall"]),
    )


def _parsed(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise ModelError("CP-ML-028", f"{name}: no JSON") from error


def _nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def _nans(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if row[key] is None else row[key] for key in row}
