"""Emotes of many TwitchDownloader files at once: from JSON to ``core.emote_uses``.

What belongs here: reading what emote counting needs from such a file without making an object of every value, and
running the kernel over files. What does not: the format as a whole (``sources.streams.twitch``, which reads
whatever this module does not understand), which emote a word is (``text.emotes``).

A file is one JSON object of any size with the comments as a list in it. Parsed as one value it takes many times its
size in memory, and most of the time goes into that memory. So the list is decoded in parts that fit into a
processor's cache, into structs of the few values that counting needs; msgspec passes over all others. What a message
says stays JSON until it is known what was said before: each is decoded, and counted, once a file.

A file in which anything is unusual (a comment without id, time or text, a value of another type, keys in another
order) is read by the parser of the format instead: slower, with the same result.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import ChatPlatformError, StorageError
from chat_platform.people.erasure import Erased
from chat_platform.sources.records import nfc, to_tables
from chat_platform.sources.streams.fields import ident, mapping
from chat_platform.sources.streams.port import message_id, video_conversation_id
from chat_platform.sources.streams.twitch.downloader_json import decoded, read_downloader_json
from chat_platform.sources.streams.twitch.helix import TWITCH
from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.lake import Lake
from chat_platform.tables.ids import identity_id
from chat_platform.tables.streams import EMOTE_USES
from chat_platform.text.emotes import CHAT, NATIVE_USES, RepeatingChat, chat_of, repeated_emote_uses

T = TypeVar("T")

_LIST = re.compile(rb'"comments"\s*:\s*(?=\[)')
_AFTER = (b'"embeddedData"', b'"emotes"')
# The list begins within the first part of a file: titles and chapters of the video stand before it.
_HEAD_BYTES = 4 << 20
_PART_BYTES = 1 << 20
_MOST_IDENTITIES = 1 << 18
# Quotation marks within a text are escaped, so this stands in none; and where it stands elsewhere than between two
# comments, what is before it is no list.
_BETWEEN = re.compile(rb'\}\s*\}\s*(,)\s*(?=\{\s*"_id"\s*:)')
# So few that what is made of them is gone before the garbage collector looks at it.
_SAID_AT_ONCE = 1_000
_HIT = CHAT.field("native").type.value_type
_MOMENT = CHAT.field("sent_at").type
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# So few files are done before other processes have begun.
_FEW = 4


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


class _Commenter(msgspec.Struct, gc=False, rename={"id": "_id"}):
    id: str | None = None


class _Message(msgspec.Struct, gc=False):
    body: msgspec.Raw
    fragments: msgspec.Raw


class _Comment(msgspec.Struct, gc=False, rename={"id": "_id"}):
    id: str
    created_at: str
    message: _Message
    commenter: _Commenter | None = None


class _Named(msgspec.Struct, gc=False):
    display_name: str | None = None
    name: str | None = None


class _NamedComment(msgspec.Struct, gc=False):
    commenter: _Named | None = None


class _Emoticon(msgspec.Struct, gc=False):
    emoticon_id: str | None = None


class _Fragment(msgspec.Struct, gc=False):
    text: str
    emoticon: _Emoticon | None = None


class _Said(msgspec.Struct, gc=False, array_like=True):
    text: str
    fragments: list[_Fragment]


_COMMENTS = msgspec.json.Decoder(list[_Comment])
_NAMES = msgspec.json.Decoder(list[_NamedComment])
_SAID = msgspec.json.Decoder(list[_Said])
_AS_LIST = b",".join
_BRACKETS = b"[]"


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
        workers: processes at once, unless there are few files; memory is that of so many files.
        erased: who is kept away: their emotes count, and nothing says whose they are.
    """
    paths = {str(path): path for path in files}
    engine = LocalEngine(workers if len(paths) >= _FEW else 1)
    one = partial(_count_file, emotes=emotes, lake=lake, zone=zone, erased=erased)
    found = {
        key: FileOutcome(error=str(result), code=result.code) if isinstance(result, StorageError) else result
        for key, result in engine.each(one, list(paths), __name__)
    }
    return {path: found[key] for key, path in paths.items()}


def _count_file(path: str, *, emotes: pa.Table, lake: Lake, zone: str, erased: Erased | None) -> FileOutcome:
    try:
        conversation_id, chat = read_chat(Path(path))
        uses = repeated_emote_uses(chat, emotes, zone=zone)
        if erased is not None:
            uses = erased.without(EMOTE_USES.conform(uses), EMOTE_USES)
        lake.write(EMOTE_USES, uses, conversation_id)
    except ChatPlatformError as error:
        return FileOutcome(error=str(error), code=error.code)
    return FileOutcome(conversation_id, chat.messages.num_rows, uses.num_rows)


