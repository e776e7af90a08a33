"""Signing in with OpenID Connect: authorization code with PKCE, by Authlib.

What belongs here: asking a provider who somebody is, and believing it only if all of its answer is right. What does
not: which account that is and whether it may come in (``pages.providers``).

Between leaving for the provider and coming back, the browser keeps state, nonce and verifier in a cookie.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import secrets
import threading
import time
from dataclasses import asdict, dataclass
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import SecretStr
from requests import RequestException, Response, Session

from chat_platform.errors import WebError
from chat_platform.settings import OidcProvider

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
KEEP_S = 3600.0
"""What a provider says of itself is asked for again after so long; its keys also when a new one appears."""
LEEWAY_S = 60
"""How far clocks may differ."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make: none with a shared secret, none without."""
SLACK_USER = "https://slack.com/user_id"
SLACK_TEAM = "https://slack.com/team_id"


@dataclass(frozen=True)
class Pending:
    """What must be known again when somebody comes back from a provider.

    Attributes:
        next: where to go then.
        invitation: secret of the invitation that is being accepted.
        connect: hash of the session whose account is being connected.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    next: str = "/"
    invitation: str = ""
    connect: str = ""

    def as_cookie(self) -> str:
        """As text that a cookie can hold."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")

    @staticmethod
    def of_cookie(value: str | None) -> Pending:
        """From that text.

        Raises:
            WebError: CP-WEB-017 when it is none.
        """
        try:
            text = base64.urlsafe_b64decode((value or "") + "=" * (-len(value or "") % 4))
            values = json.loads(text)
            if isinstance(values, dict) and all(isinstance(part, str) for part in values.values()):
                return Pending(**values)
        except (ValueError, TypeError, binascii.Error):
            pass
        raise WebError("CP-WEB-017", "cookie")


@dataclass(frozen=True)
class Subject:
    """Whom a provider says somebody is.

    Attributes:
        email: only if the provider has verified it.
        slack_id: of a member of the workspace of the settings.
    """

    issuer: str
    subject: str
    name: str
    email: str | None = None
    slack_id: str | None = None


class Provider:
    """One provider; any number of threads may use it.

    Args:
        settings: issuer, client id and scopes.
        secret: of the client; ``None`` for a public one.
    """

    def __init__(self, settings: OidcProvider, secret: SecretStr | None) -> None:
        self._settings = settings
        self._secret = secret.get_secret_value() if secret else None
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def leave(self, name: str, redirect_uri: str, **kept: str) -> tuple[str, Pending]:
        """Where to send somebody, and what to remember.

        Args:
            name: of the provider in the settings.
            redirect_uri: where the provider sends them back.
            kept: further values of ``Pending``.

        Raises:
            WebError: CP-WEB-018 when the provider does not answer, CP-WEB-017 when it is another than the settings'.
        """
        pending = Pending(
            name, secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), **kept
        )
        with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._metadata()["authorization_endpoint"],
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return url, pending

    def come_back(self, address: str, redirect_uri: str, pending: Pending) -> Subject:
        """Who came back.

        Args:
            address: whole address that the provider sent them to.
            redirect_uri: as it was given when they left.
            pending: what the browser has kept.

        Raises:
            WebError: CP-WEB-017 when anything about the answer is wrong, CP-WEB-018 when the provider fails.
        """
        given = {name: values[-1] for name, values in parse_qs(urlsplit(address).query).items()}
        if not compare_digest(given.get("state", "").encode(), pending.state.encode()):
            raise WebError("CP-WEB-017", "state")
        if given.get("iss", self._settings.issuer) != self._settings.issuer:
            raise WebError("CP-WEB-017", "iss")
        if "code" not in given:
            # What the provider says, but no text of its own: it would stand on our page.
            known = given.get("error", "")
            raise WebError("CP-WEB-017", known if known.isidentifier() and len(known) < 60 else "code")
        try:
            token = self._token(given["code"], redirect_uri, pending.verifier)
            return self._subject(self._claims(token, pending.nonce))
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("sign-in with %s: %s", pending.provider, type(error).__name__)
            raise WebError("CP-WEB-017", type(error).__name__) from error

    def _token(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        endpoint = self._metadata()["token_endpoint"]
        with self._client(redirect_uri) as client:
            try:
                return dict(
                    client.fetch_token(endpoint, code=code, code_verifier=verifier, timeout=TIMEOUT_S)
                )
            except RequestException as error:
                raise WebError("CP-WEB-018", type(error).__name__) from error

    def _claims(self, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        said = self._metadata().get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(algorithms=[a for a in said if a in ALGORITHMS], strict_check_header=False)
        text = token["id_token"]
        try:
            decoded = jwt.decode(text, self._keys(), registry=registry)
        except InvalidKeyIdError:
            decoded = jwt.decode(text, self._keys(again=True), registry=registry)
        expected = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        known = {
            "nonce": nonce,
            "client_id": self._settings.client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(decoded.claims, decoded.header, expected, known)
        claims.validate(leeway=LEEWAY_S)
        return dict(claims)

    def _subject(self, claims: dict[str, Any]) -> Subject:
        email = claims.get("email") if claims.get("email_verified") is True else None
        team = self._settings.slack_team
        of_team = team is not None and claims.get(SLACK_TEAM) == team
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise ValueError("sub")
        return Subject(
            self._settings.issuer,
            subject,
            str(claims.get("name") or claims.get("preferred_username") or email or subject),
            str(email) if email else None,
            str(claims[SLACK_USER]) if of_team and claims.get(SLACK_USER) else None,
        )

    def _client(self, redirect_uri: str) -> OAuth2Session:
        methods = self._metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in methods
        return OAuth2Session(
            self._settings.client_id,
            self._secret,
            token_endpoint_auth_method=(
                "none" if self._secret is None else "client_secret_basic" if basic else "client_secret_post"
            ),
            scope=self._settings.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself.

        Raises:
            WebError: CP-WEB-017 when it names another issuer or an address without TLS, CP-WEB-018.
        """
        found = self._get(get_well_known_url(self._settings.issuer, external=True))
        if found.get("issuer") != self._settings.issuer:
            raise WebError("CP-WEB-017", "issuer")
        scheme = urlsplit(self._settings.issuer).scheme
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            address = found.get(name)
            if not isinstance(address, str) or urlsplit(address).scheme not in ("https", scheme):
                raise WebError("CP-WEB-017", name)
        return found

    def _keys(self, *, again: bool = False) -> KeySet:
        return KeySet.import_key_set(self._get(self._metadata()["jwks_uri"], again=again))  # type: ignore[arg-type]

    def _get(self, address: str, *, again: bool = False) -> dict[str, Any]:
        with self._lock:
            kept = self._kept.get(address)
        if kept is not None and not again and time.monotonic() - kept[0] < KEEP_S:
            return kept[1]
        try:
            with Session() as session:
                answer: Response = session.get(address, timeout=TIMEOUT_S, allow_redirects=False)
            found = answer.json() if answer.status_code == 200 else None
        except (RequestException, ValueError) as error:
            raise WebError("CP-WEB-018", type(error).__name__) from error
        if not isinstance(found, dict):
            raise WebError("CP-WEB-018", f"HTTP {answer.status_code}")
        with self._lock:
            self._kept[address] = (time.monotonic(), found)
        return found
