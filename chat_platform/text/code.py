r"""Code in chat: what is fenced, what was pasted.

What belongs here: which parts of a message are code. What does not: what becomes of them (``normalise`` keeps
them as written, ``language`` calls a message code when they are most of it).

Code is: a part between three backticks; a part of a line between single backticks; and lines that look like
code of the languages of a data or web course (Python, JavaScript, SQL, shell, HTML, JSON, tracebacks). A line
with Hangul outside strings and comments is never code: "print(x) 왜 안돼요" is a question. A line looks like
code when one strong pattern matches or three weak ones do; a closing bracket, a blank, a comment or a
decorator joins the code beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Segment(NamedTuple):
    """A run of text that is code or is not; segments joined give the text."""

    text: str
    is_code: bool


_FENCE = re.compile(r"```.*?```", re.DOTALL)
_INLINE = re.compile(r"`[^`\n]+`")
_HANGUL = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]")
_ANY_HINT = re.compile(
    r"[`{}()=;<>\[\]\"]|\b(?:import|else|try|finally|pip3?|conda|npm|git|docker|sudo|python3?|SELECT|class|def)\b"
    r"|(?:Error|Exception|Warning)\b|\w_\w"
)
_LITERALS = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_COMMENT = re.compile(r"(?:#|//|--|<!--).*$")
_LONG_LINE = 2_000

_STRONG = re.compile(
    r"""
      from\s+[\w.]+\s+import\s+[\w*(]
    | import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+(?:\s+as\s+\w+)?)*\s*;?$
    | (?:async\s+)?def\s+\w+\s*\(
    | class\s+\w+\s*(?:\([^()]*\))?\s*[:{]
    | (?:async\s+)?for\s+\w+(?:\s*,\s*\w+)*\s+in\s+[^:]+:
    | (?:for|while|if|else\s+if|switch|catch)\s*\(.*\)\s*\{?$
    | (?:while|if|elif|with|except)\b.*[()\[\]=<>].*:$
    | (?:else|try|finally)\s*[:{]$ | except(?:\s+\w+(?:\s+as\s+\w+)?)?:$
    | (?:return|yield|await|raise|del|assert)\s+\w+(?:[.(\[+*/-]|\s*$)
    | (?:const|let|var)\s+(?:\w+|[{\[][\w\s,]+[}\]])\s*=
    | (?:public|private|protected|static)\s+\w+[\s<(]
    | function\s*\w*\s*\( | (?:export|module\.exports)\b
    | \#include\s*[<"] | \#!\s*/
    | [A-Za-z_][\w.]*(?:\[[^\]]*\])*\s*(?:[-+*/%|&^]|\*\*|//)?=\s*
        (?:[\w.]+\(|[\[{("']|-?\d[\d_.]*\s*[;,]?$|(?:new|await|lambda|True|False|None|null|true|false)\b
        |[A-Za-z_][\w.]*\s*[-+*/%\[])
    | [A-Za-z_][\w.]*\(.*\)[;:,]?$
    | [A-Za-z_][\w.]*(?:\.\w+)?\($
    | (?-i:SELECT)\b.+\b(?-i:FROM)\b
    | (?i:select)\s+(?:\*|[\w.()*]+(?:\s*,\s*[\w.()*]+)+|\w+\([^)]*\))\s+(?i:from)\b
    | (?i:insert\s+into|create\s+(?:or\s+replace\s+)?(?:table|view)|drop\s+table|alter\s+table)\s+\w
    | (?-i:WHERE|GROUP\s+BY|ORDER\s+BY|LEFT\s+JOIN|INNER\s+JOIN|JOIN|LIMIT)\s+\w+.*$
    | Traceback\s\(most\srecent | File\s".+",\sline\s\d+ | at\s[\w.$<>]+\(.*:\d+(?::\d+)?\)$
    | (?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Warning):(?:\s.*)?$
    | (?:>>>|\.\.\.|\$|PS>)\s\s*[\w(/"'@] | (?:In|Out)\s?\[\d*\]:
    | (?:!|%)?(?:pip3?|conda|npm|yarn|brew|apt(?:-get)?)\s+(?:-\S+\s+)*
        (?:install|uninstall|create|activate|run|update)\b
    | git\s+(?:add|commit|push|pull|clone|checkout|switch|status|merge|rebase|init|log|diff|branch|stash)\b[^.!?]*$
    | docker\s+(?:run|build|ps|compose|exec|pull)\b | python3?\s+(?:-m\s+\w|[\w./-]+\.py\b)
    | sudo\s+[a-z]+\s | curl\s+(?:-|http)
    | </?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>
    | [\[{]?\s*"[\w\s-]+"\s*:\s*[\[{"\d-]
    """,
    re.VERBOSE,
)
_ENDS_LIKE_CODE = re.compile(r"[=()\[\].].*[;{]$")
_WEAK = (
    re.compile(r"[=!<>]=|[-+*/]=|->|=>|::|&&|\|\|"),
    re.compile(r"\w\("),
    re.compile(r"\w\[[^\]]"),
    re.compile(r"[A-Za-z]_[A-Za-z]"),
    re.compile(r"\)\s*[.;,:]|[:,\\{(\[]$"),
    re.compile(r"\w\s=\s\w"),
    re.compile(r"[a-z]\.[a-z_]+[.(]"),
)
_ENOUGH_WEAK = 3
_NEUTRAL = re.compile(r"[()\[\]{};,]*|@\w[\w.]*(?:\(.*\))?|(?:pass|break|continue|return);?")


def may_hold_code(text: str) -> bool:
    """Whether anything in ``text`` hints at code; cheap, and most of chat is answered here."""
    return _ANY_HINT.search(text) is not None


def segments(text: str) -> list[Segment]:
    """``text`` in runs of code and of other text; joined they give ``text``."""
    if not may_hold_code(text):
        return [Segment(text, False)] if text else []
    parts: list[Segment] = []
    for part in _between(_FENCE, [Segment(text, False)]):
        parts += [part] if part.is_code else list(_lines(part.text))
    return _merged(_between(_INLINE, _merged(parts)))


def code_share(text: str) -> float:
    """Share of the visible characters of ``text`` that are code: 0.0 to 1.0."""
    if not may_hold_code(text):
        return 0.0
    code = total = 0
    for part in segments(text):
        size = len("".join(part.text.split()))
        total += size
        code += size if part.is_code else 0
    return code / total if total else 0.0


def looks_like_code(line: str) -> bool:
    """Whether one line, without what surrounds it, is code."""
    stripped = line.strip()
    if not stripped or len(stripped) > _LONG_LINE or _has_prose(stripped):
        return False
    bare = _COMMENT.sub("", stripped).rstrip()
    if _STRONG.match(stripped) or _STRONG.match(bare) or _ENDS_LIKE_CODE.search(bare):
        return True
    weak = sum(pattern.search(stripped) is not None for pattern in _WEAK)
    return weak + (line[:2] in ("  ", "\t")) >= _ENOUGH_WEAK


def _has_prose(line: str) -> bool:
    """Hangul outside strings and comments."""
    if not _HANGUL.search(line):
        return False
    return _HANGUL.search(_COMMENT.sub("", _LITERALS.sub("", line))) is not None


def _between(pattern: re.Pattern[str], parts: list[Segment]) -> list[Segment]:
    """Split the parts that are not code where ``pattern`` matches; what matches is code."""
    result: list[Segment] = []
    for part in parts:
        if part.is_code:
            result.append(part)
            continue
        end = 0
        for match in pattern.finditer(part.text):
            result += [Segment(part.text[end : match.start()], False), Segment(match[0], True)]
            end = match.end()
        result.append(Segment(part.text[end:], False))
    return [part for part in result if part.text]


def _lines(text: str) -> Iterator[Segment]:
    lines = text.splitlines(keepends=True)
    kinds: list[bool | None] = [_kind(line) for line in lines]
    for order in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        _spread(kinds, order)
    for line, kind in zip(lines, kinds, strict=True):
        yield Segment(line, kind is True)


def _kind(line: str) -> bool | None:
    """True for code, False for other text, None for what joins the code beside it."""
    if looks_like_code(line):
        return True
    stripped = line.strip()
    bare = _COMMENT.sub("", stripped).rstrip()
    indented = line[:1] in (" ", "\t") and not _has_prose(stripped)
    return None if indented or _NEUTRAL.fullmatch(bare) else False


def _spread(kinds: list[bool | None], order: range) -> None:
    before: bool | None = False
    for index in order:
        if kinds[index] is None and before is True:
            kinds[index] = True
        before = kinds[index]


def _merged(parts: list[Segment]) -> list[Segment]:
    merged: list[Segment] = []
    for part in parts:
        if merged and merged[-1].is_code == part.is_code:
            merged[-1] = Segment(merged[-1].text + part.text, part.is_code)
        else:
            merged.append(part)
    return merged
