"""Twitch's live chat: a real IRC server on loopback.

What belongs here: greeting, joining, lines with tags, and a connection's bad habits. What does not: what is said
(``stream_generator``), chat of videos (``twitch_server``).

    with TwitchIrcServer() as server:
        …  # a client connects and joins
        server.say(line_of(comment, streamer, login, sent_at))
        server.drop()
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Self

from chat_platform.simulators.stream_generator import GeneratedComment, GeneratedVideo, Streamer

_PIECE = 7
WAIT_S = 10.0


class TwitchIrcServer:
    """Speaks to every client that has joined; a context manager that starts and stops it.

    Args:
        refuse_login: say what Twitch says to a wrong password.
        hang_up: greet and cut the connection.

    Attributes:
        received: lines that clients sent, in the order of arrival.
        connections: connections accepted so far.
    """

    def __init__(self, *, refuse_login: bool = False, hang_up: bool = False) -> None:
        self.received: list[str] = []
        self.connections = 0
        self._refuse_login = refuse_login
        self._hang_up = hang_up
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._clients: dict[socket.socket, set[str]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        threading.Thread(target=self._accept, name="twitch-irc", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing alone leaves a thread of ours in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    @property
    def port(self) -> int:
        """Port on 127.0.0.1."""
        port: int = self._listener.getsockname()[1]
        return port

    def say(self, line: str, *, in_pieces: bool = False) -> None:
        """Send a line to every client that has joined.

        Args:
            in_pieces: cut it anywhere, also within a character, as networks do.
        """
        self.send(f"{line}\r\n".encode(), in_pieces=in_pieces)

    def send(self, data: bytes, *, in_pieces: bool = False) -> None:
        """Send bytes as they are."""
        step = _PIECE if in_pieces else max(1, len(data))
        with self._lock:
            for client in [client for client, joined in self._clients.items() if joined]:
                for start in range(0, len(data), step):
                    with contextlib.suppress(OSError):
                        client.sendall(data[start : start + step])

    def drop(self) -> None:
        """Cut every connection."""
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                client.close()
            self._clients.clear()

    def wait_for(self, line_part: str, times: int = 1) -> None:
        """Wait until clients have sent so many lines with a text in them.

        Raises:
            TimeoutError: they do not.
        """
        deadline = time.monotonic() + WAIT_S
        while sum(line_part in line for line in list(self.received)) < times:
            if time.monotonic() > deadline:
                raise TimeoutError(line_part)
            time.sleep(0.005)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._clients[client] = set()
            threading.Thread(
                target=self._serve, args=(client,), name="twitch-irc-client", daemon=True
            ).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client.makefile("r", encoding="utf-8", newline="\r\n") as lines:
            for line in lines:
                self._answer(client, line.rstrip("\r\n"))

    def _answer(self, client: socket.socket, line: str) -> None:
        command, _, rest = line.partition(" ")
        if command == "NICK":
            refusal = ":tmi.twitch.tv NOTICE * :Login authentication failed"
            greeting = f":tmi.twitch.tv 001 {rest} :Welcome, GLHF!"
            client.sendall(f"{refusal if self._refuse_login else greeting}\r\n".encode())
            if self._hang_up:
                client.shutdown(socket.SHUT_RDWR)
        if command == "JOIN":
            with self._lock:
                if client in self._clients:
                    self._clients[client].add(rest)
        self.received.append(line)


def line_of(
    comment: GeneratedComment, streamer: Streamer, login: str, video: GeneratedVideo, *, action: bool = False
) -> str:
    """A message as a line with tags."""
    sent_at = video.started_at.astimezone(UTC) + timedelta(milliseconds=comment.offset_ms)
    viewer = comment.viewer
    name = viewer.login if viewer else "nobody"
    tags = {
        "badges": "subscriber/6",
        "display-name": escaped(viewer.display_name if viewer else ""),
        "emotes": emotes_tag(comment),
        "id": comment.comment_id,
        "room-id": streamer.channel_id,
        "tmi-sent-ts": str(_milliseconds(sent_at)),
        "user-id": viewer.user_id if viewer else "",
    }
    written = f"\x01ACTION {comment.text}\x01" if action else comment.text
    head = ";".join(f"{key}={value}" for key, value in tags.items())
    return f"@{head} :{name}!{name}@{name}.tmi.twitch.tv PRIVMSG #{login} :{written}"


def emotes_tag(comment: GeneratedComment) -> str:
    """Places of native emotes, in code points, both ends included."""
    places: dict[str, list[str]] = {}
    position = 0
    for part, emote_id in comment.parts:
        if emote_id:
            places.setdefault(emote_id, []).append(f"{position}-{position + len(part) - 1}")
        position += len(part)
    return "/".join(f"{emote_id}:{','.join(found)}" for emote_id, found in places.items())


def escaped(value: str) -> str:
    """A value of a tag."""
    for raw, written in (("\\", "\\\\"), (";", "\\:"), (" ", "\\s"), ("\r", "\\r"), ("\n", "\\n")):
        value = value.replace(raw, written)
    return value


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