def read_chat(path: Path) -> tuple[str, RepeatingChat]:
    """Conversation and chat of a file, the chat as the emote kernel takes it.

    Raises:
        InputError: CP-TWITCH-001 when it is no such file.
    """
    try:
        data = _content(path)
        start, end = _list_of_comments(data)
        video_id, channel_id = _facts(data[:start])
        comments = _Comments()
        for part in _parts(data, start, end):
            comments.add(part)
        return video_conversation_id(TWITCH, video_id), comments.chat(video_id, channel_id)
    except _UnusualError:
        return _parsed(path)


def _content(path: Path) -> mmap.mmap | bytearray:
    """A file's bytes as JSON in UTF-8; a plain file is not read into memory, and what is changed stays here."""
    with path.open("rb") as file:
        start = file.read(2)
        if start[:1] != b"{" or start == b"{\x00":
            return bytearray(decoded(path.read_bytes(), path.name).encode("utf-8"))
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _list_of_comments(data: mmap.mmap | bytearray) -> tuple[int, int]:
    """Where the list begins and ends."""
    found = _LIST.search(data, 0, _HEAD_BYTES)
    if found is None:
        raise _UnusualError("no list of comments")
    places = (data.rfind(key, found.end()) for key in _AFTER)
    after = next((place for place in places if place >= 0), len(data))
    end = data.rfind(b"]", found.end(), after)
    if end < 0:
        raise _UnusualError("the list does not end")
    return found.end(), end + 1


def _facts(head: bytes | bytearray) -> tuple[str, str]:
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


def _parts(data: mmap.mmap | bytearray, start: int, end: int) -> Iterator[memoryview]:
    """A list in parts that are lists themselves, each to be read before the next.

    Nothing is copied: brackets are put in place of the commas where the list is cut.
    """
    whole = memoryview(data)
    at = start + 1
    while at < end:
        between = _BETWEEN.search(data, min(at + _PART_BYTES, end), end)
        stop, following = between.span(1) if between else (end - 1, end)
        whole[at - 1], whole[stop] = _BRACKETS
        yield whole[at - 1 : stop + 1]
        at = following


class _Comments:
    """Collects what counting needs, part by part."""

    def __init__(self) -> None:
        self._parts: list[pa.Table] = []

    def add(self, part: memoryview) -> None:
        """Take a part of the list in."""
        _check_utf8(part)
        comments = _decoded_as(_COMMENTS, part)
        said = [_AS_LIST((comment.message.body, comment.message.fragments)) for comment in comments]
        self._parts.append(
            pa.table(
                {
                    "id": pa.array([comment.id for comment in comments], pa.string()),
                    "time": pa.array([comment.created_at for comment in comments], pa.string()),
                    "author": pa.array(_authors(comments, part), pa.string()),
                    "said": pa.array(said, pa.binary()),
                }
            )
        )

    def chat(self, video_id: str, channel_id: str) -> RepeatingChat:
        """Everything so far, each comment once."""
        comments = pa.concat_tables(self._parts).combine_chunks()
        if not _is_plain(_only(comments["id"])):
            raise _UnusualError("an id that is empty or no plain text")
        authors, said = (_only(comments[name]).dictionary_encode() for name in ("author", "said"))
        identities = pa.array(map(_IDENTITIES.__getitem__, authors.dictionary.to_pylist()), pa.string())
        columns = {
            "message_id": pc.binary_join_element_wise(message_id(TWITCH, ""), comments["id"], ""),
            "identity_id": pa.DictionaryArray.from_arrays(authors.indices, identities),
            "sent_at": _moments(comments["time"]),
        }
        same = {
            "conversation_id": video_conversation_id(TWITCH, video_id),
            "platform": TWITCH,
            "channel_id": channel_id,
        }
        first = pa.array(np.zeros(comments.num_rows, dtype=np.int32))
        for name, value in same.items():
            columns[name] = pa.DictionaryArray.from_arrays(first, pa.array([value]))
        said_of_message = np.asarray(said.indices, dtype=np.int64)
        chat = RepeatingChat(pa.table(columns), _said(said.dictionary), said_of_message)
        is_each_once = len(pc.unique(comments["id"])) == comments.num_rows
        return chat if is_each_once else _each_once(chat)


