"""Files of a video's chat that TwitchDownloaderCLI wrote, whichever form they have.

What belongs here: telling the forms apart, and which video a text file belongs to. What does not: the forms
(``downloader_json``, ``downloader_text``).

A text file says neither its video nor when that began. The video is the number in the file's name, or what somebody
says; when it began is known where the platform or an earlier file has shown it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import PurePath

from chat_platform.sources.streams.port import ChatFile, StandIn, Video
from chat_platform.sources.streams.twitch.downloader_json import erase_from_json, read_downloader_json
from chat_platform.sources.streams.twitch.downloader_text import erase_from_text, read_downloader_text
from chat_platform.sources.streams.twitch.helix import TWITCH

TEXT_SUFFIX = ".txt"
# Ids of videos have had at least so many digits for ten years; dates and times in names have fewer.
_VIDEO_ID = re.compile(r"(?<!\d)\d{9,12}(?!\d)", re.ASCII)


def read_chat_file(
    data: bytes, filename: str, known: Callable[[str], Video | None], video_id: str | None = None
) -> ChatFile:
    """Read a file.

    Args:
        filename: its name; one that ends in ``.txt`` is text.
        known: what is known of a video.
        video_id: video of a text file, where its name does not say it.

    Raises:
        InputError: CP-TWITCH-001, -002 or -003 when it cannot be used.
    """
    if not _is_text(filename):
        return read_downloader_json(data, filename)
    named = _VIDEO_ID.search(PurePath(filename).stem)
    wanted = video_id or (named[0] if named else f"file-{hashlib.sha256(data).hexdigest()[:16]}")
    video = known(wanted) or Video(platform=TWITCH, video_id=wanted, channel_id="", title="")
    return ChatFile(video, read_downloader_text(data, filename, video), [])


def erase_chat_file(data: bytes, filename: str, stand_in: StandIn) -> bytes:
    """A file without somebody; see ``StandIn``.

    Raises:
        InputError: CP-TWITCH-001 when it cannot be read.
    """
    erase = erase_from_text if _is_text(filename) else erase_from_json
    return erase(data, filename, stand_in)


def _is_text(filename: str) -> bool:
    return filename.lower().endswith(TEXT_SUFFIX)
