"""Emotes of many TwitchDownloader files at once: from JSON to ``core.emote_uses``.

What belongs here: reading what emote counting needs from such a file without making an object of every comment,
and running the kernel over files. What does not: the format as a whole (``sources.streams.twitch``, which reads
whatever this module does not understand), which emote a word is (``text.emotes``).

A file is one JSON object of any size with the comments as a list in it. Parsed as one value it takes many times its
size in memory, and most of the time goes into that memory. So DuckDB reads the list alone, comment by comment,
through a window on the file. A file in which anything is unusual (a comment without id, time or text, a value of
another type, keys in another order) is read by the parser of the format instead: slower, with the same result.
"""

from __future__ import annotations

import io
import json
import mmap
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fsspec import AbstractFileSystem

from chat_platform.errors import ChatPlatformError
from chat_platform.people.erasure import Erased
from chat_platform.sources.records import nfc, to_tables
from chat_platform.sources.streams.fields import ident, mapping
from chat_platform.sources.streams.port import message_id, video_conversation_id
from chat_platform.sources.streams.twitch.downloader_json import decoded, read_downloader_json
from chat_platform.sources.streams.twitch.helix import TWITCH
from chat_platform.storage.lake import Lake
from chat_platform.tables.ids import identity_id
from chat_platform.tables.streams import EMOTE_USES
from chat_platform.text.emotes import CHAT, NATIVE_USES, chat_of, emote_uses

_LIST = re.compile(rb'"comments"\s*:\s*(?=\[)')
_AFTER = (b'"embeddedData"', b'"emotes"')
# The list begins within the first part of a file: titles and chapters of the video stand before it.
_HEAD_BYTES = 4 << 20
# A message has 500 characters; with badges, fragments and profile a comment stays far below this.
_COMMENT_BYTES = 1 << 20
# DuckDB asks for 32 MB at a time and takes less: so much in one piece would be new memory from the system each time.
_PIECE_BYTES = 1 << 18
_ADDRESS = "comments://"
_COMMENTS = f"""
select
    _id as comment_id,
    try_cast(created_at as timestamptz) as sent_at,
    coalesce(nullif(commenter._id, ''), nullif(commenter.display_name, ''), nullif(commenter.name, ''), '') as author,
    message.body as text,
    [
        {{'emote_id': nullif(hit.emoticon.emoticon_id, ''), 'code': hit.text, 'uses': 1::bigint}}
        for hit in message.fragments if hit.emoticon is not null and hit.text <> ''
    ] as native
from read_json(
    '{_ADDRESS}', format = 'array', maximum_object_size = {_COMMENT_BYTES}, columns = {{
        _id: 'varchar', created_at: 'varchar', commenter: 'struct(_id varchar, display_name varchar, name varchar)',
        message: 'struct(body varchar, fragments struct("text" varchar, emoticon struct(emoticon_id varchar))[])'
    }}
)
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True)
class FileOutcome:
    """What became of a file.

    Attributes:
        conversation_id: its conversation, which is the partition in the lake; empty when it could not be read.
        messages: messages in it, each once.
        rows: rows of ``core.emote_uses``.
        error: the coded error's text, or ``None``.
        code: the error's code.
    """

    conversation_id: str = ""
    messages: int = 0
    rows: int = 0
    error: str | None = None
    code: str | None = None


class _UnusualError(Exception):
    """The file is not as this module reads it; the parser of the format decides."""


def count_files(
    files: Iterable[Path],
    emotes: pa.Table,
    lake: Lake,
    *,
    zone: str,
    workers: int,
    erased: Erased | None = None,
) -> dict[Path, FileOutcome]:
    """Replace the emote uses of the videos whose chat the files hold. A file that cannot be read fails alone.

    Args:
        files: TwitchDownloader JSON, plain or compressed; one file a video.
        emotes: rows of ``core.emotes`` of their channels, global ones included.
        zone: time zone in whose days the validity of emotes counts.
        workers: files at once; memory is that of so many files.
        erased: who is kept away: their emotes count, and nothing says whose they are.
    """
    readers: SimpleQueue[ChatReader] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(workers):
            readers.put(stack.enter_context(ChatReader()))
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        one = partial(_count_file, readers=readers, emotes=emotes, lake=lake, zone=zone, erased=erased)
        paths = list(files)
        return dict(zip(paths, pool.map(one, paths), strict=True))


def _count_file(
    path: Path,
    *,
    readers: SimpleQueue[ChatReader],
    emotes: pa.Table,
    lake: Lake,
    zone: str,
    erased: Erased | None,
) -> FileOutcome:
    reader = readers.get()
    try:
        conversation_id, chat = reader.read(path)
        uses = emote_uses(chat, emotes, zone=zone)
        if erased is not None:
            uses = erased.without(uses, EMOTE_USES)
        lake.write(EMOTE_USES, uses, conversation_id)
    except ChatPlatformError as error:
        return FileOutcome(error=str(error), code=error.code)
    finally:
        readers.put(reader)
    return FileOutcome(conversation_id, chat.num_rows, uses.num_rows)


class ChatReader:
    """Reads files one after another; one thread at a time.

    It keeps one connection: a new one for each file costs as much as reading the file.
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("set timezone = 'UTC'")
        self._file = _OneFile()
        self._connection.register_filesystem(self._file)

    def __enter__(self) -> ChatReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def read(self, path: Path) -> tuple[str, pa.Table]:
        """Conversation and chat of a file, the chat as input of the emote kernel.

        Raises:
            InputError: CP-TWITCH-001 when it is no such file.
        """
        try:
            with _content(path) as data:
                start, end = _list_of_comments(data)
                video_id, channel_id = _facts(data[:start])
                comments = self._comments(_Window(data, start, end))
                return video_conversation_id(TWITCH, video_id), _chat(comments, video_id, channel_id)
        except _UnusualError:
            return _parsed(path)

    def _comments(self, window: _Window) -> pa.Table:
        self._file.window = window
        try:
            return self._connection.execute(_COMMENTS).to_arrow_table()
        except duckdb.Error as error:
            raise _UnusualError(type(error).__name__) from error


