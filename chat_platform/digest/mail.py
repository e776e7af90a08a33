"""Mail: the message of a digest, and handing it to the mail server.

What belongs here: headers, parts, the conversation with the server and what its answers mean. What does not: what the
digest says (``content``, ``render``), who gets it and writing that down (``sending``).

A server's answer is one of four: it took the mail; not now (4xx, no connection: CP-WEB-051); never to this recipient
(5xx: CP-WEB-052); never from us (CP-WEB-053). When the connection ends after the mail was handed over and before the
answer came, nobody can know: CP-WEB-054. ``Message-ID`` is the same however often one mail is made, so that servers
and mail programs that look for it see a repeated one.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from chat_platform.digest import render
from chat_platform.digest.content import Digest
from chat_platform.digest.render import Links
from chat_platform.errors import WebError
from chat_platform.settings import MailSettings
from chat_platform.storage.digests import DeliveryKey
from chat_platform.storage.subscriptions import Recipient
from chat_platform.tables.ids import digest as hashed

OK, START_MAIL = 250, 354
FORWARDED = 251
NOT_NOW = range(400, 500)


class _Unfolded(UnstructuredHeader):
    """A header with an address in it, which the library would encode where it is longer than a line."""

    name: str

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> EmailPolicy[EmailMessage]:
    headers = HeaderRegistry()
    # The registry makes a class of ours and its base.
    for name in ("list-unsubscribe", "list-id", "message-id", "content-id"):
        headers.map_to_type(name, _Unfolded)  # type: ignore[arg-type]
    # Seven bits go through every server, also through one that does not know 8BITMIME.
    return EmailPolicy(linesep="\r\n", cte_type="7bit", header_factory=headers)


POLICY = _policy()


def digest_message(
    digest: Digest,
    recipient: Recipient,
    language: str,
    pictures: Mapping[str, bytes],
    links: Links,
    from_address: str,
    now: datetime,
) -> EmailMessage:
    """The mail of a digest for one recipient: text, HTML, and the pictures of the HTML.

    Args:
        pictures: name → PNG.
    """
    host = from_address.rpartition("@")[2]
    key = DeliveryKey(digest.class_id, str(digest.week), "mail", str(recipient.account_id))
    mark = hashed(key.class_id, key.week, key.channel, key.recipient, length=32)
    unsubscribe = links.unsubscribe(recipient.token)
    message = _message(
        render.subject(digest, language),
        digest.title,
        from_address,
        recipient.address,
        f"<digest.{mark}@{host}>",
        now,
    )
    message["List-Id"] = f"<{digest.class_id}.digest.{host}>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    if unsubscribe.startswith("https:"):
        # One click is promised for https only (RFC 8058).
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    ids = {name: f"{name}.{mark}@{host}" for name in pictures}
    message.set_content(render.plain_text(digest, language, links, unsubscribe))
    shown = {name: f"cid:{cid}" for name, cid in ids.items()}
    message.add_alternative(render.page(digest, language, links, shown, unsubscribe), subtype="html")
    html = list(message.iter_parts())[-1]
    assert isinstance(html, MIMEPart)  # noqa: S101  the part that was added just now
    for name, png in pictures.items():
        html.add_related(
            png, "image", "png", cid=f"<{ids[name]}>", disposition="inline", filename=f"{name}.png"
        )
    # Last: the library takes headers about the content for those of the first part.
    message["Content-Language"] = language
    return message


def confirmation_message(
    title: str, address: str, language: str, links: Links, token: str, from_address: str, now: datetime
) -> EmailMessage:
    """The mail that asks whether an address is right."""
    head, text = render.confirmation(title, language, links, token)
    mark = hashed("confirm", token, length=32)
    host = from_address.rpartition("@")[2]
    message = _message(head, title, from_address, address, f"<confirm.{mark}@{host}>", now)
    message.set_content(text)
    message["Content-Language"] = language
    return message


def _message(
    subject: str, title: str, from_address: str, to: str, message_id: str, now: datetime
) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    message["Subject"] = subject
    message["From"] = Address(render.one_line(title, render.LONGEST_TITLE), addr_spec=from_address)
    message["To"] = Address(addr_spec=to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    # Out-of-office programs do not answer such mails (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    return message


class Mailer:
    """A connection to the mail server, opened anew when the server has ended it; a context manager that closes it.

    Args:
        settings: with a host.
        password: of ``settings.login``.

    Raises:
        WebError: CP-WEB-050 without a host; on entering, CP-WEB-051 or -053 when the server cannot be used.
    """

    def __init__(self, settings: MailSettings, password: SecretStr | None) -> None:
        if settings.host is None:
            raise WebError("CP-WEB-050", "mail.host")
        self._settings = settings
        self._password = password
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()
            self._drop()

    def connect(self) -> None:
        """Be connected; does nothing when it is so.

        Raises:
            WebError: CP-WEB-051, CP-WEB-053.
        """
        if self._smtp is not None:
            return
        try:
            self._smtp = self._connected()
        except ssl.SSLCertVerificationError as error:
            raise WebError("CP-WEB-053", f"certificate: {error.verify_message}") from None
        except (smtplib.SMTPNotSupportedError, smtplib.SMTPAuthenticationError) as error:
            code = getattr(error, "smtp_code", 0)
            raise WebError("CP-WEB-051" if code in NOT_NOW else "CP-WEB-053", _fact(error)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise WebError("CP-WEB-051", _fact(error)) from None

    def send(self, message: EmailMessage) -> None:
        """Hand a mail to the server, for the address in ``To``; without a connection, one is made first.

        Raises:
            WebError: CP-WEB-051 to -054. After -053, and after a -051 of ``connect``, the next mail would fare alike.
        """
        self.connect()
        assert self._smtp is not None  # noqa: S101  connect raises or connects
        data = message.as_bytes()
        to = message["To"].addresses[0].addr_spec
        try:
            self._step(self._smtp.mail(self._settings.from_address), refused="CP-WEB-053")
            self._step(self._smtp.rcpt(to), refused="CP-WEB-052")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise WebError("CP-WEB-051", _fact(error)) from None
        try:
            self._step(self._smtp.data(data), refused="CP-WEB-052")
        except smtplib.SMTPDataError as error:
            # The answer to the word DATA, before any of the mail.
            self._step((error.smtp_code, b""), refused="CP-WEB-052")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise WebError("CP-WEB-054", _fact(error)) from None

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        assert settings.host is not None  # noqa: S101  refused by __init__
        context = ssl.create_default_context()
        smtp: smtplib.SMTP
        if settings.security == "tls":
            smtp = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        try:
            if settings.security == "starttls":
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            if settings.login is not None:
                password = self._password.get_secret_value() if self._password else ""
                smtp.login(settings.login, password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _step(self, answer: tuple[int, bytes], *, refused: str) -> None:
        """Go on after a good answer; after any other the transaction is given up."""
        code = answer[0]
        if code in (OK, FORWARDED):
            return
        if code == 421 or self._smtp is None:
            self._drop()
        else:
            try:
                self._smtp.rset()
            except (smtplib.SMTPException, OSError):
                self._drop()
        raise WebError("CP-WEB-051" if code in NOT_NOW else refused, str(code))

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _fact(error: Exception) -> str:
    """What a log may say: a status or the kind of error, never the server's words, which may name an address."""
    code = getattr(error, "smtp_code", None)
    return str(code) if code else type(error).__name__
