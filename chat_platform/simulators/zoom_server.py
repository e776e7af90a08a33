"""Zoom's share pages and recording API over a generated class.

What belongs here: sessions, passcodes, links and who may see what. What does not: pages as HTML (``zoom_pages``), the
content of ``play/info`` (``zoom_answers``), transport faults (``server``).

The flow is that of today's single page::

    GET  /rec/share/<token>[?pwd=…]                               page, cookie _zm_ssid
    GET  /nws/recording/1.0/play/share-info/<meetingId|token>     need-password, play-forbidden or redirectUrl
    POST /nws/recording/1.0/validate-context                      optional
    POST /nws/recording/1.0/validate-meeting-passwd               (validate-passwd for a recording's own passcode)
                                                                  cookie cred when right, errorCode 3302 or 3301
    GET  /nws/recording/1.0/play/share-info/<meetingId>           redirectUrl
    GET  /rec/play/<play token>                                   page with fileId
    GET  /nws/recording/1.0/play/info/<fileId>[?startTime=<ms>]   one clip; needs _zm_ssid and cred

``fileId`` and play tokens are made anew for each session. ``share-info`` by share token answers ``result: null``
while a passcode is needed, as Zoom does. A recording of mode ``script_only`` gives its data only to sessions in
which a script ran: until then share and play pages hold a challenge script, and the API answers ``status: false``
with ``errorCode`` 200. A ``play/info`` that is not allowed answers ``status: false``, ``errorCode`` 3000 (our
assumption).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from chat_platform.simulators import zoom_pages
from chat_platform.simulators.class_generator import GeneratedClass
from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.server import SimulatorServer, parameters_of
from chat_platform.simulators.truth import RecordingInfo
from chat_platform.simulators.zoom_answers import play_info, processing, with_change, with_fault

API = "/nws/recording/1.0"
SESSION_COOKIE, PROOF_COOKIE, SCRIPT_COOKIE = "_zm_ssid", "cred", "_zm_js"
WRONG_PASSCODE, NOT_FOUND, SCRIPT_NEEDED, NOT_ALLOWED = 3302, 3301, 200, 3000
MODES = frozenset({"plain", "script_only"})
CONDITIONS = frozenset({"wrong_passcode", "expired", "not_found", "markup_changed", "processing", "bot_wall"})
CHANGES = frozenset({"late_reply", "edited", "deleted"})
PLAY_QUERY = "canPlayFromShare=true&from=share_recording_detail&continueMode=true&componentName=rec-play"

Payload = dict[str, Any]


@dataclass
class _Session:
    """What one cookie jar has shown and got."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    proof: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    unlocked: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Change:
    kind: str
    message_id: str
    text: str


@dataclass
class _Visit:
    """One request, looked up: whose it is, what it is about, what holds there."""

    request: Request
    session_id: str
    session: _Session
    info: RecordingInfo | None
    condition: str | None
    fault: Fault | None

    @property
    def proved(self) -> bool:
        """Whether this jar holds the proof for the recording."""
        held = self.request.cookies.get(PROOF_COOKIE)
        return (
            self.info is not None and self.info.index in self.session.unlocked and held == self.session.proof
        )

    @property
    def ran_script(self) -> bool:
        """Whether a script of our page ran in this jar."""
        return self.request.cookies.get(SCRIPT_COOKIE) == zoom_pages.answer_to(self.session.nonce)


