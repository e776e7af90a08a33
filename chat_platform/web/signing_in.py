"""Signing in: how often somebody may try, and what happens when it worked.

What belongs here: the way from login and password to an account, the browser's proof that it was here before, opening
the session. What does not: pages (``pages.sign_in``), hashing (``passwords``), providers (``oidc``).

Failures make wait by login *and* address, so whoever guesses from one address locks out nobody at another. Many
addresses that guess at one login make new browsers wait, not one in which the account has signed in before: that one
holds a cookie, keyed by the account's password hash, and is counted for itself. An address that tries many logins is
slowed as a whole. Login and address that are unknown are treated as known ones are, and take as long.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.storage.accounts import LONGEST_LOGIN
from chat_platform.storage.portal_models import Account
from chat_platform.storage.throttles import Patience
from chat_platform.web import cookies
from chat_platform.web.access import Visit

BY_LOGIN_AND_ADDRESS = Patience(free=5, first=timedelta(seconds=2), longest=timedelta(minutes=15))
BY_LOGIN = Patience(free=100, first=timedelta(seconds=2), longest=timedelta(minutes=1))
BY_BROWSER = Patience(free=10, first=timedelta(seconds=2), longest=timedelta(minutes=15))
ADDRESS_LIMIT, ADDRESS_SECONDS = 120, 300.0
"""Attempts of one address, right ones too: a class behind one address signs in at the beginning of its hour."""
BROWSER_DAYS = 365.0
LONGEST_PATH = 2_000


def local_path(wanted: str | None) -> str:
    """Where to go next: the wanted path when it is one of ours, else the first page."""
    wanted = wanted or "/"
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not parts.scheme and not parts.netloc
    # Browsers read a backslash as a slash, and leave out line ends and tabs.
    plain = wanted.isprintable() and "\\" not in wanted and not wanted.startswith("//")
    return wanted if ours and plain and len(wanted) <= LONGEST_PATH else "/"


def account_by_password(visit: Visit, login: str, password: str) -> Account:
    """The account of a login, when the password is right.

    Raises:
        WebError: CP-WEB-012 for a wrong login or password and for a closed account alike, CP-WEB-007 for too many
            attempts.
    """
    services, login = visit.services, login.strip().lower()[: LONGEST_LOGIN + 1]
    account = services.accounts.by_login(login)
    password_hash = account.password_hash if account else None
    keys = _count(visit, login, password_hash)
    right = services.passwords.matches(password_hash, password)
    if account is None or password_hash is None or not right or account.disabled_at is not None:
        services.audit.note(
            "sign-in.failed",
            account_id=account.account_id if account else None,
            address=visit.address,
        )
        raise WebError("CP-WEB-012")
    for key in keys:
        services.throttles.clear(key)
    if services.passwords.outdated(password_hash):
        services.accounts.set_password(account.account_id, services.passwords.hash(password))
        return services.accounts.by_id(account.account_id)
    return account


def open_session(visit: Visit, account: Account, response: Response, *, by: str) -> None:
    """Sign somebody in: a new session, whatever cookie the browser brought; note it in the log.

    Args:
        visit: the request that proved who it is.
        account: who it is.
        response: that sets the cookies.
        by: how it was proven: ``password``, ``invitation``, ``set-up`` or the name of a provider.
    """
    services = visit.services
    if visit.visitor is not None and visit.visitor.session is not None:
        services.accounts.close_session(visit.visitor.session)
    browser = visit.request.headers.get("user-agent")
    secret = services.accounts.open_session(account.account_id, browser=browser)
    put_session(visit, response, secret)
    if account.password_hash is not None:
        nonce = secrets.token_urlsafe(16)
        proof = f"{nonce}.{_proof(account.password_hash, account.login, nonce)}"
        cookies.put(response, cookies.BROWSER, proof, services.base_url, days=BROWSER_DAYS)
    cookies.drop(response, cookies.FORM, services.base_url)
    services.audit.note("sign-in", account_id=account.account_id, detail={"by": by}, address=visit.address)


def put_session(visit: Visit, response: Response, secret: str) -> None:
    """Set the cookie of a session."""
    services = visit.services
    days = services.settings.web.session_days
    cookies.put(response, cookies.SESSION, secret, services.base_url, days=days)


def _count(visit: Visit, login: str, password_hash: str | None) -> list[str]:
    """Count an attempt, or refuse it; returns the keys that a success clears."""
    throttles, place = visit.services.throttles, _place(visit.address)
    browser = _known_browser(visit, login, password_hash)
    if browser is not None:
        key = f"sign-in browser {browser} {login}"
        throttles.attempt(key, BY_BROWSER)
        return [key]
    throttles.take(f"sign-in place {place}", ADDRESS_LIMIT, ADDRESS_SECONDS)
    keys = [f"sign-in {place} {login}", f"sign-in {login}"]
    for key, patience in zip(keys, (BY_LOGIN_AND_ADDRESS, BY_LOGIN), strict=True):
        throttles.attempt(key, patience)
    return keys


def _place(address: str | None) -> str:
    """An address, or of IPv6 the network that one subscriber has."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _known_browser(visit: Visit, login: str, password_hash: str | None) -> str | None:
    """Number of the browser, when this account has signed in with it since its password was set."""
    given = cookies.get(visit.request, cookies.BROWSER, visit.services.base_url) or ""
    nonce, _, proof = given.partition(".")
    right = hmac.compare_digest(_proof(password_hash or "", login, nonce).encode(), proof.encode())
    return nonce if right and password_hash is not None else None


def _proof(password_hash: str, login: str, nonce: str) -> str:
    # The hash holds 128 bits of salt that nobody outside knows: as good as a key of our own, and a new password
    # makes every old proof worthless.
    return hmac.new(password_hash.encode(), f"{nonce} {login}".encode(), sha256).hexdigest()
