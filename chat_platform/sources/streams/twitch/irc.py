r"""Live chat of Twitch.

What belongs here: lines of Twitch's IRC as records, or without somebody, and a client that listens. What does not:
where lines are kept.

Format: IRCv3 tags before the line; ``emotes=25:0-4,12-16/1902:6-10`` counts code points of the message, both ends
included; within an action (``/me``) they count from its text. A reply says in ``reply-parent-…`` whom it answers and
what that was; ``reply-thread-parent-…`` is the first of the thread. Values of tags escape ``; blank \ CR LF`` as
``\: \s \\ \r \n``. Nobody needs an account to listen: the name ``justinfan`` with a number has none.
"""

from __future__ import annotations

import logging
import re
import secrets
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from tenacity.wait import wait_base

from chat_platform.errors import ConfigurationError, StreamError
from chat_platform.settings import is_loopback
from chat_platform.sources.streams.chat import ChatBuilder, Comment, EmoteHit
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.fields import epoch_ms, ident, text
from chat_platform.sources.streams.port import DELETED_AUTHOR, LiveListener, Silence, StandIn, StreamChat
from chat_platform.sources.streams.twitch.helix import LOGIN, TWITCH

LOGGER = logging.getLogger(__name__)

SOURCE = "twitch_live"
HOST, PORT = "irc.chat.twitch.tv", 6697
SILENCE_S = 360.0
"""Twitch asks for a sign of life about every five minutes; after this it is gone."""
_LONGEST_LINE = 1 << 16
_ATTEMPTS = 6
_SHORT_LIFE_S = 30.0
_ESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_EMOTE = re.compile(r"([^:/]+):((?:\d{1,4}-\d{1,4},?)+)", re.ASCII)
_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})", re.ASCII)
_ACTION = re.compile("\x01ACTION (.*?)\x01?", re.DOTALL)
_RECORDS = frozenset({"PRIVMSG", "CLEARMSG", "CLEARCHAT"})
# Of a line about somebody who is taken out.
_KEPT = frozenset({b"id", b"room-id", b"target-msg-id", b"tmi-sent-ts"})
_SERVER = "tmi.twitch.tv"
_ANSWERED = ("reply-parent-", "reply-thread-parent-")
_ANSWERED_NAMES = ("display-name", "user-id", "user-login")


@dataclass(frozen=True)
class IrcLine:
    """A line taken apart.

    Attributes:
        nick: who it comes from, without host.
        params: parameters; the last may hold blanks.
    """

    command: str
    params: tuple[str, ...] = ()
    nick: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def param(self, index: int) -> str:
        """A parameter; empty where there are not so many."""
        return self.params[index] if index < len(self.params) else ""


def parse_line(line: str) -> IrcLine | None:
    """A line without its end; ``None`` for one without a command."""
    rest = line
    tags: dict[str, str] = {}
    if rest.startswith("@"):
        written, _, rest = rest[1:].partition(" ")
        tags = dict(_tag(part) for part in written.split(";") if part)
    rest = rest.lstrip(" ")
    prefix = ""
    if rest.startswith(":"):
        prefix, _, rest = rest[1:].partition(" ")
    head, colon, last = rest.partition(" :")
    words = head.split(" ")
    params = [word for word in words[1:] if word] + ([last] if colon else [])
    command = words[0].upper()
    if not command.isascii() or not command.isalnum():
        return None
    return IrcLine(command, tuple(params), prefix.partition("!")[0], tags)


def login_of(line: str) -> str | None:
    """Login of the channel that a line is about."""
    parsed = parse_line(line)
    place = parsed.param(0) if parsed else ""
    login = place[1:].lower()
    return login if place.startswith("#") and LOGIN.fullmatch(login) else None


