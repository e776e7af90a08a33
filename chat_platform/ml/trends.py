"""Rise and fall of a daily figure: followers of a channel, views of its videos.

What belongs here: the class of one series with gaps, and the table ``ml.channel_trends`` from snapshots. What does
not: taking snapshots, differences between days and weeks, rankings (``dbt_project``).

All is relative: the series is read on a log scale, so that a large and a small channel that gain a tenth are alike,
and twice the figures give the same answer. A day without a figure is left out; nothing is filled in.

1. A *spike* is what leaves the running median of eleven figures by far and comes back within five (Hampel's
   identifier): bought followers that were purged, a wrong answer of the platform. Spikes are named and left out. A
   jump in the last days may be either, and is taken for a spike until it lasts.
2. The *slope* is that of Theil and Sen, with its interval, after the *steps* are taken out: days on which the level
   changes for good. These are found by binary segmentation (Vostrikova 1981) with the threshold of Yao (1988),
   on the series without its slope. Where the slope bends, that finds a step too; it counts for the slope, and is not
   told, as nothing happened on that day.
3. The *score* is the level at the end less that at the start, each the median of a sixth of the figures. Its standard
   error comes from what slope and steps leave over, widened for figures that follow each other (Bayley and Hammersley
   1946). Where every figure is at least the one before, the score cannot be negative, whatever days are missing.
4. The *class* is the likeliest of rising, falling and steady, which part at a change of 5 %; its probability is the
   *confidence*. ``unknown`` where figures are too few, or where noise hides which it is. A steady series with spikes
   is ``spike``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import ndtr
from scipy.stats import theilslopes

from chat_platform.tables.streams import CHANNEL_TRENDS

TrendClass = Literal["rising", "falling", "steady", "spike", "unknown"]

WINDOW_DAYS = 60
METRICS = ("followers", "views")
LEAST_FIGURES = 10
LEAST_DAYS = 14
"""From the first figure to the last; below either there is no answer."""
MATERIAL = float(np.log(1.05))
"""Change of the level from which it is a rise or a fall, in log units."""
LEAST_SPIKE = 0.05
LEAST_STEP = 0.03

_HALF_WINDOW = 5
_BESIDE = 3
_SPIKE_DEVIATIONS = 5.0
# Pairs of near days give the slope that holds on most days; a step lies between few of them.
_NEAR = 7
_TO_DEVIATION = 1.4826
_MEDIAN_ERROR = 1.2533
_SIXTH = 6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """The level changes for good: index of the first figure of the new level's day, change in log units."""

    day: int
    change: float


@dataclass(frozen=True)
class Trend:
    """What a series does. Days are places in the series, from 0.

    Attributes:
        trend: the class.
        observed: days with a figure.
        score: level at the end less that at the start, natural log; ``None``: too few figures.
        confidence: probability of the class; ``None`` where there is none.
        slope: change a day, natural log, steps left out.
        slope_interval: its 95 % interval.
        steps: in the order of days.
        spikes: days of spikes.
    """

    trend: TrendClass
    observed: int
    score: float | None = None
    confidence: float | None = None
    slope: float | None = None
    slope_interval: tuple[float, float] | None = None
    steps: tuple[Step, ...] = ()
    spikes: tuple[int, ...] = ()


def trend_of(figures: Sequence[float | None]) -> Trend:
    """What a daily series does.

    Args:
        figures: one a day, ``None`` where there is none; 0 or more.
    """
    days = np.array([day for day, figure in enumerate(figures) if figure is not None], dtype=np.float64)
    if len(days) < LEAST_FIGURES or days[-1] - days[0] < LEAST_DAYS:
        return Trend("unknown", len(days))
    levels = _log_levels(np.array([figure for figure in figures if figure is not None], dtype=np.float64))
    near_slope = _near_slope(days, levels)
    spiky = _spikes(levels - near_slope * days)
    at, level = days[~spiky], levels[~spiky]
    steps = _steps(level - near_slope * at)
    lift = np.zeros(len(at))
    for first, change in steps:
        lift[first:] += change
    slope, _, low, high = theilslopes(level - lift, at)
    score = _level_at_end(level) - _level_at_end(level[::-1])
    error = _error_of_score(level - lift - slope * at)
    trend, confidence = _class_of(score, error, spikes=bool(spiky.any()))
    return Trend(
        trend,
        len(days),
        score,
        confidence,
        float(slope),
        (float(low), float(high)),
        tuple(Step(int(at[first]), change) for first, change in steps if _jumps(level, first, change)),
        tuple(days[spiky].astype(int).tolist()),
    )