class ZoomServer(SimulatorServer):
    """Share pages and recording API of one class.

    Args:
        generated: the class.
        mode: ``plain`` or ``script_only`` for all recordings, or by index (others are ``script_only``).
    """

    name = "zoom"

    def __init__(
        self,
        generated: GeneratedClass,
        *,
        mode: str | Mapping[int, str] = "script_only",
        faults: FaultScript | None = None,
    ) -> None:
        super().__init__(faults)
        self.generated = generated
        self._modes: dict[int, str] = {}
        self._usual_mode = mode if isinstance(mode, str) else "script_only"
        for index, own in ({} if isinstance(mode, str) else mode).items():
            self.set_mode(index, own)
        if self._usual_mode not in MODES:
            raise ValueError(f"unknown mode {self._usual_mode!r}")
        self._conditions: dict[int, str] = {}
        self._changes: dict[int, list[_Change]] = defaultdict(list)
        self._sessions: dict[str, _Session] = {}
        self._plays: dict[str, tuple[str, int]] = {}
        self._files: dict[str, tuple[str, int]] = {}
        self._index: dict[str, int] = {}
        self._lock = threading.Lock()

    def set_mode(self, index: int, mode: str) -> None:
        """How recording ``index`` yields: ``plain`` or ``script_only``."""
        if mode not in MODES:
            raise ValueError(f"unknown mode {mode!r}")
        self._modes[index] = mode

    def set_condition(self, index: int, condition: str | None) -> None:
        """Put a recording into a standing condition of ``CONDITIONS`` (see the fault script), or heal it."""
        if condition is None:
            self._conditions.pop(index, None)
        elif condition in CONDITIONS:
            self._conditions[index] = condition
        else:
            raise ValueError(f"unknown condition {condition!r}")

    def change(self, index: int, kind: str, text: str = "", message_id: str | None = None) -> str:
        """A ``late_reply``, edit (``edited``) or deletion (``deleted``) that later answers show; returns the id.

        Without ``message_id`` the newest message of the first clip is changed. Recordings of era ``list`` have no ids
        and stay as they are.
        """
        if kind not in CHANGES:
            raise ValueError(f"unknown change {kind!r}")
        target = message_id or self._newest_message(index)
        with self._lock:
            self._changes[index].append(_Change(kind, target, text))
        return target

    def routes(self) -> list[BaseRoute]:
        """Pages and API."""
        return [
            self._route("/rec/share/{token}", "share", self._share),
            self._route("/rec/play/{play}", "play", self._play),
            self._route("/csrf_js", "csrf", self._csrf, "POST"),
            self._route(f"{API}/play/share-info/{{ident}}", "share-info", self._share_info),
            self._route(f"{API}/validate-context", "validate-context", self._validate_context, "POST"),
            self._route(f"{API}/validate-passwd", "validate", self._validate, "POST"),
            self._route(f"{API}/validate-{{kind}}-passwd", "validate", self._validate, "POST"),
            self._route(f"{API}/play/info/{{file}}", "play-info", self._play_info),
            Route("/favicon.ico", _nothing),
        ]

    async def locate(self, request: Request) -> tuple[int, str] | None:
        """The recording by share token, meeting id, play token or file id."""
        path = request.path_params
        if "play" in path or "file" in path:
            known = self._plays.get(path.get("play", "")) or self._files.get(path.get("file", ""))
            index = None if known is None else known[1]
        else:
            form = await parameters_of(request) if request.method == "POST" else {}
            ident = path.get("token") or path.get("ident") or form.get("id") or form.get("meetingId") or ""
            index = self._indices().get(ident)
        return None if index is None else (index, self.generated.info(index).token)

    def _indices(self) -> dict[str, int]:
        """Recording by share token and by meeting id, plain and as ``validate-context`` gives it."""
        if not self._index:
            for index in range(len(self.generated)):
                info = self.generated.info(index)
                for ident in (info.token, info.meeting_id, _encrypted(info.meeting_id)):
                    self._index[ident] = index
        return self._index

    def _route(
        self, path: str, name: str, handler: Callable[[_Visit, dict[str, str]], Response], method: str = "GET"
    ) -> BaseRoute:
        async def serve(request: Request, fault: Fault | None) -> Response:
            visit = await self._visit(request, fault)
            answer = handler(visit, await parameters_of(request))
            if request.cookies.get(SESSION_COOKIE) != visit.session_id:
                answer.set_cookie(SESSION_COOKIE, visit.session_id, path="/", httponly=True)
            if visit.info is not None and fault is not None and fault.kind in CHANGES:
                self.change(
                    visit.info.index, fault.kind, str(fault.parameters.get("text", "나중에 고친 글입니다"))
                )
            return answer

        return self.endpoint(path, name, serve, (method,))

    async def _visit(self, request: Request, fault: Fault | None) -> _Visit:
        session_id = request.cookies.get(SESSION_COOKIE, "")
        with self._lock:
            if session_id not in self._sessions:
                session_id = secrets.token_urlsafe(24)
                self._sessions[session_id] = _Session()
            session = self._sessions[session_id]
        found = await self.locate(request)
        info = None if found is None else self.generated.info(found[0])
        condition = None if info is None else self._conditions.get(info.index)
        if fault is not None and fault.kind in CONDITIONS:
            condition = fault.kind
        return _Visit(request, session_id, session, info, condition, fault)

    def _barred(self, visit: _Visit) -> bool:
        """Whether a script would have to run first."""
        if visit.info is None:
            return False
        mode = self._modes.get(visit.info.index, self._usual_mode)
        return mode == "script_only" and not visit.ran_script

    # Pages

    def _share(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        if visit.condition == "bot_wall":
            return HTMLResponse(zoom_pages.bot_wall())
        if self._barred(visit):
            return HTMLResponse(zoom_pages.challenge_page(visit.session.nonce, SCRIPT_COOKIE))
        if visit.info is None:
            return HTMLResponse(zoom_pages.share_page(_made_up(visit.request.path_params["token"])))
        answer = HTMLResponse(zoom_pages.share_page(visit.info.meeting_id, _markup(visit)))
        self._unlock_by_link(visit, parameters, answer)
        return answer

    def _play(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        if visit.condition == "bot_wall":
            return HTMLResponse(zoom_pages.bot_wall())
        if self._barred(visit):
            return HTMLResponse(zoom_pages.challenge_page(visit.session.nonce, SCRIPT_COOKIE))
        owner = self._plays.get(visit.request.path_params["play"])
        if visit.info is None or owner is None or owner[0] != visit.session_id or not visit.proved:
            return HTMLResponse(zoom_pages.message_page("이 녹화를 볼 수 없습니다. (3,301)", "not-found"))
        file_id = secrets.token_urlsafe(32)
        self._files[file_id] = (visit.session_id, visit.info.index)
        page = zoom_pages.play_page(visit.info.title, visit.info.meeting_id, file_id, _markup(visit))
        return HTMLResponse(page)

    # API

    def _csrf(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        return PlainTextResponse(f"ZOOM-CSRFTOKEN:{secrets.token_hex(16).upper()}")

    def _share_info(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        refused = self._refused(visit)
        if refused is not None or visit.info is None:
            return refused or _failure(NOT_FOUND, "This recording does not exist.")
        if visit.condition == "expired":
            message = "This recording has expired. (3,305)"
            return _success(
                {"componentName": "play-forbidden", "message": message, "canPlayFromShare": False}
            )
        answer = _success(None)
        self._unlock_by_link(visit, parameters, answer)
        if visit.info.index in visit.session.unlocked:
            opened = _success(self._redirect(visit, visit.info))
            self._copy_cookies(answer, opened)
            return opened
        by_token = visit.request.path_params["ident"] == visit.info.token
        return answer if by_token else _success(_need_password(visit.info))

    def _redirect(self, visit: _Visit, info: RecordingInfo) -> Payload:
        play = f"{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(12)}"
        self._plays[play] = (visit.session_id, info.index)
        share = quote(f"{self.origin}/rec/share/{info.token}", safe="")
        return {
            "componentName": "rec-play",
            "meetingId": info.meeting_id,
            "fileId": "",
            "hasValidToken": True,
            "needRedirect": True,
            "canPlayFromShare": True,
            "redirectUrl": f"/rec/play/{play}?{PLAY_QUERY}&originRequestUrl={share}",
        }

    def _validate_context(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        refused = self._refused(visit)
        if refused is not None or visit.info is None:
            return refused or _failure(NOT_FOUND, "This recording does not exist.")
        encrypted = _encrypted(visit.info.meeting_id)
        return _success({"encryptMeetId": encrypted, "fileId": "", "topic": visit.info.title})

    def _validate(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        refused = self._refused(visit)
        if refused is not None or visit.info is None:
            return refused or _failure(NOT_FOUND, "This recording does not exist.")
        kind = visit.request.path_params.get("kind", "recording")
        right = kind == visit.info.passcode_kind and parameters.get("passwd") == visit.info.passcode
        if visit.condition == "wrong_passcode" or not right:
            return _failure(WRONG_PASSCODE, "Incorrect passcode. Please try again.")
        answer = _success({"viewUrl": f"/rec/share/{visit.info.token}"})
        self._unlock(visit, visit.info, answer)
        return answer

    def _play_info(self, visit: _Visit, parameters: dict[str, str]) -> Response:
        refused = self._refused(visit)
        if refused is not None:
            return refused
        owner = self._files.get(visit.request.path_params["file"])
        if visit.info is None or owner is None or owner[0] != visit.session_id or not visit.proved:
            return _failure(NOT_ALLOWED, "You do not have permission to view this recording.")
        if visit.condition == "expired":
            return _failure(NOT_FOUND, "This recording has expired.")
        if visit.condition == "processing":
            return JSONResponse(processing(visit.info, self.generated.zone))
        clip = _clip_at(visit.info, parameters.get("startTime"))
        if clip is None:
            return _failure(NOT_FOUND, "This clip does not exist.")
        answer = play_info(self.generated.recording(visit.info.index), clip, self.generated.zone)
        with self._lock:
            changes = list(self._changes[visit.info.index])
        for change in changes:
            answer = with_change(answer, change.kind, change.message_id, change.text)
        return JSONResponse(answer if visit.fault is None else with_fault(answer, visit.fault))

    # Pieces

    def _refused(self, visit: _Visit) -> Response | None:
        """What every call of the API checks first."""
        if self._barred(visit):
            return _failure(SCRIPT_NEEDED, "JavaScript is required to view this recording.")
        if visit.condition == "not_found":
            return _failure(NOT_FOUND, "This recording does not exist.")
        return None

    def _unlock_by_link(self, visit: _Visit, parameters: dict[str, str], answer: Response) -> None:
        info = visit.info
        right = info is not None and parameters.get("pwd") == info.pwd
        if info is not None and right and visit.condition not in ("wrong_passcode", "expired", "not_found"):
            self._unlock(visit, info, answer)

    def _unlock(self, visit: _Visit, info: RecordingInfo, answer: Response) -> None:
        visit.session.unlocked.add(info.index)
        answer.set_cookie(PROOF_COOKIE, visit.session.proof, path="/", httponly=True)

    @staticmethod
    def _copy_cookies(source: Response, target: Response) -> None:
        target.raw_headers += [header for header in source.raw_headers if header[0] == b"set-cookie"]

    def _newest_message(self, index: int) -> str:
        answer = play_info(self.generated.recording(index), 1, self.generated.zone)
        rows = answer["result"].get("xmppList")
        return str(rows[-1]["id"]) if rows else ""


async def _nothing(request: Request) -> Response:
    return Response(status_code=204)


def _markup(visit: _Visit) -> zoom_pages.Markup:
    return zoom_pages.CHANGED if visit.condition == "markup_changed" else zoom_pages.USUAL


def _need_password(info: RecordingInfo) -> Payload:
    return {
        "componentName": "need-password",
        "meetingId": info.meeting_id,
        "fileId": "",
        "useWhichPasswd": info.passcode_kind,
        "sharelevel": "meeting",
        "action": "viewdetailpage",
        "clusterId": "sim",
        "needRedirect": False,
        "redirectUrl": "/rec/component-page?action=viewdetailpage",
        "canPlayFromShare": True,
    }


def _clip_at(info: RecordingInfo, start_time: str | None) -> int | None:
    """Number of the clip that starts at ``start_time`` (epoch milliseconds), the first without one."""
    if not start_time:
        return 1
    starts = {int(info.started_at.timestamp() * 1000) + clip.start_ms: clip.number for clip in info.clips}
    return starts.get(int(start_time)) if start_time.isdigit() else None


def _encrypted(meeting_id: str) -> str:
    return base64.urlsafe_b64encode(meeting_id.encode()).decode("ascii")


def _made_up(token: str) -> str:
    """Meeting id of a share token that leads nowhere."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode("ascii")


def _success(result: Payload | None) -> Response:
    return JSONResponse({"status": True, "errorCode": 0, "errorMessage": None, "result": result})


def _failure(code: int, message: str) -> Response:
    return JSONResponse({"status": False, "errorCode": code, "errorMessage": message, "result": None})
