"""Coming and going: signing in and out, language and theme.

What belongs here: these pages, for everybody. What does not: how a password is checked (``signing_in``), providers
(``pages.providers``), accepting invitations (``pages.invitations``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.storage.accounts import LANGUAGES, THEMES
from chat_platform.web import access, cookies, signing_in
from chat_platform.web.failures import STATUS, in_words

router = APIRouter()

Text = Annotated[str, Form(max_length=2_000)]
CHOICE_DAYS = 365.0


@router.get("/sign-in")
def sign_in_page(visit: access.Anybody, next: str = "/") -> Response:  # noqa: A002  the name in the address
    """The form; who is signed in already goes on."""
    target = signing_in.local_path(next)
    if visit.visitor is not None:
        return RedirectResponse(target, 303)
    return _form(visit, target)


@router.post("/sign-in")
def sign_in(visit: access.Anybody, login: Text, password: Text, next: Text = "/") -> Response:  # noqa: A002
    """Sign in by password."""
    target = signing_in.local_path(next)
    try:
        account = signing_in.account_by_password(visit, login, password)
    except WebError as error:
        if error.code not in ("CP-WEB-007", "CP-WEB-012"):
            raise
        return _form(visit, target, login=login, error=error)
    response = RedirectResponse(target, 303)
    signing_in.open_session(visit, account, response, by="password")
    return response


@router.post("/sign-out")
def sign_out(visit: access.SignedIn) -> Response:
    """End the session: its cookie opens nothing any more."""
    services = visit.services
    services.accounts.close_session(visit.account.session or "")
    visit.audit("sign-out")
    response = RedirectResponse("/sign-in", 303)
    cookies.drop(response, cookies.SESSION, services.base_url)
    # What the browser keeps of the pages that only this account may see.
    response.headers["clear-site-data"] = '"cache"'
    return response


@router.post("/language")
def choose_language(visit: access.Anybody, language: Text, next: Text = "/") -> Response:  # noqa: A002
    """Korean or English, in this browser and for the account."""
    if language not in LANGUAGES:
        raise WebError("CP-WEB-006", "language")
    return _chosen(visit, "language", language, next)


@router.post("/theme")
def choose_theme(visit: access.Anybody, theme: Text, next: Text = "/") -> Response:  # noqa: A002
    """Light, dark, or as the device says (``auto``)."""
    if theme not in (*THEMES, "auto"):
        raise WebError("CP-WEB-006", "theme")
    return _chosen(visit, "theme", theme, next)


def _chosen(visit: access.Visit, name: str, choice: str, target: str) -> Response:
    response = RedirectResponse(signing_in.local_path(target), 303)
    response.set_cookie(
        name,
        choice,
        max_age=int(CHOICE_DAYS * cookies.DAY),
        path="/",
        secure=visit.services.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    if visit.visitor is not None:
        chosen = {"language": visit.visitor.language, "theme": visit.visitor.theme, name: choice}
        theme = None if chosen["theme"] == "auto" else chosen["theme"]
        visit.services.accounts.set_preferences(
            visit.visitor.account_id, language=chosen["language"], theme=theme
        )
    return response


def _form(visit: access.Visit, target: str, *, login: str = "", error: WebError | None = None) -> Response:
    return visit.page(
        "account/sign_in.html",
        status=STATUS[error.code] if error else 200,
        next=target,
        login=login,
        error=in_words(visit, error) if error else None,
        providers=visit.services.settings.web.oidc,
    )
