"""The list of people who were erased: what keeps them away when archived answers are parsed again.

What belongs here: the list and its key, adding to it, looking somebody up. What does not: what erasing does to a
table (``people.erasure``), and the operation (``ingestion.erasure``).

``erasures.json`` holds pseudonyms, no id and no name; ``erasure.key`` makes them. Both lie in ``CHATP_HOME`` with
mode 0600 and stay when everything else is deleted: a class that is fetched anew must bring nobody back. An entry is
written before anything is erased and finished after nothing is left, so an entry without ``done_at`` is the journal
of an erasure that was interrupted.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from chat_platform.errors import InputError
from chat_platform.people.erasure import Erased, Pseudonyms, pseudonym
from chat_platform.storage.files import KEY_BYTES, held_lock, kept_key, replace_text_atomic
from chat_platform.tables.ids import normalise_name

KEY_FILE, LIST_FILE = "erasure.key", "erasures.json"


@dataclass(frozen=True)
class Erasure:
    """An entry of the list.

    Attributes:
        people: pseudonyms of the person's ids.
        identities: pseudonyms of their names and accounts in chats.
        names: pseudonyms of what the entry is found by again: a person's name; accounts of a viewer.
        done_at: when nothing was left.
    """

    number: int
    asked_at: datetime
    asked_by: str
    people: tuple[str, ...]
    identities: tuple[str, ...]
    names: tuple[str, ...]
    done_at: datetime | None = None


class ErasureList:
    """The list of one ``CHATP_HOME``.

    Args:
        home: holds the list and its key.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock of erasures: one at a time."""
        with held_lock(self._home / ".erasures.lock"):
            yield

    def entries(self) -> list[Erasure]:
        """Every erasure, the oldest first.

        Raises:
            InputError: CP-PEOPLE-021 when the list is damaged, or lies there without its key.
        """
        try:
            text = (self._home / LIST_FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            # With a key there once was a list.
            if (self._home / KEY_FILE).exists():
                raise InputError("CP-PEOPLE-021", LIST_FILE) from None
            return []
        try:
            found = [_entry(row) for row in json.loads(text)]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError("CP-PEOPLE-021", f"{LIST_FILE}: {type(error).__name__}") from error
        if found and not (self._home / KEY_FILE).exists():
            raise InputError("CP-PEOPLE-021", KEY_FILE)
        return found

    def erased(self) -> Erased | None:
        """Everybody on the list, as steps that write tables take it; ``None`` while nobody is."""
        entries = self.entries()
        return _erased(entries, self._key()) if entries else None

    def only(self, entry: Erasure) -> Erased:
        """The one person of an entry."""
        return _erased([entry], self._key())

    def rehearsed(self, people: Collection[str], identities: Collection[str]) -> Erased:
        """Somebody who is not on the list, as if they were; nothing is written."""
        key = self._key() if self.entries() else secrets.token_bytes(KEY_BYTES)
        return Erased(
            Pseudonyms((pseudonym(one, key) for one in people), key),
            Pseudonyms((pseudonym(one, key) for one in identities), key),
            key,
        )

    def find(self, person: str) -> Erasure | None:
        """The newest entry of somebody by their former id or name, or by a pseudonym of them."""
        entries = self.entries()
        if not entries:
            return None
        key = self._key()
        wanted = {pseudonym(person, key), pseudonym(normalise_name(person), key)}
        return next((one for one in reversed(entries) if wanted & {*one.people, *one.names}), None)

    def add(
        self, *, people: Collection[str], identities: Collection[str], names: Collection[str], by: str
    ) -> Erasure:
        """Put somebody on the list, or open their entry again with what was not on it.

        Args:
            people: ids in ``core.people``; pseudonyms of them are welcome.
            identities: names and accounts in chats.
            names: what the entry is found by again, as far as it is still known; pseudonyms are welcome.
            by: who asks for it.
        """
        entries = self.entries()
        if not entries:
            # The list before the key: a key alone says that the list was lost.
            self._write([])
        key = kept_key(self._home / KEY_FILE)
        of_people, of_identities = ({pseudonym(one, key) for one in ids} for ids in (people, identities))
        of_names = {pseudonym(normalise_name(name), key) for name in names}
        known = next((one for one in entries if of_people & set(one.people)), None)
        if known is not None:
            entry = replace(
                known,
                people=_both(known.people, of_people),
                identities=_both(known.identities, of_identities),
                names=_both(known.names, of_names),
                done_at=None,
            )
            entries[entries.index(known)] = entry
        else:
            number = 1 + max((one.number for one in entries), default=0)
            ids = (_both((), of_people), _both((), of_identities), _both((), of_names))
            entry = Erasure(number, datetime.now(UTC), by, *ids)
            entries.append(entry)
        self._write(entries)
        return entry

    def finish(self, number: int) -> None:
        """Note that nothing is left."""
        self._write(
            [
                replace(one, done_at=datetime.now(UTC)) if one.number == number else one
                for one in self.entries()
            ]
        )

    def _key(self) -> bytes:
        return (self._home / KEY_FILE).read_bytes()

    def _write(self, entries: list[Erasure]) -> None:
        rows = [asdict(entry) for entry in entries]
        text = json.dumps(rows, indent=1, default=lambda moment: moment.isoformat(), ensure_ascii=False)
        replace_text_atomic(self._home / LIST_FILE, text + "\n", mode=0o600)


def _both(known: Collection[str], new: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *new}))


def _erased(entries: Collection[Erasure], key: bytes) -> Erased:
    return Erased(
        Pseudonyms((one for entry in entries for one in entry.people), key),
        Pseudonyms((one for entry in entries for one in entry.identities), key),
        key,
    )


def _entry(row: dict[str, object]) -> Erasure:
    done_at = row["done_at"]
    return Erasure(
        number=int(str(row["number"])),
        asked_at=datetime.fromisoformat(str(row["asked_at"])),
        asked_by=str(row["asked_by"]),
        people=_texts(row["people"]),
        identities=_texts(row["identities"]),
        names=_texts(row["names"]),
        done_at=None if done_at is None else datetime.fromisoformat(str(done_at)),
    )


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(type(value).__name__)
    return tuple(str(one) for one in value)
