"""``chatp who``: who would say this?

What belongs here: options of the command and how guesses look. What does not: guessing (``ml.authors``), which
version serves (``ingestion.models``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.errors import InputError, ModelError
from chat_platform.ml.authors.reasons import HOW_OMITTED, why_unknown

if TYPE_CHECKING:
    from chat_platform.ml.authors.model import AuthorModel, Guess

SHOWN_SPANS = 3
MAX_LINES = 10_000

HELP = tr(
    "Who would say this? Only people who agreed are ever named, and often the answer is that nobody can tell.\n\n"
    'Examples:\n\n  chatp who "thanks a lot!!"\n\n  chatp who "hi" "what was the homework" --top 3\n\n'
    "  chatp who --file lines.txt --each --json",
    "누가 한 말일까요? 동의한 사람만 후보가 되며, 모르면 모른다고 답합니다.\n\n"
    '예:\n\n  chatp who "안녕하세욥"\n\n  chatp who "안녕하세욥" "오늘 과제 뭐예욥" --top 3\n\n'
    "  chatp who --file lines.txt --each --json",
)


def who(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help=tr("What was said; several texts are of one person.", "한 사람이 한 말들.")),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help=tr("Texts from a file, one a line; - is stdin.", "한 줄에 하나씩 적은 파일. -는 표준 입력."),
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help=tr("Guess each text alone.", "각 글을 따로 추측합니다."))
    ] = False,
    top: Annotated[int, typer.Option(min=1, max=50, help=tr("Names at most.", "보여 줄 이름 수."))] = 5,
    as_json: Annotated[bool, typer.Option("--json", help=tr("Print JSON.", "JSON으로 출력합니다."))] = False,
) -> None:
    """Guess who would say it."""
    said = [*(texts or []), *(lines(file) if file else [])]
    if not said:
        raise ModelError("CP-ML-035", tr("no text", "글 없음"))
    model, version, names = _champion()
    answer(model, version, names, said, each=each, top=top, as_json=as_json)


def answer(
    model: AuthorModel,
    version: str,
    names: Mapping[str, str],
    said: Sequence[str],
    *,
    each: bool,
    top: int,
    as_json: bool,
) -> None:
    """Guess and print.

    Args:
        model: that serves.
        version: its name, for the reader.
        names: person id → name.
        said: texts.
        each: one asking a text, instead of one about all of them.
        top: candidates at most.
        as_json: for programs.
    """
    from chat_platform.ml.authors.model import NamedText

    askings = [[text] for text in said] if each else [list(said)]
    guesses = [model.guess([NamedText(text) for text in asking], top) for asking in askings]
    if as_json:
        print_json([_record(*pair, names, version) for pair in zip(askings, guesses, strict=True)])
        return
    for asking, guess in zip(askings, guesses, strict=True):
        _show(asking, guess, names, version)


def _show(asking: Sequence[str], guess: Guess, names: Mapping[str, str], version: str) -> None:
    if len(asking) == 1:
        say(f"“{one_line(asking[0])}”")
    if guess.candidates:
        rows = [
            {
                tr("person", "사람"): names.get(one.person_id, one.person_id),
                tr("probability", "확률"): f"{one.probability:.0%}",
                tr("because of", "근거"): _why(one.evidence),
            }
            for one in guess.candidates
        ]
        print_table(rows)
    if guess.by_omission and guess.candidates:
        say(tr(*HOW_OMITTED))
    if (why := why_unknown(guess)) is not None:
        say(f"{tr('unknown', '모름')}: {tr(*why)}")
    say(tr(f"model {version}, {guess.used} texts used", f"모델 {version}, 글 {guess.used}개 사용"))


def _why(evidence: Sequence[Any]) -> str:
    return ", ".join(f"“{one_line(one.text)}” {one.share:.0%}" for one in evidence[:SHOWN_SPANS])


def one_line(text: str) -> str:
    """One line that a terminal can show: control characters are chat's, not ours."""
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return "".join(c if c.isprintable() else "·" for c in short)


def _record(asking: Sequence[str], guess: Guess, names: Mapping[str, str], version: str) -> dict[str, Any]:
    found = asdict(guess)
    for candidate in found["candidates"]:
        candidate["name"] = names.get(candidate["person_id"])
    return {"texts": list(asking), "model_version": version, **found}


def lines(path: Path) -> list[str]:
    """Lines of a file that hold anything.

    Raises:
        InputError: CP-FILE-000 when it cannot be opened, -002 when it is not UTF-8.
        ModelError: CP-ML-035 when there are more than ``MAX_LINES``.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise InputError("CP-FILE-000", f"{path}: {type(error).__name__}") from error
    try:
        lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError("CP-FILE-002", str(path)) from error
    if len(lines) > MAX_LINES:
        raise ModelError("CP-ML-035", f"{path}: {len(lines)} > {MAX_LINES}")
    return lines


def _champion() -> tuple[AuthorModel, str, dict[str, str]]:
    """The model that serves, its version, and the names of the people whom it knows."""
    from chat_platform.ingestion.author_training import author_names, load_author_champion
    from chat_platform.storage.workspace import Workspace

    workspace = Workspace(settings())
    champion = load_author_champion(workspace)
    return champion.model, champion.version, author_names(workspace, champion.model.persons)