def emote_hits(tag: str, message: str) -> tuple[EmoteHit, ...]:
    """Emotes that a tag marks in a message; places outside of it mark nothing."""
    hits = []
    for match in _EMOTE.finditer(tag):
        for place in _RANGE.finditer(match[2]):
            first, last = int(place[1]), int(place[2])
            code = text(message[first : last + 1]) if first <= last < len(message) else None
            if code is not None:
                hits.append((match[1], code))
    return tuple(hits)


def parse_live(lines: Iterable[str], conversation_id: str, *, title: str | None = None) -> StreamChat:
    """Archived lines of one channel as records.

    Messages, deleted messages and banned accounts are records; everything else that the server says is none. What
    was heard twice, before and after a lost connection, counts once.
    """
    builder = ChatBuilder(TWITCH, conversation_id, source=SOURCE, title=title)
    for line in lines:
        parsed = parse_line(line)
        if parsed is not None and parsed.command in _RECORDS:
            _read(builder, parsed)
    return builder.build()


def erase_lines(data: bytes, stand_in: StandIn) -> bytes:
    """Archived lines without somebody; see ``StandIn``.

    What others answered to them loses the quote and whom it answers.
    """
    lines = data.split(b"\n")
    heard = [parse_line(line.decode("utf-8", "replace")) for line in lines]
    theirs = _ids_of(heard, stand_in)
    kept = [_without(line, parsed, stand_in, theirs) for line, parsed in zip(lines, heard, strict=True)]
    return b"\n".join(kept)


def _ids_of(heard: Iterable[IrcLine | None], stand_in: StandIn) -> dict[str, str]:
    """Message of theirs → what stands in the place of its author; a deletion may name the message only."""
    found = {}
    for line in heard:
        if (
            line is not None
            and line.command == "PRIVMSG"
            and (instead := stand_in(_author(line))) is not None
        ):
            found[line.tags.get("id", "")] = instead
    return found


def _author(line: IrcLine) -> str:
    return ident(line.tags.get("user-id")) or _author_name(line)


def _author_name(line: IrcLine) -> str:
    return text(line.tags.get("display-name")) or text(line.nick) or DELETED_AUTHOR


def _without(raw: bytes, line: IrcLine | None, stand_in: StandIn, theirs: Mapping[str, str]) -> bytes:
    if line is None or line.command not in _RECORDS:
        return raw
    if line.command == "CLEARMSG":
        instead = stand_in(line.tags.get("login", "")) or theirs.get(line.tags.get("target-msg-id", ""))
        return raw if instead is None else _rewritten(raw, line, {"login": instead})
    if line.command == "CLEARCHAT":
        instead = stand_in(line.tags.get("target-user-id", "")) or stand_in(line.param(1))
        return raw if instead is None else _rewritten(raw, line, {"target-user-id": instead}, last=instead)
    instead = stand_in(_author(line))
    if instead is None:
        return _answering_nobody(raw, line, stand_in)
    names = {"display-name": instead, "user-id": instead}
    return _rewritten(raw, line, names, f"{instead}!{instead}@{instead}.")


def _rewritten(raw: bytes, line: IrcLine, names: Mapping[str, str], user: str = "", last: str = "") -> bytes:
    """A line of which nothing is left but its place among the others."""
    tags = [f"{name}={value}".encode() for name, value in names.items()]
    tags += [tag for tag in _raw_tags(raw) if tag.partition(b"=")[0] in _KEPT]
    rest = f"{user}{_SERVER} {line.command} {line.param(0)} :{last}".encode()
    return b"@" + b";".join(tags) + b" :" + rest


def _raw_tags(raw: bytes) -> list[bytes]:
    return raw[1:].partition(b" ")[0].split(b";") if raw.startswith(b"@") else []


