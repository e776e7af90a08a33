"""Chat of a video as TwitchDownloaderCLI writes it in JSON.

What belongs here: from the bytes of such a file to its video, comments and embedded emotes. What does not: fetching
chat, text files.

Files of every age are read: plain or gzip; UTF-8 with or without BOM, UTF-16; ``streamer.id`` as a number or text;
emotes under ``embeddedData`` or, earlier, ``emotes``; video facts under ``video``, or not at all. Emotes in a message
are taken from its fragments: the offsets beside them follow another count than any other source's.
"""

from __future__ import annotations

import codecs
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from chat_platform.errors import InputError
from chat_platform.sources.http import parse_json
from chat_platform.sources.streams.chat import ChatBuilder, Comment, EmoteHit
from chat_platform.sources.streams.fields import (
    count,
    flag,
    ident,
    items,
    mapping,
    moment,
    number,
    shifted,
    text,
)
from chat_platform.sources.streams.port import DELETED_AUTHOR, NATIVE, ChatFile, Emote, StandIn, Video
from chat_platform.sources.streams.twitch.helix import TWITCH, duration_s
from chat_platform.tables.ids import digest

SOURCE = "twitch_file"
MAX_BYTES = 4 << 30
# Of a comment whose author is taken out.
_KEPT = ("_id", "created_at", "channel_id", "content_type", "content_id", "content_offset_seconds")
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_PROVIDERS = {"betterttv.net": "bttv", "frankerfacez.com": "ffz", "7tv.app": "7tv", "7tv.io": "7tv"}


def read_downloader_json(data: bytes, filename: str) -> ChatFile:
    """Read a file.

    Args:
        filename: its name, for the text of errors.

    Raises:
        InputError: CP-TWITCH-001 when it is no such file, damaged or too large.
    """
    root = parse_json(decoded(data, filename))
    if not isinstance(root, Mapping) or not isinstance(root.get("comments"), list):
        raise InputError("CP-TWITCH-001", f"{filename}: no list of comments")
    video = _video(root)
    builder = ChatBuilder(
        TWITCH,
        video.conversation_id,
        source=SOURCE,
        title=video.title or None,
        started_at=video.started_at,
        duration_s=video.duration_s,
    )
    for item in root["comments"]:
        _read(builder, mapping(item))
    return ChatFile(video, builder.build(), list(_emotes(root, video.channel_id)))


def erase_from_json(data: bytes, filename: str, stand_in: StandIn) -> bytes:
    """A file without somebody, not compressed; see ``StandIn``.

    Raises:
        InputError: CP-TWITCH-001.
    """
    root = mapping(parse_json(decoded(data, filename)))
    comments = items(root.get("comments"))
    found = False
    for place, item in enumerate(map(mapping, comments)):
        instead = stand_in(_author_ref(item) or _author_name(item))
        if instead is not None:
            found = True
            comments[place] = {
                **{name: item[name] for name in _KEPT if name in item},
                "commenter": {"display_name": instead, "_id": instead, "name": instead},
                "message": {"body": "", "fragments": []} if isinstance(item.get("message"), dict) else None,
            }
    return json.dumps(root, separators=(",", ":")).encode("ascii") if found else data


