"""``chatp serve``: the portal.

What belongs here: the command, its server, what it prints first. What does not: the portal (``web``).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from chat_platform.cli.console import say, settings, tr
from chat_platform.errors import ChatPlatformError, WebError
from chat_platform.importing import remember_missing
from chat_platform.settings import WebSettings, is_loopback

if TYPE_CHECKING:
    from chat_platform.web.services import Services

TURN_S = 0.001
"""For so long a thread of the portal computes, where others wait; Python's own choice is five times as long."""

app = typer.Typer()


@app.command(
    help=tr(
        "The portal: lectures, questions, people. Runs until Ctrl-C.\n\nExamples:\n\n  chatp serve\n\n"
        "  chatp --demo serve --port 9000",
        "강의, 질문, 사람을 보여 주는 포털입니다. Ctrl-C로 멈춥니다.\n\n예:\n\n  chatp serve\n\n"
        "  chatp --demo serve --port 9000",
    )
)
def serve(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help=tr("Instead of the settings'.", "설정 대신 쓸 포트.")),
    ] = None,
) -> None:
    """Serve the portal on the address of the settings."""
    import uvicorn

    from chat_platform.web.application import create_app

    chosen = settings()
    if port is not None:
        chosen = chosen.model_copy(update={"web": chosen.web.model_copy(update={"port": port})})
    web = chosen.web
    _refuse_open_port(web)
    _serve_many_at_once()
    application = create_app(chosen)
    services: Services = application.state.services
    say(services.base_url)
    _say_set_up_link(services)
    say(tr(f"Dagster UI: `chatp dev` ({web.dagster_url})", f"Dagster 화면: `chatp dev` ({web.dagster_url})"))
    uvicorn.run(
        application,
        host=web.host,
        port=web.port,
        log_level="warning",
        server_header=False,
        # Whoever reaches the port could write these headers; a proxy before it replaces them.
        proxy_headers=services.base_url.startswith("https://"),
    )


@app.command(
    "password-link",
    help=tr(
        "A link that sets a new password of an account: for the operator who forgot theirs.\n\nExample:\n\n"
        "  chatp password-link kim@example.com",
        "계정의 새 비밀번호를 정하는 링크를 만듭니다. 비밀번호를 잊은 운영자를 위한 명령입니다.\n\n예:\n\n"
        "  chatp password-link kim@example.com",
    ),
)
def password_link(
    login: Annotated[str, typer.Argument(help=tr("Login of the account.", "계정의 아이디."))],
) -> None:
    """Print a link; whoever has the machine may have every account."""
    from chat_platform.web.services import Services

    services = Services(settings())
    account = services.accounts.by_login(login)
    if account is None:
        raise WebError("CP-WEB-001", login)
    class_id = services.settings.web.class_id
    secret = services.invitations.password_link(account.account_id, by="chatp", class_id=class_id)
    services.audit.note("password.link", account_id=None, class_id=class_id, subject=str(account.account_id))
    say(f"{services.base_url}/password/{secret}")


def _refuse_open_port(web: WebSettings) -> None:
    """Refuse to let passwords and chats travel in the clear.

    Raises:
        WebError: CP-WEB-015.
    """
    encrypted = (web.base_url or "").startswith("https://")
    if is_loopback(web.host) or encrypted or (web.allow_plain_http and web.base_url):
        return
    raise WebError("CP-WEB-015", web.host)


def _serve_many_at_once() -> None:
    """Set Python up for many short requests, each of which asks DuckDB and the app database a dozen times."""
    # After each of those a request waits for its turn: for as long as this, where another one computes.
    sys.setswitchinterval(TURN_S)
    # DuckDB looks for it at every value that is passed.
    remember_missing("pandas")


def _say_set_up_link(services: Services) -> None:
    """While there is no account: a link that makes the first one. The link of an earlier start works no more."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        secret = services.invitations.set_up(services.settings.web.class_id)
    except (ChatPlatformError, SQLAlchemyError) as error:
        # The portal says on its pages what is wrong, and goes on once it is put right; then a new start gives the link.
        say(str(error) if isinstance(error, ChatPlatformError) else type(error).__name__)
        return
    if secret is not None:
        link = f"{services.base_url}/set-up/{secret}"
        say(
            tr(
                f"Nobody has an account yet. Make the first one, within a day: {link}",
                f"아직 계정이 없습니다. 하루 안에 첫 계정을 만드세요: {link}",
            )
        )