def _answering_nobody(raw: bytes, line: IrcLine, stand_in: StandIn) -> bytes:
    """Somebody else's message without whom it answers, where that is theirs."""
    changed: dict[bytes, str] = {}
    for group in _ANSWERED:
        said = [line.tags.get(f"{group}{name}", "") for name in _ANSWERED_NAMES]
        instead = next(filter(None, map(stand_in, said)), None)
        if instead is not None:
            changed |= {f"{group}{name}".encode(): instead for name in _ANSWERED_NAMES}
            changed[f"{group}msg-body".encode()] = ""
    if not changed:
        return raw
    tags = []
    for tag in _raw_tags(raw):
        name, equals, _ = tag.partition(b"=")
        tags.append(name + equals + changed[name].encode() if name in changed else tag)
    return b"@" + b";".join(tags) + b" " + raw.partition(b" ")[2]


def _read(builder: ChatBuilder, line: IrcLine) -> None:
    if line.command == "CLEARMSG":
        builder.remove(comment_id=line.tags.get("target-msg-id"))
        return
    if line.command == "CLEARCHAT":
        builder.remove(author_ref=line.tags.get("target-user-id"))
        return
    comment_id, written = ident(line.tags.get("id")), line.param(1)
    if comment_id is None:
        builder.quarantine("comment_malformed", "no id", written)
        return
    action = _ACTION.fullmatch(written)
    message = action[1] if action else written
    builder.add(
        Comment(
            comment_id=comment_id,
            text=message,
            sent_at=epoch_ms(line.tags.get("tmi-sent-ts")),
            author_ref=ident(line.tags.get("user-id")),
            author_name=_author_name(line),
            emotes=emote_hits(line.tags.get("emotes", ""), message),
        )
    )


def _tag(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), value)


class _LostError(Exception):
    """The connection is gone, or the server wants us to come again; internal."""


