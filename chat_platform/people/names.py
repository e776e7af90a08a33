"""Display names taken apart: whom a name names, and which role and team it adds.

What belongs here: pure functions on names and positions. What does not: who a name belongs to (``identity``),
reading lists (``class_list``).

In a class people write role and team into their names, in any order and with any separator:
``강사_라마바``, ``LM 가나다``, ``가나다_온라인``, ``온라인_가나다``, ``가나다/2팀``, ``가나다(오프라인)``,
``Ga Na Kim (she/her)``. A word counts only as a whole part at one end of the name, between separators,
blanks or brackets: ``강사랑`` is a name, not a teacher called 랑.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from chat_platform.settings import NameRules

DEFAULT_ROLE = "student"
_BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"), ("{", "}"), ("【", "】"), ("「", "」"))
_ZERO_WIDTH_JOINER = "\u200d"


@dataclass(frozen=True)
class NameParts:
    """What a display name says.

    Attributes:
        name: the name itself; never empty unless the display name is blank.
        role: ``teacher``, ``staff``, … as the rules map the word; ``None`` when the name says none.
        role_word: that word as written.
        team: team or place as written.
        note: what stood in brackets and is neither.
    """

    name: str
    role: str | None = None
    role_word: str | None = None
    team: str | None = None
    note: str | None = None


def fold_width(text: str) -> str:
    """Full- and half-width forms as ordinary characters, then NFC.

    NFKC would do too much: it turns the ㅋ of a nickname into another character.
    """
    folded = []
    for character in text:
        kind, _, code = unicodedata.decomposition(character).partition(" ")
        folded.append(chr(int(code, 16)) if kind in ("<wide>", "<narrow>") else character)
    return unicodedata.normalize("NFC", "".join(folded))


def clean_name(text: str) -> str:
    """A name as people see it: NFC, one width, single blanks, no invisible characters."""
    visible = "".join(
        character
        for character in fold_width(text)
        if character.isspace()
        or character == _ZERO_WIDTH_JOINER
        or unicodedata.category(character) not in ("Cc", "Cf")
    )
    # Composing again: an invisible character may have stood between a letter and its mark.
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def name_key(name: str) -> str:
    """A name for comparison: neither case, nor width, nor blanks count (``김 가나`` is ``김가나``)."""
    return "".join(clean_name(clean_name(name).casefold()).split())


def split_name(display_name: str, rules: NameRules) -> NameParts:
    """Take one display name apart; for many names make a ``NameSplitter`` once."""
    return NameSplitter(rules).split(display_name)


def role_of_position(position: str | None, rules: NameRules) -> str:
    """Role that a position of the class list stands for; ``student`` when it is unknown."""
    return NameSplitter(rules).role_of_position(position)


def is_team(text: str | None, rules: NameRules) -> bool:
    """Whether the whole text is a word for a team or place."""
    return text is not None and NameSplitter(rules).is_team(clean_name(text))


class NameSplitter:
    """Takes display names apart by one set of rules."""

    def __init__(self, rules: NameRules) -> None:
        self._exact: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        for word, role in rules.roles.items():
            word = clean_name(word)
            if word.isascii() and word.isupper():
                # An abbreviation: "TA" and "ta", but not "Ta", which is a family name.
                self._exact |= {word: role, word.lower(): role}
            else:
                self._folded[word.casefold()] = role
        self._teams = {clean_name(word).casefold() for word in rules.teams}
        self._team_patterns = [re.compile(pattern, re.IGNORECASE) for pattern in rules.team_patterns]
        self._ignored = [re.compile(pattern, re.IGNORECASE) for pattern in rules.ignored_patterns]
        self._separators = rules.separators
        separator = f"[{re.escape(rules.separators)}\\s]" if rules.separators else r"\s"
        self._boundaries = re.compile(f"{separator}+")
        self._longest = max(
            [len(self._boundaries.split(word)) for word in (*rules.roles, *rules.teams)] + [2]
        )

    def split(self, display_name: str) -> NameParts:
        """Take a display name apart."""
        whole = clean_name(display_name)
        parts = NameParts(name=self._trim(whole) or whole)
        while True:
            shorter = self._without_bracket(parts) or self._without_word(parts)
            if shorter is None:
                break
            parts = shorter
        # All that is left may be a word too: an account called "운영진" has that name and that role.
        return self._noted(parts, parts.name) or parts

    def role_of(self, word: str) -> str | None:
        """Role that a whole word stands for."""
        return self._exact.get(word) or self._folded.get(word.casefold())

    def is_team(self, word: str) -> bool:
        """Whether a whole word says team or place."""
        return word.casefold() in self._teams or any(p.fullmatch(word) for p in self._team_patterns)

    def role_of_position(self, position: str | None) -> str:
        """As the function of this name."""
        text = clean_name(position or "")
        words = [word for word in re.split(r"[^\w]+|_", text) if word]
        for candidate in (text, *words):
            role = self.role_of(candidate)
            if role:
                return role
        for word in words:
            # Korean compounds end with their head: a 보조강사 is a 강사. Latin words do not ("data", "TA").
            for ending, role in self._folded.items():
                if not ending.isascii() and word.casefold().endswith(ending):
                    return role
        return DEFAULT_ROLE

    def _trim(self, text: str) -> str:
        return text.strip(self._separators + " ")

    def _noted(self, parts: NameParts, word: str) -> NameParts | None:
        """``parts`` with a role or team word taken up, or ``None`` when it is neither."""
        role = self.role_of(word)
        if role:
            return parts if parts.role else replace(parts, role=role, role_word=word)
        if self.is_team(word):
            return parts if parts.team else replace(parts, team=word)
        return None

    def _without_word(self, parts: NameParts) -> NameParts | None:
        """Without the role or team at one end, the longest first; ``None`` when there is none to take."""
        bounds = list(self._boundaries.finditer(parts.name))
        for count in range(min(self._longest, len(bounds)), 0, -1):
            first, last = bounds[count - 1], bounds[-count]
            for word, rest in (
                (parts.name[: first.start()], parts.name[first.end() :]),
                (parts.name[last.end() :], parts.name[: last.start()]),
            ):
                noted = self._noted(parts, word)
                if noted:
                    return replace(noted, name=rest)
        return None

    def _without_bracket(self, parts: NameParts) -> NameParts | None:
        """Without the brackets at one end; ``None`` when there are none, or nothing else."""
        for opening, closing in _BRACKETS:
            for inside, rest in _bracketed(parts.name, opening, closing):
                rest, inside = self._trim(rest), inside.strip()
                if not rest:
                    continue
                taken = self._inside(parts, inside)
                return replace(taken, name=rest)
        return None

    def _inside(self, parts: NameParts, inside: str) -> NameParts:
        if not inside or any(pattern.fullmatch(inside) for pattern in self._ignored):
            return parts
        words = [inside]
        if self._noted(parts, inside) is None:
            words = [word for word in re.split(rf"[,{re.escape(self._separators)}\s]+", inside) if word]
        taken = parts
        for word in words:
            noted = self._noted(taken, word)
            if noted is None:
                return replace(parts, note=parts.note or inside)
            taken = noted
        return taken


def _bracketed(text: str, opening: str, closing: str) -> list[tuple[str, str]]:
    """(inside, rest) of a pair of brackets at the end or the start of a text; not nested."""
    found = []
    if text.endswith(closing):
        start = text.rfind(opening)
        if start >= 0 and closing not in text[start:-1]:
            found.append((text[start + 1 : -1], text[:start]))
    if text.startswith(opening):
        end = text.find(closing)
        if end >= 0 and opening not in text[1:end]:
            found.append((text[1:end], text[end + 1 :]))
    return found
