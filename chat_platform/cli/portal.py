"""``chatp serve``: the portal.

What belongs here: the command, its server, what it prints first. What does not: the portal (``web``).
"""

from __future__ import annotations

from typing import Annotated

import typer

from chat_platform.cli.console import say, settings, tr

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
    application = create_app(chosen)
    say(application.state.services.base_url)
    uvicorn.run(
        application, host=chosen.web.host, port=chosen.web.port, log_level="warning", server_header=False
    )
