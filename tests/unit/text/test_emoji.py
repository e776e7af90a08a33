"""Emoji by grapheme cluster."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.text.emoji import clusters, emoji_in, emoji_spans, fold_emoji, is_emoji

ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "cluster",
    ["👍", "👍🏽", "❤️", "❤", "☺", "✔", "👨‍👩‍👧", "👩🏽‍💻", "🇰🇷", "1️⃣", "#⃣", ENGLAND, "🫠", "©️", "⭐"],
)
def test_an_emoji_of_any_kind_is_one(cluster: str) -> None:
    assert emoji_in(f"네{cluster}안녕") == [cluster]


@pytest.mark.parametrize(
    "text", ["©", "1", "#", "→", "➡", "▶", "♀", "™", "ㅋㅋ", "안녕", "❤\ufe0e", "※", "ℹ", "𠮷", ""]
)
def test_signs_and_letters_are_none(text: str) -> None:
    assert emoji_spans(text) == []
    assert not is_emoji(text)


def test_places_are_characters_and_neighbours_stay_apart() -> None:
    text = "가👍👍🏽🇰🇷🇺🇸1️⃣나👨‍👩‍👧"
    spans = emoji_spans(text)
    assert [text[start : start + length] for start, length in spans] == [
        "👍",
        "👍🏽",
        "🇰🇷",
        "🇺🇸",
        "1️⃣",
        "👨‍👩‍👧",
    ]


def test_variants_of_one_emoji_are_grouped_and_different_ones_are_not() -> None:
    assert {fold_emoji(variant) for variant in ("👍", "👍🏻", "👍🏿")} == {"👍"}
    assert {fold_emoji(variant) for variant in ("❤", "❤️")} == {"❤"}
    assert {fold_emoji(variant) for variant in ("👩🏽‍💻", "👩‍💻")} == {"👩‍💻"}
    assert fold_emoji("🏽") == "🏽"
    assert len({fold_emoji(emoji) for emoji in ("👨‍👩‍👧", "👨", "🇰🇷", "🇺🇸", "1️⃣", "2️⃣", ENGLAND, "🏴")}) == 8


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("👍🏽❤\ufe0f\ufe0e\u200d👩💻🇰🇷1⃣가a\u0301"), max_size=15))
def test_spans_never_overlap_and_cover_emoji_only(text: str) -> None:
    end = 0
    for start, length in emoji_spans(text):
        assert start >= end
        assert is_emoji(text[start : start + length])
        assert fold_emoji(text[start : start + length])
        end = start + length
    assert end <= len(text)


@settings(max_examples=500, deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from(
            "ab 1#*\r\n👍🏽❤\ufe0f\ufe0e\u20e3\u200d👩💻🇰🇷가\u1100\u1161\u0301\u0600\u0e33क्"
        ),
        max_size=25,
    )
)
def test_passing_over_plain_text_finds_the_emoji_that_all_clusters_hold(text: str) -> None:
    assert emoji_in(text) == [cluster for cluster in clusters(text) if is_emoji(cluster)]
