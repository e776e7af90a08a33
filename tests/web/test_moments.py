"""Moments as numbers: the numbers that DuckDB gives them, and back."""

from datetime import UTC, datetime, timedelta, timezone

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.web.moments import microseconds, moment

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))


@given(MOMENTS)
def test_a_moment_has_the_number_that_duckdb_gives_it(one: datetime) -> None:
    with duckdb.connect() as connection:
        (number,) = connection.execute("select epoch_us(?::timestamptz)", [one.isoformat()]).fetchone()
    assert microseconds(one) == number


@given(MOMENTS, st.integers(-12 * 60, 14 * 60))
def test_there_and_back_is_the_same_moment_from_any_zone(one: datetime, minutes: int) -> None:
    back = moment(microseconds(one.astimezone(timezone(timedelta(minutes=minutes)))))
    assert back == one
    assert back.tzinfo is UTC
