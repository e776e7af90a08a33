"""Who may do what: every route has a rule, and a route without one fails the tests.

What belongs here: the rules, finding out who asks, refusing requests that another site made. What does not: signing
in (``pages.account``), storing sessions (``storage.accounts``).

A route names its rule by the type of its first parameter::

    @router.get("/c/{class_id}/lectures")
    def lectures(visit: access.Member) -> Response: ...

``class_id`` in the path decides which class the role must be in. Who is not in the class gets the same answer as
where there is no such class. A request that changes something must carry the token of the visit (``visit.form_token``
in field ``csrf_token`` or header ``X-CSRF-Token``) and, if it says where it comes from, must come from us.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.storage.accounts import Visitor
from chat_platform.storage.notifications import NotificationStore
from chat_platform.web import cookies, form_tokens, rendering
from chat_platform.web.classes import Classroom
from chat_platform.web.published import PinnedReader
from chat_platform.web.services import Services

EVERYBODY = frozenset({"student", "teacher", "operator"})
STAFF = frozenset({"teacher", "operator"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Visit:
    """A request, who makes it, and the class that it is about.

    Attributes:
        visitor: who is signed in; ``None`` only where the rule lets anybody in.
        classroom: class of the path; ``None`` on routes without one.
        role: of the visitor in that class.
    """

    request: Request
    services: Services
    visitor: Visitor | None = None
    classroom: Classroom | None = None
    role: str | None = None
    errors: Sequence[str] = field(default=())

    @property
    def account(self) -> Visitor:
        """The visitor, on routes that need one."""
        if self.visitor is None:
            raise WebError("CP-WEB-002")
        return self.visitor

    @property
    def room(self) -> Classroom:
        """The class, on routes of a class."""
        if self.classroom is None:
            raise WebError("CP-WEB-001")
        return self.classroom

    @cached_property
    def published(self) -> PinnedReader:
        """Published tables of the class, of one version as long as the request lasts."""
        return self.room.published.pinned()

    @property
    def person_id(self) -> str | None:
        """Person of the class that the visitor is, once proven."""
        member = self.account.members.get(self.room.class_id)
        return member.person_id if member else None

    @property
    def is_staff(self) -> bool:
        """Whether the visitor teaches or operates the class."""
        return self.role in STAFF

    @cached_property
    def unread(self) -> int:
        """Notifications of the class that the visitor has not read."""
        store = NotificationStore(self.services.database, self.room.class_id)
        return store.unread(self.account.account_id)

    @cached_property
    def language(self) -> str:
        """``ko`` or ``en``: as the account says, else the browser, else Korean."""
        return rendering.language(self.request, self.visitor)

    @cached_property
    def form_token(self) -> str:
        """What every form must carry: the session's token, or one of the browser where nobody is signed in."""
        if self.visitor is not None:
            return self.visitor.csrf_token
        given = cookies.get(self.request, cookies.FORM, self.services.base_url)
        return given or secrets.token_urlsafe(32)

    @property
    def address(self) -> str | None:
        """Where the request comes from; behind a proxy the address that the proxy saw."""
        return self.request.client.host if self.request.client else None

    def audit(self, action: str, subject: str | None = None, **detail: Any) -> None:
        """Note in the log what the visitor does, in this class where the route has one."""
        self.services.audit.note(
            action,
            account_id=self.visitor.account_id if self.visitor else None,
            class_id=self.classroom.class_id if self.classroom else None,
            subject=subject,
            detail=detail,
            address=self.address,
        )

    def tr(self, english: str, korean: str) -> str:
        """The text in the visitor's language."""
        return korean if self.language == "ko" else english

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page from a template, which finds this visit under ``visit``."""
        response = rendering.page(self, template, status, values)
        if self.visitor is None and "form_token" in self.__dict__:
            # A form on the page holds it: the browser must bring it back in both places.
            cookies.put(response, cookies.FORM, self.form_token, self.services.base_url, days=None)
        return response


@dataclass(frozen=True)
class Rule:
    """Who may use a route.

    Attributes:
        name: as the matrix of the tests calls it.
        roles: roles of the class that may; ``None``: the route is about no class.
        signed_in: whether an account is needed.
        scope: what a token of the API needs; ``None``: tokens do not open this route.
        check_form: whether changing requests must carry the visit's token; one with a token of the API need not.
        look: whether it is looked up who asks; without it the route works while the app database does not.
    """

    name: str
    roles: frozenset[str] | None = None
    signed_in: bool = True
    scope: str | None = None
    check_form: bool = True
    look: bool = True

    async def __call__(self, request: Request) -> Visit:
        """Who asks, and whether that is allowed.

        Raises:
            WebError: CP-WEB-001 to -004, -010, -011.
        """
        visit = await run_in_threadpool(self._visit, request)
        if self.check_form and (visit.visitor is None or visit.visitor.session is not None):
            await _check_form_of(visit)
        return visit

    def _visit(self, request: Request) -> Visit:
        services: Services = request.app.state.services
        visitor = find_visitor(request, services, self.scope) if self.look else None
        request.state.visitor = visitor
        visit = Visit(request, services, visitor)
        if self.signed_in and visitor is None:
            raise WebError("CP-WEB-002")
        if self.roles is None:
            return visit
        classroom = services.classes.get(request.path_params.get("class_id", ""))
        member = visitor.members.get(classroom.class_id) if visitor and classroom else None
        if classroom is None or member is None:
            raise WebError("CP-WEB-001")
        if member.role not in self.roles:
            raise WebError("CP-WEB-003")
        return Visit(request, services, visitor, classroom, member.role)


def find_visitor(request: Request, services: Services, scope: str | None = None) -> Visitor | None:
    """Who asks: by a token where the route has a scope, else by the session's cookie.

    A browser never sends a token by itself, so a request with one needs no proof against other sites.

    Raises:
        WebError: CP-WEB-010 for a token that opens nothing, CP-WEB-011 for one that is not for this.
    """
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if scope is not None and kind.lower() == "bearer":
        visitor = services.tokens.visitor(token.strip())
        if visitor is None:
            raise WebError("CP-WEB-010")
        if scope not in (visitor.scopes or ()):
            raise WebError("CP-WEB-011", scope)
        return visitor
    secret = cookies.get(request, cookies.SESSION, services.base_url)
    found = services.accounts.visitor(secret) if secret else None
    return found and replace(found, csrf_token=form_tokens.masked(found.csrf_token))


async def _check_form_of(visit: Visit) -> None:
    """Refuse a changing request that another site made a browser send."""
    request = visit.request
    if request.method in SAFE_METHODS:
        return
    check_site(request)
    given = request.headers.get("x-csrf-token")
    if given is None and "form" in request.headers.get("content-type", ""):
        value = (await request.form()).get("csrf_token")
        given = value if isinstance(value, str) else None
    # Where the browser has no token yet, `form_token` is a new one, which nobody can have sent.
    if given is None or not form_tokens.same(given, visit.form_token):
        raise WebError("CP-WEB-004")


def check_site(request: Request) -> None:
    """Refuse what a browser says comes from another site.

    Raises:
        WebError: CP-WEB-004.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise WebError("CP-WEB-004")
    origin = request.headers.get("origin")
    services: Services = request.app.state.services
    ours = {services.base_url, f"{request.url.scheme}://{request.url.netloc}"}
    if origin is not None and origin not in ours:
        raise WebError("CP-WEB-004")


def rule_of(route: APIRoute) -> Rule | None:
    """The rule of a route, or ``None`` where somebody forgot it."""
    rules = [part.call for part in route.dependant.dependencies if isinstance(part.call, Rule)]
    return rules[0] if len(rules) == 1 else None


ANYBODY = Rule("anybody", signed_in=False)
WHOEVER = Rule("whoever", signed_in=False, check_form=False, look=False)
SIGNED_IN = Rule("signed in")
MEMBER = Rule("member", EVERYBODY)
STAFF_ONLY = Rule("staff", STAFF)
TEACHER = Rule("teacher", frozenset({"teacher"}))
OPERATOR = Rule("operator", frozenset({"operator"}))

Anybody = Annotated[Visit, Depends(ANYBODY)]
Whoever = Annotated[Visit, Depends(WHOEVER)]
SignedIn = Annotated[Visit, Depends(SIGNED_IN)]
Member = Annotated[Visit, Depends(MEMBER)]
Staff = Annotated[Visit, Depends(STAFF_ONLY)]
Teacher = Annotated[Visit, Depends(TEACHER)]
Operator = Annotated[Visit, Depends(OPERATOR)]