def channel_trends(
    snapshots: pa.Table, as_of: date, *, days: int = WINDOW_DAYS, metrics: Sequence[str] = METRICS
) -> pa.Table:
    """Rows of ``ml.channel_trends`` for every channel with a snapshot in the window.

    Args:
        snapshots: rows of ``core.channel_snapshots``; later and earlier days are not used.
        as_of: last day of the window.
        days: length of the window.
        metrics: columns of figures.
    """
    first = as_of - timedelta(days=days - 1)
    rows = [
        _row(platform, channel, metric, as_of, figures)
        for platform, channel, metric, figures in _series(snapshots, first, days, metrics)
    ]
    return CHANNEL_TRENDS.table(rows)


def _series(
    snapshots: pa.Table, first: date, days: int, metrics: Sequence[str]
) -> Iterator[tuple[str, str, str, list[float | None]]]:
    """Platform, channel, metric and figures by day; channels in order."""
    found: dict[tuple[str, str], list[list[float | None]]] = {}
    names = ("platform", "channel_id", "day", *metrics)
    for platform, channel, day, *figures in zip(
        *(snapshots[name].to_pylist() for name in names), strict=True
    ):
        place = (day - first).days
        if 0 <= place < days:
            held = found.setdefault((platform, channel), [[None] * days for _ in metrics])
            for series, figure in zip(held, figures, strict=True):
                series[place] = figure
    for (platform, channel), held in sorted(found.items()):
        for metric, series in zip(metrics, held, strict=True):
            yield platform, channel, metric, series


def _row(
    platform: str, channel: str, metric: str, as_of: date, figures: list[float | None]
) -> dict[str, object]:
    found = trend_of(figures)
    first = as_of - timedelta(days=len(figures) - 1)
    low, high = found.slope_interval or (None, None)

    def named(day: int) -> str:
        return (first + timedelta(days=day)).isoformat()

    return {
        "platform": platform,
        "channel_id": channel,
        "metric": metric,
        "as_of": as_of,
        "days": len(figures),
        "observed": found.observed,
        "trend": found.trend,
        "score": found.score,
        "confidence": found.confidence,
        "slope": _relative(found.slope),
        "slope_low": _relative(low),
        "slope_high": _relative(high),
        "steps": json.dumps(
            [{"day": named(s.day), "change": round(float(np.expm1(s.change)), 4)} for s in found.steps]
        ),
        "spikes": json.dumps([named(day) for day in found.spikes]),
    }


def _relative(change: float | None) -> float | None:
    return None if change is None else float(np.expm1(change))


def _log_levels(figures: Floats) -> Floats:
    """Natural logs, 0 in the middle; a zero is as far below the least other figure as half of it.

    Rounded, so that figures in another unit give the same numbers.
    """
    above = figures[figures > 0]
    if not len(above):
        return np.zeros(len(figures))
    logs = np.log(np.where(figures > 0, figures, above.min() / 2))
    return np.round(logs - np.median(logs), 9)


def _near_slope(days: Floats, levels: Floats) -> float:
    """Median slope of the pairs of figures at most a week apart."""
    lags = range(1, min(_NEAR, len(days) - 1) + 1)
    apart = np.concatenate([days[lag:] - days[:-lag] for lag in lags])
    change = np.concatenate([levels[lag:] - levels[:-lag] for lag in lags])
    near = apart <= _NEAR
    return float(np.median(change[near] / apart[near])) if near.any() else 0.0


