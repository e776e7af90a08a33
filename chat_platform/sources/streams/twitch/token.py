"""Twitch's app token.

What belongs here: getting a token by client credentials, keeping it, replacing one that was refused. What does not:
what it is used for.

Format: ``POST <auth>/oauth2/token`` with a form; 400 and 403 say that the credentials are wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from pydantic import SecretStr

from chat_platform.errors import StreamError
from chat_platform.sources.streams.fields import mapping
from chat_platform.sources.streams.http import Call, PlatformHttp, credential


class AppToken:
    """A token of an application, fetched when it is first needed. Safe between threads.

    Raises:
        StreamError: CP-STREAM-001 when the credentials cannot be any.
    """

    def __init__(
        self, http: PlatformHttp, base_url: str, client_id: SecretStr | None, client_secret: SecretStr | None
    ) -> None:
        self._http = http
        self._url = f"{base_url}/oauth2/token"
        self._client_id = credential(client_id, "twitch")
        self._client_secret = credential(client_secret, "twitch")
        self._lock = threading.Lock()
        self._token: SecretStr | None = None
        self._generation = 0

    @property
    def generation(self) -> int:
        """Number of the token in use, to say later which one was refused."""
        return self._generation

    def headers(self) -> Mapping[str, SecretStr]:
        """Headers of a request.

        Raises:
            StreamError: CP-STREAM-002 when the credentials are refused, or any of CP-STREAM-003 to 005.
        """
        with self._lock:
            if self._token is None:
                self._token = self._fetch()
                self._generation += 1
            return {
                "Authorization": SecretStr(f"Bearer {self._token.get_secret_value()}"),
                "Client-Id": self._client_id,
            }

    def discard(self, generation: int) -> None:
        """Forget a refused token, unless another thread has replaced it already."""
        with self._lock:
            if generation == self._generation:
                self._token = None

    def _fetch(self) -> SecretStr:
        answer = self._http.call(
            Call(
                "oauth2/token",
                self._url,
                form={
                    "client_id": self._client_id.get_secret_value(),
                    "client_secret": self._client_secret.get_secret_value(),
                    "grant_type": "client_credentials",
                },
                usable=lambda body: isinstance(mapping(body).get("access_token"), str),
            )
        )
        if answer.status != 200:
            raise StreamError("CP-STREAM-002", f"twitch: HTTP {answer.status}")
        return credential(SecretStr(answer.body["access_token"]), "twitch")
