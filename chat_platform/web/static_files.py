"""Style sheets, scripts and fonts: built by npm at set-up, served by us.

What belongs here: their addresses and how they are sent. What does not: building them (``frontend``).

The build gives every file a name with a hash of its content, so that a browser may keep it for ever; what a page asks
for by its plain name is looked up in the build's manifest. Texts lie beside a copy that was compressed once.

All of a build is less than 2 MB: it is sent from memory. What a page is not painted without, the style sheet and the
icon, is a part of the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

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


def icon() -> Markup:
    """The icon as a part of a page: an image would be fetched and drawn by itself. Nothing without a build."""
    return Markup(_text("icon.svg"))  # noqa: S704  ours


def style() -> Markup:
    """The style sheet as a part of a page, which is not painted before it has it. Nothing without a build."""
    return Markup(_text("portal.css"))  # noqa: S704  ours


def style_source() -> str:
    """What a content security policy calls ``style()``, and nothing else."""
    return _source(_text("portal.css"))


@lru_cache(maxsize=2)
def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    found = _built().get(manifest().get(name, ""))
    return found.text if found else ""


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


@dataclass(frozen=True)
class _File:
    """A built file, or a compressed copy of one, with the headers that it is sent with."""

    content: bytes
    headers: Mapping[str, str]

    @cached_property
    def text(self) -> str:
        """The content of a text."""
        return self.content.decode()


class BuiltFiles:
    """Sends built files: the smallest copy that the browser reads, to be kept for ever where the name has a hash."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the file, compressed if possible.

        Raises:
            HTTPException: 404 or 405.
        """
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"allow": "GET, HEAD"})
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        name = scope["path"].removeprefix(f"{scope['root_path']}/")
        found = _smallest(name, headers.get(b"accept-encoding", ""))
        if found is None:
            raise HTTPException(404)
        if found.headers["etag"] in headers.get(b"if-none-match", ""):
            response = Response(status_code=304, headers=found.headers)
        else:
            response = Response(found.content, headers=found.headers)
        await response(scope, receive, send)


def _smallest(name: str, accepts: str) -> _File | None:
    files = _built()
    accepted = {
        part.split(";")[0].strip()
        for part in accepts.split(",")
        if "q=0" not in part.replace(" ", "").split(";")[1:]
    }
    copies = (files.get(name + suffix) for encoding, suffix in ENCODINGS if encoding in accepted)
    return next((copy for copy in copies if copy is not None), files.get(name))


def _built() -> dict[str, _File]:
    try:
        return _files(STATIC, STATIC.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=2)
def _files(folder: Path, changed: int) -> dict[str, _File]:
    """Name → file, compressed copies included; read again when the folder has changed."""
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {name: _File(content, _headers(name, content)) for name, content in contents.items()}


def _headers(name: str, content: bytes) -> dict[str, str]:
    encoding = next((encoding for encoding, suffix in ENCODINGS if name.endswith(suffix)), None)
    plain = name.removesuffix(dict(ENCODINGS).get(encoding or "", ""))
    suffix = Path(plain).suffix
    kind = TYPES.get(suffix) or mimetypes.guess_type(plain)[0] or "text/plain"
    headers = {
        "content-type": f"{kind}; charset=utf-8" if suffix in (".js", ".css", ".svg", ".txt") else kind,
        "cache-control": FOR_EVER if HASHED.search(plain) else A_WHILE,
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    }
    return headers | ({"content-encoding": encoding, "vary": "accept-encoding"} if encoding else {})