@contextmanager
def _content(path: Path) -> Iterator[mmap.mmap | bytes]:
    """A file's bytes as JSON in UTF-8; a plain file is not read into memory."""
    with path.open("rb") as file:
        start = file.read(2)
        if start[:1] != b"{" or start == b"{\x00":
            yield decoded(path.read_bytes(), path.name).encode("utf-8")
            return
        with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
            yield data


def _chat(comments: pa.Table, video_id: str, channel_id: str) -> pa.Table:
    if any(comments[name].null_count for name in ("comment_id", "sent_at", "text", "native")):
        raise _UnusualError("a value is missing")
    if pc.any(pc.equal(comments["comment_id"], "")).as_py() or _holds_nul(comments["text"]):
        raise _UnusualError("an id is empty, or a text cannot be stored")
    comments = _each_once(comments)
    columns: dict[str, Any] = {
        "message_id": pc.binary_join_element_wise(message_id(TWITCH, ""), comments["comment_id"], ""),
        "identity_id": _identities(comments["author"].combine_chunks()),
        "sent_at": comments["sent_at"],
        "text": comments["text"],
        "native": comments["native"],
    }
    same = {
        "conversation_id": video_conversation_id(TWITCH, video_id),
        "platform": TWITCH,
        "channel_id": channel_id,
    }
    for name, value in same.items():
        columns[name] = pa.repeat(pa.scalar(value, pa.string()), comments.num_rows)
    return pa.Table.from_arrays([columns[field.name].cast(field.type) for field in CHAT], schema=CHAT)


