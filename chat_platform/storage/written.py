"""Text that people type into the portal, made fit to be kept.

What belongs here: what both databases can store, and limits. What does not: how it looks (``web.markdown``, the
templates escape everything else).
"""

from __future__ import annotations

import re
import unicodedata

from chat_platform.errors import WebError

LONGEST_ANSWER = 20_000
LONGEST_QUESTION = 2_000
LONGEST_REASON = 400
MOST_LINES = 1_000

# Line ends and tabs are kept; other control characters show nothing, and PostgreSQL stores no zero character.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|\u2028|\u2029|\x85")


def written(text: str, longest: int = LONGEST_ANSWER) -> str:
    """A text as it is kept: NFC, one kind of line end, nothing that cannot be stored, no blanks around it.

    Args:
        text: as it was sent.
        longest: most characters.

    Raises:
        WebError: CP-WEB-021 when nothing to be seen is left, or too much.
    """
    if len(text) > 2 * longest:
        # Composing first could only make it shorter by a factor of three, and would be paid for by us.
        raise WebError("CP-WEB-021", f"{len(text)} > {longest}")
    kept = _UNSTORABLE.sub("", _LINE_END.sub("\n", unicodedata.normalize("NFC", text))).strip()
    if not any(unicodedata.category(character)[0] not in "CZ" for character in kept):
        raise WebError("CP-WEB-021", "0")
    if len(kept) > longest or kept.count("\n") >= MOST_LINES:
        raise WebError("CP-WEB-021", f"{len(kept)} > {longest}, {kept.count(chr(10)) + 1} / {MOST_LINES}")
    return kept
