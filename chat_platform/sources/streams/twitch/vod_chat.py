"""Chat of Twitch's videos.

What belongs here: the paging of its web page's query, and its comments as records. What does not: files of
TwitchDownloaderCLI, live chat.

Format: ``POST <gql>/gql`` with the persisted query ``VideoCommentsByOffsetOrCursor``. Pages are asked for by cursor;
where Twitch wants proof of a browser for that, by the second at which the page before ended. Such pages overlap, and
comments are told apart by their ids. A cursor of ours therefore holds both: ``754:<Twitch's>``, or ``754:`` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chat_platform.errors import StreamError
from chat_platform.sources.http import parse_json
from chat_platform.sources.streams.chat import ChatBuilder, Comment, EmoteHit
from chat_platform.sources.streams.fields import ident, items, mapping, moment, number, text
from chat_platform.sources.streams.http import Answer, Call, PlatformHttp
from chat_platform.sources.streams.port import DELETED_AUTHOR, ChatPage, StandIn, StreamChat, Video
from chat_platform.sources.streams.twitch.helix import TWITCH

OPERATION = "VideoCommentsByOffsetOrCursor"
QUERY_HASH = "b70a3591ff0f4e0313d126c6a1502d79a1c02baebb288227c582044aa76adf6a"
_CURSOR = re.compile(r"(\d{1,9}):(.*)", re.ASCII | re.DOTALL)
_PROOF_WANTED = "integrity"
# Of a comment whose author is taken out.
_KEPT = ("id", "createdAt", "contentOffsetSeconds")
_BUSY = re.compile(r"service (error|timeout|unavailable)|timed? ?out", re.IGNORECASE)


class VodChat:
    """Pages of chat.

    Args:
        http: the HTTP side, with the id that the web page names itself with.
        base_url: address of the query service.
    """

    def __init__(self, http: PlatformHttp, base_url: str) -> None:
        self._http = http
        self._url = f"{base_url}/gql"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def page(self, video_id: str, cursor: str | None) -> ChatPage:
        """The page that a cursor leads to.

        Raises:
            StreamError: CP-STREAM-007 when the video is gone, CP-TWITCH-005 when Twitch gives chat to browsers only,
                or any of CP-STREAM-003 to 005 and 008.
        """
        second, theirs = _split(cursor)
        if theirs:
            answer = self._ask(video_id, {"cursor": theirs})
            if not _wants_proof(answer.body):
                return _page(video_id, answer, second, by_cursor=True)
        answer = self._ask(video_id, {"contentOffsetSeconds": second})
        return _page(video_id, answer, second, by_cursor=not theirs and cursor is None)

    def _ask(self, video_id: str, position: Mapping[str, Any]) -> Answer:
        query = {
            "operationName": OPERATION,
            "variables": {"videoID": video_id, **position},
            "extensions": {"persistedQuery": {"version": 1, "sha256Hash": QUERY_HASH}},
        }
        answer = self._http.call(Call(f"chat {video_id}", self._url, body=[query], usable=_is_answer))
        if answer.status != 200:
            code = "CP-TWITCH-005" if answer.status in (400, 401, 403) else "CP-STREAM-008"
            raise StreamError(code, f"twitch chat {video_id}: HTTP {answer.status}")
        return answer


def parse_pages(video: Video, pages: Iterable[bytes]) -> StreamChat:
    """Archived pages of a video as records; a comment on two pages counts once.

    A page that is no answer counts as one record, quarantined as ``page_malformed``.
    """
    builder = ChatBuilder.of_video(TWITCH, video)
    for raw in pages:
        body = parse_json(raw)
        if not isinstance(_comments(body).get("edges"), list):
            builder.quarantine("page_malformed", f"{len(raw)} bytes")
        for node in _nodes(body):
            _read(builder, node)
    return builder.build()


def erase_page(_: Video, raw: bytes, stand_in: StandIn) -> bytes:
    """An archived page without somebody; see ``StandIn``."""
    body = parse_json(raw)
    found = False
    for edge in items(_comments(body).get("edges")):
        node = mapping(mapping(edge).get("node"))
        instead = stand_in(_author_ref(node) or _author_name(node))
        if instead is not None:
            found = True
            edge["node"] = {
                **{name: node[name] for name in _KEPT if name in node},
                "commenter": {"id": instead, "displayName": instead},
                "message": {"fragments": []} if isinstance(node.get("message"), dict) else None,
            }
    return json.dumps(body, separators=(",", ":")).encode("ascii") if found else raw


def _author_ref(node: Mapping[str, Any]) -> str | None:
    return ident(mapping(node.get("commenter")).get("id"))


def _author_name(node: Mapping[str, Any]) -> str:
    commenter = mapping(node.get("commenter"))
    return text(commenter.get("displayName")) or text(commenter.get("login")) or DELETED_AUTHOR


def _read(builder: ChatBuilder, node: Mapping[str, Any]) -> None:
    comment_id, message = ident(node.get("id")), node.get("message")
    if comment_id is None or not isinstance(message, dict):
        builder.quarantine("comment_malformed", "no id" if comment_id is None else "no message")
        return
    written, emotes = _fragments(items(message.get("fragments")))
    builder.add(
        Comment(
            comment_id=comment_id,
            text=written,
            sent_at=moment(node.get("createdAt")),
            offset_s=number(node.get("contentOffsetSeconds")),
            author_ref=_author_ref(node),
            author_name=_author_name(node),
            emotes=emotes,
        )
    )


def _fragments(fragments: Iterable[object]) -> tuple[str, tuple[EmoteHit, ...]]:
    written, emotes = [], []
    for fragment in map(mapping, fragments):
        part = fragment.get("text")
        if not isinstance(part, str):
            continue
        written.append(part)
        emote = fragment.get("emote")
        if isinstance(emote, dict) and (code := text(part)) is not None:
            emotes.append((ident(emote.get("emoteID")), code))
    return "".join(written), tuple(emotes)


def _page(video_id: str, answer: Answer, second: int, *, by_cursor: bool) -> ChatPage:
    """What an answer holds, and where to go on.

    Raises:
        StreamError: CP-STREAM-007, CP-TWITCH-005 or -005 (see ``VodChat.page``).
    """
    body = answer.body
    if _wants_proof(body) or (_errors(body) and not mapping(_operation(body).get("data"))):
        raise StreamError("CP-TWITCH-005", f"twitch chat {video_id}")
    if _video(body) is None:
        raise StreamError("CP-STREAM-007", f"twitch video {video_id}")
    edges = items(_comments(body).get("edges"))
    offsets = [at for node in _nodes(body) if (at := number(node.get("contentOffsetSeconds"))) is not None]
    last = max(offsets, default=float(second))
    more = _has_next(body)
    theirs = mapping(edges[-1]).get("cursor") if edges and more and by_cursor else None
    next_cursor, doubtful = None, None
    if isinstance(theirs, str) and theirs:
        next_cursor = f"{int(last)}:{theirs}"
    elif more:
        # A second with more comments than a page holds cannot be paged through by seconds.
        stuck = int(last) <= second
        doubtful = float(second) if stuck else None
        next_cursor = f"{second + 1 if stuck else int(last)}:"
    return ChatPage(
        raw=answer.raw,
        records=len(edges),
        next_cursor=next_cursor,
        first_s=min(offsets, default=None),
        last_s=max(offsets, default=None),
        doubtful_s=doubtful,
    )


def _split(cursor: str | None) -> tuple[int, str]:
    """Second and Twitch's own cursor.

    Raises:
        StreamError: CP-STREAM-006 for what is no cursor of ours.
    """
    match = _CURSOR.fullmatch(cursor or "0:")
    if match is None:
        raise StreamError("CP-STREAM-006", "not a cursor of ours")
    return int(match[1]), match[2]


def _is_answer(body: object) -> bool:
    """Whether an answer is a whole one: comments, a video that is gone, or a refusal that will not pass."""
    errors = _errors(body)
    if any(_BUSY.search(error) for error in errors):
        return False
    data = _operation(body).get("data")
    if not isinstance(data, Mapping) or "video" not in data:
        return bool(errors)
    edges = _comments(body).get("edges")
    # No comments and a next page: there is nothing to go on from.
    whole = isinstance(edges, list) and (bool(edges) or not _has_next(body))
    return data["video"] is None or bool(errors) or whole


def _operation(body: object) -> Mapping[str, Any]:
    """The answer to our one query, whether in a list or alone."""
    return mapping(body[0]) if isinstance(body, list) and body else mapping(body)


def _errors(body: object) -> list[str]:
    return [str(mapping(error).get("message") or "") for error in items(_operation(body).get("errors"))]


def _wants_proof(body: object) -> bool:
    return any(_PROOF_WANTED in error.lower() for error in _errors(body))


def _video(body: object) -> object:
    return mapping(_operation(body).get("data")).get("video")


def _comments(body: object) -> Mapping[str, Any]:
    return mapping(mapping(_video(body)).get("comments"))


def _has_next(body: object) -> bool:
    return mapping(_comments(body).get("pageInfo")).get("hasNextPage") is True


def _nodes(body: object) -> Iterator[Mapping[str, Any]]:
    """Comments of an answer; what is none comes as an empty one, so that it is counted."""
    for edge in items(_comments(body).get("edges")):
        yield mapping(mapping(edge).get("node"))
