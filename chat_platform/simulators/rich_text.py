"""Slack's rich text: one description, rendered both as ``text`` (mrkdwn) and as ``blocks``.

What belongs here: leaves, lines and the two renderings. What does not: what messages say.

Shapes: formats of Slack's ``rich_text`` block. Nested bullets are sibling lists with a larger ``indent``. In
``text`` the characters ``& < >`` are escaped and links stand in ``<…>``; in blocks both are raw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any


@dataclass(frozen=True)
class Leaf:
    """A piece of a line.

    Attributes:
        kind: ``text``, ``link``, ``emoji``, ``user`` or ``broadcast``.
        value: the text, address, short name, user id or range.
        label: text shown instead of a link's address.
        style: ``bold``, ``italic`` or ``code``.
    """

    kind: str
    value: str
    label: str | None = None
    style: str | None = None


@dataclass(frozen=True)
class Line:
    """Leaves on one line; ``indent`` 0 and more is a bullet, ``None`` plain text."""

    leaves: tuple[Leaf, ...]
    indent: int | None = None


@dataclass
class RichText:
    """A message's content as lines."""

    lines: list[Line] = field(default_factory=list)

    def say(self, *leaves: Leaf | str, indent: int | None = None) -> RichText:
        """Append a line; a plain string is a text leaf."""
        made = tuple(Leaf("text", leaf) if isinstance(leaf, str) else leaf for leaf in leaves)
        self.lines.append(Line(made, indent))
        return self

    def mrkdwn(self) -> str:
        """The ``text`` of the message."""
        return "\n".join(_bullet(line.indent) + "".join(map(_as_mrkdwn, line.leaves)) for line in self.lines)

    def blocks(self, block_id: str) -> list[dict[str, Any]]:
        """The ``blocks`` of the message: one ``rich_text``."""
        elements: list[dict[str, Any]] = []
        for indent, lines in groupby(self.lines, key=lambda line: line.indent):
            if indent is None:
                elements.append(_section(list(lines)))
            else:
                sections = [_section([line]) for line in lines]
                elements.append(
                    {
                        "type": "rich_text_list",
                        "style": "bullet",
                        "indent": indent,
                        "border": 0,
                        "elements": sections,
                    }
                )
        return [{"type": "rich_text", "block_id": block_id, "elements": elements}]


def escape(text: str) -> str:
    """``& < >`` as Slack escapes them in ``text``."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _bullet(indent: int | None) -> str:
    if indent is None:
        return ""
    return "    " * indent + ("• " if indent == 0 else "◦ ")


def _as_mrkdwn(leaf: Leaf) -> str:
    if leaf.kind == "link":
        return f"<{escape(leaf.value)}|{escape(leaf.label)}>" if leaf.label else f"<{escape(leaf.value)}>"
    rendered = {
        "emoji": f":{leaf.value}:",
        "user": f"<@{leaf.value}>",
        "broadcast": f"<!{leaf.value}>",
    }.get(leaf.kind, escape(leaf.value))
    mark = {"bold": "*", "italic": "_", "code": "`"}.get(leaf.style or "", "")
    return f"{mark}{rendered}{mark}"


def _section(lines: list[Line]) -> dict[str, Any]:
    elements: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        if number:
            elements.append({"type": "text", "text": "\n"})
        elements += map(_as_element, line.leaves)
    return {"type": "rich_text_section", "elements": elements}


def _as_element(leaf: Leaf) -> dict[str, Any]:
    names = {"link": "url", "emoji": "name", "user": "user_id", "broadcast": "range"}
    element: dict[str, Any] = {"type": leaf.kind, names.get(leaf.kind, "text"): leaf.value}
    if leaf.label:
        element["text"] = leaf.label
    if leaf.style:
        element["style"] = {leaf.style: True}
    return element
