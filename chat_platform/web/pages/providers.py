"""Signing in with a provider, and connecting one to an account.

What belongs here: leaving for a provider, coming back, which account that opens. What does not: the protocol
(``web.oidc``).

Who comes back for the first time needs an invitation, or a provider that says they are a person of a class where the
settings let such people in. An account with the same e-mail address is never taken over: who has one connects the
provider on its page, signed in.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import ChatPlatformError, WebError
from chat_platform.storage.accounts import NewAccount, cleaned
from chat_platform.web import access, cookies, signing_in
from chat_platform.web.oidc import Pending, Provider, Subject

router = APIRouter()

PENDING = "provider"
PENDING_DAYS = 10 / (24 * 60)
"""Ten minutes to sign in at the provider."""


@router.get("/sign-in/with/{name}")
def leave(visit: access.Anybody, name: str, next: str = "/", invitation: str = "") -> Response:  # noqa: A002
    """To the provider."""
    # Not a form: browsers hold redirects of forms to the policy's `form-action`, which names no other host.
    access.check_site(visit.request)
    return _leave(visit, name, next=signing_in.local_path(next), invitation=invitation[:100])


@router.get("/account/connect/{name}")
def connect(visit: access.SignedIn, name: str) -> Response:
    """To the provider, to sign in with it from now on."""
    access.check_site(visit.request)
    return _leave(visit, name, next="/account", connect=visit.account.session or "")


@router.get("/sign-in/back/{name}")
def come_back(visit: access.Anybody, name: str) -> Response:
    """From the provider."""
    services = visit.services
    pending = Pending.of_cookie(cookies.get(visit.request, PENDING, services.base_url))
    if pending.provider != name:
        raise WebError("CP-WEB-017", "provider")
    subject = _provider(visit, name).come_back(str(visit.request.url), _back(visit, name), pending)
    response = RedirectResponse(signing_in.local_path(pending.next), 303)
    cookies.drop(response, PENDING, services.base_url)
    if pending.connect:
        _connect(visit, name, subject, pending)
        return response
    account = services.accounts.by_id(_account_of(visit, name, subject, pending.invitation))
    if account.disabled_at is not None:
        raise WebError("CP-WEB-012")
    _prove_person(visit, name, account.account_id, subject)
    signing_in.open_session(visit, account, response, by=name)
    return response


def _leave(visit: access.Visit, name: str, **kept: str) -> Response:
    url, pending = _provider(visit, name).leave(name, _back(visit, name), **kept)
    response = RedirectResponse(url, 303)
    cookies.put(response, PENDING, pending.as_cookie(), visit.services.base_url, days=PENDING_DAYS)
    return response


def _provider(visit: access.Visit, name: str) -> Provider:
    found = visit.services.providers.get(name)
    if found is None:
        raise WebError("CP-WEB-001")
    return found


def _back(visit: access.Visit, name: str) -> str:
    return f"{visit.services.base_url}/sign-in/back/{name}"


def _connect(visit: access.Visit, name: str, subject: Subject, pending: Pending) -> None:
    if visit.visitor is None or visit.visitor.session != pending.connect:
        raise WebError("CP-WEB-002")
    visit.services.provider_accounts.connect(subject.issuer, subject.subject, visit.account.account_id)
    visit.audit("provider.connected", name)
    _prove_person(visit, name, visit.account.account_id, subject)


def _account_of(visit: access.Visit, name: str, subject: Subject, invitation: str) -> int:
    """Number of the account that a subject opens, made now if they may come in.

    Raises:
        WebError: CP-WEB-019 when they may not, CP-WEB-014 for an invitation that does not work any more.
    """
    services = visit.services
    known = services.provider_accounts.account(subject.issuer, subject.subject)
    if known is not None:
        if invitation and known.disabled_at is None:
            invited = services.invitations.join(invitation, known.account_id)
            _note(visit, "invitation.used", known.account_id, invited.class_id, role=invited.role)
        return known.account_id
    new = _new_account(visit, name, subject)
    if invitation:
        invited = services.invitations.find(invitation, "invite")
        number = services.invitations.accept(invitation, new)
        _note(visit, "invitation.used", number, invited.class_id, role=invited.role)
        return number
    people = _people_of(visit, subject) if services.settings.web.oidc[name].admit_people else {}
    if not people:
        raise WebError("CP-WEB-019")
    number = services.provider_accounts.admit(new, people, by=name)
    for class_id, person_id in people.items():
        _note(visit, "account.admitted", number, class_id, subject=person_id)
    return number


def _new_account(visit: access.Visit, name: str, subject: Subject) -> NewAccount:
    accounts = visit.services.accounts
    free = subject.email is not None and accounts.by_login(subject.email) is None
    login = subject.email if free and subject.email else f"{name}:{subject.subject}"
    return NewAccount(login, cleaned(subject.name)[:100] or login, None, subject.issuer, subject.subject)


def _people_of(visit: access.Visit, subject: Subject) -> dict[str, str]:
    """Class id → person whom the subject is there, by Slack id."""
    found: dict[str, str] = {}
    for class_id, room in visit.services.classes.items() if subject.slack_id else ():
        try:
            query = "select person_id from core.people where slack_id = ? and not is_bot"
            row = room.published.row(query, [subject.slack_id])
        except ChatPlatformError:
            continue  # nothing is published there; the next sign-in looks again
        if row is not None:
            found[class_id] = row["person_id"]
    return found


def _prove_person(visit: access.Visit, name: str, account_id: int, subject: Subject) -> None:
    """Link the account in each of its classes to the person with its Slack id, where nobody is linked yet."""
    accounts = visit.services.accounts
    members = accounts.members(account_id)
    for class_id, person_id in _people_of(visit, subject).items():
        if class_id not in members or members[class_id].person_id is not None:
            continue
        try:
            accounts.link_person(account_id, class_id, person_id, proof="slack", by=name)
        except WebError:
            # Another account is this person; an operator sees both and decides.
            _note(visit, "person.taken", account_id, class_id, subject=person_id)
        else:
            _note(visit, "person.linked", account_id, class_id, subject=person_id, proof="slack")


def _note(
    visit: access.Visit,
    action: str,
    account_id: int,
    class_id: str,
    subject: str | None = None,
    **detail: str,
) -> None:
    visit.services.audit.note(
        action,
        account_id=account_id,
        class_id=class_id,
        subject=subject,
        detail=detail,
        address=visit.address,
    )
