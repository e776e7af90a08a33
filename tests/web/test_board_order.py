"""Which questions a page of the board shows: as sorting everything by hand gives them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web.board import SORTS, Filters
from chat_platform.web.board_order import Added, Noted, Ordered, Viewer
from chat_platform.web.published import PinnedReader, PublishedReader
from chat_platform.web.question_columns import ROLES, STATES, grouped_places, question_columns

Row = dict[str, Any]
_ROWS = """
    select
        q.message_id as id, q.rowid as row, q.conversation_id as lecture, epoch_us(q.asked_at) as asked_at, q.role,
        q.text, q.state, q.person_id, a.questions as alike, a.group_id
    from marts.lecture_questions as q
    left join ml.question_groups as g on g.message_id = q.message_id
    left join marts.similar_questions as a on a.group_id = g.group_id
    order by q.rowid
"""


@pytest.fixture(scope="module")
def published(taught_home: Path) -> Iterator[PinnedReader]:
    """The published class."""
    reader = PublishedReader(Workspace(Settings(home=taught_home)).publication)
    yield reader.pinned()
    reader.close()


@pytest.fixture(scope="module")
def board(published: PinnedReader) -> tuple[list[Row], Noted, list[Added]]:
    """Every question as a row with what people said of it, and the same as the board takes it."""
    chance, rows = random.Random(4), published.query(_ROWS)
    for place, row in enumerate(rows):
        row |= {"place": place, "votes": 0, "follows": 0, "hidden": False, "said": ""}
    for row in chance.sample(rows, len(rows) // 3):
        row |= {"votes": chance.randrange(3), "follows": chance.randrange(3), "hidden": chance.random() < 0.5}
        row["said"] = chance.choice(["", *STATES])
    noted = [row for row in rows if row["votes"] or row["follows"] or row["hidden"] or row["said"]]
    moments = [row["asked_at"] for row in rows]
    added = [
        Added(
            f"portal-{number}",
            chance.choice([None, rows[0]["lecture"]]),
            # Some at the very moment of a question of a chat: which comes first is settled there, too.
            chance.choice([chance.choice(moments), chance.randint(min(moments), max(moments))]),
            chance.choice(ROLES),
            f"{chance.choice(['오류', 'Torch', rows[0]['text']])} {number}",
            number % 3 == 0,
            chance.choice(STATES),
            chance.randrange(2),
            chance.randrange(2),
            number % 2 == 0,
        )
        for number in range(1, 13)
    ]
    columns = Noted(
        np.array([row["place"] for row in noted], np.int32),
        np.array([STATES.index(row["said"]) if row["said"] else -1 for row in noted], np.int8),
        np.array([row["votes"] for row in noted], np.int32),
        np.array([row["follows"] for row in noted], np.int32),
        np.array([row["hidden"] for row in noted], bool),
    )
    rows += [
        {
            "id": one.question_id, "row": one.question_id, "lecture": one.conversation_id, "place": -1 - place,
            "asked_at": one.asked_at, "role": one.role, "text": one.text, "state": one.state, "said": "",
            "person_id": "me" if one.mine else None, "votes": one.votes, "follows": one.follows,
            "hidden": one.hidden, "alike": None, "group_id": None,
        }
        for place, one in enumerate(added)
    ]  # fmt: skip
    for row in rows:
        row["state"] = row["said"] or row["state"]
    return rows, columns, added


def by_hand(rows: list[Row], filters: Filters, viewer: Viewer) -> list[Row]:
    """The rows that fit, in their order."""
    tests = {
        "state": lambda row: (
            row["state"] == filters.state if filters.state else row["state"] != "not_question"
        ),
        "lecture": lambda row: not filters.lecture or row["lecture"] == filters.lecture,
        "role": lambda row: (
            not filters.role or (row["role"] == filters.role and (viewer.staff or not row["hidden"]))
        ),
        "mine": lambda row: not filters.mine or row["person_id"] in ("me", viewer.person_id),
        "followed": lambda row: not filters.followed or row["id"] in viewer.followed,
        "text": lambda row: not filters.text or filters.text.lower() in row["text"].lower(),
    }
    keys = {
        "newest": lambda row: (),
        "oldest": lambda row: (row["state"] != "open", row["asked_at"], row["place"]),
        "followed": lambda row: (-row["follows"], -row["votes"]),
        "voted": lambda row: (-row["votes"], -row["follows"]),
        "similar": lambda row: (
            (-row["alike"], row["group_id"], row["asked_at"], row["place"]) if row["alike"] else (0, "")
        ),
    }
    key = keys[filters.sort]
    fitting = [row for row in rows if all(test(row) for test in tests.values())]
    return sorted(fitting, key=lambda row: (*key(row), -row["asked_at"], row["place"]))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    "asked",
    [
        {},
        *({"state": state} for state in STATES),
        *({"role": role} for role in ROLES),
        {"mine": True},
        {"followed": True},
        {"text": "오류"},
        {"text": "torch"},
        {"text": "' or 1=1 --"},
        {"lecture": "first"},
        {"lecture": "none of these"},
        {"lecture": "first", "state": "answered", "role": "student"},
    ],
    ids=str,
)
@pytest.mark.parametrize("staff", [True, False], ids=["staff", "student"])
def test_pages_show_what_sorting_everything_by_hand_gives(
    published: PinnedReader,
    board: tuple[list[Row], Noted, list[Added]],
    asked: dict[str, Any],
    sort: str,
    staff: bool,
) -> None:
    rows, noted, added = board
    if asked.get("lecture") == "first":
        asked = {**asked, "lecture": rows[0]["lecture"]}
    filters = Filters(sort=sort, **asked)
    followed = {row["id"] for row in rows[::7]} | {"portal-3", "portal-99", "no such message"}
    viewer = Viewer(next(row["person_id"] for row in rows if row["person_id"]), staff, followed)
    expected = by_hand(rows, filters, viewer)
    found: list[int | str] = []
    for begin in range(0, len(rows) + 7, 7):
        part, total = Ordered(published, filters, viewer, noted, added).part(begin, 7)
        assert total == len(expected)
        found += part
    assert found == [row["row"] for row in expected]


def test_the_class_has_what_the_comparison_needs(
    published: PinnedReader, board: tuple[list[Row], Noted, list[Added]]
) -> None:
    """Or nothing would be compared."""
    rows, noted, _ = board
    assert len(rows) > 50
    assert len(noted.places) > 15
    assert {row["state"] for row in rows} == set(STATES)


def test_groups_stand_together_the_largest_first(published: PinnedReader) -> None:
    rows = published.query(_ROWS)
    found = [rows[place] for place in grouped_places(published)]
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in rows if row["alike"])
    assert [row["alike"] for row in found] == sorted((row["alike"] for row in found), reverse=True)


def test_ids_lead_to_their_places_and_others_nowhere(published: PinnedReader) -> None:
    rows = published.query(_ROWS)
    wanted = [row["id"] for row in rows[::5]]
    strange = ["", "portal-1", "a\x1fb", "' or 1=1 --", "한글"]
    columns = question_columns(published)
    assert columns.places(published, [*wanted, *strange]) == {
        row["id"]: i * 5 for i, row in enumerate(rows[::5])
    }
    assert columns.places(published, strange) == {}
    assert columns.places(published, []) == {}
