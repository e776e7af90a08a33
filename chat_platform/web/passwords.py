"""Passwords: hashing, checking, and refusing those that are guessed first.

What belongs here: argon2id, and what a password must be. What does not: how often somebody may try
(``signing_in``), where hashes are kept (``storage.accounts``).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chat_platform.errors import WebError

SHORTEST = 10
LONGEST = 1_000
"""Characters; more would only cost time."""
WEAKEST_SCORE = 3
"""Of zxcvbn: 10⁸ guesses or more, by lists of passwords that leaked, of words and of names, and by patterns."""
LEAST_OF_OTHERS = 6
"""Characters beside the parts of login and name."""
SCORED = 72
"""Characters that zxcvbn looks at."""
AT_ONCE = 2
"""Hashes that are computed at once: each takes 64 MiB and some tenths of a second of all that a core has."""
WAIT_S = 10.0
WORDS_OF_OURS = ("chatp", "chat_platform", "slack", "zoom", "portal", "password", "비밀번호")


class Passwords:
    """Hashes and checks passwords.

    Args:
        hasher: default: argon2id with the low-memory parameters of RFC 9106 (64 MiB, 3 rounds, 4 lanes). Hashes with
            other parameters stay good and are ``outdated``.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = threading.BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        """The hash that is stored.

        Raises:
            WebError: CP-WEB-007 when too many hashes wait.
        """
        with _Turn(self._turn):
            return self._hasher.hash(_same(password))

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password; without a hash it takes as long and never is.

        Raises:
            WebError: CP-WEB-007 when too many hashes wait.
        """
        text = _same(password[:LONGEST])
        # Made before it is needed, so that no login is the one that waits for it.
        nobodys = self._nobodys
        compared = password_hash or nobodys
        with _Turn(self._turn):
            try:
                self._hasher.verify(compared, text)
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _nobodys(self) -> str:
        """A hash for logins that there are not."""
        return self.hash("nobody's password")


def refuse_weak(password: str, about: Iterable[str] = ()) -> None:
    """Refuse a password that would be guessed soon.

    Args:
        password: as it was typed.
        about: login, name and whatever else somebody who knows the person would try.

    Raises:
        WebError: CP-WEB-013.
    """
    # Reads its lists of passwords on import.
    from zxcvbn import zxcvbn

    text = _same(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise WebError("CP-WEB-013", f"{SHORTEST}–{LONGEST}")
    known = {part for word in (*about, *WORDS_OF_OURS) for part in (word, *re.split(r"[\W_]+", word)) if part}
    own = sorted((re.escape(part) for part in known if len(part) > 1), key=len, reverse=True)
    left = re.sub("|".join(own), "", text, flags=re.IGNORECASE)
    # A name with a year is many guesses for somebody who does not know the name.
    if (
        len(left) < LEAST_OF_OTHERS
        or zxcvbn(text[:SCORED], user_inputs=sorted(known))["score"] < WEAKEST_SCORE
    ):
        raise WebError("CP-WEB-013")


class _Turn:
    """One of the places for hashing, for which nobody waits for ever."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.acquire(timeout=WAIT_S):
            raise WebError("CP-WEB-007", f"{round(WAIT_S)} s")

    def __exit__(self, *_: object) -> None:
        self._places.release()


def _same(password: str) -> str:
    """Keyboards send the same Korean syllable as one character or as its letters."""
    return unicodedata.normalize("NFC", password)
