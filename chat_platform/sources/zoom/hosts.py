"""Which addresses may be contacted.

What belongs here: the rule, for links, redirects and everything a browser loads. What does not: contacting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from chat_platform.errors import ZoomError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class HostPolicy:
    """Hosts by exact name, or by suffix when written with a dot before them (``.zoom.us``).

    Attributes:
        allowed_hosts: host names without port.
        allow_plain_http: ``http://`` and ports, for loopback only (local simulators).
    """

    allowed_hosts: Sequence[str]
    allow_plain_http: bool = False

    def checked(self, url: str, *, base: str | None = None) -> str:
        """The absolute address, if it may be contacted.

        Args:
            url: absolute, or relative to ``base``.
            base: address of the page that names ``url``.

        Raises:
            ZoomError: CP-ZOOM-004; its detail names the host only, never path or query.
        """
        absolute = urljoin(base, url) if base else url
        try:
            parts = urlsplit(absolute)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise ZoomError("CP-ZOOM-004", "the address cannot be read") from error
        local = self.allow_plain_http and host in _LOOPBACK
        fits = any(
            host == h.lower() or (h.startswith(".") and host.endswith(h.lower())) for h in self.allowed_hosts
        )
        scheme = parts.scheme == "https" or (parts.scheme == "http" and local)
        plain_address = parts.username is None and parts.password is None and "\\" not in absolute
        if not (fits and scheme and plain_address and (port in (None, 443) or local)):
            raise ZoomError("CP-ZOOM-004", f"{parts.scheme}://{host}")
        return absolute

    def resolver_rules(self) -> str:
        """Chromium's ``--host-resolver-rules``: every other name is not found, subresources included."""
        patterns = [f"*{host}" if host.startswith(".") else host for host in self.allowed_hosts]
        return ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {pattern}" for pattern in patterns)])
