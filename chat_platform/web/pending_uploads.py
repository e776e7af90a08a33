"""Files that somebody uploaded and has not confirmed yet.

What belongs here: keeping them for a short while, checking what is a text at all, names of files. What does not: the
format and what an import does (``ingestion.imports``), pages (``pages.uploads``).

A file lies in ``uploads`` of the class's home under a random name, readable by its owner only; what the browser
called it is a value inside and never part of a path. Who does not decide in time uploads again.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from chat_platform.errors import WebError
from chat_platform.sources.zoom.text_file import decode
from chat_platform.storage.files import write_bytes_atomic

KEPT_S = 2 * 3600.0
MOST_PENDING = 20
LONGEST_NAME = 150
_ID = re.compile(r"[0-9a-f]{32}")
# Of a text so many characters at most are ones that no program writes into a chat.
_MOST_ODD = 0.002


@dataclass(frozen=True)
class PendingUpload:
    """A file that waits.

    Attributes:
        upload_id: random; part of the address of its preview.
        account_id: who uploaded it.
        name: as the browser called it, without folders and without what does not show.
        day: date of the meeting as typed.
        title: as typed.
    """

    upload_id: str
    account_id: int
    name: str
    data: bytes
    day: date | None
    title: str | None


class PendingUploads:
    """Files of one class that wait.

    Args:
        folder: ``uploads`` of the home; made where missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(
        self, account_id: int, name: str, data: bytes, *, day: date | None, title: str | None
    ) -> PendingUpload:
        """Keep a file until somebody decides.

        Raises:
            WebError: CP-WEB-065 when too many wait.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_old()
        if len(list(self._folder.glob("*.json"))) >= MOST_PENDING:
            raise WebError("CP-WEB-065", str(MOST_PENDING))
        found = PendingUpload(secrets.token_hex(16), account_id, file_name(name), data, day, title)
        values = {
            "account_id": account_id,
            "name": found.name,
            "data": base64.b64encode(data).decode("ascii"),
            "day": day.isoformat() if day else None,
            "title": title,
        }
        write_bytes_atomic(self._path(found.upload_id), json.dumps(values).encode(), mode=0o600)
        return found

    def get(self, upload_id: str, account_id: int) -> PendingUpload:
        """A file that waits for the account that uploaded it.

        Raises:
            WebError: CP-WEB-064 when there is none, or it is somebody else's.
        """
        if not _ID.fullmatch(upload_id):
            raise WebError("CP-WEB-064")
        self._forget_old()
        try:
            values = json.loads(self._path(upload_id).read_bytes())
        except FileNotFoundError as error:
            raise WebError("CP-WEB-064") from error
        if values["account_id"] != account_id:
            raise WebError("CP-WEB-064")
        return PendingUpload(
            upload_id,
            account_id,
            values["name"],
            base64.b64decode(values["data"]),
            date.fromisoformat(values["day"]) if values["day"] else None,
            values["title"],
        )

    def drop(self, upload: PendingUpload) -> None:
        """Forget a file."""
        self._path(upload.upload_id).unlink(missing_ok=True)

    def _path(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"

    def _forget_old(self) -> None:
        for path in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):  # somebody else was quicker
                if path.stat().st_mtime < time.time() - KEPT_S:
                    path.unlink()


def file_name(name: str) -> str:
    """What a file is called, without folders and without characters that do not show or turn the text around."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if c.isprintable()).strip(". ")
    return shown[-LONGEST_NAME:] or "chat.txt"


def check_is_text(data: bytes) -> None:
    """Refuse what is no text before anybody parses it: archives, pictures, programs, a text of NUL.

    Raises:
        WebError: CP-WEB-062.
        InputError: CP-FILE-001, CP-FILE-002 when it is empty, or in no encoding that chats are saved in.
    """
    text, _ = decode(data)
    odd = sum(text.count(chr(code)) for code in (*range(9), *range(14, 27), *range(28, 32), 127))
    if "\x00" in text or odd > len(text) * _MOST_ODD:
        raise WebError("CP-WEB-062", f"{len(data):,} bytes")
