"""Coming in by a link: the set-up link of the first operator, invitations, links for a new password.

What belongs here: the pages behind these links. What does not: making invitations (``pages.members``), the rules of
links (``storage.invitations``).
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.storage.accounts import NewAccount
from chat_platform.storage.invitations import Invited
from chat_platform.web import access, signing_in
from chat_platform.web.failures import STATUS, in_words
from chat_platform.web.pages.sign_in import Text
from chat_platform.web.passwords import refuse_weak

router = APIRouter()

TRY_AGAIN = ("CP-WEB-006", "CP-WEB-013")
"""What somebody can put right in the form."""


@router.get("/set-up/{secret}")
def set_up_page(visit: access.Anybody, secret: str) -> Response:
    """The form for the first account."""
    visit.services.invitations.find(secret, "setup")
    return visit.page("account/set_up.html", secret=secret, login="", name="", error=None)


@router.post("/set-up/{secret}")
def set_up(visit: access.Anybody, secret: str, login: Text, name: Text, password: Text) -> Response:
    """Make the first account, operator of every class, and sign it in."""
    services = visit.services
    services.invitations.find(secret, "setup")
    try:
        new = _new_account(visit, login, name, password)
        number = services.invitations.accept_set_up(secret, new, list(services.classes))
    except WebError as error:
        if error.code not in TRY_AGAIN:
            raise
        return visit.page(
            "account/set_up.html",
            status=STATUS.get(error.code, 422),
            secret=secret,
            login=login,
            name=name,
            error=in_words(visit, error),
        )
    services.audit.note("account.set-up", account_id=number, address=visit.address)
    return _welcome(visit, number, "/", by="set-up")


@router.get("/invitation/{secret}")
def invitation_page(visit: access.Anybody, secret: str) -> Response:
    """What the link gives, and the ways to accept it."""
    return _form(visit, secret, visit.services.invitations.find(secret, "invite"))


@router.post("/invitation/{secret}")
def accept(visit: access.Anybody, secret: str, login: Text, name: Text, password: Text) -> Response:
    """Accept with a new account, and sign it in."""
    services = visit.services
    invited = services.invitations.find(secret, "invite")
    try:
        number = services.invitations.accept(secret, _new_account(visit, login, name, password))
    except WebError as error:
        if error.code not in TRY_AGAIN:
            raise
        return _form(visit, secret, invited, login=login, name=name, error=error)
    _note(visit, number, invited)
    return _welcome(visit, number, f"/c/{invited.class_id}/lectures", by="invitation")


@router.post("/invitation/{secret}/join")
def join(visit: access.SignedIn, secret: str) -> Response:
    """Accept with the account that is signed in; its session gets a new secret, because it may do more now."""
    services = visit.services
    invited = services.invitations.join(secret, visit.account.account_id)
    _note(visit, visit.account.account_id, invited)
    response = RedirectResponse(f"/c/{invited.class_id}/lectures", 303)
    signing_in.put_session(visit, response, services.accounts.rotate_session(visit.account.session or ""))
    return response


@router.get("/password/{secret}")
def password_page(visit: access.Anybody, secret: str) -> Response:
    """The form for a new password, for who forgot the old one."""
    visit.services.invitations.find(secret, "password")
    return visit.page("account/new_password.html", secret=secret, error=None)


@router.post("/password/{secret}")
def set_password(visit: access.Anybody, secret: str, password: Text) -> Response:
    """Set it, sign out everywhere else and in here."""
    services = visit.services
    account = services.accounts.by_id(services.invitations.find(secret, "password").account_id or 0)
    try:
        refuse_weak(password, (account.login, account.name))
    except WebError as error:
        status = STATUS.get(error.code, 422)
        return visit.page(
            "account/new_password.html", status=status, secret=secret, error=in_words(visit, error)
        )
    number = services.invitations.set_password(secret, services.passwords.hash(password))
    services.audit.note("password.changed", account_id=number, detail={"by": "link"}, address=visit.address)
    return _welcome(visit, number, "/", by="password link")


def _new_account(visit: access.Visit, login: str, name: str, password: str) -> NewAccount:
    refuse_weak(password, (login, name))
    return NewAccount(login, name, visit.services.passwords.hash(password))


def _note(visit: access.Visit, account_id: int, invited: Invited) -> None:
    visit.services.audit.note(
        "invitation.used",
        account_id=account_id,
        class_id=invited.class_id,
        subject=invited.person_id,
        detail={"invitation": invited.invitation_id, "role": invited.role, "by": invited.created_by},
        address=visit.address,
    )


def _welcome(visit: access.Visit, account_id: int, target: str, *, by: str) -> Response:
    response = RedirectResponse(target, 303)
    signing_in.open_session(visit, visit.services.accounts.by_id(account_id), response, by=by)
    return response


def _form(
    visit: access.Visit,
    secret: str,
    invited: Invited,
    *,
    login: str = "",
    name: str = "",
    error: WebError | None = None,
) -> Response:
    room = visit.services.classes.get(invited.class_id)
    if room is None:  # the class was taken out of the settings since
        raise WebError("CP-WEB-014")
    return visit.page(
        "account/invitation.html",
        status=STATUS.get(error.code, 422) if error else 200,
        secret=secret,
        invited=invited,
        title=room.title,
        login=login,
        name=name,
        error=in_words(visit, error) if error else None,
        providers=visit.services.settings.web.oidc,
    )
