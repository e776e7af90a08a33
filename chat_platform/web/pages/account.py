"""Somebody's own account: where it is signed in, password, providers, tokens for programs.

What belongs here: these pages. What does not: what the account is in a class (``pages.members``), what is known about
the person (``pages.people``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.tokens import SCOPES
from chat_platform.web import access, cookies, signing_in
from chat_platform.web.failures import STATUS, in_words
from chat_platform.web.pages.sign_in import Text
from chat_platform.web.passwords import refuse_weak

router = APIRouter()

TOKEN_DAYS = (30, 90, 365)
"""How long a new token may last; 0 stands for: until it is revoked."""


@router.get("/account")
def account_page(visit: access.SignedIn) -> Response:
    """The account."""
    return _page(visit)


@router.post("/account/password")
def change_password(visit: access.SignedIn, old: Text, new: Text) -> Response:
    """Change the password; every other session ends, and this one gets a new secret."""
    services, me = visit.services, visit.account
    try:
        account = services.accounts.by_id(me.account_id)
        if account.password_hash is not None:
            signing_in.account_by_password(visit, me.login, old)
        refuse_weak(new, (me.login, me.name))
    except WebError as error:
        if error.code not in ("CP-WEB-007", "CP-WEB-012", "CP-WEB-013"):
            raise
        return _page(visit, error=error)
    services.accounts.set_password(me.account_id, services.passwords.hash(new))
    services.accounts.close_sessions(me.account_id, but=me.session)
    visit.audit("password.changed")
    response = RedirectResponse("/account", 303)
    signing_in.put_session(visit, response, services.accounts.rotate_session(me.session or ""))
    return response


@router.post("/account/sessions/close")
def close_session(visit: access.SignedIn, session: Text) -> Response:
    """Sign out one other browser."""
    services, me = visit.services, visit.account
    if session in {found.token_hash for found in services.accounts.sessions(me.account_id)}:
        services.accounts.close_session(session)
        visit.audit("sign-out", other=True)
    return RedirectResponse("/account", 303)


@router.post("/account/sessions/close-all")
def close_all_sessions(visit: access.SignedIn) -> Response:
    """Sign out everywhere, here too."""
    services = visit.services
    count = services.accounts.close_sessions(visit.account.account_id)
    visit.audit("sign-out.everywhere", sessions=count)
    response = RedirectResponse("/sign-in", 303)
    cookies.drop(response, cookies.SESSION, services.base_url)
    return response


@router.post("/account/disconnect/{name}")
def disconnect(visit: access.SignedIn, name: str) -> Response:
    """Sign in with a provider no longer."""
    provider = visit.services.settings.web.oidc.get(name)
    if provider is None:
        raise WebError("CP-WEB-001")
    visit.services.provider_accounts.disconnect(provider.issuer, visit.account.account_id)
    visit.audit("provider.disconnected", name)
    return RedirectResponse("/account", 303)


@router.get("/account/tokens")
def tokens_page(visit: access.SignedIn) -> Response:
    """Tokens for programs."""
    return _tokens(visit)


@router.post("/account/tokens")
def make_token(
    visit: access.SignedIn,
    name: Text,
    scopes: Annotated[list[str], Form()],
    days: Annotated[int, Form()] = 90,
) -> Response:
    """Make a token; the answer is the only page that shows it."""
    if days not in (0, *TOKEN_DAYS):
        raise WebError("CP-WEB-006", "days")
    lasts = timedelta(days=days) if days else None
    token = visit.services.tokens.create(visit.account.account_id, name, scopes, lasts=lasts)
    visit.audit("token.created", name, scopes=" ".join(sorted(scopes)))
    return _tokens(visit, made=token)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(visit: access.SignedIn, token_id: int) -> Response:
    """End a token."""
    visit.services.tokens.revoke(visit.account.account_id, token_id)
    visit.audit("token.revoked", str(token_id))
    return RedirectResponse("/account/tokens", 303)


def _page(visit: access.Visit, error: WebError | None = None) -> Response:
    services, number = visit.services, visit.account.account_id
    issuers = services.provider_accounts.issuers(number)
    providers = services.settings.web.oidc
    return visit.page(
        "account/account.html",
        status=STATUS.get(error.code, 422) if error else 200,
        error=in_words(visit, error) if error else None,
        has_password=services.accounts.by_id(number).password_hash is not None,
        sessions=services.accounts.sessions(number),
        rooms=[room for room in services.classes.values() if room.class_id in visit.account.members],
        providers=[(name, found.label, found.issuer in issuers) for name, found in providers.items()],
    )


def _tokens(visit: access.Visit, made: str | None = None) -> Response:
    return visit.page(
        "account/tokens.html",
        tokens=visit.services.tokens.of(visit.account.account_id),
        now=utc_now(),
        scopes=SCOPES,
        days=TOKEN_DAYS,
        made=made,
    )
