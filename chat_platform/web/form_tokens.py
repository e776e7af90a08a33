"""What forms carry: the session's token, different on every page.

What belongs here: masking the token, comparing. What does not: where it is kept and checked (``access``).

Pages are sent compressed. Whoever can watch the length of a page and choose a part of it could find out, over many
pages, a text that stands in all of them (the attack called BREACH). So a page holds a random mask and the token under
that mask, never twice the same.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest


def masked(token: str) -> str:
    """The token as one page has it: ``<mask>.<token under it>``, each in base64."""
    plain = token.encode()
    mask = secrets.token_bytes(len(plain))
    return f"{_text(mask)}.{_text(_under(mask, plain))}"


def same(given: str, expected: str) -> bool:
    """Whether two tokens, masked or not, are the same one; in a time that tells nothing of the token."""
    return compare_digest(_plain(given), _plain(expected))


def _plain(token: str) -> bytes:
    if "." not in token:
        return token.encode()
    try:
        mask, covered = (urlsafe_b64decode(part) for part in token.split("."))
    except ValueError:
        return b""
    return _under(mask, covered) if len(mask) == len(covered) else b""


def _under(mask: bytes, text: bytes) -> bytes:
    return (int.from_bytes(mask, "big") ^ int.from_bytes(text, "big")).to_bytes(len(text), "big")


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode()
