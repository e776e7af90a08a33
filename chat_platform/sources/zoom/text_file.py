"""Bytes of a text file that somebody gave us, as lines.

What belongs here: encodings and line ends of saved chat files. What does not: what the lines mean.
"""

from __future__ import annotations

import codecs
import re

from chat_platform.errors import InputError

# A clock is the one thing that every dialect holds; it shows which reading of the bytes is the right one.
_CLOCK = re.compile(r"[0-9]:[0-9]{2}")
_PROBE = 200_000
# Alternatives in this order: \r\r\n is one end (Zoom's cloud file), \r\n before \n\r so that a blank line of a
# Windows file is not torn apart.
_LINE_END = re.compile(r"\r\r\n|\r\n|\n\r|\n|\r")
_FEW = 20


def decode(data: bytes) -> tuple[str, str]:
    """Text of the bytes and the name of the encoding that was found.

    UTF-8 with or without BOM, UTF-16 little or big endian with or without BOM, CP949 (Windows in Korean). A file
    that was cut in the middle of a character is still read; the encoding's name then ends in ``(damaged)``.

    Raises:
        InputError: CP-FILE-001 when nothing but blanks is in it, CP-FILE-002 when no encoding fits.
    """
    if not data.strip():
        raise InputError("CP-FILE-001", f"{len(data)} bytes")
    found = _decode_with_bom(data) or _decode_wide(data) or _decode_plain(data)
    if found is None:
        raise InputError("CP-FILE-002", f"{len(data)} bytes")
    text, encoding = found
    if not text.strip():
        raise InputError("CP-FILE-001", f"{len(data)} bytes, {encoding}")
    return text, encoding


def split_lines(text: str) -> list[str]:
    r"""Lines without their ends, which may be ``\n``, ``\r\n``, ``\r\r\n``, ``\r`` or ``\n\r``, even mixed.

    Unlike ``str.splitlines`` this does not break at form feeds or U+2028, which people paste into messages.
    """
    lines = _LINE_END.split(text)
    if lines and lines[-1] == "":
        lines.pop()
    return lines


def _decode_with_bom(data: bytes) -> tuple[str, str] | None:
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(bom):
            body = data[len(bom) :]
            return _strict(body, encoding) or _damaged(body, encoding)
    return None


def _decode_wide(data: bytes) -> tuple[str, str] | None:
    """UTF-16 without BOM: only such a file is full of NUL bytes; the byte order with more clocks is right."""
    if b"\x00" not in data:
        return None
    readings = [_strict(data, "utf-8"), _strict(data, "utf-16-le"), _strict(data, "utf-16-be")]
    if not any(readings):
        readings = [_damaged(data, "utf-16-le"), _damaged(data, "utf-16-be")]
    possible = [reading for reading in readings if reading is not None]
    return max(possible, key=lambda reading: len(_CLOCK.findall(reading[0][:_PROBE])), default=None)


def _decode_plain(data: bytes) -> tuple[str, str] | None:
    # A damaged UTF-8 file is asked for before CP949, which would often accept its bytes as other Korean text.
    return (
        _strict(data, "utf-8") or _damaged(data, "utf-8") or _strict(data, "cp949") or _damaged(data, "cp949")
    )


def _strict(data: bytes, encoding: str) -> tuple[str, str] | None:
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        return None


def _damaged(data: bytes, encoding: str) -> tuple[str, str] | None:
    """The text with U+FFFD for what is broken, provided that little is broken."""
    text = data.decode(encoding, "replace")
    broken = text.count("\ufffd")
    whole = len(text) - broken if encoding.startswith("utf-16") else sum(c > "\x7f" for c in text) - broken
    return (text, f"{encoding} (damaged)") if broken * _FEW <= whole else None