class LiveChat:
    """Listens to channels; connects again when the connection is lost, and remembers when it was.

    Args:
        logins: channels.
        host, port: the server.
        tls: encrypted; without it only this machine is spoken to.
        silence_s: after so many seconds without a word the server is gone.
        attempts: failed connections in a row after which to give up.
        wait: pause between them.

    Raises:
        ConfigurationError: CP-CONF-001 when chat would be heard unprotected.
    """

    def __init__(
        self,
        logins: Iterable[str],
        *,
        host: str = HOST,
        port: int = PORT,
        tls: bool = True,
        silence_s: float = SILENCE_S,
        attempts: int = _ATTEMPTS,
        wait: wait_base | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not tls and not is_loopback(host):
            raise ConfigurationError("CP-CONF-001", "live chat must be heard by TLS, or on this machine")
        self._logins = [login for login in map(str.lower, logins) if LOGIN.fullmatch(login)]
        self._address = (host, port)
        self._tls = tls
        self._silence_s = silence_s
        self._attempts = attempts
        self._wait = wait or wait_exponential_jitter(initial=1, max=60, jitter=1)
        self._clock = clock or Clock()
        self.silences: list[Silence] = []

    def lines(self, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Lines of chat as they come; signs of life are answered and not passed on.

        Args:
            stop: asked after every line and at least every few seconds; ends the listening.

        Raises:
            StreamError: CP-TWITCH-004 when the server refuses, or cannot be reached again and again.
        """
        lost_at: float | None = None
        short_lives = 0
        while not stop():
            try:
                connection = self._connected()
            finally:
                if lost_at is not None:
                    self.silences.append(Silence(_utc(lost_at), _utc(self._clock.now())))
            connected_at = self._clock.now()
            try:
                yield from self._listen(connection, stop)
            except _LostError:
                lost_at = self._clock.now()
                LOGGER.info("twitch live chat: the connection is lost, connecting again")
                short_lives = short_lives + 1 if lost_at - connected_at < _SHORT_LIFE_S else 0
                self._pause(short_lives)
            finally:
                connection.close()

    def _pause(self, short_lives: int) -> None:
        """A server that greets everybody and sends them away is not to be asked without end."""
        if short_lives >= self._attempts:
            raise StreamError("CP-TWITCH-004", f"{short_lives} connections in a row were cut")
        if short_lives > 1:
            self._clock.sleep(min(60.0, 2.0**short_lives))

    def _connected(self) -> socket.socket:
        retrying = Retrying(
            retry=retry_if_exception_type(OSError),
            wait=self._wait,
            stop=stop_after_attempt(self._attempts),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            connection: socket.socket = retrying(self._connect)
        except OSError as error:
            raise StreamError("CP-TWITCH-004", type(error).__name__) from None
        return connection

    def _connect(self) -> socket.socket:
        plain = socket.create_connection(self._address, timeout=20)
        try:
            connection = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=self._address[0])
                if self._tls
                else plain
            )
            connection.settimeout(1.0)
            nick = f"justinfan{10_000 + secrets.randbelow(80_000)}"
            _send(connection, "CAP REQ :twitch.tv/tags twitch.tv/commands", f"NICK {nick}")
            _send(connection, *(f"JOIN #{login}" for login in self._logins))
        except OSError:
            plain.close()
            raise
        return connection

    def _listen(self, connection: socket.socket, stop: Callable[[], bool]) -> Iterator[str]:
        for raw in self._received(connection, stop):
            line = raw.decode("utf-8", "replace")
            parsed = parse_line(line)
            if parsed is None:
                continue
            if parsed.command == "PING":
                self._reply(connection, f"PONG :{parsed.param(0)}")
            elif parsed.command == "RECONNECT":
                raise _LostError
            elif parsed.command == "NOTICE" and "authentication" in parsed.param(1).lower():
                raise StreamError("CP-TWITCH-004", "login refused")
            elif parsed.command in _RECORDS:
                yield line
            if stop():
                return

    def _received(self, connection: socket.socket, stop: Callable[[], bool]) -> Iterator[bytes]:
        """Lines without their ends, however the network cuts them."""
        held = b""
        heard_at = self._clock.now()
        while not stop():
            try:
                piece = connection.recv(1 << 16)
            except TimeoutError:
                if self._clock.now() - heard_at > self._silence_s:
                    raise _LostError from None
                continue
            except OSError:
                raise _LostError from None
            if not piece or len(held) > _LONGEST_LINE:
                raise _LostError
            heard_at = self._clock.now()
            *whole, held = (held + piece).split(b"\n")
            yield from (line.rstrip(b"\r") for line in whole)

    def _reply(self, connection: socket.socket, line: str) -> None:
        try:
            _send(connection, line)
        except OSError:
            raise _LostError from None


class TwitchLive:
    """Twitch's live chat for the port."""

    def listen(self, base_urls: Mapping[str, str], logins: Sequence[str]) -> LiveListener:
        """Listen at ``irc`` of the addresses (``ircs://host:port``; ``irc://`` on this machine only), else Twitch.

        Raises:
            ConfigurationError: CP-CONF-001 when chat would be heard unprotected, or the address is none.
        """
        address = urlsplit(base_urls.get("irc", f"ircs://{HOST}:{PORT}"))
        if address.scheme not in ("irc", "ircs") or not address.hostname:
            raise ConfigurationError("CP-CONF-001", "streams.base_urls: irc")
        return LiveChat(
            logins, host=address.hostname, port=address.port or PORT, tls=address.scheme == "ircs"
        )

    def login_of(self, line: str) -> str | None:
        """Login of the channel that a line is about."""
        return login_of(line)

    def channel_of(self, line: str) -> str | None:
        """Id of the channel that a line is about, where the line says it."""
        parsed = parse_line(line)
        channel = ident(parsed.tags.get("room-id")) if parsed else None
        return channel if channel and channel.isascii() and channel.isdigit() else None

    def parse(self, lines: Iterable[str], conversation_id: str) -> StreamChat:
        """Lines of one channel as records."""
        return parse_live(lines, conversation_id)

    def erase(self, data: bytes, stand_in: StandIn) -> bytes:
        """Archived lines without somebody; see ``StandIn``."""
        return erase_lines(data, stand_in)


def _send(connection: socket.socket, *lines: str) -> None:
    connection.sendall("".join(f"{line}\r\n" for line in lines).encode("utf-8"))


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
