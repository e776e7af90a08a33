"""Stable ids, derived from what the source says and nothing else.

What belongs here: pure functions from source facts to ids. What does not: anything that depends on when or
where the code runs.
"""

from __future__ import annotations

import hashlib
import unicodedata


def digest(*parts: object, length: int = 16) -> str:
    """First ``length`` hex digits of SHA-256 over the parts, separated so that ("ab", "c") ≠ ("a", "bc")."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def normalise_name(name: str) -> str:
    """A display name for comparison: NFC, blanks of any kind folded to one space, no case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def identity_id(system: str, key: str) -> str:
    """Id of a name or account at a system.

    Args:
        system: ``slack`` (key is the user id), ``zoom`` (key is the display name: Zoom's chat gives no id).
        key: the account id, or the display name, which is normalised here.
    """
    return digest("identity", system, normalise_name(key) if system == "zoom" else key)
