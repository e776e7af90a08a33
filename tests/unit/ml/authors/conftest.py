"""A generated class as the author model sees it."""

from __future__ import annotations

import pytest
from author_rows_made import class_messages

from chat_platform.ml.authors.dataset import AuthorSplit, author_rows, split_by_time
from chat_platform.ml.authors.model import AuthorModel, train
from chat_platform.simulators.class_generator import GeneratedClass, generate_class

OUTSIDERS = 4


@pytest.fixture(scope="session")
def room() -> GeneratedClass:
    return generate_class(3, recordings=12, students=16, messages_per_recording=500)


@pytest.fixture(scope="session")
def author_with_yop(room: GeneratedClass) -> str:
    """The student whose sentences end with 욥."""
    return next(person.person_id for person in room.students if person.style.ending)


@pytest.fixture(scope="session")
def strangers(room: GeneratedClass, author_with_yop: str) -> set[str]:
    """Students who did not agree."""
    others = [person.person_id for person in room.students if person.person_id != author_with_yop]
    return set(others[-OUTSIDERS:])


@pytest.fixture(scope="session")
def everybody(room: GeneratedClass) -> AuthorSplit:
    """As if all had agreed: for the test side of outsiders only."""
    rows = author_rows(*class_messages(room), {person.person_id for person in room.students})
    return split_by_time(rows.rows, test_share=0.3)


@pytest.fixture(scope="session")
def split(room: GeneratedClass, strangers: set[str]) -> AuthorSplit:
    agreed = {person.person_id for person in room.students} - strangers
    return split_by_time(author_rows(*class_messages(room), agreed).rows, test_share=0.3)


@pytest.fixture(scope="session")
def model(split: AuthorSplit) -> AuthorModel:
    return train(split.train, seed=5)
