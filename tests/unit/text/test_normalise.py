"""clean_text: what is folded, what stays, and that cleaning twice is cleaning once."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_platform.text.normalise import EMAIL, MENTION, URL, _pass, clean
from tests.chosen import first_of
from tests.cost import growth

chat_pieces = st.sampled_from(
    [
        *"ㅋㅠㅎ아네하!?~,.;^ …·*-_'\"`()[]{}<>=:/\\@#1a",
        "ㅋㅋㅋ", "아니", "대박", "www.", ".com", "https://", "a@b.co", "@나래", "\n", "  ", "\t", "\u200b",
        "\u200d", "\ufe0f", "\ufe0e", "👍", "🏽", "❤️", "👨‍👩‍👧", "🇰🇷", "1️⃣", "ᄏ", "ᅡ", "ᆨ", "\u0301", "```",
        "for i in x:", "print(1)", "    ", "⟨url⟩", "！", "\u3164", "\r\n", "\x00", "import os",
        "\ud800", "\U000e0067",
    ]
)  # fmt: skip
chat_text = st.lists(chat_pieces, max_size=25).map("".join)


@pytest.mark.parametrize(
    ("sent", "cleaned"),
    [
        ("ㅋㅋㅋㅋㅋ 안녕하세요!!!! ㅠㅠㅠ", "ㅋㅋ 안녕하세요! ㅠㅠ"),
        ("ㅋ", "ㅋ"),
        ("와아아아아 대박대박대박", "와아아 대박대박"),
        ("ㅇㅈㅇㅈㅇㅈㅇㅈ", "ㅇㅈㅇㅈ"),
        ("뭐야?!?!?!..... 진짜~~~", "뭐야?!... 진짜~"),
        ("…… 네,,,", "... 네,"),
        ("soooo goooood AAA", "soo good AAA"),
        ("1000000원 010-0000-0000", "1000000원 010-0000-0000"),
        ("왜요；；； 땀;;;; ^^^^^", "왜요；；； 땀;; ^^"),
        ("대박！！！ 진짜요？？", "대박! 진짜요?"),
        ("-------- 표 ========", "--- 표 ==="),
        ("  앞뒤   공백\t탭 \n\n\n 다음 줄  ", "앞뒤 공백 탭\n다음 줄"),
        ("안\u200b녕\ufeff하\u00ad세요\u202e", "안녕하세요"),
        ("줄1\r\n줄2\u2028줄3", "줄1\n줄2\n줄3"),
        ("\u3164\u3164", ""),
        ("ᄏᄏᄏᄏ ᄋᄏ", "ㅋㅋ ㅇㅋ"),
        ("\u1112\u1161\u11ab글", "한글"),
        ("널\x00문자\x1b", "널문자"),
        ("", ""),
    ],
)  # fmt: skip
def test_elongations_blanks_and_invisible_characters_are_folded(sent: str, cleaned: str) -> None:
    assert clean(sent) == cleaned


@pytest.mark.parametrize(
    ("sent", "cleaned"),
    [
        ("https://zoom.example/rec/share/abc?pwd=x.Y-1 를 보세요", f"{URL} 를 보세요"),
        ("HTTPS://Example.ORG/SKs!!! 여기요", f"{URL}! 여기요"),
        ("www.example.org에서 봤어요", f"{URL}에서 봤어요"),
        ("example.com 들어가세요~~", f"{URL} 들어가세요~"),
        ("한국 https://wiki.example/w/한국어#역사 참고", f"한국 {URL} 참고"),
        ("(https://example.org/a)", f"({URL})"),
        ("메일은 a.b+c@ex.co.kr로 주세요", f"메일은 {EMAIL}로 주세요"),
        ("@나래 님 @here 확인요", f"{MENTION} 님 {MENTION} 확인요"),
        ("3시@5층, 5@3", "3시@5층, 5@3"),
        ("나.중.에 v1.2.3 파일.txt", "나.중.에 v1.2.3 파일.txt"),
        ("np.mean 함수", "np.mean 함수"),
    ],
)
def test_addresses_and_mentions_become_placeholders_and_particles_stay(sent: str, cleaned: str) -> None:
    assert clean(sent) == cleaned


@pytest.mark.parametrize(
    ("sent", "cleaned"),
    [
        ("👏👏👏👏 👍🏽👍🏽👍🏽👍", "👏👏 👍🏽👍🏽👍"),
        ("👨‍👩‍👧 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 1️⃣ ❤️", None),
        ("🇰🇷🇰🇷🇰🇷", "🇰🇷🇰🇷"),
        ("안\u200d녕\ufe0f 5\ufe0f", "안녕 5"),
    ],
)
def test_emoji_stay_whole_and_stand_at_most_twice_in_a_row(sent: str, cleaned: str | None) -> None:
    assert clean(sent) == (sent if cleaned is None else cleaned)


def test_code_stays_as_written_and_the_words_around_it_are_folded() -> None:
    code = 'for i in range(3):\n    # 세 번!!!!\n    print("ㅋㅋㅋㅋ", "@here")\n\n\n    x  =  www'
    assert clean(f"질문요!!!\r\n\r\n{code}   \n\n왜요????") == f"질문요!\n{code}\n왜요?"
    assert clean("이거 `a   ==  b!!!!` 맞나요???") == "이거 `a   ==  b!!!!` 맞나요?"
    assert clean("```\nㅋㅋㅋㅋ   $$$$$\n```  네네네네") == "```\nㅋㅋㅋㅋ   $$$$$\n``` 네네"


@settings(max_examples=1500, deadline=None)
@given(chat_text)
@example("ㅋㅋ\u200bㅋㅋ")
@example("\u1112\u3164\u1161")
@example("@\u200b나래 a@b.co@c")
@example("-.com")
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert _pass(once) == once


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_is_cleaned_to_nfc_without_control_characters_and_stays_so(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not [c for c in once if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert once == once.rstrip()


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="가나아ㅋㅠaBz1 .,!?~@:/ \n=()", max_size=12))
def test_the_quick_way_gives_what_the_rules_give(text: str) -> None:
    assert clean(text) == clean("\u200b" + text)


@pytest.mark.parametrize(
    "piece",
    first_of(
        ["a", "가", "ㅋㅋ!? ", "a.", "@a", "`", '"', "www.a", "x(", "👍", "\u200d", "a@", "\n ", "```", "-a"],
        5,
    ),
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    assert growth(lambda length: clean(piece * (length // len(piece))), 20_000, factor=10) < 4
