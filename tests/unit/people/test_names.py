"""Names, taken apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.people.names import (
    NameParts,
    clean_name,
    is_team,
    name_key,
    role_of_position,
    split_name,
)
from chat_platform.settings import NameRules

RULES = NameRules()
# Made-up names: syllables in alphabetical order, as the formats page does.
NAMES = st.one_of(
    st.text("가나다라마바사아자차카타파하", min_size=2, max_size=4),
    st.sampled_from(
        ["Ga Na Kim", "Mary-Ann Ga", "Ta Ra", "Taylor", "강사랑", "교수아", "김 가나", "ㅋㅋ", "Stafford"]
    ),
)
ROLES = st.sampled_from(sorted(RULES.roles))
TEAMS = st.sampled_from([*RULES.teams, "2팀", "3조", "11기", "Team 4"])
SEPARATORS = st.sampled_from(["_", " _ ", "/", " / ", "|", "·", " ", "__"])


@pytest.mark.parametrize(
    ("display_name", "expected"),
    [
        ("강사_라마바", NameParts("라마바", "teacher", "강사")),
        ("LM 가나다", NameParts("가나다", "staff", "LM")),
        ("lm 가나다", NameParts("가나다", "staff", "lm")),
        ("가나다_온라인", NameParts("가나다", team="온라인")),
        ("온라인_가나다", NameParts("가나다", team="온라인")),
        ("가나다/2팀", NameParts("가나다", team="2팀")),
        ("가나다(오프라인)", NameParts("가나다", team="오프라인")),
        ("（온라인）가나다", NameParts("가나다", team="온라인")),
        ("[운영진] 김 가나 (온라인/2팀)", NameParts("김 가나", "staff", "운영진", "온라인")),
        ("강사_라마바_온라인", NameParts("라마바", "teacher", "강사", "온라인")),
        ("가나다 강사님", NameParts("가나다", "teacher", "강사님")),
        ("Ga Na Kim", NameParts("Ga Na Kim")),
        ("Ga Na Kim_online", NameParts("Ga Na Kim", team="online")),
        ("Ga Kim (she/her)", NameParts("Ga Kim")),
        ("Ga Kim (Host)", NameParts("Ga Kim")),
        ("김가나(노트북)", NameParts("김가나", note="노트북")),
        ("Kim (가나) Lee", NameParts("Kim (가나) Lee")),
        ("ＬＭ　가나다", NameParts("가나다", "staff", "LM")),
        ("Kim_Gana", NameParts("Kim_Gana")),
        ("Team 4 가나다", NameParts("가나다", team="Team 4")),
        ("가나다 :)", NameParts("가나다 :)")),
        ("_가나다_", NameParts("가나다")),
    ],
)
def test_the_names_of_a_class_come_apart(display_name: str, expected: NameParts) -> None:
    assert split_name(display_name, RULES) == expected


@pytest.mark.parametrize(
    "name",
    [
        "강사랑",
        "교수아",
        "온라인킴",
        "조교동",
        "Ta Quang",
        "Stafford",
        "TAylor",
        "강 사랑",
        "2팀장",
        "Kim TAe",
    ],
)
def test_a_name_that_only_begins_like_a_role_or_team_stays_whole(name: str) -> None:
    assert split_name(name, RULES) == NameParts(name)


@pytest.mark.parametrize(
    ("display_name", "expected"),
    [("운영진", NameParts("운영진", "staff", "운영진")), ("온라인", NameParts("온라인", team="온라인"))],
)
def test_a_name_that_is_nothing_but_a_role_keeps_it_as_its_name(
    display_name: str, expected: NameParts
) -> None:
    assert split_name(display_name, RULES) == expected


def test_other_rules_split_other_names() -> None:
    rules = NameRules(roles={"러닝 코치": "staff"}, teams=["부산"], separators="-")
    assert split_name("러닝 코치-가나다-부산", rules) == NameParts("가나다", "staff", "러닝 코치", "부산")
    assert split_name("강사-가나다", rules) == NameParts("강사-가나다")
    assert split_name("가나다 부산", NameRules(teams=["부산"], separators="")).name == "가나다"


@given(NAMES, ROLES, TEAMS, SEPARATORS, SEPARATORS, st.integers(0, 5))
def test_role_and_team_are_found_wherever_they_stand(
    name: str, role: str, team: str, one: str, other: str, layout: int
) -> None:
    layouts = [
        f"{role}{one}{name}{other}{team}",
        f"{team}{one}{name}{other}{role}",
        f"{role}{one}{team}{other}{name}",
        f"{name}{one}{role}{other}{team}",
        f"{role}{one}{name}({team})",
        f"[{team}]{name}{one}{role}",
    ]
    parts = split_name(layouts[layout], RULES)
    assert (parts.name, parts.role, parts.role_word, parts.team) == (name, RULES.roles[role], role, team)


@given(NAMES, TEAMS)
def test_width_composition_and_invisible_characters_do_not_matter(name: str, team: str) -> None:
    written = f"{name}_{team}"
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in written).replace(" ", "\u3000")
    for variant in (wide, unicodedata.normalize("NFD", written), f"\u200b{written}\ufeff", f"  {written}\t"):
        assert split_name(variant, RULES) == split_name(written, RULES)


@given(st.one_of(st.text(max_size=30), st.text("가강사온라인 _/()[]LMTA12팀,.", max_size=20)))
def test_any_text_is_split_without_loss_of_the_name_and_splitting_again_changes_nothing(text: str) -> None:
    parts = split_name(text, RULES)
    assert bool(parts.name) == bool(clean_name(text))
    assert parts.name in clean_name(text)
    assert split_name(parts.name, RULES).name == parts.name
    assert (parts.role is None) == (parts.role_word is None)


@given(st.text(max_size=30))
def test_cleaning_and_comparing_are_stable(text: str) -> None:
    assert clean_name(clean_name(text)) == clean_name(text)
    assert name_key(name_key(text)) == name_key(text)
    assert name_key(text) == name_key(f" {clean_name(text)} ")


@pytest.mark.parametrize(("one", "other"), [("김 가나", "김가나"), ("GA kim", "ga Kim"), ("ＧＡ", "ga")])
def test_names_that_people_hold_for_equal_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_a_long_name_takes_no_long_time() -> None:
    parts = split_name("강사 " * 2_000 + "가나다", RULES)
    assert (parts.name, parts.role) == ("가나다", "teacher")


@pytest.mark.parametrize(
    ("position", "role"),
    [
        ("강사", "teacher"),
        ("주강사", "teacher"),
        ("온라인 강사", "teacher"),
        ("운영진(매니저)", "staff"),
        ("lm", "staff"),
        ("교육매니저", "staff"),
        ("Teacher", "teacher"),
        ("학생", "student"),
        ("온라인", "student"),
        ("data", "student"),
        ("", "student"),
        (None, "student"),
    ],
)
def test_a_position_stands_for_a_role(position: str | None, role: str) -> None:
    assert role_of_position(position, RULES) == role


def test_a_team_word_is_known_as_such() -> None:
    assert is_team("온라인", RULES)
    assert is_team(" 3조 ", RULES)
    assert not is_team("강사", RULES)
    assert not is_team(None, RULES)
