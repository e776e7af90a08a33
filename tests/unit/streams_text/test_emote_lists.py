"""Lists of emotes, read day after day, become the days on which each emote could be used."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.ingestion.emote_lists import with_list
from chat_platform.sources.streams.port import Emote
from chat_platform.tables.streams import EMOTES

DAY = date(2026, 3, 2)


def emote(code: str, emote_id: str = "1", **more: Any) -> Emote:
    return Emote("twitch", "7tv", emote_id, code, channel_id="10", **more)


def read(
    known: pa.Table, *listed: Emote, day: int = 0, first: bool = False, channel: str | None = "10"
) -> pa.Table:
    table = with_list(
        known,
        listed,
        platform="twitch",
        provider="7tv",
        channel_id=channel,
        day=DAY + timedelta(days=day),
        first=first,
    )
    return EMOTES.conform(table)


def usable(table: pa.Table, day: int) -> set[tuple[str, str]]:
    """What the table says of a day."""
    at = DAY + timedelta(days=day)
    found = [
        (row["emote_id"], row["code"])
        for row in table.to_pylist()
        if (row["valid_from"] is None or row["valid_from"] <= at)
        and (row["valid_to"] is None or row["valid_to"] > at)
    ]
    assert len(found) == len(set(found))
    return set(found)


def test_the_first_list_counts_for_all_days_before() -> None:
    table = read(EMOTES.empty(), emote("Pog"), first=True)
    assert usable(table, -300) == usable(table, 5) == {("1", "Pog")}


def test_what_appears_after_an_empty_list_begins_on_its_day() -> None:
    table = read(read(EMOTES.empty(), first=True), emote("Pog"), day=1)
    assert (usable(table, 0), usable(table, 1)) == (set(), {("1", "Pog")})


def test_a_renamed_emote_is_the_same_emote_under_another_code() -> None:
    table = read(read(EMOTES.empty(), emote("Pog"), first=True), emote("PogU"), day=3)
    assert (usable(table, 2), usable(table, 3)) == ({("1", "Pog")}, {("1", "PogU")})


def test_lists_of_other_channels_stay_as_they_are() -> None:
    table = read(EMOTES.empty(), emote("Pog"), first=True)
    glob = read(table, Emote("twitch", "7tv", "1", "Pog"), first=True, channel=None)
    assert [(r["scope"], r["channel_id"]) for r in glob.to_pylist()] == [("channel", "10"), ("global", None)]
    assert read(glob, day=1, channel=None).slice(0, 1).equals(table)


def test_facts_are_those_of_the_last_list() -> None:
    table = read(EMOTES.empty(), emote("Pog"), first=True)
    (row,) = read(table, emote("Pog", animated=True, zero_width=False), day=1).to_pylist()
    assert (row["animated"], row["zero_width"], row["valid_from"], row["valid_to"]) == (
        True,
        False,
        None,
        None,
    )


lists = st.lists(st.sets(st.sampled_from("ABCD")), min_size=1, max_size=7)


@settings(max_examples=150, deadline=None)
@given(lists, st.data())
def test_every_day_has_the_emotes_of_its_list_also_when_it_is_read_again(
    days: list[set[str]], data: Any
) -> None:
    table = EMOTES.empty()
    for day, codes in enumerate(days):
        wrong = data.draw(
            st.none() | st.sets(st.sampled_from("ABCDE")), label="an earlier reading of the day"
        )
        for reading in [codes] if wrong is None else [wrong, codes, codes]:
            table = read(table, *(emote(code, code) for code in sorted(reading)), day=day, first=day == 0)
    for day, codes in enumerate(days):
        assert usable(table, day) == {(code, code) for code in codes}
