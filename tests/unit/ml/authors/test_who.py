"""``chatp who``: what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from chat_platform.cli import who as command
from chat_platform.errors import ChatPlatformError
from chat_platform.ml.authors.model import AuthorModel


@pytest.fixture
def app(model: AuthorModel, author_with_yop: str, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("CHATP_LANG", "ko")
    monkeypatch.setattr(command, "_champion", lambda: (model, "linear-1", {author_with_yop: "욥이"}))
    made = typer.Typer()
    made.command("who", help=command.HELP)(command.who)
    return made


def run(app: typer.Typer, *arguments: str, stdin: str | None = None) -> str:
    found = CliRunner().invoke(app, list(arguments), input=stdin)
    if isinstance(found.exception, ChatPlatformError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


def test_it_says_who_how_sure_and_why(app: typer.Typer) -> None:
    first = run(app, "감사합니다욥").splitlines()[2]
    assert first.startswith("욥이\t")
    assert "%" in first
    assert "욥” " in first


def test_json_carries_every_field(app: typer.Typer, author_with_yop: str) -> None:
    (found,) = json.loads(run(app, "감사합니다욥", "넵 알겠습니다욥", "--top", "2", "--json"))
    assert found["texts"] == ["감사합니다욥", "넵 알겠습니다욥"]
    assert (found["model_version"], found["used"], found["unknown"]) == ("linear-1", 2, False)
    assert len(found["candidates"]) == 2
    assert found["candidates"][0]["person_id"] == author_with_yop
    assert found["candidates"][0]["name"] == "욥이"
    assert found["candidates"][0]["evidence"][0]["text"]


def test_nothing_known_is_unknown_with_a_reason(app: typer.Typer) -> None:
    assert "모름: 글이 너무 짧습니다" in run(app, "😀")
    assert "모름: 학습한 글과 너무 다릅니다" in run(app, "مرحبا كيف حالك")


def test_a_file_is_one_asking_or_one_a_line(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("감사합니다욥\n\n넵 알겠습니다욥\n", encoding="utf-8")
    together = json.loads(run(app, "--file", str(file), "--json"))
    each = json.loads(run(app, "--file", str(file), "--each", "--json"))
    assert [len(found["texts"]) for found in together] == [2]
    assert [found["texts"] for found in each] == [["감사합니다욥"], ["넵 알겠습니다욥"]]
    assert json.loads(run(app, "--file", "-", "--json", stdin="감사합니다욥\n"))[0]["used"] == 1


def test_what_chat_holds_cannot_drive_the_terminal(app: typer.Typer) -> None:
    assert "\x1b" not in run(app, "감사합니다\x1b[2J욥")


@pytest.mark.parametrize(
    ("content", "code"), [(None, "CP-FILE-000"), (b"\xff\xfe\xff", "CP-FILE-002"), (b"", "CP-ML-035")]
)
def test_a_file_that_gives_no_texts_is_a_coded_error(
    app: typer.Typer, tmp_path: Path, content: bytes | None, code: str
) -> None:
    file = tmp_path / "lines.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ChatPlatformError) as caught:
        run(app, "--file", str(file))
    assert caught.value.code == code
