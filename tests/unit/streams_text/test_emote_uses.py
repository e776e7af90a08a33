"""Emote uses: which picture a word is, in which channel, on which day, and that none counts twice."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.people.erasure import erase_from_table, pseudonym, rule_problem
from chat_platform.sources.streams import port
from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.files import write_parquet_atomic
from chat_platform.tables import streams
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.tables.streams import EMOTE_USES, EMOTES
from chat_platform.text.emoji import emoji_in, may_hold_emoji
from chat_platform.text.emotes import (
    _MAY_HOLD_EMOJI,
    CHAT,
    EMOJI,
    NATIVE,
    NATIVE_USES,
    EmoteKernel,
    chat_of,
    emote_uses,
)

SEOUL = "Asia/Seoul"
NOON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
REAL = Path(__file__).parents[4] / "shared" / "data" / "twitch-hasanabi"

Use = tuple[str, str, str, int]


def emote(provider: str, code: str, channel: str | None = "10", **more: Any) -> dict[str, Any]:
    """A row of core.emotes; ids tell provider and scope."""
    return {
        "platform": "twitch",
        "provider": provider,
        "emote_id": f"{provider}-{'global' if channel is None else channel}-{code}",
        "code": code,
        "scope": "global" if channel is None else "channel",
        "channel_id": channel,
    } | more


def said(*texts: str, at: Iterable[datetime] = ()) -> pa.Table:
    """Messages ``m0``, ``m1``, … of one conversation."""
    moments = list(at) or [NOON] * len(texts)
    return MESSAGES.table(
        {
            "message_id": f"m{number}",
            "source": "twitch",
            "conversation_id": "twitch-1",
            "kind": "message",
            "position": number,
            "identity_id": f"viewer {number % 3}",
            "sent_at": moment,
            "text": text,
            "clean_text": text,
            "visibility": "everyone",
            "edited": False,
            "removed": False,
            "ambiguous_parent": False,
        }
        for number, (text, moment) in enumerate(zip(texts, moments, strict=True))
    )


def marks(*hits: tuple[int, str | None, str, int]) -> pa.Table:
    """The platform's emotes: number of the message, id, code, count."""
    names = NATIVE_USES.names
    rows = [dict(zip(names, (f"m{n}", *rest), strict=True)) for n, *rest in hits]
    return pa.Table.from_pylist(rows, schema=NATIVE_USES)


def uses(
    messages: pa.Table,
    emotes: list[dict[str, Any]],
    native: pa.Table | None = None,
    channel: str = "10",
) -> list[Use]:
    """(message, emote id, code, uses) in the order of the kernel's table, which must fit its declaration."""
    chat = chat_of(messages, native, platform="twitch", channel_id=channel)
    table = EMOTE_USES.conform(emote_uses(chat, EMOTES.table(emotes), zone=SEOUL))
    return [(r["message_id"], r["emote_id"], r["code"], r["uses"]) for r in table.to_pylist()]


def test_a_third_party_emote_is_a_whole_word_with_its_case() -> None:
    messages = said("Pog Pog", "pog PogU Pog, Pog!", "\tPog\u3000네 Pog\n", "", "PogPog")
    assert uses(messages, [emote("7tv", "Pog")], marks()) == [
        ("m0", "7tv-10-Pog", "Pog", 2),
        ("m2", "7tv-10-Pog", "Pog", 2),
    ]


def test_a_marked_emote_counts_once_whatever_else_has_its_code() -> None:
    emotes = [emote("7tv", "LUL"), emote("bttv", "LUL", None), emote(NATIVE, "LUL", None)]
    found = uses(said("LUL LUL LUL", "LUL"), emotes, marks((0, "425618", "LUL", 2)))
    assert found == [
        ("m0", "425618", "LUL", 2),
        ("m0", "7tv-10-LUL", "LUL", 1),
        ("m1", "7tv-10-LUL", "LUL", 1),
    ]


