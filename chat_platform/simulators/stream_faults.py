"""Faults of streaming platforms, for the same script as every other simulator's.

What belongs here: the kinds that only these platforms have, and the limit that they keep. What does not: transport
faults (``faults``, ``server``), what is in an answer (``twitch_server``, ``chzzk_server``).

| kind | what happens | parameters | hits when nothing is said |
|---|---|---|---|
| exhausted | 429, nothing left until the reset that the header names | seconds (5), header (`reset` or `retry`) | 1 |
| unauthorised | 401, and every token given so far is void | | 1 |
| cursor_repeated | the page's cursor leads to the page itself | | 1 |
| comments_null | the answer has no comments, for now | | 1 |
| truncated_chat | the chat ends here, although the video goes on | | all |
| video_gone | the video is deleted from this request on | | all |
| proof_wanted | cursors are refused; only a browser may use them | | all |
| odd_comments | comments that nobody can use are added | comments (3) | all |

Renames, deleted videos and changed emotes are no faults of a request but turns of the world: see ``StreamWorld``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from chat_platform.simulators.faults import Fault

DEFAULT_ENDPOINTS = {
    "exhausted": "*",
    "unauthorised": "*",
    "cursor_repeated": "*",
    "comments_null": "chat",
    "truncated_chat": "chat",
    "video_gone": "chat",
    "proof_wanted": "chat",
    "odd_comments": "chat",
}
STANDING_KINDS = frozenset({"truncated_chat", "video_gone", "proof_wanted", "odd_comments"})


def stream_fault(
    kind: str,
    *,
    server: str | None = None,
    endpoint: str | None = None,
    video: str | None = None,
    nth: int = 1,
    count: int | None = None,
    **parameters: Any,
) -> Fault:
    """A fault for the script.

    Args:
        video: id of the video that the request must be about.
        nth: first matching request that is hit, from 1.
        count: how many are hit; ``None``: what the kind does when nothing is said.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in DEFAULT_ENDPOINTS:
        raise ValueError(f"unknown kind of fault: {kind!r}")
    hits = count if count is not None or kind in STANDING_KINDS else 1
    return Fault(kind, server, endpoint or DEFAULT_ENDPOINTS[kind], video, nth, hits, parameters)


class RateWindow:
    """A platform's limit: so many requests in a window that begins with the first of them.

    Args:
        limit: requests a window; ``None``: no limit.
        now: the platform's clock, unix seconds.
    """

    def __init__(self, limit: int | None, window_s: float, now: Callable[[], float]) -> None:
        self.limit = limit
        self._window_s = window_s
        self._now = now
        self._used = 0
        self._reset = 0.0
        self.refusals = 0

    def take(self) -> bool:
        """Count a request; false when there are none left."""
        if self.limit is None:
            return True
        if self._now() >= self._reset:
            self._used, self._reset = 0, self._now() + self._window_s
        if self._used >= self.limit:
            self.refusals += 1
            return False
        self._used += 1
        return True

    def close_for(self, seconds: float) -> None:
        """Nothing is left for so long."""
        self._used = self.limit or 0
        self._reset = self._now() + seconds

    def headers(self) -> dict[str, str]:
        """What the platform says about it; whole seconds, as Twitch does."""
        if self.limit is None:
            return {}
        return {
            "Ratelimit-Limit": str(self.limit),
            "Ratelimit-Remaining": str(self.limit - self._used),
            "Ratelimit-Reset": str(math.ceil(self._reset)),
        }