def decoded(data: bytes, filename: str) -> str:
    """Text of a file that may be compressed, in whichever encoding its first bytes show.

    Raises:
        InputError: CP-TWITCH-001.
    """
    body = _unpacked(data, filename) if data.startswith(_GZIP) else data
    mark, encoding = next(((m, e) for m, e in _BOMS if body.startswith(m)), (b"", "utf-8"))
    if not mark and body[:2] in (b"{\x00", b"\x00{"):
        encoding = "utf-16-le" if body[:1] == b"{" else "utf-16-be"
    try:
        return body[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise InputError("CP-TWITCH-001", f"{filename}: not {encoding}") from None


def _unpacked(data: bytes, filename: str) -> bytes:
    """A small file can unpack to any size, so it is unpacked in pieces up to a limit."""
    unpacker = zlib.decompressobj(wbits=31)
    body = bytearray()
    try:
        rest = data
        while rest and not unpacker.eof:
            body += unpacker.decompress(rest, _PIECE)
            rest = unpacker.unconsumed_tail
            if len(body) > MAX_BYTES:
                raise InputError("CP-TWITCH-001", f"{filename}: more than {MAX_BYTES} bytes unpacked")
    except zlib.error:
        raise InputError("CP-TWITCH-001", f"{filename}: damaged gzip") from None
    if not unpacker.eof:
        raise InputError("CP-TWITCH-001", f"{filename}: gzip ends too early")
    return bytes(body)


def _video(root: Mapping[str, Any]) -> Video:
    facts, streamer = mapping(root.get("video")), mapping(root.get("streamer"))
    comments = [mapping(item) for item in root["comments"][:1]]
    first = comments[0] if comments else {}
    start, end = number(facts.get("start")), number(facts.get("end"))
    length = number(facts.get("length")) or duration_s(facts.get("duration"))
    if length is None and start is not None and end is not None and end > start:
        length = end - start
    video_id = ident(facts.get("id")) or ident(first.get("content_id"))
    return Video(
        platform=TWITCH,
        # Files from before ids were written are told apart by what is in them.
        video_id=video_id
        or f"file-{digest(facts.get('title'), facts.get('created_at'), len(root['comments']))}",
        channel_id=ident(streamer.get("id")) or ident(first.get("channel_id")) or "",
        title=text(facts.get("title")) or "",
        kind=text(first.get("content_type")),
        started_at=moment(facts.get("created_at")) or _start_of(first),
        duration_s=length,
        views=count(facts.get("viewCount")),
    )


def _start_of(comment: Mapping[str, Any]) -> datetime | None:
    """Start of the video by a comment's time and offset, where the file does not say it."""
    sent_at, offset = moment(comment.get("created_at")), number(comment.get("content_offset_seconds"))
    return None if sent_at is None or offset is None else shifted(sent_at, -offset)


def _read(builder: ChatBuilder, item: Mapping[str, Any]) -> None:
    comment_id, message = ident(item.get("_id")), item.get("message")
    if comment_id is None or not isinstance(message, dict):
        builder.quarantine("comment_malformed", "no id" if comment_id is None else "no message")
        return
    fragments = [mapping(fragment) for fragment in items(message.get("fragments"))]
    body = message.get("body")
    builder.add(
        Comment(
            comment_id=comment_id,
            text=body if isinstance(body, str) else "".join(map(_text_of, fragments)),
            sent_at=moment(item.get("created_at")),
            offset_s=number(item.get("content_offset_seconds")),
            author_ref=_author_ref(item),
            author_name=_author_name(item),
            emotes=tuple(_hits(fragments)),
        )
    )


def _author_ref(item: Mapping[str, Any]) -> str | None:
    return ident(mapping(item.get("commenter")).get("_id"))


def _author_name(item: Mapping[str, Any]) -> str:
    commenter = mapping(item.get("commenter"))
    return text(commenter.get("display_name")) or text(commenter.get("name")) or DELETED_AUTHOR


def _text_of(fragment: Mapping[str, Any]) -> str:
    part = fragment.get("text")
    return part if isinstance(part, str) else ""


def _hits(fragments: list[dict[str, Any]]) -> Iterator[EmoteHit]:
    for fragment in fragments:
        emoticon = fragment.get("emoticon")
        if isinstance(emoticon, dict) and (code := text(fragment.get("text"))) is not None:
            yield ident(emoticon.get("emoticon_id")), code


def _emotes(root: Mapping[str, Any], channel_id: str) -> Iterator[Emote]:
    held = mapping(root.get("embeddedData")) or mapping(root.get("emotes"))
    for kind in ("firstParty", "thirdParty"):
        for item in map(mapping, items(held.get(kind))):
            emote_id, code = ident(item.get("id")), text(item.get("name"))
            # The first files leave out how an emote of Twitch's own is written; its uses say it.
            if emote_id is not None and code is not None:
                yield Emote(
                    platform=TWITCH,
                    provider=NATIVE if kind == "firstParty" else _provider(item.get("url")),
                    emote_id=emote_id,
                    code=code,
                    channel_id=channel_id or None,
                    zero_width=flag(item.get("isZeroWidth")),
                    image_url=text(item.get("url")),
                )


def _provider(url: object) -> str:
    """Whose emote it is, by the address of its picture; files mostly do not say."""
    try:
        host = urlsplit(url).hostname or "" if isinstance(url, str) else ""
    except ValueError:
        host = ""
    return next((name for end, name in _PROVIDERS.items() if f".{host}".endswith(f".{end}")), "unknown")
