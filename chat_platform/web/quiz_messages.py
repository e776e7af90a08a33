"""Messages that the quiz may ask about, and the people to choose from.

What belongs here: which messages are fit to be shown without their names, and drawing one. What does not: rounds and
scores (``storage.quiz``), who agrees now (``storage.consents``; asked at every request).

The messages are those on which the author model was tested: it has not learnt from them, so its guess and the
player's are worth the same. A message tells more than its author likes when it holds an address, a number or a name;
such ones are never shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random, SystemRandom

from chat_platform.text.normalise import PLACEHOLDERS
from chat_platform.web.published import PinnedReader

PEOPLE = 5
FEWEST_PEOPLE = 4
SHORTEST, LONGEST = 12, 200
MOST_DIGITS = 3
MOST_MESSAGES = 2_000
"""Messages that are kept to be drawn from, a fixed sample of all."""

_HELD_OUT = """
    with guesses as (
        select message_id, conversation_id, list(person_id order by rank) as guesses
        from ml.author_predictions
        group by message_id, conversation_id
    )
    select messages.message_id, identities.person_id, messages.text, messages.clean_text, guesses.guesses
    from guesses
    inner join core.messages as messages
        on messages.message_id = guesses.message_id
        and messages.conversation_id = guesses.conversation_id
    inner join core.identities as identities on identities.identity_id = messages.identity_id
    where
        identities.person_id is not null
        and messages.visibility = 'everyone'
        and not messages.removed
        and coalesce(messages.language, '') not in ('code', 'emoji')
        and length(messages.text) between $shortest and $longest
    order by md5(messages.message_id)
    limit $limit
"""
_NAMES = """
    select name from core.people
    union
    select display_name from core.identities where display_name is not null
    union
    select name_part from core.identities where name_part is not null
"""


@dataclass(frozen=True)
class HeldOut:
    """A message that the model has not learnt from.

    Attributes:
        guesses: people whom the model would name, the likeliest first.
    """

    message_id: str
    person_id: str
    text: str
    guesses: tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """A message to ask about.

    Attributes:
        options: people to choose from, shuffled, the author among them.
        model_choice: whom of them the model would choose.
    """

    message: HeldOut
    options: tuple[str, ...]
    model_choice: str | None


def held_out(published: PinnedReader) -> dict[str, HeldOut]:
    """Messages that are fit for the quiz, by id; whoever wrote them, agreeing now or not."""

    def make() -> dict[str, HeldOut]:
        names = callable_names(row["name"] for row in published.query(_NAMES))
        rows = published.query(_HELD_OUT, {"shortest": SHORTEST, "longest": LONGEST, "limit": MOST_MESSAGES})
        return {
            row["message_id"]: HeldOut(
                row["message_id"], row["person_id"], row["text"], tuple(row["guesses"])
            )
            for row in rows
            if is_fit(row["text"], row["clean_text"], names)
        }

    return published.kept("quiz messages", make)


def draw(
    messages: Iterable[HeldOut], agreed: Collection[str], seen: Collection[str], random: Random | None = None
) -> Draw | None:
    """A message and people to choose from; ``None`` when nothing is left or too few people agree.

    Args:
        messages: that are fit.
        agreed: ids of people who agree now; nobody else is an author or a choice.
        seen: ids of messages that this player was asked about.
    """
    random = random or SystemRandom()
    known = [one for one in messages if one.person_id in agreed]
    left = [one for one in known if one.message_id not in seen]
    for message in random.sample(left, len(left)):
        # Whoever said the very same would be right too.
        same = {one.person_id for one in known if one.text == message.text} - {message.person_id}
        people = frozenset(agreed) - same
        if len(people) >= FEWEST_PEOPLE:
            return _draw(message, people, random)
    return None


def _draw(message: HeldOut, people: Collection[str], random: Random) -> Draw:
    guesses = [person for person in message.guesses if person in people]
    # Two whom the model thinks likely make it hard; the others are anybody.
    options = list(dict.fromkeys([message.person_id, *guesses]))[:3]
    others = sorted(set(people) - set(options))
    options += random.sample(others, min(len(others), PEOPLE - len(options)))
    random.shuffle(options)
    return Draw(message, tuple(options), next((person for person in guesses if person in options), None))


def callable_names(names: Iterable[str]) -> frozenset[str]:
    """What people of the class may be called in a message: whole names, their parts, Korean given names."""
    found: set[str] = set()
    for name in names:
        whole = _plain(name)
        parts = "".join(letter if letter.isalnum() else " " for letter in whole).split()
        found.update((whole, *parts))
        found.update(
            part[1:] for part in parts if len(part) == 3 and all("가" <= one <= "힣" for one in part)
        )
    return frozenset(one for one in found if len(one) >= 2)


def is_fit(text: str, clean_text: str, names: Collection[str]) -> bool:
    """Whether a message may be shown without its author: nothing in it that leads to a person.

    Args:
        text: as sent.
        clean_text: the same with addresses and mentions folded.
        names: as ``callable_names`` gives them.
    """
    plain = _plain(text)
    if "\n" in plain or "@" in plain or "://" in plain or "www." in plain:
        return False
    if any(placeholder in clean_text for placeholder in PLACEHOLDERS):
        return False
    if sum(letter.isdigit() for letter in plain) > MOST_DIGITS:
        return False
    return not any(name in plain for name in names)


def _plain(text: str) -> str:
    """Letters as people read them: wide and styled forms are the usual ones, and nothing is invisible."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    return "".join(letter for letter in folded if unicodedata.category(letter) not in ("Cf", "Mn", "Me"))
