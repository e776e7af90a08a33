"""Addresses that open a recording at a second.

What belongs here: the same rule as dbt's macro ``recording_link``, for moments that no mart has a link for. What does
not: which recordings there are.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

_OPENS = ("http", "https")


def safe_link(link: str | None) -> str | None:
    """The address if it opens a page of the web, else ``None``: it comes from what somebody posted."""
    if not link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in _OPENS and parts.hostname else None


def at_moment(link: str | None, moment: datetime | None) -> str | None:
    """The recording's address, opened at a moment; other parameters and the fragment stay.

    Args:
        link: address of the recording.
        moment: in any zone; cut to the second.
    """
    address = safe_link(link)
    if address is None or moment is None:
        return None
    base, hash_, fragment = address.partition("#")
    path, _, query = base.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("startTime=")]
    return f"{path}?{'&'.join([*kept, f'startTime={int(moment.timestamp()) * 1000}'])}{hash_}{fragment}"
