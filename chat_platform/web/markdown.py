"""Answers in Markdown, as HTML that is safe to show.

What belongs here: which Markdown is understood, and the allow-list of what may come out of it. What does not: keeping
the text (``storage.answers`` keeps what was typed, never HTML).

CommonMark with tables and strikethrough; HTML in the text stays text, and pictures become links: a picture from
elsewhere would tell its owner who reads. What comes out is cleaned once more by an allow-list that knows nothing of
Markdown, so that a defect of the first step opens nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from chat_platform.errors import WebError
from chat_platform.storage.written import LONGEST_ANSWER

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from nh3 import Cleaner

TAGS = frozenset(
    """p br hr em strong s code pre ul ol li blockquote a h3 h4 h5 h6
    table thead tbody tr th td""".split()  # noqa: SIM905
)
ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "code": {"class"}, "ol": {"start"}}
LINK_REL = "nofollow noopener noreferrer ugc"
SCHEMES = frozenset({"http", "https", "mailto"})
DEEPEST = 20
"""Blocks and marks inside each other; what lies deeper is left out."""

_LANGUAGE = re.compile(r"language-[A-Za-z0-9_+#.-]{1,30}")
_WEB = re.compile(r"(?:https?://[^/\s]|mailto:[^\s@]+@[^\s@]+$)", re.IGNORECASE)
_START = re.compile(r"[0-9]{1,9}")


def to_html(text: str) -> Markup:
    """HTML of a text in Markdown, marked as safe for templates.

    Args:
        text: at most ``LONGEST_ANSWER`` characters.

    Raises:
        WebError: CP-WEB-021 for a longer text, before any work is done on it.
    """
    if len(text) > LONGEST_ANSWER:
        raise WebError("CP-WEB-021", f"{len(text)} > {LONGEST_ANSWER}")
    return _to_html(text)


# The answers of a question are shown again and again; the key is the text itself.
@lru_cache(maxsize=256)
def _to_html(text: str) -> Markup:
    return Markup(_cleaner().clean(_parser().render(text)))  # noqa: S704  it was cleaned


@lru_cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

    def lower_headings(state: StateCore) -> None:
        """Pages have their own first and second level."""
        for token in state.tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(6, int(token.tag[1]) + 2)}"

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.core.ruler.push("lower_headings", lower_headings)
    return parser


@lru_cache
def _cleaner() -> Cleaner:
    from nh3 import Cleaner

    return Cleaner(
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=_kept,
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel=LINK_REL,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """Value of an attribute that the allow-list has let through, or ``None`` to drop it."""
    match (tag, name):
        case ("a", "href"):
            return value if _WEB.match(value) else None
        case ("code", "class"):
            return value if _LANGUAGE.fullmatch(value) else None
        case ("ol", "start"):
            return value if _START.fullmatch(value) else None
    return value