def test_an_unmarked_word_is_native_only_where_the_source_marks_nothing() -> None:
    emotes = [emote(NATIVE, "wakHi"), emote("7tv", "wakHi")]
    assert uses(said("wakHi"), emotes[:1], marks()) == []
    assert uses(said("wakHi"), emotes, marks()) == [("m0", "7tv-10-wakHi", "wakHi", 1)]
    assert uses(said("wakHi wakHi"), emotes, None) == [("m0", "native-10-wakHi", "wakHi", 2)]


def test_a_mark_without_an_id_is_known_by_its_code() -> None:
    assert uses(said("네{:d_1:}{:d_1:}"), [], marks((0, None, "{:d_1:}", 2))) == [
        ("m0", "{:d_1:}", "{:d_1:}", 2)
    ]


@pytest.mark.parametrize(
    ("order", "winner"),
    [
        ([emote("ffz", "Pog"), emote("7tv", "Pog", None)], "ffz-10-Pog"),
        ([emote("bttv", "Pog"), emote("7tv", "Pog"), emote("ffz", "Pog")], "7tv-10-Pog"),
        ([emote("ffz", "Pog", None), emote("bttv", "Pog", None)], "bttv-global-Pog"),
        ([emote("unknown", "Pog"), emote("ffz", "Pog")], "ffz-10-Pog"),
        ([emote("unknown", "Pog"), emote("7tv", "Pog", None)], "unknown-10-Pog"),
    ],
)
def test_of_emotes_with_one_code_the_stated_one_counts(order: list[dict[str, Any]], winner: str) -> None:
    for emotes in (order, order[::-1]):
        assert uses(said("Pog"), emotes, marks()) == [("m0", winner, "Pog", 1)]


def test_emotes_of_another_channel_or_platform_are_words() -> None:
    emotes = [emote("7tv", "Pog", "11"), emote("7tv", "Pog") | {"platform": "chzzk"}]
    assert uses(said("Pog"), emotes, marks()) == []
    assert uses(said("Pog"), emotes, marks(), channel="11") == [("m0", "7tv-11-Pog", "Pog", 1)]


def test_a_day_of_the_class_zone_decides_which_emotes_there_are() -> None:
    """One stream over midnight in Seoul (15:00 UTC): the first emote goes, another takes its code."""
    before, after = datetime(2026, 3, 2, 14, 59, 59, tzinfo=UTC), datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    emotes = [
        emote("7tv", "Pog", emote_id="old", valid_to=date(2026, 3, 3)),
        emote("7tv", "Pog", emote_id="new", valid_from=date(2026, 3, 3)),
        emote("7tv", "Later", valid_from=date(2026, 3, 4)),
    ]
    found = uses(said("Pog Later", "Pog Later", at=[before, after]), emotes, marks())
    assert found == [("m0", "old", "Pog", 1), ("m1", "new", "Pog", 1)]


def test_a_zero_width_emote_is_a_use() -> None:
    emotes = [emote("7tv", "Pog"), emote("7tv", "RainTime", None, zero_width=True)]
    assert [use[1:] for use in uses(said("Pog RainTime"), emotes, marks())] == [
        ("7tv-10-Pog", "Pog", 1),
        ("7tv-global-RainTime", "RainTime", 1),
    ]


def test_emoji_count_by_cluster_and_are_grouped_by_what_they_show() -> None:
    found = uses(said("👍🏽👍🏽👍 안녕👨‍👩‍👧", "🇰🇷🇺🇸1️⃣"), [], marks())
    assert found == [
        ("m0", "👍", "👍🏽", 2),
        ("m0", "👍", "👍", 1),
        ("m0", "👨‍👩‍👧", "👨‍👩‍👧", 1),
        ("m1", "🇰🇷", "🇰🇷", 1),
        ("m1", "🇺🇸", "🇺🇸", 1),
        ("m1", "1⃣", "1️⃣", 1),
    ]


def test_no_character_that_can_make_an_emoji_is_passed_over() -> None:
    every = pa.array([chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000])
    possible = pc.invert(pc.match_substring_regex(every, _MAY_HOLD_EMOJI))
    assert not [character for character in every.filter(possible).to_pylist() if may_hold_emoji(character)]


