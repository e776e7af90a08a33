"""``chatp``: the command line.

What belongs here: putting the commands together, options of every command. What does not: commands. A group of commands
is a module of this folder with a typer app named ``app``; modules that are slow to import (Dagster, Kiwi, Selenium,
scikit-learn) are imported inside the commands that need them.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from chat_platform.cli import (
    consent,
    console,
    data,
    digest,
    export,
    guesses,
    imports,
    labels,
    machine,
    models,
    people,
    portal,
    running,
    streams,
    tiles,
)
from chat_platform.cli.console import tr
from chat_platform.cli.options import demo_home

app = typer.Typer(
    name="chatp",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=tr(
        "What a class says, as tables that can be trusted.\n\nExamples:\n\n  chatp demo\n\n"
        "  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp sql "select * from marts.lectures"\n\n  chatp --demo status',
        "수업에서 오간 말을 믿을 수 있는 테이블로 만듭니다.\n\n예:\n\n  chatp demo\n\n"
        "  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp sql "select * from marts.lectures"\n\n  chatp --demo status',
    ),
)

# Commands of chatp itself, in the order of its help.
for module in (running, portal, data, export, tiles, guesses, machine):
    app.add_typer(module.app)
# Groups of commands: a new one is a line here.
app.add_typer(imports.app, name="import")
app.add_typer(people.app, name="people")
app.add_typer(labels.app, name="labels")
app.add_typer(consent.app, name="consent")
app.add_typer(models.app, name="models")
app.add_typer(digest.app, name="digest")
app.add_typer(streams.app, name="streams")


@app.callback()
def common(
    debug: Annotated[
        bool, typer.Option("--debug", help=tr("Show tracebacks.", "오류 추적을 보여 줍니다."))
    ] = False,
    demo_data: Annotated[
        bool, typer.Option("--demo", help=tr("Work on the demo's data.", "데모 데이터를 사용합니다."))
    ] = False,
) -> None:
    """Options of every command; ``--debug`` is read by ``main``, which sees errors last."""
    if demo_data:
        os.environ["CHATP_HOME"] = str(demo_home())


def main() -> None:
    """Entry point."""
    console.write_anything()
    sys.argv[1:] = console.readable_arguments(sys.argv[1:])
    with console.errors_as_messages(debug="--debug" in sys.argv):
        app()


if __name__ == "__main__":
    main()
