"""Rise and fall: planted series are told apart, gaps never read as falls, and units and dates do not matter."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chat_platform.ml.trends import LEAST_FIGURES, Trend, channel_trends, trend_of
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNEL_TRENDS
from tests.cost import cost

DAYS = 60
SERIES_PER_CLASS = 60
NOISES = (0.0, 0.003, 0.01, 0.02)
Series = list[float | None]
Chance = np.random.Generator


def rounded(levels: np.ndarray, size: float) -> Series:
    return [float(round(size * figure)) for figure in np.exp(levels)]


def flat(chance: Chance) -> np.ndarray:
    """At most a per cent up or down over all days."""
    return np.linspace(0, chance.uniform(-0.01, 0.01), DAYS)


def slope(chance: Chance) -> np.ndarray:
    return np.linspace(0, chance.uniform(0.12, 0.8), DAYS)


def step(chance: Chance) -> np.ndarray:
    levels = flat(chance)
    levels[chance.integers(12, 48) :] += chance.uniform(0.12, 0.7)
    return levels


def bent(chance: Chance) -> np.ndarray:
    """Steady, then a slope."""
    start = int(chance.integers(5, 30))
    return np.concatenate([np.zeros(start), np.linspace(0, chance.uniform(0.15, 0.6), DAYS - start)])


def with_spike(levels: np.ndarray, chance: Chance) -> np.ndarray:
    """Up to three times bought followers (or a wrong answer), purged within four days."""
    levels = levels.copy()
    for _ in range(chance.integers(1, 4)):
        start, length = chance.integers(5, DAYS - 10), chance.integers(1, 5)
        levels[start : start + length] += chance.choice([1, 1, -1]) * chance.uniform(0.3, 1.2)
    return levels


PLANTED: dict[str, Callable[[Chance], np.ndarray]] = {
    "rising": lambda c: c.choice([slope, step, bent])(c),
    "falling": lambda c: -c.choice([slope, step, bent])(c),
    "steady": flat,
    "spike": lambda c: with_spike(flat(c), c),
    "unknown": flat,
}


def planted(kind: str, chance: Chance, noise: float) -> Series:
    """A series of one class with noise and gaps; of rises and falls, a third has spikes too."""
    levels = PLANTED[kind](chance)
    if kind in ("rising", "falling") and chance.random() < 0.33:
        levels = with_spike(levels, chance)
    series = rounded(levels + chance.normal(0, noise, DAYS), 10 ** chance.uniform(3.3, 6))
    if kind == "unknown":
        return with_gaps(series, chance, keep=int(chance.integers(0, LEAST_FIGURES)))
    return with_gaps(series, chance)


def with_gaps(series: Series, chance: Chance, keep: int | None = None) -> Series:
    """Single days and a run of days without a figure; or only so many figures are left."""
    if keep is not None:
        left = set(chance.choice(DAYS, keep, replace=False).tolist())
        return [figure if day in left else None for day, figure in enumerate(series)]
    missing = chance.random(DAYS) < chance.choice([0.0, 0.1, 0.25])
    if chance.random() < 0.5:
        start = int(chance.integers(0, DAYS - 8))
        missing[start : start + int(chance.integers(3, 8))] = True
    return [None if gone else figure for figure, gone in zip(series, missing, strict=True)]


@pytest.mark.parametrize("noise", NOISES)
def test_planted_series_are_told_apart(noise: float) -> None:
    """Precision and recall of each class, over hundreds of series for each noise."""
    chance = np.random.default_rng(20260302)
    said: Counter[tuple[str, str]] = Counter()
    for kind in PLANTED:
        for _ in range(SERIES_PER_CLASS):
            said[kind, trend_of(planted(kind, chance, noise)).trend] += 1
    for kind in PLANTED:
        right = said[kind, kind]
        claimed = sum(times for (_, answer), times in said.items() if answer == kind)
        assert right / SERIES_PER_CLASS >= 0.95, (kind, said)
        assert right / claimed >= 0.95, (kind, said)


figures = st.lists(st.one_of(st.none(), st.integers(1, 10**7).map(float)), min_size=DAYS // 2, max_size=DAYS)
seeds = st.integers(0, 10**6)
kinds = st.sampled_from(list(PLANTED))
noises = st.sampled_from(NOISES)


def drawn(kind: str, seed: int, noise: float) -> Series:
    return planted(kind, np.random.default_rng(seed), noise)


def scaled(series: Series, factor: float) -> Series:
    return [None if figure is None else figure * factor for figure in series]


def plain(trend: Trend) -> tuple[str, tuple[int, ...], list[tuple[int, float]]]:
    return trend.trend, trend.spikes, [(s.day, round(s.change, 6)) for s in trend.steps]


@settings(max_examples=60, deadline=None)
@given(st.one_of(figures, st.builds(drawn, kinds, seeds, noises)), st.floats(1e-3, 1e6))
def test_the_unit_of_the_figures_does_not_matter(series: Series, factor: float) -> None:
    assert plain(trend_of(scaled(series, factor))) == plain(trend_of(series))


@settings(max_examples=60, deadline=None)
@given(st.one_of(figures, st.builds(drawn, kinds, seeds, noises)), st.integers(1, 40))
def test_the_date_does_not_matter(series: Series, later: int) -> None:
    now, then = trend_of(series), trend_of([None] * later + series + [None] * 3)
    assert (then.trend, then.score) == (now.trend, now.score)
    assert then.spikes == tuple(day + later for day in now.spikes)


SWAPPED = {"rising": "falling", "falling": "rising"}


@settings(max_examples=60, deadline=None)
@given(st.one_of(figures, st.builds(drawn, kinds, seeds, noises)))
def test_upside_down_rises_are_falls(series: Series) -> None:
    assume(all(figure is None or figure > 0 for figure in series))
    trend, turned = trend_of(series), trend_of([None if f is None else 1e6 / f for f in series])
    assert turned.trend == SWAPPED.get(trend.trend, trend.trend)
    assert turned.score == (None if trend.score is None else pytest.approx(-trend.score))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["rising", "falling", "steady"]), seeds)
def test_backwards_rises_are_falls(kind: str, seed: int) -> None:
    series = drawn(kind, seed, 0.003)
    trend = trend_of(series).trend
    assert trend_of(series[::-1]).trend == SWAPPED.get(trend, trend)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 10**5), min_size=DAYS, max_size=DAYS).map(sorted),
    st.lists(st.booleans(), min_size=DAYS, max_size=DAYS),
)
def test_figures_that_never_go_down_never_fall_whatever_days_are_missing(
    grown: list[int], seen: list[bool]
) -> None:
    trend = trend_of([float(figure) if there else None for figure, there in zip(grown, seen, strict=True)])
    assert trend.trend != "falling"
    assert trend.score is None or trend.score >= 0


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["rising", "steady"]),
    seeds,
    noises,
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 30)), max_size=3),
)
def test_runs_without_figures_make_no_fall(
    kind: str, seed: int, noise: float, runs: list[tuple[int, int]]
) -> None:
    series = drawn(kind, seed, noise)
    for start, length in runs:
        series[start : start + length] = [None] * len(series[start : start + length])
    assert trend_of(series).trend != "falling"


def test_nothing_and_too_little_is_unknown() -> None:
    for series in ([], [None] * 60, [5.0], [5.0] * 9, [5.0] * LEAST_FIGURES, [1.0, 9.0] * 5 + [None] * 50):
        assert trend_of(series).trend == "unknown"
        assert trend_of(series).score is None


def test_a_channel_of_nobody_is_steady_and_one_that_appears_rises() -> None:
    assert trend_of([0.0] * 30).trend == "steady"
    assert trend_of([0.0] * 15 + [400.0] * 15).trend == "rising"


def test_a_step_and_a_spike_are_named_with_their_days() -> None:
    series: list[float | None] = [1000.0] * 25 + [1300.0] * 35
    series[10] = series[11] = 5000.0
    series[40] = None
    found = trend_of(series)
    assert (found.trend, found.observed, found.spikes) == ("rising", 59, (10, 11))
    assert [(s.day, round(float(np.expm1(s.change)), 3)) for s in found.steps] == [(25, 0.3)]
    assert found.score == pytest.approx(np.log(1.3), abs=1e-6)
    assert found.slope == pytest.approx(0, abs=1e-6)


def test_a_jump_of_the_last_days_is_not_believed_yet() -> None:
    assert trend_of([1000.0] * 58 + [4000.0] * 2).trend == "spike"
    assert trend_of([1000.0] * 45 + [4000.0] * 15).trend == "rising"


def test_noise_hides_small_changes_and_says_so() -> None:
    chance = np.random.default_rng(3)
    found = [trend_of(rounded(chance.normal(0, 0.4, DAYS), 10**5)) for _ in range(60)]
    assert Counter(one.trend for one in found)["unknown"] >= 48
    assert all(one.confidence is not None and one.confidence < 0.9 for one in found if one.trend == "unknown")


def test_confidence_is_about_how_often_the_class_is_right() -> None:
    """Slopes around the limit of 5 %, in much noise: of those said with 60 to 90 %, about so many are right."""
    chance = np.random.default_rng(11)
    right, stated = [], []
    for _ in range(300):
        # Medians of a sixth see 5/6 of a slope.
        change = chance.uniform(-0.12, 0.12)
        found = trend_of(rounded(np.linspace(0, change * 6 / 5, DAYS) + chance.normal(0, 0.03, DAYS), 10**6))
        if found.confidence is not None and found.trend != "unknown" and 0.6 <= found.confidence <= 0.9:
            truth = "steady" if abs(change) < np.log(1.05) else "rising" if change > 0 else "falling"
            right.append(found.trend == truth)
            stated.append(found.confidence)
    assert len(right) > 50
    assert abs(float(np.mean(right)) - float(np.mean(stated))) < 0.12


def snapshots(channels: dict[tuple[str, str], Sequence[float | None]], first: date) -> Any:
    rows = [
        {
            "snapshot_id": f"{platform}-{day}",
            "platform": platform,
            "channel_id": channel,
            "day": day,
            "taken_at": datetime(day.year, day.month, day.day, 3, tzinfo=UTC),
            "followers": None if figure is None else int(figure),
        }
        for (platform, channel), series in channels.items()
        for day, figure in ((first + timedelta(days=n), figure) for n, figure in enumerate(series))
    ]
    return CHANNEL_SNAPSHOTS.table(rows)


def test_the_table_has_a_row_for_each_channel_and_metric_within_the_window() -> None:
    as_of = date(2026, 3, 1)
    first = as_of - timedelta(days=79)
    rising: Series = [float(10_000 * 1.01**day) for day in range(80)]
    channels = {
        ("twitch", "7"): rising,
        ("chzzk", "7"): rising[::-1],
        ("twitch", "9"): [5e3] * 20 + [None] * 60,
    }
    table = CHANNEL_TRENDS.conform(channel_trends(snapshots(channels, first), as_of))
    rows = {(r["platform"], r["channel_id"], r["metric"]): r for r in table.to_pylist()}
    assert list(rows) == [
        (*channel, metric) for channel in sorted(channels) for metric in ("followers", "views")
    ]
    up, down = rows["twitch", "7", "followers"], rows["chzzk", "7", "followers"]
    assert (up["trend"], down["trend"], up["as_of"], up["days"], up["observed"]) == (
        "rising",
        "falling",
        as_of,
        60,
        60,
    )
    assert up["slope"] == pytest.approx(0.01, abs=1e-4)
    assert up["slope_low"] <= up["slope"] <= up["slope_high"]
    assert up["confidence"] > 0.99
    assert {r["trend"] for key, r in rows.items() if key[2] == "views"} == {"unknown"}
    assert rows["twitch", "7", "views"]["observed"] == rows["twitch", "9", "followers"]["observed"] == 0


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("daily", [-0.02, -0.014, 0.01, 0.03])
def test_where_a_slope_begins_no_step_is_told(daily: float, noise: float) -> None:
    """Nothing happened at once, so no day is named for it, least of all a rise within a fall."""
    chance = np.random.default_rng(3)
    bent = [1000 * np.exp(daily * max(0, day - 24) + noise * chance.normal()) for day in range(60)]
    found = trend_of(bent)
    assert (found.trend, found.steps) == ("falling" if daily < 0 else "rising", ())


def test_days_of_steps_and_spikes_are_dates() -> None:
    series: list[float | None] = [1000.0] * 30 + [1500.0] * 30
    series[50] = 9000.0
    table = channel_trends(
        snapshots({("twitch", "7"): series}, date(2026, 1, 1)), date(2026, 3, 1), metrics=["followers"]
    )
    (row,) = table.to_pylist()
    assert json.loads(row["steps"]) == [{"day": "2026-01-31", "change": 0.5}]
    assert json.loads(row["spikes"]) == ["2026-02-20"]


def test_the_trends_of_a_list_cost_in_step_with_its_length() -> None:
    """A tenth of 1,566 channels with 60 days and two figures, against a fortieth."""
    chance = np.random.default_rng(1)
    channels = {("twitch", str(n)): planted("rising", chance, 0.01) for n in range(157)}
    table = snapshots(channels, date(2026, 1, 1))
    fortieth = snapshots(dict(list(channels.items())[:39]), date(2026, 1, 1))
    day = date(2026, 3, 1)
    assert cost(lambda: channel_trends(table, day)) < 2 * 4 * cost(lambda: channel_trends(fortieth, day))
    assert channel_trends(table, day).num_rows == 314