def test_an_emoji_that_an_emote_is_written_with_is_no_emoji() -> None:
    emotes = [emote("7tv", "🔥"), emote("7tv", "x😂😂")]
    found = uses(said("🔥 🔥🔥 x😂😂 😂", "🔥"), emotes, marks((1, None, "🔥", 1)))
    assert sorted(found) == sorted(
        [
            ("m0", "7tv-10-🔥", "🔥", 1),
            ("m0", "🔥", "🔥", 2),
            ("m0", "7tv-10-x😂😂", "x😂😂", 1),
            ("m0", "😂", "😂", 1),
            ("m1", "🔥", "🔥", 1),
        ]
    )


def test_nothing_said_is_nothing_used() -> None:
    empty = emote_uses(CHAT.empty_table(), EMOTES.empty(), zone=SEOUL)
    assert EMOTE_USES.conform(empty).num_rows == 0
    assert uses(said("네", "Pog"), []) == []


def test_marks_of_messages_that_are_not_there_are_left_out() -> None:
    assert uses(said("네"), [], marks((7, "1", "LUL", 1), (0, "1", "LUL", 1))) == [("m0", "1", "LUL", 1)]


def test_names_of_kinds_are_those_of_the_port() -> None:
    assert NATIVE == port.NATIVE
    assert NATIVE_USES.names == list(port.NativeEmoteUse.__dataclass_fields__)


WORDS = ["Pog", "pog", "LUL", "네", "👍🏽", "🔥", "x🔥", "LUL🔥", "Pog,"]
CHOICES = [
    emote(provider, code, channel)
    for provider in ("7tv", "bttv", "ffz")
    for code in ("Pog", "LUL", "x🔥")
    for channel in ("10", None)
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=6), max_size=5),
    st.lists(st.sampled_from(CHOICES), unique_by=lambda e: e["emote_id"], max_size=8),
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
)
def test_every_place_is_one_use_of_one_emote(
    chats: list[list[str]], emotes: list[dict[str, Any]], native: list[int]
) -> None:
    """Words that are emotes, each once; and emoji of the words that are none."""
    hits = {n: min(native[n], words.count("LUL")) for n, words in enumerate(chats)}
    found = uses(
        said(*(" ".join(words) for words in chats)),
        emotes,
        marks(*((n, "1", "LUL", count) for n, count in hits.items() if count)),
    )
    codes = {e["code"] for e in emotes}
    expected: Counter[tuple[str, str]] = Counter()
    for n, words in enumerate(chats):
        for word in words:
            if word in codes or (word == "LUL" and hits[n]):
                expected[f"m{n}", word] += word in codes or 0
            else:
                expected.update((f"m{n}", one) for one in emoji_in(word))
        if "LUL" not in codes:
            expected[f"m{n}", "LUL"] += hits[n]
    counted: Counter[tuple[str, str]] = Counter()
    for message, _, code, times in found:
        assert times > 0
        counted[message, code] += times
    assert counted == +expected


def test_the_engine_runs_the_kernel_with_the_emotes_of_each_partition(tmp_path: Path) -> None:
    write_parquet_atomic(
        tmp_path / "emotes.parquet",
        EMOTES.table([emote("7tv", "Pog"), emote("7tv", "Pog", "11"), emote("bttv", "D:", None)]),
    )
    inputs = {channel: tmp_path / f"{channel}.parquet" for channel in ("10", "11")}
    for channel, path in inputs.items():
        chat = chat_of(said("Pog D:", "👍"), marks(), platform="twitch", channel_id=channel)
        write_parquet_atomic(path, chat)
    outputs = {channel: tmp_path / "out" / path.name for channel, path in inputs.items()}
    kernel = EmoteKernel(tmp_path / "emotes.parquet", SEOUL)
    outcomes = LocalEngine(1).map(kernel, inputs, outputs)
    assert {key: (one.error, one.rows_out) for key, one in outcomes.items()} == {
        "10": (None, 3),
        "11": (None, 3),
    }
    ids = EMOTE_USES.conform(pa.parquet.read_table(outputs["11"]))["emote_id"].to_pylist()
    assert ids == ["7tv-11-Pog", "bttv-global-D:", "👍"]


