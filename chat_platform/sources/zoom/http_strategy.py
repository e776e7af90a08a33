"""Recordings by plain HTTP: share page, passcode, play page, ``play/info``.

What belongs here: sending requests, following redirects by hand, retrying what passes. What does not: what
answers mean (``protocol``), browsers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from chat_platform.errors import ZoomError
from chat_platform.settings import ZoomSettings
from chat_platform.sources.zoom import protocol
from chat_platform.sources.zoom.hosts import HostPolicy
from chat_platform.sources.zoom.port import (
    FetchedRecording,
    PageDoesNotYieldError,
    RawAnswer,
    RecordingTicket,
)

MAX_BYTES = 256 << 20
MAX_REDIRECTS = 8
ATTEMPTS = 3
LONGEST_WAIT_S = 60.0
_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) chat_platform"
# Passing by themselves within seconds; everything else is left to a later run.
_RETRIED = frozenset({"CP-ZOOM-009", "CP-ZOOM-010", "CP-ZOOM-011"})


class HttpStrategy:
    """Fetches with one cookie jar for each recording: the proof of a passcode is tied to its jar."""

    def __init__(self, settings: ZoomSettings) -> None:
        self._settings = settings
        self._policy = HostPolicy(settings.allowed_hosts, settings.allow_plain_http)

    def fetch(self, ticket: RecordingTicket) -> FetchedRecording:
        """The answers of every clip.

        Raises:
            PageDoesNotYieldError: the page wants a script to run.
            ZoomError: refused, or not answered in several attempts.
        """
        link = self._policy.checked(ticket.link)
        with _Session(self._policy, self._settings.timeout_s) as session:
            file_id, page_url = self._open(session, ticket, link)
            return FetchedRecording(
                ticket.recording_id, "http", _clips(session, file_id, link, page_url), datetime.now(UTC)
            )

    def _open(self, session: _Session, ticket: RecordingTicket, link: str) -> tuple[str, str]:
        """Get past the passcode; returns ``fileId`` and the address of the page that holds it."""
        page, url = session.get_page(link)
        if not protocol.has_page_data(page):
            raise PageDoesNotYieldError("the share page holds no data")
        if file_id := protocol.page_value(page, "fileId"):
            return file_id, url
        meeting_id = protocol.page_value(page, "meetingId")
        if not meeting_id:
            raise PageDoesNotYieldError("the share page names no meeting")
        play_url = self._unlock(session, ticket, meeting_id, url)
        page, url = session.get_page(self._policy.checked(play_url, base=url))
        file_id = protocol.page_value(page, "fileId")
        if not file_id:
            raise PageDoesNotYieldError("the play page names no file")
        return file_id, url

    def _unlock(self, session: _Session, ticket: RecordingTicket, meeting_id: str, url: str) -> str:
        """Address of the play page, after sending the passcode where one is asked for."""
        pwd = next(iter(parse_qs(urlsplit(ticket.link).query).get("pwd", [])), None)
        path = protocol.share_info_path(meeting_id, urlsplit(url).hostname or "", pwd)
        result = _result(session.get_json(path, url, "share-info"), "share-info")
        if result.get("componentName") == "need-password":
            if ticket.passcode is None:
                raise ZoomError("CP-ZOOM-005", ticket.recording_id)
            form = {
                "id": str(result.get("meetingId") or meeting_id),
                "passwd": ticket.passcode.get_secret_value(),
                "action": str(result.get("action") or "viewdetailpage"),
                "recaptcha": "",
            }
            validate = protocol.validate_path(str(result.get("useWhichPasswd") or "meeting"))
            _result(session.post_json(validate, form, url, "passcode"), "passcode", needed=False)
            result = _result(session.get_json(path, url, "share-info"), "share-info")
        redirect = str(result.get("redirectUrl") or "")
        if not redirect:
            raise ZoomError("CP-ZOOM-007", "share-info names no play page")
        return redirect


def _clips(session: _Session, file_id: str, link: str, page_url: str) -> list[RawAnswer]:
    answers: list[RawAnswer] = []
    start: int | None = None
    seen: set[int] = set()
    while len(answers) < protocol.MAX_CLIPS:
        clip = len(answers) + 1
        body = session.get_body(
            protocol.play_info_path(file_id, link, start), page_url, f"play/info of clip {clip}"
        )
        start = protocol.check_clip(body, clip)
        answers.append(RawAnswer(clip, body))
        if start is None or start in seen:
            break
        seen.add(start)
    return answers


def _result(answer: protocol.Answer, what: str, *, needed: bool = True) -> protocol.Answer:
    refused = protocol.refusal(answer, what)
    if refused is not None:
        if refused.code == "CP-ZOOM-012":
            raise PageDoesNotYieldError(what)
        raise refused
    result = answer.get("result")
    if isinstance(result, dict):
        return result
    if needed:
        raise PageDoesNotYieldError(f"{what} has no result")
    return {}


class _Session:
    """Requests of one recording."""

    def __init__(self, policy: HostPolicy, timeout_s: float) -> None:
        self._policy = policy
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # A proxy or .netrc of the environment must not see passcodes.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = _USER_AGENT

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def get_page(self, url: str) -> tuple[str, str]:
        """A page's HTML and the address it was found at."""
        return self._send("GET", url, "page")

    def get_body(self, path: str, base: str, what: str) -> str:
        """The body of an API answer."""
        return self._send("GET", self._policy.checked(path, base=base), what, referer=base, is_json=True)[0]

    def get_json(self, path: str, base: str, what: str) -> protocol.Answer:
        """An API answer."""
        return protocol.read_answer(self.get_body(path, base, what), what)

    def post_json(self, path: str, form: Mapping[str, str], base: str, what: str) -> protocol.Answer:
        """The API's answer to a form. Sent once: a wrong passcode must not be sent again and again."""
        url = self._policy.checked(path, base=base)
        body, _ = self._send("POST", url, what, form=form, referer=base, attempts=1)
        return protocol.read_answer(body, what)

    def _send(
        self,
        method: str,
        url: str,
        what: str,
        *,
        form: Mapping[str, str] | None = None,
        referer: str | None = None,
        attempts: int = ATTEMPTS,
        is_json: bool = False,
    ) -> tuple[str, str]:
        retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=_wait,
            retry=retry_if_exception(lambda e: isinstance(e, ZoomError) and e.code in _RETRIED),
            reraise=True,
        )
        return retrying(self._follow, method, url, what, form, referer, is_json)

    def _follow(
        self,
        method: str,
        url: str,
        what: str,
        form: Mapping[str, str] | None,
        referer: str | None,
        is_json: bool,
    ) -> tuple[str, str]:
        for _ in range(MAX_REDIRECTS):
            status, headers, body = self._once(method, url, what, form, referer)
            if status not in (301, 302, 303, 307, 308):
                _check_status(status, headers, what)
                if is_json:
                    protocol.read_answer(body, what)
                return body, url
            url = self._policy.checked(headers.get("Location", ""), base=url)
            if status == 303 or (status in (301, 302) and method == "POST"):
                method, form = "GET", None
        raise ZoomError("CP-ZOOM-007", f"{what}: too many redirects")

    def _once(
        self, method: str, url: str, what: str, form: Mapping[str, str] | None, referer: str | None
    ) -> tuple[int, Mapping[str, str], str]:
        # The address may hold a passcode, so the exception of requests is not chained.
        failed = None
        try:
            with self._session.request(
                method,
                url,
                data=form,
                headers={"Referer": urlsplit(referer)._replace(query="").geturl()} if referer else None,
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code, answer.headers, _read(answer)
        except (requests.ConnectionError, requests.Timeout) as error:
            code = "CP-ZOOM-010" if "IncompleteRead" in str(error) else "CP-ZOOM-009"
            failed = ZoomError(code, f"{what}: {type(error).__name__}")
        except requests.RequestException as error:
            failed = ZoomError("CP-ZOOM-010", f"{what}: {type(error).__name__}")
        raise failed


def _read(answer: requests.Response) -> str:
    chunks, size = [], 0
    for chunk in answer.iter_content(1 << 16):
        size += len(chunk)
        if size > MAX_BYTES:
            raise ZoomError("CP-ZOOM-015", f"more than {MAX_BYTES >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace")


class _RateLimitedError(ZoomError):
    """CP-ZOOM-011 with the wait that Zoom asks for."""

    def __init__(self, what: str, wait_s: float) -> None:
        super().__init__("CP-ZOOM-011", what)
        self.wait_s = wait_s

    def __reduce__(self) -> tuple[type[ZoomError], tuple[str, str]]:
        return (ZoomError, (self.code, self.detail))


def _check_status(status: int, headers: Mapping[str, str], what: str) -> None:
    if status == 429:
        asked = headers.get("Retry-After", "")
        raise _RateLimitedError(what, float(asked) if asked.isdigit() else 1.0)
    if status in (404, 410):
        raise ZoomError("CP-ZOOM-002", f"{what}: HTTP {status}")
    if status in (401, 403):
        raise PageDoesNotYieldError(f"{what}: HTTP {status}")
    if status >= 400:
        raise ZoomError("CP-ZOOM-009", f"{what}: HTTP {status}")


_growing = wait_exponential_jitter(initial=0.5, max=8, jitter=0.5)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _RateLimitedError):
        return min(LONGEST_WAIT_S, error.wait_s + _growing(state) / 8)
    return _growing(state)
