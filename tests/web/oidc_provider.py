"""An OpenID provider on this machine: a real HTTP server, real keys, and defects on demand.

What belongs here: discovery, authorization with PKCE, tokens, keys, for the tests of ``web.oidc``. What does not:
what the portal makes of it.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "portal", "s3cret of the client"


@dataclass
class OidcServer:
    """What the provider says; tests change its fields.

    Attributes:
        claims: of whoever signs in next.
        spoil: changes the claims of the ID token before it is signed.
        sign_with: key instead of the published one.
        forge: makes the ID token instead, of its claims.
        discovery: what the provider says of itself besides, or instead.
        asked: parameters of every request for authorization.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u1", "name": "김민수"})
    spoil: Callable[[dict[str, Any]], None] = lambda claims: None
    sign_with: Any = None
    forge: Callable[[dict[str, Any]], str] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The server's routes."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discover),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    def change_key(self) -> None:
        """Sign with a new key from now on, and publish it alone."""
        self.key = RSAKey.generate_key(2048, {"kid": f"{self.key.kid}+", "use": "sig"})

    def _discover(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                **self.discovery,
            }
        )

    def _authorize(self, request: Request) -> Response:
        """Nobody is asked anything: whoever comes is the one of ``claims``."""
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = hashlib.sha256(f"{asked['state']}{time.monotonic_ns()}".encode()).hexdigest()
        self._codes[code] = asked
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
        )

    async def _token(self, request: Request) -> Response:
        if self.token_status != 200:
            return JSONResponse({"error": "server_error"}, self.token_status)
        form = await request.form()
        given = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {given}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        right = (
            asked is not None
            and asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form["redirect_uri"]
        )
        if not right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        self.spoil(claims)
        header = {"alg": "RS256", "kid": self.key.kid}
        key = self.sign_with or self.key
        token = self.forge(claims) if self.forge else jwt.encode(header, claims, key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@contextmanager
def running() -> Iterator[OidcServer]:
    """A provider that answers on loopback."""
    provider = OidcServer()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        provider.issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(provider.app(), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(10)
