"""The calibrated linear question model.

What belongs here: the classifier over ``features`` and the pipeline of both. What does not: labels, evaluation,
keeping models.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from chat_platform.errors import ModelError

_FOLDS = 3


class CalibratedLinearSVC(ClassifierMixin, BaseEstimator):
    """A linear support vector machine whose scores become probabilities.

    The sigmoid (Platt 1999) is fitted on scores that models without the row's group gave it, so paraphrases of
    one text, or messages of one lecture, do not vouch for each other. The machine itself is fitted on all rows.

    Args:
        cost: inverse of the regularisation, as scikit-learn's ``C``.
        seed: of the folds and of the solver.

    Attributes:
        coef_: float32 of shape (features,).
        intercept_: of the machine.
        slope_, offset_: probability = 1 / (1 + exp(-(slope · score + offset))).
    """

    def __init__(self, *, cost: float = 0.2, seed: int = 0) -> None:
        self.cost = cost
        self.seed = seed

    def fit(
        self,
        features: sparse.csr_matrix,
        y: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> Self:
        """Fit machine and sigmoid.

        Args:
            features: shape (rows, features).
            y: bool of shape (rows,).
            groups: rows of one group are never on both sides of a fold.
            weights: of the rows.

        Raises:
            ModelError: CP-ML-002 when there is one class only, or too few rows or groups of one.
        """
        y = np.asarray(y, dtype=bool)
        groups = np.arange(len(y)) if groups is None else np.asarray(groups)
        weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
        for value in (True, False):
            if len(np.unique(groups[y == value])) < _FOLDS:
                raise ModelError("CP-ML-002", f"{int((y == value).sum())} texts labelled {value}")
        scores = np.zeros(len(y))
        folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=self.seed)
        for train, held_out in folds.split(scores, y, groups):
            if len(np.unique(y[train])) < 2:
                raise ModelError("CP-ML-002", f"{len(np.unique(groups))} groups of texts")
            machine = self._machine().fit(features[train], y[train], sample_weight=weights[train])
            scores[held_out] = machine.decision_function(features[held_out])
        sigmoid = LogisticRegression(C=1e4).fit(scores[:, None], y, sample_weight=weights)
        machine = self._machine().fit(features, y, sample_weight=weights)
        self.coef_ = machine.coef_[0].astype(np.float32)
        self.intercept_ = float(machine.intercept_[0])
        self.slope_, self.offset_ = float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])
        self._out_of_fold = 1 / (1 + np.exp(-(self.slope_ * scores + self.offset_)))
        self.classes_ = np.array([False, True])
        return self

    def pop_out_of_fold(self) -> np.ndarray:
        """Probabilities of the training rows by machines that had not seen their group; once, they are not kept."""
        found = self._out_of_fold
        del self._out_of_fold
        return found

    def decision_function(self, features: sparse.csr_matrix) -> np.ndarray:
        """Log odds of a question, shape (rows,)."""
        return self.slope_ * (features @ self.coef_ + self.intercept_) + self.offset_

    def predict_proba(self, features: sparse.csr_matrix) -> np.ndarray:
        """Probabilities of shape (rows, 2): not a question, a question."""
        yes = 1 / (1 + np.exp(-self.decision_function(features)))
        return np.column_stack([1 - yes, yes])

    def predict(self, features: sparse.csr_matrix) -> np.ndarray:
        """Bool of shape (rows,), at probability 0.5."""
        return self.decision_function(features) >= 0

    def _machine(self) -> Any:
        return LinearSVC(C=self.cost, random_state=self.seed)
