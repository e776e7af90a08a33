"""Markdown of answers: what is understood, and that nothing else ever comes out."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import WebError
from chat_platform.storage.written import LONGEST_ANSWER
from chat_platform.web.markdown import LINK_REL, TAGS, to_html
from tests.chosen import first_of
from tests.cost import cost, growth

NUMBER = count()
"""Makes every text another one: what was shown once is kept."""

FRAGMENTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<a href='x' style=y>",
    "[a](javascript:alert(1))", "[a](JaVaScRiPt&#58;alert(1))", "[a](data:text/html,x)", "[a](//evil.example)",
    "[a](/account)", "[a](https://ok.example \"t\\\" onclick=x\")", "<javascript:alert(1)>", "<https://ok.example>",
    "![p](https://evil.example/p.png)", "![p](data:image/svg+xml,x)", "[r]: javascript:alert(1)", "[r]", "![r][r]",
    "```py\" onclick=x\n</code>\n```", "~~~<b>\nx\n~~~", "`</code><b>`", "| a | b |\n|:--|--:|\n| <i> | `|` |",
    "# h", "###### h", "***x***", "~~x~~", "> ", "- ", "1. ", "    code", "&lt;b&gt;", "&#x3c;b&#x3e;", "\\<b>",
    "<!--", "-->", "<![CDATA[", "<?php", "</p>", "<style>*{}</style>", "<math><mi//xlink:href='data:x'>", "\u202e",
    "\u200b", "\x00", "{{7*7}}", "[a](mailto:a@b.example)", "[a](mailto:)", "[a](https://)", "[a](ftp://x.example)",
]  # fmt: skip


class Seen(HTMLParser):
    """What a browser would find: every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.other: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def seen(text: str) -> Seen:
    found = Seen()
    found.feed(to_html(text))
    found.close()
    return found


def assert_allowed(text: str) -> None:
    found = seen(text)
    assert found.other == []
    for tag, attributes in found.tags:
        assert tag in TAGS
        allowed = {"a": {"href", "rel"}, "code": {"class"}, "ol": {"start"}}.get(tag, set())
        assert set(attributes) <= allowed, (tag, attributes)
        if tag == "a":
            assert attributes["rel"] == LINK_REL
            href = attributes.get("href")
            assert href is None or href.startswith(("http://", "https://", "mailto:")), href


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=20)), max_size=8).map("\n".join))
def test_only_tags_and_attributes_of_the_allow_list_come_out(text: str) -> None:
    assert_allowed(text)


@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=6).map("".join))
def test_so_too_when_they_touch_each_other(text: str) -> None:
    assert_allowed(text)


@given(st.text(alphabet="<>!-/\"'= abcsvgonload()[]:`*_|#\n&;\\", max_size=200))
def test_so_too_for_letters_that_mean_something(text: str) -> None:
    assert_allowed(text)


def test_markdown_is_understood() -> None:
    found = seen(
        "# 제목\n\n*하나* **둘** ~~셋~~ `넷`\n\n> 인용\n\n3. 목록\n\n```python\nx = 1 < 2\n```\n\n"
        "| a |\n|---|\n| 1 |\n\n"
        "[링크](https://example.com/a?b=1&c=2) ![그림](https://example.com/p.png)"
    )
    assert [tag for tag, _ in found.tags] == [
        "h3", "p", "em", "strong", "s", "code", "blockquote", "p", "ol", "li", "pre", "code",
        "table", "thead", "tr", "th", "tbody", "tr", "td", "p", "a", "a",
    ]  # fmt: skip
    links = [attributes["href"] for tag, attributes in found.tags if tag == "a"]
    assert links == ["https://example.com/a?b=1&c=2", "https://example.com/p.png"]
    assert ("code", {"class": "language-python"}) in found.tags
    assert ("ol", {"start": "3"}) in found.tags


def test_html_is_shown_as_it_was_typed() -> None:
    hostile = "<script>alert(1)</script> & <b>x</b>"
    assert "".join(seen(hostile).words).strip() == hostile


@pytest.mark.parametrize(
    "part",
    first_of([
        "[", "![", "[a](", ">", "> - ", "* a ", "_a*b", "`", "- ", "1. ", "|a", "<a", "&#x41;", "~~a ", "\\", "a\n",
        "[a]: x\n",
    ], 4),
)  # fmt: skip
def test_bombs_are_bounded(part: str) -> None:
    """Neither quadratic nor much dearer than a tame text of their length; what is too long is refused unread."""

    def shown(length: int, piece: str = part) -> None:
        to_html((f"{next(NUMBER)} " + piece * length)[:length])

    def refused() -> None:
        with pytest.raises(WebError, match="CP-WEB-021"):
            shown(5 * LONGEST_ANSWER)

    assert growth(shown, LONGEST_ANSWER // 4) < 2
    longest = cost(lambda: shown(LONGEST_ANSWER))
    assert longest < 20 * cost(lambda: shown(LONGEST_ANSWER, "글 *굵게* [a](https://a.example) `code`\n\n"))
    assert cost(refused) < max(longest, 1e-3)
