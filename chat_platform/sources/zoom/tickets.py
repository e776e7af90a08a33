"""Links and passcodes of recordings, the only place where they are kept.

What belongs here: saving and loading tickets, for the owner's eyes only. What does not: using them.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import SecretStr

from chat_platform.errors import ZoomError
from chat_platform.sources.zoom.port import RecordingTicket
from chat_platform.storage.files import write_bytes_atomic


class TicketVault:
    """Tickets as files of mode 0600 in a folder of mode 0700.

    Args:
        folder: created where missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, ticket: RecordingTicket) -> None:
        """Keep a ticket; a later one of the same recording replaces it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        passcode = None if ticket.passcode is None else ticket.passcode.get_secret_value()
        body = json.dumps({"link": ticket.link, "passcode": passcode}, ensure_ascii=False)
        path = self._path(ticket.recording_id)
        if not path.exists() or path.read_text(encoding="utf-8") != body:
            write_bytes_atomic(path, body.encode("utf-8"), mode=0o600)

    def load(self, recording_id: str) -> RecordingTicket:
        """The ticket of a recording.

        Raises:
            ZoomError: CP-ZOOM-020 when there is none.
        """
        try:
            values = json.loads(self._path(recording_id).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            raise ZoomError("CP-ZOOM-020", recording_id) from error
        passcode = values["passcode"]
        return RecordingTicket(
            recording_id, values["link"], None if passcode is None else SecretStr(passcode)
        )

    def known(self) -> list[str]:
        """Recordings with a ticket, sorted."""
        return sorted(path.stem for path in self._folder.glob("*.json") if not path.name.startswith("."))

    def _path(self, recording_id: str) -> Path:
        return self._folder / f"{Path(recording_id).name}.json"
