"""Stable ids, derived from what the source says and nothing else.

What belongs here: pure functions from source facts to ids. What does not: anything that depends on when or
where the code runs.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_PSEUDONYM = re.compile("erased-[0-9a-f]{16}")


def digest(*parts: object, length: int = 16) -> str:
    """First ``length`` hex digits of SHA-256 over the parts, separated so that ("ab", "c") ≠ ("a", "bc")."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def normalise_name(name: str) -> str:
    """A display name for comparison: NFC, blanks of any kind folded to one space, no case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def is_pseudonym(value: str) -> bool:
    """Whether a value has the form of what takes the place of an erased one (``people.erasure.pseudonym``)."""
    return _PSEUDONYM.fullmatch(value) is not None


def identity_id(system: str, key: str) -> str:
    """Id of a name or account at a system; a pseudonym is its own: archived answers hold it for who was erased.

    Args:
        system: ``slack`` (key is the user id), ``zoom`` (key is the display name: Zoom's chat gives no id).
        key: the account id, or the display name, which is normalised here.
    """
    if is_pseudonym(key):
        return key
    return digest("identity", system, normalise_name(key) if system == "zoom" else key)
