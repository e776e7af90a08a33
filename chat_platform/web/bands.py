"""Where somebody stands in the class, without telling anything of anybody else.

What belongs here: the rule by which people are compared, and the bands of the class. What does not: pages, figures of
a single person (``pages.people``).

The rule. A comparison is read by people who know their own figures, who come back next week, and who subtract. So:

* *No filters.* Comparisons are made over all students of the class and over everything that was said until the end
  of the last whole week. There is no comparison of a team, a role, a lecture or a range of dates, so there are no two
  neighbouring groups to be subtracted from each other.
* *One partition a figure.* The students are sorted by the figure and cut into at most four bands of ``k`` people or
  more; equal figures are in one band. Whatever is said is said of a whole band. Figures that are sums of one another
  are never both compared.
* *A week at a time, the same people.* Somebody new is taken in together with others only: those whose first weeks
  follow each other wait until they are ``k``. The people compared in two weeks are the same, or ``k`` more or over.
* *Nothing exact.* Of a band its number of people is given and a coarse range (1, 2, 5, 10, …) that its average lies
  in: no sum, no smallest, largest or middle figure, which would be one person's.
* *Below* ``k`` *nothing.* A class of fewer people has no bands at all, and the page says "< k".

Why it holds: take every sum over a band, of every week, as if it were told exactly. It counts what the last week
brought for all people of the band alike. So in any sum or difference of such sums, look at the last week that does
not cancel out: it involves whole bands, ``k`` people or more. ``tests/web/test_bands.py`` checks it by chance.

What it cannot do: ``k - 1`` people who put their figures together learn the sum of the others in their band, within
its range; and the chat itself is open to the class, so whoever counts by hand needs no bands. A person who is erased,
or two names that are merged, change the class by one; the ranges are what hides that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from chat_platform.web.published import PinnedReader

MOST_BANDS = 4
FIGURES = ("messages", "lectures", "reactions_received", "reactions_given", "questions")
"""What is compared; none of them is a sum of others."""
_EDGES = (0, 1, *(step * 10**power for power in range(9) for step in (2, 5, 10)))

_FIGURES_SQL = """
    with students as (
        select person_id from core.people where role = 'student' and not is_bot
    ),
    written as (
        select
            person_id,
            min(local_date) as first_date,
            sum(messages + replies) as messages,
            sum(lectures) as lectures,
            sum(reactions_received) as reactions_received,
            sum(reactions_given) as reactions_given
        from marts.participation_daily
        where local_date < $until and person_id is not null
        group by person_id
    ),
    asked as (
        select person_id, count(*) as questions
        from marts.lecture_questions
        where lecture_date < $until and person_id is not null
        group by person_id
    )
    select written.*, coalesce(asked.questions, 0) as questions
    from written
    semi join students on students.person_id = written.person_id
    left join asked on asked.person_id = written.person_id
"""


@dataclass(frozen=True)
class Band:
    """A part of the class.

    Attributes:
        number: from 1, the band of the largest figures.
        people: how many, never below ``k``.
        low: the average is at least this …
        high: … and below this.
    """

    number: int
    people: int
    low: int
    high: int


@dataclass(frozen=True)
class Bands:
    """The class, cut by one figure.

    Attributes:
        people: compared; ``None`` when they are fewer than ``least``.
        least: the ``k`` that it was cut by.
        bands: the largest figures first; empty when there are too few people.
        number_of: person id → number of their band. For the person themself and for nobody else.
    """

    people: int | None
    least: int
    bands: tuple[Band, ...]
    number_of: Mapping[str, int]

    def place(self, person_id: str | None) -> Band | None:
        """The band that somebody is in; ``None`` when they are not compared (yet), or all are in one band."""
        number = self.number_of.get(person_id) if person_id is not None else None
        return None if number is None or len(self.bands) < 2 else self.bands[number - 1]


def whole_weeks_until(today: date) -> date:
    """The Monday of this week: what was said before it is compared."""
    return today - timedelta(days=today.weekday())


def cohort(first_days: Mapping[str, date], least: int) -> frozenset[str]:
    """Who is compared: taken in by the week in which they first wrote, ``least`` or more at a time.

    Args:
        first_days: person id → first day with anything.
        least: the ``k``.
    """
    taken: list[str] = []
    waiting: list[str] = []
    by_week = sorted((whole_weeks_until(day), person) for person, day in first_days.items())
    for _, week in groupby(by_week, key=lambda pair: pair[0]):
        waiting += [person for _, person in week]
        if len(waiting) >= least:
            taken += waiting
            waiting = []
    return frozenset(taken)


def cut(values: Mapping[str, float], least: int, most: int = MOST_BANDS) -> Bands:
    """Cut people into bands by a figure.

    Args:
        values: person id → figure, 0 or more.
        least: people of a band at least.
        most: bands at most.
    """
    if len(values) < least:
        return Bands(None, least, (), {})
    size = -(-len(values) // min(most, len(values) // least))
    ordered = sorted(values, key=lambda person: (-values[person], person))
    cells: list[list[str]] = [[]]
    for _, equals in groupby(ordered, key=lambda person: values[person]):
        if len(cells[-1]) >= size:
            cells.append([])
        cells[-1] += equals
    if len(cells[-1]) < least and len(cells) > 1:
        cells[-2:] = [cells[-2] + cells[-1]]
    bands = tuple(
        Band(number, len(cell), *about(sum(values[person] for person in cell) / len(cell)))
        for number, cell in enumerate(cells, start=1)
    )
    return Bands(
        len(values),
        least,
        bands,
        {person: number for number, cell in enumerate(cells, start=1) for person in cell},
    )


def about(average: float) -> tuple[int, int]:
    """The range of the ladder 0, 1, 2, 5, 10, 20, 50, … that a figure lies in: from, and below."""
    at = min(bisect_right(_EDGES, average), len(_EDGES) - 1)
    return _EDGES[at - 1], _EDGES[at]


def class_bands(published: PinnedReader, least: int, today: date) -> dict[str, Bands]:
    """The class, cut by each of ``FIGURES``; the same for every reader of a version and week."""
    until = whole_weeks_until(today)

    def make() -> dict[str, Bands]:
        rows = {row["person_id"]: row for row in published.query(_FIGURES_SQL, {"until": until})}
        compared = cohort({person: row["first_date"] for person, row in rows.items()}, least)
        return {
            figure: cut({person: float(rows[person][figure]) for person in compared}, least)
            for figure in FIGURES
        }

    return published.kept(("class bands", least, until), make)
