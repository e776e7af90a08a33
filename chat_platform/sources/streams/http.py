"""HTTP to a streaming platform: one call, done properly.

What belongs here: sessions, retries, the budget's bookkeeping, and the mapping of transport faults to our errors.
What does not: the transport (``sources.http``), who is asked what (the adapters), how much may be asked (``budget``).

Credentials go into a request at the last moment, by an auth object, and only to the address that the adapter was
given: redirects are not followed, and plain HTTP is refused except to this machine.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from pydantic import SecretStr
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from chat_platform.errors import StreamError
from chat_platform.sources.http import ATTEMPTS, GROWING_PAUSES, Reply, exchange, parse_json, safe_base_url
from chat_platform.sources.streams.budget import Budget
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import Connection

LOGGER = logging.getLogger(__name__)

BASE_URLS_SETTING = "streams.base_urls"
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 30.0
_CREDENTIAL = re.compile(r"[!-~]{1,512}", re.ASCII)


@dataclass(frozen=True)
class Call:
    """A request without its credentials.

    Attributes:
        where: what is asked, for logs and errors: a word of ours and ids, never text of others.
        url: address.
        params: query; a list repeats its name.
        form: body as a form; ``body``: body as JSON. With either it is a POST.
        usable: whether a body holds what every such answer must; one that does not is asked for again.
    """

    where: str
    url: str
    params: Sequence[tuple[str, str]] = ()
    form: Mapping[str, str] | None = field(default=None, repr=False)
    body: Any = None
    usable: Callable[[Any], bool] = lambda body: isinstance(body, (dict, list))


@dataclass(frozen=True)
class Answer:
    """A usable answer with status 200, or one of the statuses 400 to 499 (whose body may be anything).

    Attributes:
        raw: the body as it arrived.
        body: the body as JSON; ``None`` where it is none.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes
    body: Any


@dataclass(frozen=True)
class _Outcome:
    answer: Answer | None = None
    error: StreamError | None = None


class PlatformHttp:
    """Calls to one API of a platform. Safe between threads: each has a session of its own.

    Args:
        budget: what may be asked; every attempt is counted.
        auth: puts credentials into a request; ``None``: none are needed.
        timeout_s: longest silence of the network before an attempt is given up, seconds.
        max_wait_s: longest that one call may wait for the budget, seconds.
        attempts: attempts at network faults and faults of the platform; 429 does not count.
        clock: how to wait between attempts.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        auth: AuthBase | None = None,
        timeout_s: float = 20.0,
        max_wait_s: float = 900.0,
        attempts: int = ATTEMPTS,
        clock: Clock | None = None,
    ) -> None:
        self._budget = budget
        self._auth = auth
        self._timeout_s = timeout_s
        self._max_wait_s = max_wait_s
        self._attempts = attempts
        self._clock = clock or Clock()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
            self._local = threading.local()

    def call(self, call: Call) -> Answer:
        """One call with its waits and retries.

        Raises:
            StreamError: CP-STREAM-003, -004 or -005.
        """
        retrying = Retrying(
            retry=retry_if_result(lambda outcome: outcome.error is not None),
            wait=GROWING_PAUSES,
            stop=stop_after_attempt(self._attempts),
            sleep=self._clock.sleep,
            before_sleep=lambda state: self._log_retry(call, state),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else _Outcome(),
        )
        outcome: _Outcome = retrying(self._attempt, call)
        if outcome.answer is None:
            raise outcome.error or StreamError("CP-STREAM-004", f"{self._budget.name} {call.where}")
        return outcome.answer

    def _attempt(self, call: Call) -> _Outcome:
        """One answer that is no 429, or a fault."""
        patience = self._max_wait_s
        refusals = 0
        while True:
            patience -= self._budget.acquire(patience)
            asked_at = self._clock.now()
            outcome = self._send(call)
            if outcome.answer is None:
                return outcome
            if outcome.answer.status != requests.codes.too_many_requests:
                self._budget.learn(outcome.answer.headers, asked_at)
                return outcome
            LOGGER.info("%s %s: the limit is reached", self._budget.name, call.where)
            # Who is refused again and again although told to come back comes back ever later.
            pause = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2**refusals)
            self._budget.refused(outcome.answer.headers, asked_at, at_least_s=pause)
            refusals += 1

    def _send(self, call: Call) -> _Outcome:
        where = f"{self._budget.name} {call.where}"
        reply = exchange(
            self._session(),
            "GET" if call.form is None and call.body is None else "POST",
            call.url,
            timeout_s=self._timeout_s,
            give_up_at=time.monotonic() + 3 * self._timeout_s,
            params=list(call.params),
            data=call.form,
            json=call.body,
            auth=self._auth,
        )
        if isinstance(reply, Reply):
            return _judge(where, call.usable, reply)
        code = "CP-STREAM-005" if reply.cut else "CP-STREAM-004"
        return _Outcome(error=StreamError(code, f"{where}: {reply.name}"))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers["Accept"] = "application/json"
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _log_retry(self, call: Call, state: RetryCallState) -> None:
        outcome = state.outcome.result() if state.outcome else _Outcome()
        code = outcome.error.code if outcome.error else "no answer"
        LOGGER.info(
            "%s %s: %s, trying again in %.1f s", self._budget.name, call.where, code, state.upcoming_sleep
        )


def _judge(where: str, usable: Callable[[Any], bool], reply: Reply) -> _Outcome:
    status = reply.status
    if status >= 500:
        return _Outcome(error=StreamError("CP-STREAM-004", f"{where}: HTTP {status}"))
    body = parse_json(reply.raw)
    if status == requests.codes.ok and not usable(body):
        return _Outcome(error=StreamError("CP-STREAM-005", f"{where}: {len(reply.raw)} bytes"))
    if status != requests.codes.ok and not 400 <= status < 500:
        return _Outcome(error=StreamError("CP-STREAM-005", f"{where}: HTTP {status}"))
    return _Outcome(answer=Answer(status, reply.headers, reply.raw, body))


def credential(value: SecretStr | None, platform: str) -> SecretStr:
    """A credential that is safe in a header: the HTTP libraries quote a bad header value in their errors.

    Raises:
        StreamError: CP-STREAM-001 when it is missing or cannot be one.
    """
    text = value.get_secret_value().strip() if value is not None else ""
    if not _CREDENTIAL.fullmatch(text):
        raise StreamError("CP-STREAM-001", platform)
    return SecretStr(text)


def base_urls(connection: Connection, usual: Mapping[str, str]) -> dict[str, str]:
    """Addresses by the adapter's names: the platform's, or those that the settings put in their place.

    Raises:
        ConfigurationError: CP-CONF-001 when credentials would travel unprotected.
    """
    return {
        name: safe_base_url(connection.base_urls.get(name, url), BASE_URLS_SETTING)
        for name, url in usual.items()
    }


def open_http(
    connection: Connection,
    platform: str,
    part: str,
    *,
    limit: int | None = None,
    auth: AuthBase | None = None,
) -> PlatformHttp:
    """HTTP to one API of a platform, with a budget that processes share.

    Args:
        part: the API's name among the platform's.
        limit: requests a minute until the platform says otherwise; ``None``: not known.
    """
    budget = Budget(
        connection.workspace / f"{platform}-{part}.budget",
        f"{platform} {part}",
        limit=limit,
        clock=connection.clock,
    )
    return PlatformHttp(
        budget,
        auth=auth,
        timeout_s=connection.timeout_s,
        max_wait_s=connection.max_wait_s,
        clock=connection.clock,
    )
