"""The portal as an ASGI application.

What belongs here: putting services, routes, errors and middleware together. What does not: any page.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from chat_platform.settings import Settings
from chat_platform.web import failures
from chat_platform.web.middleware import BodyLimit, HeadAsGet, SecurityHeaders
from chat_platform.web.pages import home, operations
from chat_platform.web.services import Services
from chat_platform.web.static_files import STATIC

# A room of the portal is a module with a ``router``: a new one is a line here.
PAGES = (home, operations)
UPLOADS = "/uploads"
"""Routes whose path ends so may be sent a file."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The portal of a home.

    Args:
        settings: default: of the environment.
    """
    settings = settings or Settings()
    services = Services(settings)

    def limit(path: str) -> int:
        web = settings.web
        return int((web.largest_upload_mb if path.endswith(UPLOADS) else web.largest_body_mb) * 1_000_000)

    app = FastAPI(
        title="chat_platform",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[Middleware(SecurityHeaders), Middleware(HeadAsGet), Middleware(BodyLimit, limit=limit)],
    )
    app.state.services = services
    failures.install(app)
    for module in PAGES:
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    return app
