"""Comparisons: nobody's figure can be found out from bands, whatever is subtracted from whatever."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web.bands import FIGURES, about, class_bands, cohort, cut, whole_weeks_until
from chat_platform.web.published import PublishedReader

MONDAY = date(2026, 3, 2)
K = 3

# A class: of each person the week of arrival, and what each week from then on brings.
CLASSES = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 3) | st.integers(0, 40), min_size=4, max_size=4)),
    min_size=1,
    max_size=9,
)
Class = list[tuple[int, list[int]]]


def told(room: Class) -> list[np.ndarray]:
    """Every group of which anything is told, in every week: bool of shape (people, weeks) of what it adds up."""
    groups = []
    for weeks in range(1, 5):
        here = {
            str(number): (MONDAY + timedelta(weeks=first), sum(brought[first:weeks]))
            for number, (first, brought) in enumerate(room)
            if first < weeks
        }
        compared = cohort({person: day for person, (day, _) in here.items()}, K)
        found = cut({person: float(here[person][1]) for person in compared}, K)
        for band in found.bands:
            members = [int(person) for person, number in found.number_of.items() if number == band.number]
            group = np.zeros((len(room), 4))
            group[members, :weeks] = 1
            groups.append(group)
    return groups


@given(CLASSES)
def test_no_sum_or_difference_of_bands_is_about_fewer_people_than_k(room: Class) -> None:
    """Of all bands of all weeks, as if their sums were told exactly, and of every combination of them.

    A combination that involves nobody but a few people is a combination that is zero on all others: with the others
    kept, bands would then be less independent than they are.
    """
    groups = told(room)
    if not groups:
        return
    matrix = np.stack([group.ravel() for group in groups])
    people = np.repeat(np.arange(len(room)), 4)
    for few in combinations(range(len(room)), min(K - 1, len(room))):
        others = ~np.isin(people, few)
        assert np.linalg.matrix_rank(matrix[:, others]) == np.linalg.matrix_rank(matrix), few


@given(CLASSES)
def test_two_bands_and_sums_of_them_never_differ_by_a_few(room: Class) -> None:
    """The same said plainly: who is in one group of bands and not in another is nobody, or k people or more."""
    groups = [group.any(axis=1) for group in told(room)]
    unions = groups + [one | other for one, other in combinations(groups, 2)]
    by_weeks = {weeks: [] for weeks in range(1, 5)}
    for group in told(room):
        by_weeks[int(group.any(axis=0).sum())].append(group.any(axis=1))
    for group in unions:
        assert not 0 < group.sum() < K
    for cells in by_weeks.values():
        sums = [*cells, *(one | other for one, other in combinations(cells, 2))]
        for one in sums:
            for other in sums:
                assert not 0 < (one & ~other).sum() < K


@given(
    st.dictionaries(st.text(max_size=3), st.integers(0, 12).map(float), max_size=60),
    st.integers(2, 7),
)
def test_bands_cover_everybody_once_and_never_few(values: dict[str, float], least: int) -> None:
    found = cut(values, least)
    if len(values) < least:
        assert (found.people, found.bands, found.number_of) == (None, (), {})
        return
    assert found.number_of.keys() == values.keys()
    assert len(found.bands) <= 4
    counted = Counter(found.number_of.values())
    assert [counted[band.number] for band in found.bands] == [band.people for band in found.bands]
    assert min(counted.values()) >= least
    for one, other in combinations(values, 2):
        if values[one] == values[other]:
            assert found.number_of[one] == found.number_of[other]
        elif values[one] > values[other]:
            assert found.number_of[one] <= found.number_of[other]


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 50), max_size=40), st.integers(2, 6))
def test_newcomers_are_taken_in_k_at_a_time(weeks: dict[str, int], least: int) -> None:
    days = {person: MONDAY + timedelta(weeks=week) for person, week in weeks.items()}
    before: frozenset[str] = frozenset()
    for week in range(51):
        now = cohort({person: day for person, day in days.items() if weeks[person] <= week}, least)
        assert before <= now
        assert not 0 < len(now - before) < least
        before = now
    assert len(days) - len(before) < least


@pytest.mark.parametrize(
    ("average", "expected"),
    [(0, (0, 1)), (0.9, (0, 1)), (1, (1, 2)), (4.99, (2, 5)), (5, (5, 10)), (37.2, (20, 50))],
)
def test_an_average_is_told_as_a_coarse_range(average: float, expected: tuple[int, int]) -> None:
    assert about(average) == expected


def test_twenty_people_are_four_bands_of_five_the_largest_first() -> None:
    found = cut({f"p{number:02}": float(number) for number in range(20)}, 5)
    assert [(band.number, band.people, band.low, band.high) for band in found.bands] == [
        (1, 5, 10, 20),
        (2, 5, 10, 20),
        (3, 5, 5, 10),
        (4, 5, 2, 5),
    ]
    top, last = found.place("p19"), found.place("p00")
    assert top is not None
    assert last is not None
    assert (top.number, last.number, found.place("nobody")) == (1, 4, None)


def test_a_class_where_all_are_alike_has_no_places() -> None:
    found = cut(dict.fromkeys(map(str, range(10)), 3.0), 5)
    assert [band.people for band in found.bands] == [10]
    assert found.place("1") is None


def test_weeks_begin_on_monday() -> None:
    assert whole_weeks_until(date(2026, 3, 8)) == MONDAY
    assert whole_weeks_until(MONDAY) == MONDAY


def test_bands_of_a_class_are_those_of_its_students_in_whole_weeks(settings: Settings) -> None:
    open_reader = PublishedReader(Workspace(settings).publication)
    reader = open_reader.pinned()
    found = class_bands(reader, 5, date(2026, 3, 9))
    rows = reader.query(
        "select d.person_id, sum(d.messages + d.replies) as written from marts.participation_daily as d "
        "inner join core.people as p on p.person_id = d.person_id "
        "where p.role = 'student' and not p.is_bot group by all"
    )
    expected = {row["person_id"]: row["written"] for row in rows}
    assert found.keys() == set(FIGURES)
    assert found["messages"].people == len(expected) > 20
    assert found["messages"].number_of.keys() == expected.keys()
    ordered = sorted(expected.values(), reverse=True)
    sizes = [band.people for band in found["messages"].bands]
    assert sum(sizes) == len(expected)
    first = {person for person, number in found["messages"].number_of.items() if number == 1}
    assert sorted((expected[person] for person in first), reverse=True) == ordered[: sizes[0]]
    # The lectures were on Monday and Tuesday: within their week nothing is compared.
    assert class_bands(reader, 5, date(2026, 3, 8))["messages"].people is None
    open_reader.close()
