"""Style sheets, scripts and fonts: built by npm at set-up, served by us.

What belongs here: their addresses and how they are sent. What does not: building them (``frontend``).
"""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).with_name("static")


def asset_url(name: str) -> str:
    """Address of a built file by its plain name, e.g. ``portal.css``."""
    return f"/static/{name}"
