"""Slack's Web API: one call, done properly.

What belongs here: the session, paging, rate limits, retries, time budget and the mapping of Slack's errors to ours.
What does not: the transport (``sources.http``), what the answers mean (``collect``, ``messages``, ``announcements``,
``users``).

The token travels in the Authorization header only, to ``base_url`` only: redirects are not followed, and
plain HTTP is refused except to this machine. It is in no URL, message, ``repr`` or exception.

Format: Slack's documentation of the Web API; error names come with HTTP 200 and ``ok: false``.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import requests
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_result

from chat_platform.errors import SlackError
from chat_platform.sources.http import (
    ATTEMPTS,
    GROWING_PAUSES,
    HeaderAuth,
    Reply,
    exchange,
    parse_json,
    safe_base_url,
)

LOGGER = logging.getLogger(__name__)

PAGE_SIZE = 200
SCOPES_HEADER = "x-oauth-scopes"

_SAME_CURSOR_LIMIT = 4
_TOKEN = re.compile(r"[!-~]{8,}", re.ASCII)
_WORD = re.compile(r"[\w:.,\- ]{1,200}", re.ASCII)

_TOKEN_ERRORS = {
    "not_authed",
    "invalid_auth",
    "token_revoked",
    "token_expired",
    "account_inactive",
    "not_allowed_token_type",
    "org_login_required",
}
_BUSY_ERRORS = {"ratelimited", "rate_limited"}
_FAULTS_AT_SLACK = {
    "fatal_error",
    "internal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
}

Page = dict[str, Any]


@dataclass(frozen=True)
class AuthInfo:
    """Who the token is, and what it may do.

    Attributes:
        user_id: user (bot) id of the token.
        user: handle of that user.
        team_id: workspace id.
        team: workspace name.
        scopes: granted scopes, from the ``x-oauth-scopes`` header; empty when Slack did not send it.
    """

    user_id: str
    user: str
    team_id: str
    team: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class _Answer:
    """One attempt: a body, or the error it would end in and how Slack wants us to wait."""

    body: Page | None = None
    headers: Mapping[str, str] | None = None
    error: SlackError | None = None
    retry: Literal["no", "fault", "busy"] = "no"
    retry_after_s: float | None = None


class SlackClient:
    """Reads a workspace through the Web API, and posts into it where asked.

    Args:
        token: token of an internal app.
        base_url: address of the API, ending in ``/api/``; ``http`` only for this machine.
        timeout_s: longest silence of the network before an attempt is given up, seconds.
        max_wait_s: longest time that one call may spend waiting for rate limits and between retries, seconds.
        deadline: moment on the ``time.monotonic`` clock at which to give up, whatever is under way; it can be
            set anew for each piece of work.
        attempts: attempts per call at network faults and faults at Slack. Rate limits do not count: they are
            bounded by ``max_wait_s``.
        sleep: how to wait; tests may count instead.

    Raises:
        SlackError: CP-SLACK-001 when the token cannot be one.
        ConfigurationError: CP-CONF-001 when the token would travel unprotected.
    """

    def __init__(
        self,
        token: SecretStr | None,
        *,
        base_url: str = "https://slack.com/api/",
        timeout_s: float = 20.0,
        max_wait_s: float = 120.0,
        deadline: float | None = None,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = safe_base_url(base_url, "slack.base_url") + "/"
        self.timeout_s = timeout_s
        self.max_wait_s = max_wait_s
        self.deadline = deadline
        self._attempts = attempts
        self._sleep = sleep
        self._session = requests.Session()
        checked = _checked_token(token)
        bearer = SecretStr(f"Bearer {checked.get_secret_value()}")
        self._session.auth = HeaderAuth(lambda: {"Authorization": bearer})
        self._session.headers["Accept"] = "application/json"

    def __repr__(self) -> str:
        return f"SlackClient({self.base_url!r})"

    def __enter__(self) -> SlackClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def auth_test(self) -> AuthInfo:
        """Who the token is and which scopes it has (``auth.test``)."""
        answer = self._call("auth.test", {})
        body, headers = answer.body or {}, answer.headers or {}
        scopes = (scope.strip() for scope in headers.get(SCOPES_HEADER, "").split(","))
        return AuthInfo(
            user_id=str(body.get("user_id") or ""),
            user=str(body.get("user") or ""),
            team_id=str(body.get("team_id") or ""),
            team=str(body.get("team") or ""),
            scopes=frozenset(filter(None, scopes)),
        )

    def history(
        self,
        channel: str,
        oldest: float | None = None,
        latest: float | None = None,
        *,
        metadata: bool = False,
    ) -> Iterator[Page]:
        """Pages of ``conversations.history`` as they arrived, newest message first.

        Args:
            channel: channel id.
            oldest: unix seconds, inclusive; ``None``: from the beginning.
            latest: unix seconds, inclusive; ``None``: until now.
            metadata: with what apps have attached to their messages.

        Raises:
            SlackError: any of CP-SLACK-002 to 011.
        """
        params: dict[str, Any] = {"channel": channel, "inclusive": "true"}
        if oldest is not None:
            params["oldest"] = f"{oldest:.6f}"
        if latest is not None:
            params["latest"] = f"{latest:.6f}"
        if metadata:
            params["include_all_metadata"] = "true"
        return self._pages("conversations.history", params, "messages")

    def replies(self, channel: str, ts: str) -> Iterator[Page]:
        """Pages of ``conversations.replies`` as they arrived; the first item is the parent.

        Raises:
            SlackError: any of CP-SLACK-002 to 011; ``thread_not_found`` is CP-SLACK-011.
        """
        return self._pages("conversations.replies", {"channel": channel, "ts": ts}, "messages")

    def post_message(self, message: Mapping[str, Any]) -> str:
        """Post a message (``chat.postMessage``), without asking twice.

        Slack has no key by which a repeated post would be told from a new one. So only a rate limit, which says that
        nothing was posted, is waited for. After CP-SLACK-007, -008 and -010 the message may be there: look before
        posting again.

        Args:
            message: arguments of the method: ``channel`` (an id), ``text``, ``blocks``, ``metadata``, …

        Returns:
            Its ``ts``.

        Raises:
            SlackError: any of CP-SLACK-002 to 011.
        """
        answer = self._call("chat.postMessage", {"channel": message["channel"]}, posted=message)
        ts = (answer.body or {}).get("ts")
        if not isinstance(ts, str):
            raise SlackError("CP-SLACK-008", "chat.postMessage: no ts")
        return ts

    def users(self) -> list[dict[str, Any]]:
        """Members as ``users.list`` gives them; a page that came twice gives them twice."""
        return [member for page in self._pages("users.list", {}, "members") for member in page["members"]]

    def channels(self) -> list[dict[str, Any]]:
        """Channels as ``conversations.list`` gives them; private ones only where the scopes allow."""
        try:
            pages = list(self._channel_pages("public_channel,private_channel"))
        except SlackError as error:
            if error.code != "CP-SLACK-003":
                raise
            pages = list(self._channel_pages("public_channel"))
        return [channel for page in pages for channel in page["channels"]]

    def _channel_pages(self, types: str) -> Iterator[Page]:
        return self._pages("conversations.list", {"types": types, "exclude_archived": "false"}, "channels")

    def _pages(self, method: str, params: Mapping[str, Any], items: str) -> Iterator[Page]:
        """Follow cursors until there is none; a page may be short, empty or come twice.

        A cursor may be given again a few times (Slack and what stands before it repeat a page now and then)
        but not for ever.
        """
        cursor = ""
        asked: Counter[str] = Counter()
        restarted = False
        while True:
            if asked[cursor] >= _SAME_CURSOR_LIMIT:
                raise SlackError("CP-SLACK-009", f"{method}, after {asked.total()} pages")
            asked[cursor] += 1
            page_params = {**params, "limit": PAGE_SIZE, **({"cursor": cursor} if cursor else {})}
            try:
                page = self._call(method, page_params).body or {}
            except SlackError as error:
                # Cursors expire. Whoever reads pages keys on ids, so beginning again only repeats.
                if cursor and not restarted and "invalid_cursor" in error.detail:
                    cursor, restarted = "", True
                    continue
                raise
            if not isinstance(page.get(items), list):
                raise SlackError("CP-SLACK-008", f"{method}: no list of {items}")
            yield page
            metadata = page.get("response_metadata")
            cursor = str(metadata.get("next_cursor") or "") if isinstance(metadata, dict) else ""
            if not cursor:
                return

    def _call(
        self, method: str, params: Mapping[str, Any], posted: Mapping[str, Any] | None = None
    ) -> _Answer:
        """One call with its retries; one that posts something is not repeated after a fault.

        Raises:
            SlackError: any of CP-SLACK-002 to 011.
        """
        attempts = self._attempts if posted is None else 1
        waits = _Waits(attempts, self.max_wait_s, lambda: self.deadline)
        retrying = Retrying(
            retry=retry_if_result(lambda answer: answer.retry != "no"),
            wait=waits.wait,
            stop=waits.stop,
            sleep=self._sleep,
            before_sleep=lambda state: _log_retry(method, state),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else _Answer(),
        )
        answer: _Answer = retrying(self._attempt, method, params, posted)
        if answer.error is not None:
            raise answer.error
        return answer

    def _attempt(self, method: str, params: Mapping[str, Any], posted: Mapping[str, Any] | None) -> _Answer:
        where = f"{method} {params['channel']}" if "channel" in params else method
        left = self._time_left()
        if left <= 0:
            return _Answer(error=SlackError("CP-SLACK-010", where))
        give_up_at = time.monotonic() + min(left, 3 * self.timeout_s)
        reply = exchange(
            self._session,
            "GET" if posted is None else "POST",
            self.base_url + method,
            timeout_s=min(left, self.timeout_s),
            give_up_at=give_up_at,
            params=params if posted is None else None,
            json=posted,
        )
        if isinstance(reply, Reply):
            return _judge(where, reply.status, reply.headers, reply.raw)
        if self._time_left() <= 0:
            return _Answer(error=SlackError("CP-SLACK-010", where))
        code = "CP-SLACK-008" if reply.cut else "CP-SLACK-007"
        return _Answer(error=SlackError(code, f"{where}: {reply.name}"), retry="fault")

    def _time_left(self) -> float:
        return math.inf if self.deadline is None else self.deadline - time.monotonic()


class _Waits:
    """How long to wait before the next attempt, and when to stop; one object per call.

    Faults are retried a few times with growing pauses, rate limits for as long as Slack says; both together
    are bounded by ``max_wait_s`` and never reach past the deadline.
    """

    def __init__(self, attempts: int, max_wait_s: float, deadline: Callable[[], float | None]) -> None:
        self._attempts = attempts
        self._max_wait_s = max_wait_s
        self._deadline = deadline
        self._faults = 0

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        answer = state.outcome.result() if state.outcome else _Answer()
        if answer.retry == "fault":
            self._faults += 1
        growing = GROWING_PAUSES(state)
        # Everybody who was sent away comes back at the same second unless a little is added.
        return growing if answer.retry_after_s is None else answer.retry_after_s + min(1.0, growing)

    def stop(self, state: RetryCallState) -> bool:
        """Whether the next wait is one too many; tenacity computes the wait before it asks."""
        deadline = self._deadline()
        return (
            self._faults >= self._attempts
            or state.idle_for + state.upcoming_sleep > self._max_wait_s
            or (deadline is not None and time.monotonic() + state.upcoming_sleep >= deadline)
        )


def _judge(where: str, status: int, headers: Mapping[str, str], raw: bytes) -> _Answer:
    """Tell a good answer from a bad one, and a bad one that may pass from one that will not."""
    if status == requests.codes.too_many_requests:
        wait = _retry_after(headers)
        return _Answer(
            error=SlackError("CP-SLACK-006", f"{where}: Retry-After {wait:g} s"),
            retry="busy",
            retry_after_s=wait,
        )
    if status >= 500:
        return _Answer(error=SlackError("CP-SLACK-007", f"{where}: HTTP {status}"), retry="fault")
    parsed = parse_json(raw)
    body = parsed if isinstance(parsed, dict) else None
    if body is None and status != requests.codes.ok:
        return _Answer(error=SlackError("CP-SLACK-011", f"{where}: HTTP {status}"))
    if body is None or not isinstance(body.get("ok"), bool):
        return _Answer(error=SlackError("CP-SLACK-008", f"{where}: {len(raw)} bytes"), retry="fault")
    if body["ok"]:
        return _Answer(body=body, headers=headers)
    return _refusal(where, body, headers)


def _refusal(where: str, body: Page, headers: Mapping[str, str]) -> _Answer:
    name = _word(body.get("error"))
    if name in _BUSY_ERRORS:
        wait = _retry_after(headers)
        return _Answer(error=SlackError("CP-SLACK-006", where), retry="busy", retry_after_s=wait)
    if name in _FAULTS_AT_SLACK:
        return _Answer(error=SlackError("CP-SLACK-007", f"{where}: {name}"), retry="fault")
    if name in _TOKEN_ERRORS:
        return _Answer(error=SlackError("CP-SLACK-002", f"{where}: {name}"))
    if name == "missing_scope":
        return _Answer(error=SlackError("CP-SLACK-003", f"{where} needs {_word(body.get('needed'))}"))
    if name == "channel_not_found":
        return _Answer(error=SlackError("CP-SLACK-004", where))
    if name == "not_in_channel":
        return _Answer(error=SlackError("CP-SLACK-005", where))
    return _Answer(error=SlackError("CP-SLACK-011", f"{where}: {name}"))


def _word(value: object) -> str:
    """A word of Slack's for an error message; never free text, which could echo a secret."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "unnamed"


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value) else 1.0


def _log_retry(method: str, state: RetryCallState) -> None:
    answer = state.outcome.result() if state.outcome else None
    LOGGER.info(
        "Slack %s: %s, trying again in %.1f s",
        method,
        answer.error.code if answer and answer.error else "no answer",
        state.upcoming_sleep,
    )


def _checked_token(token: SecretStr | None) -> SecretStr:
    """A token that is safe in a header: the HTTP libraries quote a bad header value in their errors."""
    text = token.get_secret_value().strip() if token is not None else ""
    if not _TOKEN.fullmatch(text):
        raise SlackError("CP-SLACK-001")
    return SecretStr(text)
