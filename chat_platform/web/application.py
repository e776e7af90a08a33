"""The portal as an ASGI application.

What belongs here: putting services, routes, errors and middleware together. What does not: any page.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from chat_platform.settings import Settings
from chat_platform.web import failures
from chat_platform.web.middleware import BodyLimit, HeadAsGet, SecurityHeaders
from chat_platform.web.pages import (
    account,
    answers,
    api,
    audit,
    consents,
    digest,
    home,
    invitations,
    labels,
    lectures,
    members,
    notifications,
    operations,
    people,
    providers,
    questions,
    sign_in,
    streams,
    tiles,
    uploads,
    who,
)
from chat_platform.web.passwords import Passwords
from chat_platform.web.preparation import prepare
from chat_platform.web.services import Services
from chat_platform.web.static_files import BuiltFiles

# A room of the portal is a module with a ``router``: a new one is a line here.
PAGES = (
    home,
    sign_in,
    providers,
    invitations,
    account,
    members,
    audit,
    operations,
    api,
    labels,
    answers,
    notifications,
    questions,
    people,
    consents,
    who,
    tiles,
    lectures,
    uploads,
    digest,
    streams,
)
UPLOADS = "/uploads"
"""Routes whose path ends so may be sent a file."""


def create_app(settings: Settings | None = None, passwords: Passwords | None = None) -> FastAPI:
    """The portal of a home.

    Args:
        settings: default: of the environment.
        passwords: default: argon2id with the parameters of RFC 9106.
    """
    settings = settings or Settings()
    services = Services(settings, passwords or Passwords(), prepare)

    def limit(path: str) -> int:
        web = settings.web
        return int((web.largest_upload_mb if path.endswith(UPLOADS) else web.largest_body_mb) * 1_000_000)

    app = FastAPI(
        title="chat_platform",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(SecurityHeaders),
            # A name of somebody else's that leads to us would let their page read ours.
            Middleware(TrustedHostMiddleware, allowed_hosts=services.host_names, www_redirect=False),
            Middleware(HeadAsGet),
            # Tokens in forms are masked (``form_tokens``), so that compressing pages gives nothing away.
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4),
            Middleware(BodyLimit, limit=limit),
        ],
    )
    app.state.services = services
    failures.install(app)
    for module in PAGES:
        app.include_router(module.router)
    app.mount("/static", BuiltFiles(), name="static")
    return app
