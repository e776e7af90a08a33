"""Whether a candidate may become champion.

What belongs here: the checks, their reasons in words, and the decision. What does not: scoring rows, the log that
keeps decisions (``storage.promotions``), loading (``serving``).

Every check is blocking. Candidate and champion are compared on the same rows, recordings resampled alike for both,
so that what is easy for both does not hide what is different. Where two models share no rows, they cannot be
compared, and the candidate is refused rather than trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from chat_platform.ml.evaluation import metrics
from chat_platform.ml.evaluation.intervals import Interval, Judged, Resampler
from chat_platform.ml.evaluation.report import WHOLE_METRICS, ScoredRows
from chat_platform.ml.evaluation.slices import ALL
from chat_platform.settings import PromotionRules


@dataclass(frozen=True)
class Check:
    """One rule and how it went.

    Attributes:
        name: ``enough_rows``, ``floor``, ``not_worse``, ``calibration`` or ``slices``.
        passed: whether the candidate may go on.
        why: English.
        why_ko: Korean.
    """

    name: str
    passed: bool
    why: str
    why_ko: str


@dataclass(frozen=True)
class Decision:
    """What the checks come to."""

    promoted: bool
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> list[str]:
        """Why not, or, when promoted, why: ``<check>: <English>``."""
        return [f"{check.name}: {check.why}" for check in self._telling]

    @property
    def reasons_ko(self) -> list[str]:
        """The same in Korean."""
        return [f"{check.name}: {check.why_ko}" for check in self._telling]

    @property
    def _telling(self) -> list[Check]:
        return [check for check in self.checks if check.passed == self.promoted]


class Log(Protocol):
    """What is needed of ``storage.promotions.PromotionLog``."""

    def promote(self, name: str, version: str, *, by: str, reason: str) -> int:
        """Make a version the champion."""

    def refuse(self, name: str, version: str, *, reasons: Sequence[str]) -> int:
        """Note why a version does not become champion."""


def judge(candidate: ScoredRows, champion: ScoredRows | None, rules: PromotionRules) -> Decision:
    """Run every check.

    Args:
        candidate: its test rows.
        champion: rows that the champion scored, of which those are used that the candidate has too; ``None`` when
            there is no champion.
        rules: limits of this model.
    """
    pair = _paired(candidate, champion, rules) if champion is not None else None
    checks = (
        _enough_rows(candidate, rules),
        _floor(candidate, rules),
        _not_worse(pair, rules) if champion is not None else _first("not_worse"),
        _calibration(candidate, rules),
        _slices(pair, rules) if champion is not None else _first("slices"),
    )
    return Decision(all(check.passed for check in checks), checks)


def decide(log: Log, name: str, version: str, decision: Decision, *, by: str) -> bool:
    """Write the decision into the log.

    Returns:
        Whether the version is champion now.
    """
    if decision.promoted:
        log.promote(name, version, by=by, reason="; ".join(decision.reasons))
    else:
        log.refuse(name, version, reasons=decision.reasons)
    return decision.promoted


def differences(one: ScoredRows, two: ScoredRows, rules: PromotionRules) -> tuple[int, dict[str, Interval]]:
    """Number of rows that both scored, and one minus two on them for each metric; empty without such rows."""
    pair = _paired(one, two, rules)
    if not len(pair[0]):
        return 0, {}
    resampler = Resampler(pair[0].groups, seed=rules.seed)
    wanted = ("rate", "ece") if rules.metric == "rate" else WHOLE_METRICS
    return len(pair[0]), {
        metric: resampler.difference(metric, pair[0].judged, pair[1].judged) for metric in wanted
    }


Pair = tuple[ScoredRows, ScoredRows]


def _paired(candidate: ScoredRows, champion: ScoredRows, rules: PromotionRules) -> Pair:
    mine, theirs = candidate.common(champion)
    if rules.metric == "rate":
        # There a label says whether the model was right, so each has its own.
        return mine, replace(theirs, weights=mine.weights)
    # A correction may have changed a label since: the newer one is right for both.
    return mine, replace(theirs, labels=mine.labels, weights=mine.weights)


def _enough_rows(rows: ScoredRows, rules: PromotionRules) -> Check:
    yes, number = int(np.count_nonzero(rows.labels)), len(rows)
    no = number - yes
    # Labels of a ranking model say whether it was right; a candidate that is always right is welcome.
    fewest = number if rules.metric == "rate" else min(yes, no)
    passed = number >= rules.min_rows and fewest >= rules.min_each_class
    return Check(
        "enough_rows",
        passed,
        f"{number} test rows, {yes} of them yes ({rules.min_rows} wanted, {rules.min_each_class} of each kind)",
        f"시험 자료 {number}개, 그중 긍정 {yes}개 (최소 {rules.min_rows}개, 종류별 {rules.min_each_class}개)",
    )


def _floor(rows: ScoredRows, rules: PromotionRules) -> Check:
    value = _value(rules.metric, rows.judged)
    return Check(
        "floor",
        value >= rules.floor,
        f"{rules.metric} is {_number(value)}, {rules.floor:.3f} is the least",
        f"{rules.metric} {_number(value)}, 최소 {rules.floor:.3f}",
    )


def _calibration(rows: ScoredRows, rules: PromotionRules) -> Check:
    error = metrics.expected_calibration_error(rows.labels, rows.probabilities, rows.weights)
    noise = metrics.calibration_noise(rows.probabilities, rows.weights)
    limit = rules.max_calibration_error + noise
    return Check(
        "calibration",
        error <= limit,
        f"calibration error is {_number(error)}, {_number(limit)} is the most "
        f"({rules.max_calibration_error:.3f}, and {_number(noise)} that chance makes on so many rows)",
        f"보정 오차 {_number(error)}, 최대 {_number(limit)} "
        f"({rules.max_calibration_error:.3f} + 표본 수에 따른 우연 {_number(noise)})",
    )


def _not_worse(pair: Pair | None, rules: PromotionRules) -> Check:
    number = len(pair[0]) if pair else 0
    if pair is None or number < rules.min_rows:
        return Check(
            "not_worse",
            False,
            f"only {number} rows were scored by both models ({rules.min_rows} wanted): score the champion on them",
            f"두 모델이 함께 채점한 자료가 {number}개뿐입니다 (최소 {rules.min_rows}개). 챔피언도 채점하세요",
        )
    gap = _difference(pair, rules)
    # An undefined difference compares false with everything, and must not pass.
    passed = gap.value >= -rules.largest_drop and gap.high >= 0
    return Check(
        "not_worse",
        passed,
        f"{rules.metric} {_signed(gap)} against the champion; refused below -{rules.largest_drop:.3f}, or when the "
        "whole interval is below 0",
        f"챔피언 대비 {rules.metric} {_signed(gap)}. -{rules.largest_drop:.3f} 미만이거나 "
        "구간 전체가 0보다 작으면 거절",
    )


def _slices(pair: Pair | None, rules: PromotionRules) -> Check:
    fallen, looked_at = [], 0
    for name, mask in (pair[0].masks if pair else {}).items():
        if name == ALL or np.count_nonzero(mask) < rules.slice_rows or pair is None:
            continue
        gap = _difference((pair[0].of(mask), pair[1].of(mask)), rules)
        if math.isnan(gap.value):
            continue
        looked_at += 1
        if gap.value < -rules.slice_drop and gap.high < 0:
            fallen.append(f"{name} {_signed(gap)}")
    if fallen:
        return Check(
            "slices",
            False,
            f"{rules.metric} falls in {'; '.join(fallen)}",
            f"{rules.metric} 하락: {'; '.join(fallen)}",
        )
    return Check(
        "slices",
        True,
        f"none of {looked_at} slices falls by more than {rules.slice_drop:.3f}",
        f"{looked_at}개 구간 중 {rules.slice_drop:.3f}보다 크게 떨어진 곳이 없습니다",
    )


def _first(name: str) -> Check:
    return Check(name, True, "there is no champion yet", "아직 챔피언이 없습니다")


def _value(metric: str, judged: Judged) -> float:
    """The figure on all rows, by the same code as its intervals."""
    return Resampler(np.zeros(len(judged.labels), dtype=str), resamples=0).interval(metric, judged).value


def _difference(pair: Pair, rules: PromotionRules) -> Interval:
    resampler = Resampler(pair[0].groups, seed=rules.seed)
    return resampler.difference(rules.metric, pair[0].judged, pair[1].judged)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _signed(gap: Interval) -> str:
    if math.isnan(gap.value):
        return "–"
    return f"{gap.value:+.3f} ({gap.low:+.3f} … {gap.high:+.3f})"
