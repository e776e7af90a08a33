"""Values that come in addresses, forms and JSON.

What belongs here: types that refuse at the door what a database cannot take. What does not: what a route does with
them. An empty field of a form of filters means that nothing was chosen.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

LARGEST = 2**31 - 1
"""Largest number that is taken anywhere: it fits every integer column."""
PAGE_SIZE = 50


def _iso(value: Any) -> Any:
    # Pydantic takes seconds since 1970 for a date, too.
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("not a date like 2026-03-02")
    return value


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _without_nul(value: str | None) -> str | None:
    if value is not None and "\0" in value:
        raise ValueError("a text holds a NUL character")
    return value


Word = Annotated[
    # The limit is of the text: on the whole, it would be asked of None too.
    Annotated[str, AfterValidator(_without_nul), Field(max_length=400)] | None,
    BeforeValidator(_blank_is_none),
]
"""A short text, or nothing."""
IsoDate = Annotated[date, BeforeValidator(_iso)]
"""A date like 2026-03-02."""
Day = Annotated[IsoDate | None, BeforeValidator(_blank_is_none)]
"""An ISO date, or nothing."""
PageNumber = Annotated[int, Field(ge=1, le=100_000)]
"""Which page of a list, from 1."""
Text = Annotated[str, AfterValidator(_without_nul), Field(max_length=400)]
"""A short text."""
