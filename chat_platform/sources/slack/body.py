"""What a Slack message says, as lines of leaves, from whichever form it came in.

What belongs here: reading blocks, mrkdwn text and attachments into one shape, and from that to readable text.
What does not: what the words mean (``announcements``, ``redaction``) and what a message is (``messages``).

Formats: ``rich_text`` blocks hold leaf elements (``text``, ``link``, ``emoji``, ``user``, …) in sections,
lists, quotes and preformatted parts, nested bullets being siblings. In ``text``, ``&``, ``<`` and ``>`` are
escaped and everything Slack understood stands in ``<…>``: ``<https://…|label>``, ``<@U…>``, ``<!here>``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MARKUP = re.compile(r"<([^<>\n]*)>")
_MENTION_KINDS = {"@": "user", "#": "channel", "!": "broadcast"}
_MAX_DEPTH = 12


@dataclass(frozen=True)
class Leaf:
    """A run of text that Slack treats as one thing.

    Attributes:
        kind: ``text``, ``link``, ``emoji``, ``user``, ``channel`` or ``broadcast``.
        text: what a person reads; for ``emoji`` the ``:name:`` and for mentions the id.
        url: target of a link.
        styled: bold, italic, struck through or code: its borders were drawn by the writer.
        code: inline code or a preformatted part; nothing in it is markup.
    """

    kind: str
    text: str
    url: str | None = None
    styled: bool = False
    code: bool = False


Line = tuple[Leaf, ...]


def bodies(message: Mapping[str, Any]) -> list[list[Line]]:
    """The forms that a message came in, best first: blocks, text, attachments; without empty ones."""
    forms = (
        block_lines(message.get("blocks")),
        text_lines(message.get("text")),
        attachment_lines(message.get("attachments")),
    )
    return [lines for lines in forms if any(leaf.text or leaf.url for line in lines for leaf in line)]


def plain(line: Iterable[Leaf]) -> str:
    """A line as the writer typed it, links as their address where they have no label."""
    return "".join(leaf.text for leaf in line)


def text_lines(text: object) -> list[Line]:
    """Lines of a mrkdwn ``text``; styles are not read, because ``*`` and ``_`` may be meant as they stand."""
    if not isinstance(text, str):
        return []
    leaves: list[Leaf] = []
    end = 0
    for match in _MARKUP.finditer(text):
        leaves.append(Leaf("text", html.unescape(text[end : match.start()])))
        leaves.append(_markup_leaf(match[1]))
        end = match.end()
    leaves.append(Leaf("text", html.unescape(text[end:])))
    return _split_lines(leaves)


def _markup_leaf(inside: str) -> Leaf:
    target, _, label = inside.partition("|")
    target, label = html.unescape(target), html.unescape(label)
    if target[:1] in _MENTION_KINDS:
        return Leaf(_MENTION_KINDS[target[0]], label or target[1:].split("^")[0], url=target[1:])
    if target.startswith("mailto:"):
        return Leaf("text", label or target.removeprefix("mailto:"))
    if "://" in target:
        return _link(target, label)
    # An address without a scheme, or a pair of brackets that nobody escaped.
    return Leaf("text", label or target if label else f"<{target}>")


def _link(url: str, label: str, *, styled: bool = False, code: bool = False) -> Leaf:
    """A link; but words with a dot in them that Slack took for an address stay words (``ab.io``)."""
    if url in (f"http://{label}", f"https://{label}") and "/" not in label:
        return Leaf("text", label, styled=styled, code=code)
    return Leaf("link", label or url, url=url, styled=styled, code=code)


def block_lines(blocks: object) -> list[Line]:
    """Lines of ``blocks``: rich text, and the text parts of section, header, context and actions blocks."""
    lines: list[Line] = []
    for block in _dicts(blocks):
        kind = block.get("type")
        if kind == "rich_text":
            for element in _dicts(block.get("elements")):
                lines += _rich_lines(element, 0)
            continue
        for part in (block.get("text"), *_list(block.get("fields")), *_list(block.get("elements"))):
            lines += _text_object_lines(part)
    return lines


def _rich_lines(element: Mapping[str, Any], depth: int) -> list[Line]:
    if depth > _MAX_DEPTH:
        return []
    children = list(_dicts(element.get("elements")))
    if element.get("type") == "rich_text_list":
        return [line for child in children for line in _rich_lines(child, depth + 1)]
    preformatted = element.get("type") == "rich_text_preformatted"
    return _split_lines([_rich_leaf(child, preformatted) for child in children])


def _rich_leaf(element: Mapping[str, Any], preformatted: bool) -> Leaf:
    kind = element.get("type")
    style = element.get("style")
    code = preformatted or (isinstance(style, dict) and bool(style.get("code")))
    styled = code or (isinstance(style, dict) and any(style.values()))
    if kind == "link":
        url = _text(element.get("url"))
        label = _text(element.get("text"))
        if url.startswith("mailto:"):
            return Leaf("text", label or url.removeprefix("mailto:"), styled=styled, code=code)
        return _link(url, label, styled=styled, code=code)
    if kind == "emoji":
        tone = element.get("skin_tone")
        name = _text(element.get("name"))
        suffix = f":skin-tone-{tone}:" if isinstance(tone, int) and "skin-tone" not in name else ""
        return Leaf("emoji", f":{name}:{suffix}")
    for mention in ("user", "channel", "usergroup"):
        if kind == mention:
            target = _text(element.get(f"{mention}_id"))
            return Leaf("channel" if kind == "channel" else "user", target, url=target)
    if kind == "broadcast":
        return Leaf("broadcast", _text(element.get("range")))
    if kind == "date":
        return Leaf("text", _text(element.get("fallback")))
    return Leaf("text", _text(element.get("text")), styled=styled, code=code)


def _text_object_lines(part: object) -> list[Line]:
    """Lines of a Block Kit text object, or of a button with a link."""
    if not isinstance(part, dict):
        return []
    text = part.get("text")
    if isinstance(text, dict):
        lines = _text_object_lines(text)
        url = part.get("url")
        return [*lines, (Leaf("link", url, url=url),)] if isinstance(url, str) else lines
    if part.get("type") == "plain_text":
        return _split_lines([Leaf("text", _text(text))])
    return text_lines(text)


def attachment_lines(attachments: object) -> list[Line]:
    """Lines of what apps attach: title, text and fields. Unfurled links are attachments too."""
    lines: list[Line] = []
    for attachment in _dicts(attachments):
        for key in ("pretext", "title", "text"):
            lines += text_lines(attachment.get(key))
        for entry in _dicts(attachment.get("fields")):
            lines += text_lines(f"{_text(entry.get('title'))}: {_text(entry.get('value'))}")
        url = attachment.get("title_link")
        if isinstance(url, str):
            lines.append((Leaf("link", url, url=url),))
        lines += block_lines(attachment.get("blocks"))
    return lines


def _split_lines(leaves: Iterable[Leaf]) -> list[Line]:
    """Cut leaves where their text has a line break; empty lines stay, without leaves."""
    lines: list[list[Leaf]] = [[]]
    for leaf in leaves:
        first, *rest = leaf.text.split("\n") if leaf.kind == "text" else [leaf.text]
        pieces = [first, *rest]
        for number, piece in enumerate(pieces):
            if number:
                lines.append([])
            if piece or leaf.url:
                lines[-1].append(Leaf(leaf.kind, piece, leaf.url, leaf.styled, leaf.code))
    return [tuple(line) for line in lines]


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    yield from (item for item in _list(value) if isinstance(item, dict))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
