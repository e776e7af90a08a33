"""Twitch over a generated world: Helix, its tokens, and the chat of videos.

What belongs here: what the answers look like, and Twitch's limits. What does not: who streams and what is said
(``stream_generator``), transport faults (``server``), live chat (``twitch_irc_server``).

Answers have the shapes that Twitch documents: unknown users are left out, the last page has no cursor, one malformed
login makes the whole request a 400, a limit is told in headers.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.server import SimulatorServer, parameters_of
from chat_platform.simulators.stream_faults import RateWindow
from chat_platform.simulators.stream_generator import (
    GeneratedComment,
    GeneratedEmote,
    GeneratedVideo,
    Streamer,
    StreamWorld,
)

POINTS_PER_MINUTE = 800
BATCH = 100
DEFAULT_PAGE, LARGEST_PAGE = 20, 100
COMMENTS_A_PAGE = 50
OPERATION = "VideoCommentsByOffsetOrCursor"
_LOGIN = re.compile(r"[A-Za-z0-9_]{1,25}", re.ASCII)
_TEMPLATE = "https://static-cdn.jtvnw.net/emoticons/v2/{{id}}/{{format}}/{{theme_mode}}/{{scale}}"
Payload = dict[str, Any]


class TwitchServer(SimulatorServer):
    """Twitch.

    Args:
        world: who streams.
        client_id, client_secret: the application; others get no token.
        web_client_id: id with which chat of videos is given.
        limit: points a window; one request is one point.
        window_s: length of the window.
        clock: the platform's clock, unix seconds.
    """

    name = "twitch"

    def __init__(
        self,
        world: StreamWorld,
        *,
        client_id: str,
        client_secret: str,
        web_client_id: str = "web",
        limit: int | None = POINTS_PER_MINUTE,
        window_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        faults: FaultScript | None = None,
        comments_a_page: int = COMMENTS_A_PAGE,
    ) -> None:
        super().__init__(faults)
        self.world = world
        self.window = RateWindow(limit, window_s, clock)
        self.tokens: set[str] = set()
        self._client_id = client_id
        self._client_secret = client_secret
        self._web_client_id = web_client_id
        self._clock = clock
        self._comments_a_page = comments_a_page

    def base_urls(self) -> dict[str, str]:
        """Addresses for the settings, by the adapter's names."""
        return {"helix": f"{self.origin}/helix", "auth": self.origin, "gql": self.origin}

    def routes(self) -> list[BaseRoute]:
        """Token, Helix and chat."""
        helix = {
            "users": self._users,
            "videos": self._videos,
            "channels/followers": self._followers,
            "chat/emotes": self._channel_emotes,
            "chat/emotes/global": self._global_emotes,
        }
        return [
            self.endpoint("/oauth2/token", "token", self._token, ("POST",)),
            self.endpoint("/gql", "chat", self._chat, ("POST",)),
            *(self.endpoint(f"/helix/{path}", path, self._helix(answer)) for path, answer in helix.items()),
        ]

    async def locate(self, request: Request) -> tuple[int, str] | None:
        """The video whose chat is asked for."""
        if request.url.path != "/gql":
            return None
        query = _query(await request.body())
        video_id = str(query.get("variables", {}).get("videoID", ""))
        return (int(video_id) if video_id.isdigit() else -1), video_id

    def refuse(self, request: Request, endpoint: str) -> Response | None:
        """429 when the window's points are used up; Helix only."""
        if not request.url.path.startswith("/helix/") or self.window.take():
            return None
        return self._dated(_problem(429, "Too Many Requests", "rate limit"), self.window.headers())

    async def _token(self, request: Request, fault: Fault | None) -> Response:
        form = await parameters_of(request)
        if form.get("grant_type") != "client_credentials" or form.get("client_id") != self._client_id:
            return JSONResponse({"status": 400, "message": "invalid client"}, 400)
        if form.get("client_secret") != self._client_secret:
            return JSONResponse({"status": 403, "message": "invalid client secret"}, 403)
        token = secrets.token_hex(15)
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": 5_011_271, "token_type": "bearer"})

    def _helix(self, answer: Callable[[Request, Fault | None], Response]) -> Any:
        async def serve(request: Request, fault: Fault | None) -> Response:
            if fault is not None and fault.kind == "exhausted":
                return self._exhausted(fault)
            if fault is not None and fault.kind == "unauthorised":
                self.tokens.clear()
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.tokens or request.headers.get("client-id") != self._client_id:
                return self._dated(_problem(401, "Unauthorized", "Invalid OAuth token"))
            return self._dated(answer(request, fault), self.window.headers())

        return serve

    def _exhausted(self, fault: Fault) -> Response:
        seconds = float(fault.parameters.get("seconds", 5))
        refusal = _problem(429, "Too Many Requests", "rate limit")
        if fault.parameters.get("header") == "retry" or self.window.limit is None:
            return self._dated(refusal, {"Retry-After": f"{seconds:g}"})
        self.window.close_for(seconds)
        return self._dated(refusal, self.window.headers())

    def _dated(self, answer: Response, headers: dict[str, str] | None = None) -> Response:
        answer.headers["date"] = formatdate(self._clock(), usegmt=True)
        answer.headers.update(headers or {})
        return answer

    def _users(self, request: Request, fault: Fault | None) -> Response:
        logins = request.query_params.getlist("login")
        ids = request.query_params.getlist("id")
        if not 1 <= len(logins) + len(ids) <= BATCH or not all(map(_LOGIN.fullmatch, logins)):
            return _problem(400, "Bad Request", "Invalid username(s), email(s), or ID(s). Bad Identifiers.")
        if not all(value.isdigit() for value in ids):
            return _problem(400, "Bad Request", "The parameter id was malformed.")
        found = [self.world.by_login(login.lower()) for login in logins]
        found += [self.world.by_channel(value) for value in ids]
        seen = {s.index: s for s in found if s is not None and self.world.visible(s)}
        # Whoever relies on an order gets another one.
        return JSONResponse({"data": [self._user(seen[index]) for index in sorted(seen, reverse=True)]})

    def _user(self, streamer: Streamer) -> Payload:
        login = self.world.login(streamer)
        return {
            "id": streamer.channel_id,
            "login": login,
            "display_name": streamer.display_name,
            "type": "",
            "broadcaster_type": ("", "affiliate", "partner")[streamer.index % 3],
            "description": f"{streamer.display_name}의 방송",
            "profile_image_url": f"https://static-cdn.jtvnw.net/jtv_user_pictures/{login}.png",
            "offline_image_url": "",
            "view_count": 0,
            "created_at": f"20{10 + streamer.index % 13}-05-01T00:00:00Z",
        }

    def _followers(self, request: Request, fault: Fault | None) -> Response:
        streamer = self.world.by_channel(request.query_params.get("broadcaster_id", ""))
        if streamer is None:
            return _problem(400, "Bad Request", "The ID in broadcaster_id is not valid.")
        return JSONResponse({"total": self.world.followers(streamer), "data": [], "pagination": {}})

    def _videos(self, request: Request, fault: Fault | None) -> Response:
        asked = request.query_params
        if asked.get("id"):
            video = self.world.video(asked["id"])
            if video is None:
                return _problem(404, "Not Found", "videos not found")
            return JSONResponse({"data": [self._video(video)], "pagination": {}})
        streamer = self.world.by_channel(asked.get("user_id", ""))
        first = asked.get("first", str(DEFAULT_PAGE))
        start = _position(asked.get("after", ""))
        if streamer is None or start is None or not first.isdigit() or not 1 <= int(first) <= LARGEST_PAGE:
            return _problem(400, "Bad Request", "The parameter is malformed.")
        videos, end = self.world.videos(streamer), start + int(first)
        pagination = {"cursor": _cursor(end)} if end < len(videos) else {}
        if fault is not None and fault.kind == "cursor_repeated":
            pagination = {"cursor": _cursor(start)}
        page = [self._video(video) for video in videos[start:end]]
        return JSONResponse({"data": page, "pagination": pagination})

    def _video(self, video: GeneratedVideo) -> Payload:
        streamer = self.world.everybody()[video.streamer]
        started = _iso(video.started_at)
        return {
            "id": video.video_id,
            "stream_id": str(40_000_000_000 + int(video.video_id)),
            "user_id": streamer.channel_id,
            "user_login": self.world.login(streamer),
            "user_name": streamer.display_name,
            "title": video.title,
            "description": "",
            "created_at": started,
            "published_at": started,
            "url": f"https://www.twitch.tv/videos/{video.video_id}",
            "thumbnail_url": "https://static-cdn.jtvnw.net/thumb-%{width}x%{height}.jpg",
            "viewable": "public",
            "view_count": self.world.views(video),
            "language": "ko",
            "type": "archive",
            "duration": _duration(video.duration_s),
            "muted_segments": [{"duration": video.muted_s, "offset": 60}] if video.muted_s else None,
        }

    def _channel_emotes(self, request: Request, fault: Fault | None) -> Response:
        streamer = self.world.by_channel(request.query_params.get("broadcaster_id", ""))
        emotes = [] if streamer is None else self.world.emotes("native", streamer)
        return JSONResponse({"data": [_emote(emote, owned=True) for emote in emotes], "template": _TEMPLATE})

    def _global_emotes(self, request: Request, fault: Fault | None) -> Response:
        emotes = self.world.emotes("native", None)
        return JSONResponse({"data": [_emote(emote, owned=False) for emote in emotes], "template": _TEMPLATE})

    async def _chat(self, request: Request, fault: Fault | None) -> Response:
        query = _query(await request.body())
        kind = fault.kind if fault is not None else ""
        if request.headers.get("client-id") != self._web_client_id:
            return _problem(400, "Bad Request", 'The "Client-ID" header is invalid.')
        if query.get("operationName") != OPERATION:
            return JSONResponse([{"errors": [{"message": "PersistedQueryNotFound"}]}])
        if kind == "exhausted":
            return JSONResponse({}, 429, headers={"Retry-After": f"{fault.parameters.get('seconds', 5):g}"})  # type: ignore[union-attr]
        asked = query.get("variables", {})
        if kind == "proof_wanted" and "cursor" in asked:
            return JSONResponse(
                [{"errors": [{"message": "failed integrity check"}], "data": {"video": None}}]
            )
        if kind == "video_gone":
            self.world.deleted.add(str(asked.get("videoID")))
        video = self.world.video(str(asked.get("videoID", "")))
        return JSONResponse(
            [{"data": {"video": None if video is None else self._comments(video, asked, fault)}}]
        )

    def _comments(self, video: GeneratedVideo, asked: Payload, fault: Fault | None) -> Payload:
        kind = fault.kind if fault is not None else ""
        comments = self.world.chat(video)
        if "cursor" in asked:
            start = _position(str(asked["cursor"])) or 0
        else:
            second = int(asked.get("contentOffsetSeconds") or 0)
            start = sum(comment.offset_ms // 1000 < second for comment in comments)
        end = start + self._comments_a_page
        edges = [
            {
                "cursor": _cursor(start if kind == "cursor_repeated" else place + 1),
                "node": _node(comment, video),
            }
            for place, comment in enumerate(comments[start:end], start=start)
        ]
        if kind == "odd_comments" and fault is not None:
            edges += [
                {"cursor": _cursor(end), "node": {"id": None, "message": None}}
                for _ in range(fault.parameters.get("comments", 3))
            ]
        more = end < len(comments) and kind != "truncated_chat"
        page = {"edges": edges, "pageInfo": {"hasNextPage": more, "hasPreviousPage": start > 0}}
        creator = {"id": self.world.everybody()[video.streamer].channel_id}
        return {
            "id": video.video_id,
            "creator": {**creator, "channel": creator},
            "comments": None if kind == "comments_null" else page,
        }


def downloader_json(world: StreamWorld, video: GeneratedVideo) -> Payload:
    """A video's chat as TwitchDownloaderCLI writes it."""
    streamer = world.everybody()[video.streamer]
    native = dict(world.native_uses(video).keys())
    return {
        "FileInfo": {"Version": {"Major": 1, "Minor": 4, "Patch": 0}, "CreatedAt": _iso(world.now)},
        "streamer": {
            "name": streamer.display_name,
            "login": world.login(streamer),
            "id": int(streamer.channel_id),
        },
        "video": {
            "title": video.title,
            "description": None,
            "id": video.video_id,
            "created_at": _iso(video.started_at),
            "start": 0,
            "end": video.duration_s,
            "length": video.duration_s,
            "viewCount": world.views(video),
            "game": "Just Chatting",
            "chapters": [],
        },
        "comments": [_downloaded(comment, streamer, video) for comment in world.chat(video)],
        "embeddedData": {
            "thirdParty": [],
            "firstParty": [
                {"id": emote_id, "imageScale": 2, "data": "", "name": code, "width": 56, "height": 56}
                for emote_id, code in native.items()
            ],
            "twitchBadges": [],
            "twitchBits": [],
        },
    }


def _downloaded(comment: GeneratedComment, streamer: Streamer, video: GeneratedVideo) -> Payload:
    viewer = comment.viewer
    return {
        "_id": comment.comment_id,
        "created_at": _sent_at(video, comment),
        "channel_id": streamer.channel_id,
        "content_type": "video",
        "content_id": video.video_id,
        "content_offset_seconds": float(comment.offset_ms // 1000),
        "commenter": None
        if viewer is None
        else {"display_name": viewer.display_name, "_id": viewer.user_id, "name": viewer.login, "logo": None},
        "message": {
            "body": comment.text,
            "bits_spent": 0,
            "fragments": [
                {"text": part, "emoticon": {"emoticon_id": emote_id} if emote_id else None}
                for part, emote_id in comment.parts
            ],
            "user_badges": [],
            "user_color": "#1E90FF",
            "emoticons": [],
        },
    }


def _node(comment: GeneratedComment, video: GeneratedVideo) -> Payload:
    viewer = comment.viewer
    return {
        "id": comment.comment_id,
        "commenter": None
        if viewer is None
        else {"id": viewer.user_id, "login": viewer.login, "displayName": viewer.display_name},
        "contentOffsetSeconds": comment.offset_ms // 1000,
        "createdAt": _sent_at(video, comment),
        "message": {
            "fragments": [
                {
                    "emote": {"id": f"{emote_id};0;0", "emoteID": emote_id, "from": 0} if emote_id else None,
                    "text": part,
                }
                for part, emote_id in comment.parts
            ],
            "userBadges": [],
            "userColor": "#1E90FF",
        },
    }


def _emote(emote: GeneratedEmote, *, owned: bool) -> Payload:
    more = {"tier": "1000", "emote_type": "subscriptions", "emote_set_id": "1"} if owned else {}
    image = f"https://static-cdn.jtvnw.net/emoticons/v2/{emote.emote_id}/static/light"
    return {
        "id": emote.emote_id,
        "name": emote.code,
        "images": {f"url_{scale}x": f"{image}/{scale}.0" for scale in (1, 2, 4)},
        **more,
        "format": ["static", "animated"] if emote.animated else ["static"],
        "scale": ["1.0", "2.0", "3.0"],
        "theme_mode": ["light", "dark"],
    }


def _sent_at(video: GeneratedVideo, comment: GeneratedComment) -> str:
    moment = video.started_at.timestamp() + comment.offset_ms / 1000
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{left}s"


def _problem(status: int, error: str, message: str) -> JSONResponse:
    return JSONResponse({"error": error, "status": status, "message": message}, status)


def _query(body: bytes) -> Payload:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    first = parsed[0] if isinstance(parsed, list) and parsed else parsed
    return first if isinstance(first, dict) else {}


def _cursor(position: int) -> str:
    return base64.b64encode(f"at:{position}".encode()).decode("ascii")


def _position(cursor: str) -> int | None:
    """Position that a cursor stands for; 0 for none, ``None`` for what is no cursor."""
    if not cursor:
        return 0
    try:
        text = base64.b64decode(cursor, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    number = text.removeprefix("at:")
    return int(number) if number != text and number.isdigit() else None
