"""HTTP to something outside: one exchange, done with care.

What belongs here: what every source's client needs of the transport: credentials at the last moment, bodies read
within bounds, faults told apart without their secrets, addresses that credentials may be sent to, growing pauses.
What does not: limits, paging and what an answer means (the sources' own clients).

Redirects are not followed. Exceptions of ``requests`` hold the request with its headers and body, so they end in
here: a fault is a word.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import SecretStr
from requests.auth import AuthBase
from tenacity import wait_exponential_jitter

from chat_platform.errors import ConfigurationError
from chat_platform.settings import is_loopback

ATTEMPTS = 5
MAX_ANSWER_BYTES = 64 << 20
GROWING_PAUSES = wait_exponential_jitter(initial=0.5, max=30, jitter=0.5)
"""Seconds before the next attempt at something that failed."""

_CHUNK_BYTES = 1 << 16
_CUT = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.DecodeError,
)


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    raw: bytes = field(repr=False)


@dataclass(frozen=True)
class Fault:
    """Nothing usable came back.

    Attributes:
        name: class of the exception; its text is left out, as it may quote the request.
        cut: something came, and broke off or could not be unpacked; else nobody answered.
    """

    name: str
    cut: bool


class HeaderAuth(AuthBase):
    """Puts headers with secrets into a request at the last moment; an auth object also keeps ``.netrc`` out."""

    def __init__(self, headers: Callable[[], Mapping[str, SecretStr]]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the headers."""
        for name, value in self._headers().items():
            request.headers[name] = value.get_secret_value()
        return request


def exchange(
    session: requests.Session, method: str, url: str, *, timeout_s: float, give_up_at: float, **options: Any
) -> Reply | Fault:
    """Send a request and read the whole answer.

    Args:
        session: with its credentials as an auth object.
        timeout_s: longest silence of the network, seconds.
        give_up_at: moment on the ``time.monotonic`` clock after which a body that still drips in is given up.
        options: as for ``requests``: ``params``, ``data``, ``json``, ``auth``.
    """
    try:
        with session.request(
            method, url, timeout=timeout_s, allow_redirects=False, stream=True, **options
        ) as response:
            return Reply(response.status_code, response.headers, _read(response, give_up_at))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        return Fault(type(error).__name__, isinstance(error, _CUT))


def parse_json(raw: bytes | str) -> Any:
    """JSON, or ``None`` where it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def safe_base_url(url: str, setting: str) -> str:
    """An address that credentials may be sent to, without a slash at its end.

    Args:
        setting: name of the setting, for the error.

    Raises:
        ConfigurationError: CP-CONF-001 when they would travel unprotected.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError("CP-CONF-001", f"{setting} is not a plain address")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ConfigurationError("CP-CONF-001", f"{setting} must be https, or http on this machine")
    return url.rstrip("/")


def _read(response: requests.Response, give_up_at: float) -> bytes:
    """The body, read as it comes: one that drips in never times out in any single read.

    Raises:
        requests.RequestException: it takes too long or is longer than any answer.
        urllib3.exceptions.HTTPError: the connection broke.
    """
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise requests.exceptions.ContentDecodingError("answer too long")
        if time.monotonic() > give_up_at:
            raise requests.exceptions.ReadTimeout("answer too slow")
    return bytes(body)
