"""``chatp tiles``: the tiles that dbt's models declare.

What belongs here: the command. What does not: what a tile may say (``web.tiles``).
"""

from __future__ import annotations

from typing import Any

import typer

from chat_platform.cli.console import print_json, print_table, settings, show_error, tr
from chat_platform.cli.options import Json

app = typer.Typer()


@app.command(
    help=tr(
        "The portal's tiles as the dbt models declare them; exit code = number of those that do not hold together.\n\n"
        "Example:\n\n  chatp tiles --json",
        "dbt 모델이 정의한 포털 타일을 보여 줍니다. 종료 코드 = 정의가 맞지 않는 타일 수.\n\n예:\n\n  chatp tiles --json",
    )
)
def tiles(as_json: Json = False) -> None:
    """Check and list the tiles of this home's dbt project."""
    from chat_platform.cli.setup_home import prepare
    from chat_platform.errors import ChatPlatformError
    from chat_platform.storage.metric_definitions import read_manifest
    from chat_platform.web.tiles import read_tile

    chosen = settings()
    prepare(chosen)
    found: list[dict[str, Any]] = []
    wrong: list[ChatPlatformError] = []
    for definition in read_manifest(chosen.home / "dbt" / "manifest.json"):
        try:
            tile = read_tile(definition)
        except ChatPlatformError as error:
            wrong.append(error)
            continue
        if tile is not None:
            meta = tile.meta
            found.append(
                {"tile": tile.name, "title": meta.title.en, "place": meta.place, "for": meta.for_}
                | {"chart": meta.chart.kind if meta.chart else None, "filled_by": tile.asset}
            )
    if as_json:
        print_json({"tiles": found, "wrong": [str(one) for one in wrong]})
    else:
        print_table(found)
    for one in wrong:
        show_error(one, debug=False)
    raise typer.Exit(len(wrong))
