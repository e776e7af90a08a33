"""What Zoom's share page and recording API say, read without a network.

What belongs here: addresses, the page script's values, and what an answer means. What does not: sending.

The flow is that of today's single page (share page, ``share-info``, ``validate-…-passwd``, play page,
``play/info``). ``window.recordingMobilePlayData`` is a JavaScript object literal, not JSON, so its values are
found by tolerant patterns.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

from chat_platform.errors import ZoomError

API = "/nws/recording/1.0"
PAGE_DATA = "recordingMobilePlayData"
MAX_CLIPS = 50
WRONG_PASSCODE, NOT_FOUND = 3302, 3301

_VALUE = r"""['"]?{name}['"]?\s*:\s*(?:'([^'\\]*)'|"([^"\\]*)")"""
_CODES = {WRONG_PASSCODE: "CP-ZOOM-001", NOT_FOUND: "CP-ZOOM-002"}
_SIGN_IN = ("vanity-url-check", "signin", "sso", "login-required")

Answer = dict[str, Any]


def page_value(html: str, name: str) -> str:
    """A value of the page script, such as ``fileId``; empty when it is empty or absent."""
    match = re.search(_VALUE.format(name=re.escape(name)), html)
    return (match[1] or match[2] or "") if match else ""


def has_page_data(html: str) -> bool:
    """Whether the page holds the script that everything else starts from."""
    return PAGE_DATA in html


def share_info_path(meeting_id: str, host: str, pwd: str | None) -> str:
    """Path and query of ``share-info``."""
    query = f"originDomain={quote(host, safe='')}&accessLevel=meeting"
    if pwd:
        query += f"&pwd={quote(pwd, safe='')}"
    return f"{API}/play/share-info/{quote(meeting_id, safe='')}?{query}"


def validate_path(kind: str) -> str:
    """Path to which a passcode is sent; ``kind`` is ``useWhichPasswd`` of ``share-info``."""
    return (
        f"{API}/validate-passwd" if kind == "recording" else f"{API}/validate-{quote(kind, safe='')}-passwd"
    )


def play_info_path(file_id: str, share_link: str, start_time: int | None) -> str:
    """Path and query of ``play/info`` for one clip.

    Args:
        file_id: from the play page.
        share_link: address of the share page; sent without its query, which may hold the passcode.
        start_time: ``nextClipStartTime`` of the clip before; ``None`` for the first clip.
    """
    parts = urlsplit(share_link)
    origin = quote(parts._replace(query="", fragment="").geturl(), safe="")
    path = (
        f"{API}/play/info/{quote(file_id, safe='')}?canPlayFromShare=true&from=share_recording_detail"
        f"&continueMode=true&componentName=rec-play&originRequestUrl={origin}"
        f"&originDomain={quote(parts.hostname or '', safe='')}"
    )
    return path if start_time is None else f"{path}&startTime={start_time}"


def read_answer(body: str, what: str) -> Answer:
    """The JSON object of an answer.

    Raises:
        ZoomError: CP-ZOOM-010 when it is none.
    """
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise ZoomError("CP-ZOOM-010", what) from error
    if not isinstance(answer, dict):
        raise ZoomError("CP-ZOOM-010", what)
    return answer


def refusal(answer: Answer, what: str) -> ZoomError | None:
    """Why an answer refuses, or ``None`` when it does not."""
    result = answer.get("result")
    component = str(result.get("componentName") or "") if isinstance(result, dict) else ""
    redirect = str(result.get("redirectUrl") or "") if isinstance(result, dict) else ""
    if component == "play-forbidden":
        return ZoomError("CP-ZOOM-003", what)
    if any(word in component or word in redirect for word in _SIGN_IN):
        return ZoomError("CP-ZOOM-006", what)
    if answer.get("status") is not False:
        return None
    code = answer.get("errorCode")
    if "captcha" in str(answer.get("errorMessage") or "").casefold():
        return ZoomError("CP-ZOOM-014", what)
    known = _CODES.get(code) if isinstance(code, int) else None
    return ZoomError(known, what) if known else ZoomError("CP-ZOOM-012", f"{what}: errorCode {code}")


def check_clip(body: str, clip: int) -> int | None:
    """Check an answer of ``play/info``.

    Returns:
        Start of the next clip in milliseconds, ``None`` after the last.

    Raises:
        ZoomError: when it refuses, has no result, or the recording is still being processed.
    """
    what = f"play/info of clip {clip}"
    answer = read_answer(body, what)
    refused = refusal(answer, what)
    if refused is not None:
        raise refused
    result = answer.get("result")
    if not isinstance(result, dict):
        raise ZoomError("CP-ZOOM-010", f"{what}: no result")
    if _is_processing(result):
        raise ZoomError("CP-ZOOM-008", what)
    following = result.get("nextClipStartTime")
    return following if isinstance(following, int) and following > 0 else None


def _is_processing(result: Answer) -> bool:
    """No chat yet, and the answer says that Zoom is at work on the recording."""
    has_chat = any(name in result for name in ("xmppList", "meetingChatList", "chatList"))
    recording = result.get("recording")
    status = str(recording.get("status") or "") if isinstance(recording, dict) else ""
    at_work = status.upper() == "PROCESSING" or (
        result.get("transcribing") is True and not result.get("duration")
    )
    return at_work and not has_chat
