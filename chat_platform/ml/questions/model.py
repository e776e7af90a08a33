"""The question model as it is trained, kept and served.

What belongs here: the pipeline of features and classifiers, its two heads, its thresholds, its bytes. What does
not: where labels come from (``training``), which version serves (``ml.registry``).

A missing question mark says much in a chat where people type them and nothing in one where they do not, or after
somebody took them out. So there are two heads over the same features: ``marked`` reads the punctuation, ``bare``
was trained without it. A batch in which hardly any message carries a question mark is read by ``bare``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import ModelError
from chat_platform.ml.evaluation.metrics import threshold_for_expected_f1
from chat_platform.ml.questions.features import QuestionFeatures
from chat_platform.ml.questions.linear import CalibratedLinearSVC
from chat_platform.ml.registry.formats import dump_arrays, load_arrays

FILE = "question.safetensors"
_FORMAT = 1
_PARAMETERS = (
    "cost", "expected_share", "characters", "jamo", "morphemes", "frames", "pairs", "grammar", "context", "seed",
)  # fmt: skip
_HEADS = ("marked", "bare")
# A batch tells how its people type from this many messages on.
_ENOUGH = 30
_FEW_MARKS = 0.005
_EXTREME = 1e-6


class QuestionModel:
    """Features and two calibrated linear heads, fitted and saved as one.

    Args:
        cost: of the support vector machines.
        expected_share: share of questions among messages where it will serve; training sets hold more, and the
            weights of the two classes are scaled to it.
        characters, jamo, morphemes, frames, pairs, grammar, context: blocks of features.
        seed: of folds and solvers.

    Attributes:
        threshold: probability from which ``marked`` says yes.
        bare_threshold: the same of ``bare``.
    """

    def __init__(
        self,
        *,
        cost: float = 0.2,
        expected_share: float = 0.2,
        characters: bool = True,
        jamo: bool = False,
        morphemes: bool = True,
        frames: bool = True,
        pairs: bool = True,
        grammar: bool = True,
        context: bool = True,
        seed: int = 0,
    ) -> None:
        self.cost = cost
        self.expected_share = expected_share
        self.characters = characters
        self.jamo = jamo
        self.morphemes = morphemes
        self.frames = frames
        self.pairs = pairs
        self.grammar = grammar
        self.context = context
        self.seed = seed

    def fit(
        self,
        messages: pa.Table,
        y: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> Self:
        """Fit features and heads.

        Args:
            messages: of ``ml.messages.SCHEMA``.
            y: bool of shape (messages,).
            groups: rows of one group are never on both sides of a fold of the calibration.
            weights: of the rows, at least 0; rows of weight 0 are left out.

        Raises:
            ModelError: CP-ML-001 when nothing can be learnt from the texts, CP-ML-002 for one class only.
        """
        y = np.asarray(y, dtype=bool)
        weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
        if not (weights[y].sum() and weights[~y].sum()):
            raise ModelError("CP-ML-002", f"{int(y.sum())} questions of {len(y)} texts")
        if not weights.all():
            counts = np.flatnonzero(weights)
            messages, y, weights = messages.take(pa.array(counts)), y[counts], weights[counts]
            groups = None if groups is None else np.asarray(groups)[counts]
        weights = _scaled(weights, y, self.expected_share)
        self.features_ = self._features()
        matrix = self.features_.fit_transform(messages)
        self.marked_ = self._head().fit(matrix, y, groups=groups, weights=weights)
        bare = self.features_.without_marks(matrix)
        self.bare_ = self._head().fit(bare, y, groups=groups, weights=weights)
        self.threshold = threshold_for_expected_f1(self.marked_.pop_out_of_fold(), weights)
        self.bare_threshold = threshold_for_expected_f1(self.bare_.pop_out_of_fold(), weights)
        return self

    def calibrate_thresholds(self, messages: pa.Table) -> Self:
        """Move both thresholds to where F1 is expected to be highest among these unlabelled messages."""
        if messages.num_rows >= _ENOUGH:
            matrix = self.features_.transform(messages)
            marked, bare = self.marked_.probabilities(matrix), self.bare_.probabilities(matrix)
            self.threshold = _within(threshold_for_expected_f1(marked), self.threshold)
            self.bare_threshold = _within(threshold_for_expected_f1(bare), self.bare_threshold)
        return self

    def probabilities(self, messages: pa.Table) -> np.ndarray:
        """Probability that each message is a question, shape (messages,).

        ``threshold`` cuts it: what ``bare`` says is moved so that its own threshold falls there.
        """
        if not messages.num_rows:
            return np.empty(0)
        matrix = self.features_.transform(messages)
        if _types_marks(messages):
            return _sigmoid(self.marked_.decision_function(matrix))
        moved = (
            self.bare_.decision_function(matrix) - _log_odds(self.bare_threshold) + _log_odds(self.threshold)
        )
        return _sigmoid(moved)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted model as arrays; numbers and settings are JSON in the array ``settings``."""
        settings = {
            "format": _FORMAT,
            "parameters": {name: getattr(self, name) for name in _PARAMETERS},
            "threshold": self.threshold,
            "bare_threshold": self.bare_threshold,
            "heads": {name: getattr(self, f"{name}_").numbers() for name in _HEADS},
        }
        text = json.dumps(settings, sort_keys=True).encode("ascii")
        return {
            "settings": np.frombuffer(text, dtype=np.uint8),
            **{f"head.{name}": getattr(self, f"{name}_").coef_ for name in _HEADS},
            **self.features_.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        """The model of which ``state`` came.

        Raises:
            ModelError: CP-ML-003 when it is something else.
        """
        learnt = dict(state)
        try:
            settings = json.loads(learnt.pop("settings").tobytes())
            if settings["format"] != _FORMAT or set(settings["parameters"]) != set(_PARAMETERS):
                raise ModelError("CP-ML-003", f"format {settings['format']!r}")
            model = cls(**settings["parameters"])
            weights = {name: learnt.pop(f"head.{name}") for name in _HEADS}
            model.features_ = model._features().restore(learnt)
            for name, coef in weights.items():
                if coef.shape != (model.features_.width,) or not np.isfinite(coef).all():
                    raise ModelError("CP-ML-003", f"{name} has the shape {coef.shape}")
                setattr(model, f"{name}_", model._head().restore(coef, settings["heads"][name]))
            model.threshold = float(settings["threshold"])
            model.bare_threshold = float(settings["bare_threshold"])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ModelError("CP-ML-003", type(error).__name__) from error
        return model

    def _features(self) -> QuestionFeatures:
        return QuestionFeatures(
            characters=self.characters,
            jamo=self.jamo,
            morphemes=self.morphemes,
            frames=self.frames,
            pairs=self.pairs,
            grammar=self.grammar,
            context=self.context,
        )

    def _head(self) -> CalibratedLinearSVC:
        return CalibratedLinearSVC(cost=self.cost, seed=self.seed)


def save(model: QuestionModel) -> dict[str, bytes]:
    """Files of a model for the registry; the same model gives the same bytes."""
    return {FILE: dump_arrays(model.state())}


def load(data: bytes) -> QuestionModel:
    """A model from its bytes: arrays and numbers, from which nothing but the types of this module is built.

    Raises:
        ModelError: CP-ML-003 when it is something else, -021 when it is damaged.
    """
    return QuestionModel.from_state(load_arrays(data))


def _types_marks(messages: pa.Table) -> bool:
    if messages.num_rows < _ENOUGH:
        return True
    marked = pc.sum(pc.match_substring(messages["text"], "?")).as_py() or 0
    return marked / messages.num_rows >= _FEW_MARKS


def _scaled(weights: np.ndarray, y: np.ndarray, share: float) -> np.ndarray:
    """Weights with the given share on questions, their sum unchanged."""
    factor = np.where(y, share / weights[y].sum(), (1 - share) / weights[~y].sum())
    return weights * factor * weights.sum()


def _within(threshold: float, other: float) -> float:
    """The threshold, unless the messages gave none or an extreme one."""
    return threshold if 0.05 <= threshold <= 0.95 else other


def _log_odds(p: float) -> float:
    p = min(max(p, _EXTREME), 1 - _EXTREME)
    return float(np.log(p / (1 - p)))


def _sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-scores))
