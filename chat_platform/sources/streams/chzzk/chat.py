"""Chat of CHZZK's videos.

What belongs here: its paging by the player's time, and its comments as records. What does not: channels and videos.

Format: ``GET /v1/videos/<video>/chats?playerMessageTime=<ms>`` gives ``videoChats`` and ``nextPlayerMessageTime``
(null at the end). ``profile`` and ``extras`` are JSON written as text. Emotes stand in the text as ``{:code:}``;
``extras.emojis`` says which of them are any. Comments have no ids: who wrote what at which millisecond is one. Of a
comment whose author was taken out, ``erasedId`` is the id that it had.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chat_platform.errors import StreamError
from chat_platform.sources.http import parse_json
from chat_platform.sources.streams.chat import ChatBuilder, Comment, EmoteHit
from chat_platform.sources.streams.fields import count, epoch_ms, ident, mapping, text
from chat_platform.sources.streams.http import Call, PlatformHttp
from chat_platform.sources.streams.port import DELETED_AUTHOR, ChatPage, StandIn, StreamChat, Video
from chat_platform.tables.ids import digest

CHZZK = "chzzk"
_NOBODY = frozenset({"anonymous"})
# Of a comment whose author is taken out.
_KEPT = ("messageTime", "playerMessageTime")
_ERASED_ID = "erasedId"
_PLACE = re.compile(r"\{:([^{}:]{1,60}):\}")


def emote_code(emote_id: str) -> str:
    """How an emote is written in a message."""
    return "{:" + emote_id + ":}"


def read_page(http: PlatformHttp, base_url: str, video_id: str, cursor: str | None) -> ChatPage:
    """The page that begins at a cursor: a time of the player, ms.

    Raises:
        StreamError: CP-STREAM-007 when the video is gone, or any of CP-STREAM-003 to 006 and 008.
    """
    at = count(cursor or "0")
    if at is None or not video_id.isascii() or not video_id.isdigit():
        raise StreamError("CP-STREAM-006" if at is None else "CP-STREAM-007", "not one of CHZZK's")
    url = f"{base_url}/v1/videos/{video_id}/chats"
    answer = http.call(
        Call(
            f"chat {video_id}",
            url,
            [("playerMessageTime", str(at))],
            usable=lambda body: _chats(body) is not None,
        )
    )
    if answer.status == 404:
        raise StreamError("CP-STREAM-007", f"chzzk video {video_id}")
    if answer.status != 200:
        raise StreamError("CP-STREAM-008", f"chzzk chat {video_id}: HTTP {answer.status}")
    chats = _chats(answer.body) or []
    following = count(mapping(mapping(answer.body).get("content")).get("nextPlayerMessageTime"))
    offsets = [
        ms / 1000 for chat in chats if (ms := count(mapping(chat).get("playerMessageTime"))) is not None
    ]
    return ChatPage(
        raw=answer.raw,
        records=len(chats),
        next_cursor=None if following is None else str(following),
        first_s=min(offsets, default=None),
        last_s=max(offsets, default=None),
    )


def parse_pages(video: Video, pages: Iterable[bytes]) -> StreamChat:
    """Archived pages of a video as records; a comment on two pages counts once.

    A page that is no answer counts as one record, quarantined as ``page_malformed``.
    """
    builder = ChatBuilder.of_video(CHZZK, video)
    for raw in pages:
        chats = _chats(parse_json(raw))
        if chats is None:
            builder.quarantine("page_malformed", f"{len(raw)} bytes")
        for chat in chats or []:
            _read(builder, video.video_id, mapping(chat))
    return builder.build()


def erase_page(video: Video, raw: bytes, stand_in: StandIn) -> bytes:
    """An archived page without somebody; see ``StandIn``."""
    body = parse_json(raw)
    chats = _chats(body) or []
    found = False
    for place, chat in enumerate(map(mapping, chats)):
        instead = stand_in(_author_ref(chat) or _author_name(chat))
        if instead is not None:
            found = True
            chats[place] = {
                **{name: chat[name] for name in _KEPT if name in chat},
                "userIdHash": instead,
                "profile": {"nickname": instead},
                "content": "" if isinstance(chat.get("content"), str) else None,
                _ERASED_ID: _comment_id(video.video_id, chat),
            }
    return json.dumps(body, separators=(",", ":")).encode("ascii") if found else raw


def _chats(body: object) -> list[Any] | None:
    found = mapping(mapping(body).get("content")).get("videoChats")
    return found if isinstance(found, list) else None


def _read(builder: ChatBuilder, video_id: str, chat: Mapping[str, Any]) -> None:
    content, player_ms = chat.get("content"), count(chat.get("playerMessageTime"))
    if not isinstance(content, str):
        builder.quarantine("comment_malformed", "no content")
        return
    builder.add(
        Comment(
            comment_id=_comment_id(video_id, chat),
            text=content,
            sent_at=epoch_ms(chat.get("messageTime")),
            offset_s=None if player_ms is None else player_ms / 1000,
            author_ref=_author_ref(chat),
            author_name=_author_name(chat),
            emotes=_hits(content, mapping(_nested(chat.get("extras")).get("emojis"))),
        )
    )


def _comment_id(video_id: str, chat: Mapping[str, Any]) -> str:
    said = ident(chat.get("userIdHash")), chat.get("messageTime"), count(chat.get("playerMessageTime"))
    return text(chat.get(_ERASED_ID)) or digest(video_id, *said, chat.get("content"))


def _author_ref(chat: Mapping[str, Any]) -> str | None:
    author = ident(chat.get("userIdHash"))
    return None if author in _NOBODY else author


def _author_name(chat: Mapping[str, Any]) -> str:
    return text(_nested(chat.get("profile")).get("nickname")) or DELETED_AUTHOR


def _hits(content: str, known: Mapping[str, Any]) -> tuple[EmoteHit, ...]:
    hits = []
    for match in _PLACE.finditer(content):
        emote_id = text(match[1])
        if match[1] in known and emote_id is not None:
            hits.append((emote_id, emote_code(emote_id)))
    return tuple(hits)


def _nested(value: object) -> Mapping[str, Any]:
    """An object that is written as text; some answers hold it as it is."""
    return mapping(parse_json(value)) if isinstance(value, str) else mapping(value)
