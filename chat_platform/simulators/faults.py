"""The fault script: what goes wrong at which request.

What belongs here: faults as data, and the counting that decides which request gets one. What does not: acting on a
fault (``server`` does it for the transport, ``slack_server`` and ``zoom_server`` for what their answers say).

A script is an ordered list. Each entry names a ``kind`` and may narrow it down::

    [
      {"kind": "rate_limit", "endpoint": "conversations.history", "nth": 2, "retry_after": 1},
      {"kind": "cut", "endpoint": "play-info", "recording": 3, "count": 2},
      {"kind": "expired", "recording": 5}
    ]

``server``     ``slack`` or ``zoom``; left out: any
``endpoint``   a Slack method, or ``share``, ``share-info``, ``validate-context``, ``validate``, ``play``,
               ``play-info``, ``csrf`` of Zoom; ``*`` and ``?`` match; left out: where the kind makes sense
``recording``  index or share token; left out: any
``nth``        first matching request that is hit, from 1
``count``      how many are hit; ``null``: all from then on
anything else  a parameter of the kind

| kind | what happens | parameters | ``count`` when left out |
|---|---|---|---|
| rate_limit | HTTP 429 with ``Retry-After`` | retry_after (1) | 1 |
| server_error | HTTP 500 | status (500) | 1 |
| timeout | no answer for a while, then 504 | seconds (60) | 1 |
| cut | connection closed in the middle of the body | part (0.5) | 1 |
| duplicate_page | Slack: the cursor leads to the same page again; Zoom: messages occur twice | | 1 |
| short_page | Slack: half a page, with a cursor | | 1 |
| clock_skew | ``Date`` header wrong, Slack posts and half of Zoom's senders shifted | seconds (120) | all |
| late_reply | *after* this answer a reply is added | text, ts | 1 |
| edited | *after* this answer a message is edited | text, ts | 1 |
| deleted | *after* this answer a message is deleted | tombstone (false), ts | 1 |
| odd_rows | Zoom: rows that nobody can use are added to the chat | rows (3) | all |
| wrong_passcode | Zoom: the passcode is refused | | all |
| expired | Zoom: ``play-forbidden`` | | all |
| not_found | Zoom: the recording does not exist | | all |
| markup_changed | Zoom: other names in page and script | | all |
| processing | Zoom: the recording is not ready, no chat yet | | all |
| bot_wall | Zoom: share page without data | | 1 |

``late_reply``, ``edited`` and ``deleted`` without ``ts`` change the newest message of the answer. At Zoom they change
what later ``play-info`` answers of the recording say. One request gets one fault: the first that is due.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

TRANSPORT_KINDS = frozenset({"rate_limit", "server_error", "timeout", "cut"})
DEFAULT_ENDPOINTS = {
    "rate_limit": "*",
    "server_error": "*",
    "timeout": "*",
    "cut": "*",
    "duplicate_page": "*",
    "short_page": "conversations.history",
    "clock_skew": "*",
    "late_reply": "*",
    "edited": "*",
    "deleted": "*",
    "odd_rows": "play-info",
    "wrong_passcode": "validate",
    "expired": "*",
    "not_found": "*",
    "markup_changed": "*",
    "processing": "*",
    "bot_wall": "share",
}
DATA_ENDPOINTS = ("conversations.history", "play-info")
"""Where kinds about messages act when the script names no endpoint."""
ABOUT_MESSAGES = frozenset({"duplicate_page", "late_reply", "edited", "deleted"})
STANDING_KINDS = frozenset(
    {"clock_skew", "odd_rows", "wrong_passcode", "expired", "not_found", "markup_changed", "processing"}
)
ONE_SERVER = {
    "short_page": "slack",
    "odd_rows": "zoom",
    "wrong_passcode": "zoom",
    "expired": "zoom",
    "not_found": "zoom",
    "markup_changed": "zoom",
    "processing": "zoom",
    "bot_wall": "zoom",
}
FIELDS = frozenset({"kind", "server", "endpoint", "recording", "nth", "count"})


@dataclass(frozen=True)
class Fault:
    """One entry of a script; see the module's text."""

    kind: str
    server: str | None = None
    endpoint: str | None = None
    recording: int | str | None = None
    nth: int = 1
    count: int | None = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Fault:
        """A fault from one entry of a script.

        Raises:
            ValueError: unknown kind, or a count or nth below 1.
        """
        kind = data.get("kind")
        if kind not in DEFAULT_ENDPOINTS:
            raise ValueError(f"unknown kind of fault: {kind!r}")
        count = data.get("count", None if kind in STANDING_KINDS else 1)
        nth = data.get("nth", 1)
        if nth < 1 or (count is not None and count < 1):
            raise ValueError(f"nth and count of a fault start at 1: {dict(data)!r}")
        parameters = {key: value for key, value in data.items() if key not in FIELDS}
        return cls(
            kind, data.get("server"), data.get("endpoint"), data.get("recording"), nth, count, parameters
        )

    def matches(self, server: str, endpoint: str, recording: tuple[int, str] | None) -> bool:
        """Whether a request is one that this fault is about, without counting it."""
        if (self.server or ONE_SERVER.get(self.kind, server)) != server:
            return False
        if self.recording is not None and (recording is None or self.recording not in recording):
            return False
        if self.endpoint is None and self.kind in ABOUT_MESSAGES:
            return endpoint in DATA_ENDPOINTS
        return fnmatchcase(endpoint, self.endpoint or DEFAULT_ENDPOINTS[self.kind])


@dataclass(frozen=True)
class AppliedFault:
    """A fault that hit a request."""

    kind: str
    server: str
    endpoint: str
    recording: int | None


class FaultScript:
    """An ordered list of faults with their counters; safe to use from several threads."""

    def __init__(self, faults: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, list[int]]] = []
        self.applied: list[AppliedFault] = []
        for fault in faults:
            self.add(fault)

    @classmethod
    def from_json(cls, text: str) -> FaultScript:
        """A script from a JSON list, or from an object with the list under ``faults``."""
        data = json.loads(text)
        return cls(data["faults"] if isinstance(data, dict) else data)

    def add(self, fault: Fault | Mapping[str, Any]) -> None:
        """Append a fault; it counts requests from now on."""
        entry = fault if isinstance(fault, Fault) else Fault.from_data(fault)
        with self._lock:
            self._faults.append((entry, [0, 0]))

    def clear(self) -> None:
        """Forget every fault, as if the outside world had been repaired."""
        with self._lock:
            self._faults.clear()

    def take(self, server: str, endpoint: str, recording: tuple[int, str] | None = None) -> Fault | None:
        """The fault that hits this request, if any. Each fault counts the requests that it is about.

        Args:
            server: ``slack`` or ``zoom``.
            endpoint: name of the endpoint.
            recording: index and share token, where the request is about a recording.
        """
        chosen: Fault | None = None
        with self._lock:
            for fault, counters in self._faults:
                if not fault.matches(server, endpoint, recording):
                    continue
                counters[0] += 1
                due = counters[0] >= fault.nth and (fault.count is None or counters[1] < fault.count)
                if due and chosen is None:
                    counters[1] += 1
                    chosen = fault
            if chosen is not None:
                index = recording[0] if recording else None
                self.applied.append(AppliedFault(chosen.kind, server, endpoint, index))
        return chosen