def _deviation(values: Floats) -> float:
    """Standard deviation of white noise under a level that moves slowly or seldom, from differences."""
    return float(_TO_DEVIATION * np.median(np.abs(np.diff(values))) / np.sqrt(2))


def _spikes(values: Floats) -> npt.NDArray[np.bool_]:
    """Figures far from the running median around them."""
    padded = np.pad(values, _HALF_WINDOW, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _HALF_WINDOW + 1)
    away = np.abs(values - np.nanmedian(windows, axis=1))
    return away > max(_SPIKE_DEVIATIONS * _deviation(values), LEAST_SPIKE)


def _steps(values: Floats) -> list[tuple[int, float]]:
    """Where the mean of ``values`` changes and by how much, in order; each level lasts longer than a spike can."""
    least = _HALF_WINDOW + 1
    threshold = 1.5 * _deviation(values) * np.sqrt(2 * np.log(len(values)))
    open_parts, cuts = [(0, len(values))], []
    while open_parts:
        start, end = open_parts.pop()
        if end - start < 2 * least:
            continue
        cut, change = _best_cut(values[start:end], least)
        left, right = cut, end - start - cut
        if abs(change) < LEAST_STEP or abs(change) * np.sqrt(left * right / (left + right)) <= threshold:
            continue
        cuts.append(start + cut)
        open_parts += [(start, start + cut), (start + cut, end)]
    edges = [0, *sorted(cuts), len(values)]
    means = [float(np.mean(values[a:b])) for a, b in zip(edges, edges[1:], strict=False)]
    return [(cut, after - before) for cut, before, after in zip(edges[1:-1], means, means[1:], strict=False)]


def _jumps(levels: Floats, first: int, change: float) -> bool:
    """Whether the level changes at once; where a slope bends, the means of the parts differ too."""
    near = levels[max(0, first - _HALF_WINDOW) : first + _HALF_WINDOW]
    usual = float(np.median(np.diff(near)))
    before, after = levels[max(0, first - _BESIDE) : first], levels[first : first + _BESIDE]
    jump = float(np.median(after) - np.median(before)) - _BESIDE * usual
    return jump * change > 0 and abs(jump) >= abs(change) / 2


def _best_cut(values: Floats, least: int) -> tuple[int, float]:
    """The cut with the largest weighted difference of means, and that difference."""
    cuts = np.arange(least, len(values) - least + 1)
    sums = np.cumsum(values)
    left = sums[cuts - 1] / cuts
    right = (sums[-1] - sums[cuts - 1]) / (len(values) - cuts)
    weight = np.sqrt(cuts * (len(values) - cuts))
    best = int(np.argmax(np.abs(right - left) * weight))
    return int(cuts[best]), float(right[best] - left[best])


def _block(figures: int) -> int:
    return max(3, figures // _SIXTH)


def _level_at_end(levels: Floats) -> float:
    return float(np.median(levels[-_block(len(levels)) :]))


def _error_of_score(left_over: Floats) -> float:
    """Standard error of the difference of two medians of a sixth of the figures."""
    centred = left_over - np.median(left_over)
    deviation = max(_TO_DEVIATION * float(np.median(np.abs(centred))), 1e-6)
    power = float(centred @ centred)
    follows = float(centred[1:] @ centred[:-1]) / power if power else 0.0
    follows = min(max(follows, 0.0), 0.95)
    widened = np.sqrt((1 + follows) / (1 - follows))
    return float(_MEDIAN_ERROR * deviation * np.sqrt(2 / _block(len(left_over))) * widened)


def _class_of(score: float, error: float, *, spikes: bool) -> tuple[TrendClass, float]:
    """The likeliest class, and its probability."""
    rising, falling = float(ndtr((score - MATERIAL) / error)), float(ndtr((-score - MATERIAL) / error))
    steady = 1 - rising - falling
    likeliest = max(rising, falling, steady)
    if likeliest < 0.5 or (steady < likeliest and abs(score) < 1.96 * error):
        return "unknown", 1 - likeliest
    if steady == likeliest:
        return ("spike" if spikes else "steady"), steady
    return ("rising" if score > 0 else "falling"), likeliest