def _list_of_comments(data: mmap.mmap | bytes) -> tuple[int, int]:
    """Where the list begins and ends."""
    found = _LIST.search(data, 0, _HEAD_BYTES)
    if found is None:
        raise _UnusualError("no list of comments")
    places = (data.rfind(key, found.end()) for key in _AFTER)
    after = next((place for place in places if place >= 0), len(data))
    end = data.rfind(b"]", found.end(), after)
    return found.end(), end + 1


def _facts(head: bytes) -> tuple[str, str]:
    """Ids of the video and of its channel, from what stands before the comments."""
    try:
        root = json.loads(head + b"[]}")
    except ValueError:
        raise _UnusualError("the start of the file") from None
    video_id, channel_id = (
        ident(mapping(root.get("video")).get("id")),
        ident(mapping(root.get("streamer")).get("id")),
    )
    if video_id is None or channel_id is None:
        raise _UnusualError("video or channel without an id")
    return video_id, channel_id


def _holds_nul(texts: pa.ChunkedArray) -> bool:
    """Whether any text holds U+0000, which is the one character with a zero byte."""
    return any(0 in _bytes(chunk) for chunk in texts.chunks)


def _bytes(texts: pa.StringArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The UTF-8 of all texts of an array, one behind another, not copied."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.empty(0, dtype=np.uint8)
    places = np.frombuffer(offsets, dtype=np.int32)
    return np.frombuffer(data, dtype=np.uint8)[places[texts.offset] : places[texts.offset + len(texts)]]


def _each_once(comments: pa.Table) -> pa.Table:
    """Without comments whose id came before."""
    if len(pc.unique(comments["comment_id"])) == comments.num_rows:
        return comments
    ids = comments["comment_id"].combine_chunks().dictionary_encode()
    _, first = np.unique(np.asarray(ids.indices), return_index=True)
    return comments.take(pa.array(np.sort(first)))


# Who writes under one video writes under the next.
@lru_cache(maxsize=1 << 17)
def _identity(author: str) -> str:
    return identity_id(TWITCH, nfc(author))


def _identities(authors: pa.Array) -> pa.Array:
    encoded = authors.dictionary_encode()
    ids = [_identity(author) for author in encoded.dictionary.to_pylist()]
    return pa.array(ids, pa.string()).take(encoded.indices)


def _parsed(path: Path) -> tuple[str, pa.Table]:
    """The chat by way of the parser of the format."""
    held = read_downloader_json(path.read_bytes(), path.name)
    native = pa.Table.from_pylist([vars(use) for use in held.chat.native_emotes], schema=NATIVE_USES)
    messages = to_tables(held.chat.conversation)["messages"]
    chat = chat_of(messages, native, platform=TWITCH, channel_id=held.video.channel_id)
    return held.video.conversation_id, chat


class _Window(io.RawIOBase):
    """A part of bytes in memory or of a mapped file, as a file."""

    def __init__(self, data: mmap.mmap | bytes, start: int, end: int) -> None:
        self._data = data
        self._start = start
        self.size = end - start
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self.size if size < 0 else min(self.size, self._at + min(size, _PIECE_BYTES))
        part = self._data[self._start + self._at : self._start + end]
        self._at = end
        return part


class _OneFile(AbstractFileSystem):
    """What DuckDB asks of a file system, for the window of the moment."""

    protocol = _ADDRESS.partition(":")[0]
    cachable = False

    window = _Window(b"", 0, 0)

    def open(self, path: str, mode: str = "rb", **_: object) -> _Window:
        """The window, whatever the path."""
        self.window.seek(0)
        return self.window

    def info(self, path: str, **_: object) -> dict[str, object]:
        """Size of the window."""
        return {"name": path, "size": self.window.size, "type": "file"}

    def exists(self, path: str, **_: object) -> bool:
        """Always."""
        return True

    def glob(self, path: str, **_: object) -> list[str]:
        """The path is no pattern."""
        return [path]

    def modified(self, path: str) -> datetime:
        """Never."""
        return datetime.fromtimestamp(0, UTC)
