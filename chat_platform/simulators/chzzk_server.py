"""CHZZK over a generated world: channels, videos, chat and emotes.

What belongs here: what the answers look like. What does not: who streams and what is said (``stream_generator``),
transport faults (``server``).

The same streamers as on Twitch, with CHZZK's ids. No public source confirms CHZZK's answers in detail: this server
defines what the adapter relies on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.server import Handler, SimulatorServer
from chat_platform.simulators.stream_faults import RateWindow
from chat_platform.simulators.stream_generator import (
    ZONE,
    GeneratedComment,
    GeneratedVideo,
    Streamer,
    StreamWorld,
)

BATCH = 20
COMMENTS_A_PAGE = 50
_CDN = "https://ssl.pstatic.net/static/nng/emoji"
Payload = dict[str, Any]


class ChzzkServer(SimulatorServer):
    """CHZZK.

    Args:
        world: who streams.
        client_id, client_secret: the application; the open API refuses others.
        limit: requests a window; ``None``: no limit.
        window_s: length of the window.
        clock: the platform's clock, unix seconds.
    """

    name = "chzzk"

    def __init__(
        self,
        world: StreamWorld,
        *,
        client_id: str,
        client_secret: str,
        limit: int | None = None,
        window_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        faults: FaultScript | None = None,
        comments_a_page: int = COMMENTS_A_PAGE,
    ) -> None:
        super().__init__(faults)
        self.world = world
        self.window = RateWindow(limit, window_s, clock)
        self._credentials = (client_id, client_secret)
        self._clock = clock
        self._comments_a_page = comments_a_page

    def base_urls(self) -> dict[str, str]:
        """Addresses for the settings, by the adapter's names."""
        return {"open": f"{self.origin}/open/v1", "web": f"{self.origin}/service"}

    def routes(self) -> list[BaseRoute]:
        """Open API and the API of the web page."""
        answers: list[tuple[str, str, Handler]] = [
            ("/open/v1/channels", "channels", self._channels),
            ("/service/v1/channels/{channel}/videos", "videos", self._videos),
            ("/service/v1/channels/{channel}/emoji-packs", "emoji-packs", self._emoji),
            ("/service/v1/emoji-packs", "emoji-packs", self._emoji),
            ("/service/v2/videos/{video}", "video", self._one_video),
            ("/service/v1/videos/{video}/chats", "chat", self._chat),
        ]
        return [self.endpoint(path, name, self._told(answer)) for path, name, answer in answers]

    async def locate(self, request: Request) -> tuple[int, str] | None:
        """The video that is asked about."""
        parts = request.url.path.split("/")
        if parts[3:4] != ["videos"]:
            return None
        return (int(parts[4]) if parts[4].isdigit() else -1), parts[4]

    def refuse(self, request: Request, endpoint: str) -> Response | None:
        """429 when the window is used up."""
        return None if self.window.take() else self._with_limit(_problem(429, "TOO_MANY"))

    def _told(self, answer: Handler) -> Handler:
        async def serve(request: Request, fault: Fault | None) -> Response:
            return self._with_limit(await answer(request, fault))

        return serve

    def _with_limit(self, answer: Response) -> Response:
        answer.headers.update(self.window.headers())
        answer.headers["date"] = formatdate(self._clock(), usegmt=True)
        return answer

    async def _channels(self, request: Request, fault: Fault | None) -> Response:
        given = (request.headers.get("client-id"), request.headers.get("client-secret"))
        if given != self._credentials or _is(fault, "unauthorised"):
            return _problem(401, "INVALID_CLIENT")
        ids = request.query_params.getlist("channelIds")
        if not 1 <= len(ids) <= BATCH:
            return _problem(400, "INVALID_PARAMETER")
        found = [self.world.by_channel(value) for value in ids]
        seen = {s.index: s for s in found if s is not None and self.world.visible(s)}
        return _content({"data": [self._channel(seen[index]) for index in sorted(seen, reverse=True)]})

    def _channel(self, streamer: Streamer) -> Payload:
        return {
            "channelId": streamer.chzzk_id,
            "channelName": streamer.display_name,
            "channelImageUrl": f"{_CDN}/profile/{streamer.index}.png",
            "followerCount": self.world.followers(streamer),
            "verifiedMark": streamer.index % 3 == 0,
        }

    async def _videos(self, request: Request, fault: Fault | None) -> Response:
        streamer = self.world.by_channel(request.path_params["channel"])
        page, size = (
            request.query_params.get(name, value) for name, value in (("page", "0"), ("size", "30"))
        )
        if streamer is None or not page.isdigit() or not size.isdigit() or not int(size):
            return _problem(404 if streamer is None else 400, "NOT_FOUND")
        videos = self.world.videos(streamer)
        start = int(page) * int(size)
        shown = [self._video(video) for video in videos[start : start + int(size)]]
        total = -(-len(videos) // int(size))
        return _content({"page": int(page), "size": len(shown), "totalPages": total, "data": shown})

    async def _one_video(self, request: Request, fault: Fault | None) -> Response:
        video = self.world.video(request.path_params["video"])
        return _problem(404, "NOT_FOUND") if video is None else _content(self._video(video))

    def _video(self, video: GeneratedVideo) -> Payload:
        streamer = self.world.everybody()[video.streamer]
        ended_ms = int(video.started_at.timestamp() + video.duration_s) * 1000
        return {
            "videoNo": int(video.video_id),
            "videoTitle": video.title,
            "videoType": "REPLAY",
            "liveOpenDate": video.started_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S"),
            "publishDate": None,
            "publishDateAt": ended_ms,
            "duration": video.duration_s,
            "readCount": self.world.views(video),
            "channel": {"channelId": streamer.chzzk_id, "channelName": streamer.display_name},
        }

    async def _emoji(self, request: Request, fault: Fault | None) -> Response:
        channel = request.path_params.get("channel")
        streamer = None if channel is None else self.world.by_channel(channel)
        if channel is not None and streamer is None:
            return _problem(404, "NOT_FOUND")
        emotes = self.world.emotes("native", streamer)
        pack = {"emojis": [{"emojiId": e.code, "imageUrl": f"{_CDN}/{e.code}.png"} for e in emotes]}
        own = streamer is not None
        return _content(
            {"emojiPacks": [] if own else [pack], "subscriptionEmojiPacks": [pack] if own else []}
        )

    async def _chat(self, request: Request, fault: Fault | None) -> Response:
        if _is(fault, "video_gone"):
            self.world.deleted.add(request.path_params["video"])
        video = self.world.video(request.path_params["video"])
        at = request.query_params.get("playerMessageTime", "0")
        if video is None or not at.isdigit():
            return _problem(404 if video is None else 400, "NOT_FOUND")
        comments = [c for c in self.world.chat(video) if c.offset_ms >= int(at)]
        page = comments[: self._comments_a_page]
        # Comments of the page's last millisecond come again on the next.
        following = page[-1].offset_ms if len(comments) > len(page) else None
        if following is not None and following <= int(at) and page:
            following = int(at) + 1
        if _is(fault, "cursor_repeated"):
            following = int(at)
        if _is(fault, "truncated_chat"):
            following = None
        chats = [_chat_of(comment, video) for comment in page]
        if _is(fault, "odd_comments") and fault is not None:
            chats += [{"content": None}] * fault.parameters.get("comments", 3)
        if _is(fault, "comments_null"):
            return _content({"nextPlayerMessageTime": None, "videoChats": None})
        return _content({"nextPlayerMessageTime": following, "videoChats": chats})


def chzzk_text(comment: GeneratedComment) -> str:
    """A message as CHZZK writes it: native emotes as ``{:code:}``."""
    return "".join("{:" + part + ":}" if emote_id else part for part, emote_id in comment.parts)


def _chat_of(comment: GeneratedComment, video: GeneratedVideo) -> Payload:
    viewer = comment.viewer
    emojis = {part: f"{_CDN}/{part}.png" for part, emote_id in comment.parts if emote_id}
    profile = {
        "nickname": "" if viewer is None else viewer.display_name,
        "userRoleCode": "common_user",
        "badge": None,
    }
    return {
        "messageTime": int(video.started_at.timestamp() * 1000) + comment.offset_ms,
        "playerMessageTime": comment.offset_ms,
        "userIdHash": "anonymous"
        if viewer is None
        else hashlib.sha256(viewer.user_id.encode()).hexdigest()[:32],
        "content": chzzk_text(comment),
        "messageTypeCode": 1,
        "messageStatusType": "NORMAL",
        "profile": None if viewer is None else json.dumps(profile, ensure_ascii=False),
        "extras": json.dumps({"emojis": emojis or "", "streamingChannelId": "x"}, ensure_ascii=False),
    }


def _is(fault: Fault | None, kind: str) -> bool:
    return fault is not None and fault.kind == kind


def _content(content: Payload) -> JSONResponse:
    return JSONResponse({"code": 200, "message": None, "content": content})


def _problem(status: int, message: str) -> JSONResponse:
    return JSONResponse({"code": status, "message": message, "content": None}, status)
