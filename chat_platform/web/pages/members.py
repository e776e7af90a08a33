"""The members of a class, and invitations into it.

What belongs here: these pages: staff see who is in and invite; operators give roles, say which person an account is,
take out and close accounts. What does not: accepting an invitation (``pages.invitations``), people of the tables
(``pages.people``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import ChatPlatformError, WebError
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import ROLES
from chat_platform.web import access

router = APIRouter()

INVITATION_DAYS = (1, 7, 30)
FOUND = 20
"""Most people that a search shows."""

Short = Annotated[str, Form(max_length=300)]


@router.get("/c/{class_id}/members")
def members_page(visit: access.Staff) -> Response:
    """Who is in the class, and who is invited."""
    return _page(visit)


@router.post("/c/{class_id}/invitations")
def invite(
    visit: access.Staff,
    role: Short,
    days: Annotated[int, Form()] = 7,
    note: Short = "",
    person_id: Short = "",
) -> Response:
    """Make an invitation; the answer is the only page that shows its link."""
    if visit.role != "operator" and (role != "student" or person_id):
        raise WebError("CP-WEB-003")
    if days not in INVITATION_DAYS:
        raise WebError("CP-WEB-006", "days")
    person = _person(visit, person_id)["person_id"] if person_id else None
    secret = visit.services.invitations.invite(
        visit.room.class_id,
        role,
        by=visit.account.login,
        lasts=timedelta(days=days),
        person_id=person,
        note=note,
    )
    visit.audit("invitation.created", person, role=role, days=days)
    return _page(visit, made=f"{visit.services.base_url}/invitation/{secret}")


@router.post("/c/{class_id}/invitations/{invitation_id}/revoke")
def revoke(visit: access.Staff, invitation_id: int) -> Response:
    """Stop an invitation: an operator anybody's, a teacher their own."""
    by = None if visit.role == "operator" else visit.account.login
    visit.services.invitations.revoke(visit.room.class_id, invitation_id, by=by)
    visit.audit("invitation.revoked", str(invitation_id))
    return _back(visit)