def _only(column: pa.ChunkedArray) -> pa.Array:
    """A column of one chunk as an array."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _check_utf8(part: memoryview) -> None:
    """Also what is passed over must be UTF-8, as the parser asks of a whole file."""
    ends = pa.py_buffer(np.array([0, len(part)], dtype=np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(part)).validate(full=True)
    except pa.ArrowInvalid:
        raise _UnusualError("not UTF-8") from None


def _decoded_as(decoder: msgspec.json.Decoder[T], part: bytes | memoryview) -> T:
    try:
        return decoder.decode(part)
    except (ValueError, RecursionError) as error:
        raise _UnusualError(type(error).__name__) from None


def _authors(comments: list[_Comment], part: memoryview) -> list[str | None]:
    """Ids of the accounts; a name where one has no id, nothing where the account is gone."""
    authors = [None if comment.commenter is None else comment.commenter.id for comment in comments]
    if all(authors):
        return authors
    named = [comment.commenter or _Named() for comment in _decoded_as(_NAMES, part)]
    return [author or who.display_name or who.name or "" for author, who in zip(authors, named, strict=True)]


def _said(said: pa.Array) -> pa.Table:
    """Texts and the platform's emotes in them, from their JSON."""
    firsts = range(0, max(1, len(said)), _SAID_AT_ONCE)
    return pa.concat_tables(_some_said(said.slice(first, _SAID_AT_ONCE)) for first in firsts).combine_chunks()


def _some_said(said: pa.Array) -> pa.Table:
    read = _decoded_as(_SAID, b"[[%b]]" % b"],[".join(said.to_pylist())) if len(said) else []
    texts = pa.array([one.text for one in read], pa.string())
    if 0 in _bytes(texts):
        raise _UnusualError("a text cannot be stored")
    hits = [
        (row, nfc(fragment.emoticon.emoticon_id or "") or None, nfc(fragment.text))
        for row, one in enumerate(read)
        for fragment in one.fragments
        if fragment.emoticon is not None and fragment.text
    ]
    rows, ids, codes = zip(*hits, strict=True) if hits else ((), (), ())
    columns = (
        pa.array(ids, pa.string()),
        pa.array(codes, pa.string()),
        pa.array(np.ones(len(hits), np.int64)),
    )
    struct = pa.StructArray.from_arrays(columns, fields=list(_HIT))
    per_row = np.bincount(np.array(rows, dtype=np.int64), minlength=len(read))
    ends = pa.array(np.concatenate([[0], np.cumsum(per_row)]), pa.int32())
    return pa.table({"text": texts, "native": pa.ListArray.from_arrays(ends, struct)})


def _moments(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts in ISO 8601 as moments; what is below a microsecond is cut off."""
    try:
        moments = times.cast(pa.timestamp("ns", tz="UTC")).cast(_MOMENT, safe=False)
    except pa.ArrowInvalid:
        raise _UnusualError("a time") from None
    if len(moments) and pc.min(moments).as_py() < _EARLIEST:
        raise _UnusualError("a time that stands for none")
    return moments


def _is_plain(ids: pa.StringArray) -> bool:
    """Whether each id has characters, of which none has several forms or cannot be stored."""
    held = _bytes(ids)
    return not len(ids) or bool(pc.min(pc.binary_length(ids)).as_py() and held.min() and held.max() < 0x80)


def _bytes(texts: pa.StringArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The UTF-8 of all texts of an array, one behind another, not copied."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.empty(0, dtype=np.uint8)
    places = np.frombuffer(offsets, dtype=np.int32)
    return np.frombuffer(data, dtype=np.uint8)[places[texts.offset] : places[texts.offset + len(texts)]]


def _each_once(chat: RepeatingChat) -> RepeatingChat:
    """Without messages whose id came before."""
    ids = chat.messages["message_id"].combine_chunks().dictionary_encode()
    _, first = np.unique(np.asarray(ids.indices), return_index=True)
    kept = np.sort(first)
    used, said_of_message = np.unique(chat.said_of_message[kept], return_inverse=True)
    return RepeatingChat(chat.messages.take(pa.array(kept)), chat.said.take(pa.array(used)), said_of_message)


class _Identities(dict[str, str]):
    """Ids of authors: who writes under one video writes under the next."""

    def __missing__(self, author: str) -> str:
        if len(self) >= _MOST_IDENTITIES:
            self.clear()
        self[author] = found = identity_id(TWITCH, nfc(author))
        return found


_IDENTITIES = _Identities()


def _parsed(path: Path) -> tuple[str, RepeatingChat]:
    """The chat by way of the parser of the format."""
    held = read_downloader_json(path.read_bytes(), path.name)
    native = pa.Table.from_pylist([vars(use) for use in held.chat.native_emotes], schema=NATIVE_USES)
    messages = to_tables(held.chat.conversation)["messages"]
    chat = chat_of(messages, native, platform=TWITCH, channel_id=held.video.channel_id)
    said = ["text", "native"]
    repeating = RepeatingChat(chat.drop_columns(said), chat.select(said), np.arange(chat.num_rows))
    return held.video.conversation_id, repeating
