"""A real mail server for tests, that keeps what it accepts and misbehaves by a script.

What belongs here: aiosmtpd and its faults. What does not: what the tests expect.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as PARSED
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

LOGIN, PASSWORD = "portal", "geheim-1234"


class MailServer:
    """Listens on loopback; a context manager.

    Faults are given by recipient (``*``: anybody), one for each time that somebody writes to it: ``"550"``,
    ``"450"`` or ``"421"`` answer RCPT, ``"data-554"`` and ``"data-451"`` answer the mail, ``"cut"`` closes the
    connection in the middle of DATA, ``"lost"`` accepts the mail and closes instead of answering, ``"slow"`` answers
    after ``slow_s``.

    Attributes:
        accepted: (recipient, mail as it came), in order.
        before_answer: called with the recipient when a mail has been accepted and the answer is due.
    """

    def __init__(
        self,
        faults: dict[str, Iterable[str]] | None = None,
        *,
        slow_s: float = 0.3,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        refuse_sender: bool = False,
        needs_login: bool = False,
    ) -> None:
        self.faults: dict[str, list[str]] = defaultdict(list)
        for name, kinds in (faults or {}).items():
            self.faults[name] += kinds
        self.accepted: list[tuple[str, bytes]] = []
        self.before_answer: Callable[[str], None] = lambda _: None
        self.slow_s = slow_s
        self.refuse_sender = refuse_sender
        self._lock = threading.Lock()
        self._controller = _Controller(self, tls, starttls, needs_login)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone; stopping twice does nothing."""
        if self._controller.server is not None:
            self._controller.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._controller.server.sockets[0].getsockname()[1]

    @property
    def recipients(self) -> list[str]:
        """Of the accepted mails, sorted."""
        return sorted(recipient for recipient, _ in self.accepted)

    def mail_to(self, recipient: str) -> EmailMessage:
        """The one mail that a recipient got."""
        (content,) = [content for to, content in self.accepted if to == recipient]
        return message_from_bytes(content, policy=PARSED)  # type: ignore[return-value]

    def fault(self, recipient: str, *kinds: str) -> str:
        """The next fault for a recipient if it is of these kinds, else nothing."""
        with self._lock:
            for name in (recipient, "*"):
                if self.faults[name] and self.faults[name][0] in kinds:
                    return self.faults[name].pop(0)
        return ""

    # Hooks of aiosmtpd

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_sender:
            return "550 we do not know you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        code = self.fault(address, "550", "450", "421")
        if code:
            return f"{code} not {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str | None:
        (recipient,) = envelope.rcpt_tos
        kind = self.fault(recipient, "data-554", "data-451", "lost", "slow")
        if kind.startswith("data-"):
            return f"{kind.removeprefix('data-')} no"
        if kind == "slow":
            await asyncio.sleep(self.slow_s)
        assert isinstance(envelope.content, bytes)
        self.accepted.append((recipient, envelope.content))
        self.before_answer(recipient)
        if kind == "lost":
            server.transport.close()
        return "250 OK"


class _Smtp(SMTP):
    async def smtp_DATA(self, arg: str) -> None:
        keeper: MailServer = self.event_handler
        if self.envelope.rcpt_tos and keeper.fault(self.envelope.rcpt_tos[0], "cut"):
            await self.push("354 go on")
            await self._reader.read(64)
            self.transport.close()
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def __init__(
        self,
        keeper: MailServer,
        tls: ssl.SSLContext | None,
        starttls: ssl.SSLContext | None,
        needs_login: bool,
    ) -> None:
        super().__init__(keeper, hostname="127.0.0.1", port=0, ssl_context=tls)
        self._starttls = starttls
        self._needs_login = needs_login

    def factory(self) -> SMTP:
        login: dict[str, Any] = {}
        if self._needs_login:
            login = {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": False}
        return _Smtp(self.handler, hostname="mail.example.com", tls_context=self._starttls, **login)

    def _trigger_server(self) -> None:
        """Have a protocol made: the port is one that the system has chosen, which the library does not look up."""
        socket.create_connection(self.server.sockets[0].getsockname()).close()


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    right = (data.login, data.password) == (LOGIN.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)