@router.get("/c/{class_id}/members/{account_id}")
def member_page(
    visit: access.Operator, account_id: int, q: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """One member, with the people that a search finds."""
    return _member_page(visit, account_id, q)


@router.post("/c/{class_id}/members/{account_id}/password-link")
def password_link(visit: access.Operator, account_id: int) -> Response:
    """Make a link for a new password; the answer is the only page that shows it."""
    services, class_id = visit.services, visit.room.class_id
    services.members.get(class_id, account_id)
    secret = services.invitations.password_link(
        account_id, by=visit.account.login, class_id=class_id, rights=_rights(visit)
    )
    visit.audit("password.link", str(account_id))
    return _member_page(visit, account_id, made=f"{services.base_url}/password/{secret}")


def _member_page(visit: access.Visit, account_id: int, q: str = "", made: str | None = None) -> Response:
    member = visit.services.members.get(visit.room.class_id, account_id)
    person = _person_or_none(visit, member.person_id) if member.person_id else None
    return visit.page(
        "members/member.html",
        member=member,
        person=person,
        q=q,
        people=_search(visit, q) if q.strip() else [],
        roles=ROLES,
        mine=account_id == visit.account.account_id,
        made=made,
    )


@router.post("/c/{class_id}/members/{account_id}/role")
def change_role(visit: access.Operator, account_id: int, role: Short) -> Response:
    """Give another role; the account has to sign in again."""
    services, class_id = visit.services, visit.room.class_id
    before = services.members.get(class_id, account_id).role
    if role != before:
        services.accounts.set_role(account_id, class_id, role)
        visit.audit("role.changed", str(account_id), before=before, after=role)
        services.accounts.close_sessions(account_id)
    return _back(visit, account_id)


@router.post("/c/{class_id}/members/{account_id}/person")
def change_person(visit: access.Operator, account_id: int, person_id: Short = "") -> Response:
    """Say which person of the class the account is; nobody: take it back."""
    services, class_id = visit.services, visit.room.class_id
    services.members.get(class_id, account_id)
    person = _person(visit, person_id)["person_id"] if person_id else None
    services.accounts.link_person(account_id, class_id, person, proof="operator", by=visit.account.login)
    visit.audit("person.linked" if person else "person.unlinked", person, account=account_id)
    return _back(visit, account_id)


@router.post("/c/{class_id}/members/{account_id}/remove")
def remove(visit: access.Operator, account_id: int) -> Response:
    """Take an account out of the class."""
    visit.services.members.remove(visit.room.class_id, account_id)
    visit.audit("role.removed", str(account_id))
    visit.services.accounts.close_sessions(account_id)
    return _back(visit)


@router.post("/c/{class_id}/members/{account_id}/disable")
def disable(visit: access.Operator, account_id: int) -> Response:
    """Close an account."""
    _close(visit, account_id, "disable")
    visit.audit("account.disabled", str(account_id))
    return _back(visit, account_id)


@router.post("/c/{class_id}/members/{account_id}/enable")
def enable(visit: access.Operator, account_id: int) -> Response:
    """Open a closed account again."""
    _close(visit, account_id, "enable")
    visit.audit("account.enabled", str(account_id))
    return _back(visit, account_id)


def _close(visit: access.Visit, account_id: int, action: str) -> None:
    services = visit.services
    services.members.get(visit.room.class_id, account_id)
    getattr(services.members, action)(account_id, rights=_rights(visit))


def _rights(visit: access.Visit) -> list[str]:
    """Classes that the visitor operates."""
    return [name for name, member in visit.account.members.items() if member.role == "operator"]


def _page(visit: access.Visit, made: str | None = None) -> Response:
    services, class_id = visit.services, visit.room.class_id
    operator = visit.role == "operator"
    members = services.members.of(class_id)
    ids = sorted({member.person_id for member in members if member.person_id})
    return visit.page(
        "members/members.html",
        members=members,
        names=_names(visit, ids),
        invitations=services.invitations.of(class_id, by=None if operator else visit.account.login),
        now=utc_now(),
        roles=ROLES if operator else ("student",),
        days=INVITATION_DAYS,
        made=made,
    )


def _back(visit: access.Visit, account_id: int | None = None) -> Response:
    path = f"/c/{visit.room.class_id}/members"
    return RedirectResponse(path if account_id is None else f"{path}/{account_id}", 303)


PERSON = "select person_id, name, role, team, email, origin from core.people"


def _person(visit: access.Visit, person_id: str) -> dict[str, Any]:
    """A person of the class.

    Raises:
        WebError: CP-WEB-006 when there is none such.
    """
    row = visit.published.row(f"{PERSON} where person_id = ? and not is_bot", [person_id])
    if row is None:
        raise WebError("CP-WEB-006", "person")
    return row


def _person_or_none(visit: access.Visit, person_id: str) -> dict[str, Any] | None:
    try:
        return visit.published.row(f"{PERSON} where person_id = ?", [person_id])
    except ChatPlatformError:  # nothing is published: the page of accounts must work all the same
        return None


def _names(visit: access.Visit, person_ids: list[str]) -> dict[str, str]:
    try:
        rows = visit.published.query(
            "select person_id, name from core.people where person_id in (select unnest(?::varchar[]))",
            [person_ids],
        )
    except ChatPlatformError:
        return {}
    return {row["person_id"]: row["name"] for row in rows}


def _search(visit: access.Visit, words: str) -> list[dict[str, Any]]:
    try:
        return visit.published.query(
            f"{PERSON} where not is_bot and (contains(lower(name), lower($q)) or contains(lower(email), lower($q)))"
            f" order by origin = 'name', name, person_id limit {FOUND}",
            {"q": words.strip()},
        )
    except ChatPlatformError:
        return []
