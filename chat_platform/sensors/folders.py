"""Watched folders: files that somebody puts down are taken up once and moved aside.

What belongs here: finding files that are whole, and moving them to `done` or, with the reason beside them, to
`refused`. What does not: what is done with a file.
"""

import time
from collections.abc import Callable, Collection
from pathlib import Path

from chat_platform.errors import ChatPlatformError
from chat_platform.tables.ids import digest

DONE, REFUSED = "done", "refused"
# A file that was written to within this many seconds may not be complete.
SETTLED_S = 2.0


def waiting_files(folder: Path, suffixes: Collection[str], *, leave_out: Collection[str] = ()) -> list[Path]:
    """Files of a folder and of those in it that nobody is writing to any more.

    Args:
        leave_out: folders in it that are somebody else's.
    """
    settled = time.time() - SETTLED_S
    aside = {DONE, REFUSED, *leave_out}
    found = [path for path in folder.glob("**/*") if path.suffix.lower() in suffixes]
    return sorted(
        path
        for path in found
        if not aside & set(path.relative_to(folder).parts[:-1]) and path.stat().st_mtime < settled
    )


def take(path: Path, use: Callable[[bytes], str]) -> str:
    """Use a file and move it aside.

    Returns:
        A line for the log: what ``use`` says of it, or why it was refused.
    """
    try:
        said = use(path.read_bytes())
    except ChatPlatformError as error:
        _move(path, path.parent / REFUSED)
        (path.parent / REFUSED / f"{path.name}.txt").write_text(error.render(), encoding="utf-8")
        return f"{path.name}: {error}"
    _move(path, path.parent / DONE)
    return f"{path.name}: {said}"


def _move(path: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    if target.exists():
        target = folder / f"{path.stem}-{digest(path.read_bytes().hex(), length=8)}{path.suffix}"
    path.replace(target)