def test_who_is_erased_leaves_counts_and_no_id() -> None:
    chat = chat_of(said("Pog", "Pog"), marks(), platform="twitch", channel_id="10")
    table = emote_uses(chat, EMOTES.table([emote("7tv", "Pog")]), zone=SEOUL)
    left = erase_from_table(table, EMOTE_USES, {"viewer 1"}, set(), set(), key=b"a key of this test")
    assert left["identity_id"].to_pylist() == ["viewer 0", pseudonym("viewer 1", b"a key of this test")]
    assert left.drop_columns("identity_id").equals(table.drop_columns("identity_id"))


@pytest.mark.parametrize("spec", streams.TABLES, ids=lambda spec: spec.full_name)
def test_tables_are_whole(spec: Any) -> None:
    assert {name: rule_problem(c) for c in spec.columns if (name := c.name) and rule_problem(c)} == {}
    assert set(spec.primary_key) <= set(spec.column_names)
    assert spec.partition_column is None or spec.partition_column in spec.column_names
    personal = [column.name for column in spec.columns if column.pii]
    assert not personal or "identity_id" in spec.column_names


def test_one_table_gives_counts_by_day_channel_user_and_minute() -> None:
    """Sums over the table equal counts made from the messages one by one."""
    at = [NOON + timedelta(minutes=n * 7 % 31, hours=n % 20) for n in range(60)]
    texts = [" ".join(["Pog"] * (n % 3) + ["👍"] * (n % 2)) for n in range(60)]
    chat = chat_of(said(*texts, at=at), marks(), platform="twitch", channel_id="10")
    rows = emote_uses(chat, EMOTES.table([emote("7tv", "Pog")]), zone=SEOUL).to_pylist()
    zone = ZoneInfo(SEOUL)
    counted: Counter[Any] = Counter()
    for r in rows:
        local = r["sent_at"].astimezone(zone)
        counted[r["code"], r["channel_id"], local.date(), local.strftime("%H:%M"), r["identity_id"]] += r[
            "uses"
        ]
    expected: Counter[Any] = Counter()
    for n, (text, moment) in enumerate(zip(texts, at, strict=True)):
        local = moment.astimezone(zone)
        for word in text.split():
            expected[word, "10", local.date(), local.strftime("%H:%M"), f"viewer {n % 3}"] += 1
    assert counted == expected


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="../shared/data is absent")
def test_counts_of_a_real_chat_equal_those_of_twenty_lines() -> None:
    with (REAL / "hasanabi_2022-11-17T20.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["comment"] for row in csv.DictReader(file)]
    with (REAL / "global_emotes.csv").open(encoding="utf-8", newline="") as file:
        listed = [(name, code) for row in csv.DictReader(file) for name, code in row.items() if code]
    providers = {"GLOBAL_TWITCH": NATIVE, "GLOBAL_7TV": "7tv", "GLOBAL_BTTV": "bttv", "GLOBAL_FFZ": "ffz"}
    emotes = [emote(providers[name], code, None) for name, code in listed]
    table = emote_uses(
        chat_of(said(*texts), None, platform="twitch", channel_id="10"), EMOTES.table(emotes), zone=SEOUL
    )
    found: dict[str, Counter[str]] = {"words": Counter(), EMOJI: Counter()}
    for provider, code, times in zip(
        *(table[name].to_pylist() for name in ("provider", "code", "uses")), strict=True
    ):
        found[EMOJI if provider == EMOJI else "words"][code] += times

    codes = {code for _, code in listed}
    words = Counter(word for text in texts for word in text.split() if word in codes)
    # By Unicode's properties; symbols and dingbats are shown as pictures, but for the arrow and the two signs.
    picture = regex.compile(
        r"\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|(?=\p{Emoji})[\u2600-\u27bf]|.\ufe0f?\u20e3"
    )
    emoji = Counter(
        cluster
        for text in texts
        for cluster in regex.findall(r"\X", text)
        if picture.match(cluster) and "\ufe0e" not in cluster and cluster not in "♀♂➡"
    )
    assert sum(words.values()) > 8_000
    assert found["words"] == words
    assert sum(emoji.values()) > 1_000
    assert found[EMOJI] == emoji
