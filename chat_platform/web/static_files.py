"""Style sheets, scripts and fonts: built by npm at set-up, served by us.

What belongs here: their addresses and how they are sent. What does not: building them (``frontend``).

The build gives every file a name with a hash of its content, so that a browser may keep it for ever; what a page asks
for by its plain name is looked up in the build's manifest. Texts lie beside a copy that was compressed once.
"""

from __future__ import annotations

import json
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).with_name("static")
FOR_EVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
HASHED = re.compile(r"-[A-Z0-9]{8}\.[a-z0-9]+$")
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Compressed copies, the smallest first."""
TYPES = {".woff2": "font/woff2", ".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}
"""Said by us: what the machine's own table says differs from one to the next."""


def asset_url(name: str) -> str:
    """Address of a built file by its plain name, e.g. ``portal.css``; without a build one that is not found."""
    return f"/static/{manifest().get(name, name)}"


def assets_built() -> bool:
    """Whether there is a build at all; pages say so where there is none."""
    return bool(manifest())


def manifest() -> dict[str, str]:
    """Plain name → name with hash; empty while there is no build. A later build is picked up without a restart."""
    path = STATIC / "manifest.json"
    try:
        return _read_manifest(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=2)
def _read_manifest(path: Path, changed: int) -> dict[str, str]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


class BuiltFiles(StaticFiles):
    """Sends built files: the smallest copy that the browser reads, to be kept for ever where the name has a hash."""

    def __init__(self) -> None:
        # Without a build the folder may be missing: every file is then simply not found.
        super().__init__(directory=STATIC, check_dir=False)
        self.config_checked = True

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, compressed if possible.

        Raises:
            HTTPException: 404 or 405.
        """
        encoding = _encoding(path, scope)
        found = await super().get_response(path + dict(ENCODINGS).get(encoding or "", ""), scope)
        if encoding:
            found.headers["content-encoding"] = encoding
            found.headers["vary"] = "accept-encoding"
        suffix = Path(path).suffix
        found.headers["content-type"] = TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "text/plain"
        if suffix in (".js", ".css", ".svg", ".txt"):
            found.headers["content-type"] += "; charset=utf-8"
        found.headers["cache-control"] = FOR_EVER if HASHED.search(path) else A_WHILE
        return found


def _encoding(path: str, scope: Scope) -> str | None:
    accepted = {
        part.split(";")[0].strip()
        for name, value in scope["headers"]
        if name == b"accept-encoding"
        for part in value.decode("latin-1").split(",")
        if "q=0" not in part.replace(" ", "").split(";")[1:]
    }
    known = _compressed(STATIC, STATIC.stat().st_mtime_ns) if STATIC.exists() else frozenset()
    return next((name for name, suffix in ENCODINGS if name in accepted and path + suffix in known), None)


@lru_cache(maxsize=2)
def _compressed(folder: Path, changed: int) -> frozenset[str]:
    """Names of the compressed copies; looked for again when the folder has changed."""
    return frozenset(path.name for path in folder.iterdir() if path.suffix in (".br", ".gz"))
