"""Progress and output: honest numbers, and no terminal on which a command breaks."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chat_platform.cli.progress import Bars, Lines, Pace, Steps, run_progress
from chat_platform.errors import ZoomError
from chat_platform.settings import Settings, project_root
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace

NOTHING = dict.fromkeys(
    ("records", "messages", "replies", "reactions", "removals", "quarantined", "duplicates"), 0
)


# --- progress --------------------------------------------------------------------------------------------------


def move(workspace: Workspace, conversation_id: str, *states: str) -> None:
    ledger = workspace.ledger
    for state in states:
        if state == "fetched":
            ledger.mark_fetched(
                conversation_id, strategy="http", payload_sha256="x", fetched_at=datetime.now(UTC)
            )
        elif state == "parsed":
            ledger.mark_parsed(conversation_id, NOTHING)
        elif state == "quarantined":
            ledger.mark_failed(conversation_id, ZoomError("CP-ZOOM-004"))
        else:
            row = ledger.get(conversation_id)
            assert row is not None
            ledger.mark_published(1, {conversation_id: (row["state"], row["parsed_at"])})


def test_steps_are_what_the_ledger_says(workspace: Workspace) -> None:
    workspace.ledger.announce(Announced(f"zoom-{n}", "zoom", "recording", "r1") for n in range(5))
    assert Steps.of(workspace.ledger) == Steps(5, 0, 0, 0)
    move(workspace, "zoom-0", "fetched")
    move(workspace, "zoom-1", "fetched", "parsed")
    move(workspace, "zoom-2", "fetched", "parsed", "published")
    move(workspace, "zoom-3", "quarantined")
    assert Steps.of(workspace.ledger) == Steps(5, 4, 3, 1)


def test_pace_counts_from_when_something_began_to_move() -> None:
    pace = Pace()
    for moment, number in ((0.0, 0), (100.0, 0), (102.0, 4), (104.0, 8)):
        pace.see(number, moment)
    assert pace.rate == pytest.approx(2.0)
    assert pace.remaining_s(18) == pytest.approx(5.0)
    assert pace.words(18) == "2.0/s, left 5 s"
    assert pace.words(8) == ""
    slow = Pace()
    for moment, number in ((0.0, 3), (60.0, 6)):
        slow.see(number, moment)
    assert slow.words(9) == "3.0/min, left 60 s"


def test_nothing_is_promised_before_anything_moved() -> None:
    pace = Pace()
    pace.see(0, 0.0)
    pace.see(0, 9.0)
    assert (pace.rate, pace.remaining_s(5), pace.words(5)) == (None, None, "")


def test_lines_come_when_something_moved_and_not_too_often() -> None:
    stream = io.StringIO()
    lines = Lines(Console(file=stream, width=200, highlight=False))
    lines.event("class_recordings: start")
    for moment, steps in (
        (0.0, Steps(4, 0, 0, 0)),
        (1.0, Steps(4, 1, 0, 0)),
        (2.0, Steps(4, 2, 0, 0)),
        (6.0, Steps(4, 3, 1, 0)),
        (12.0, Steps(4, 3, 1, 0)),
        (12.5, Steps(4, 4, 4, 4)),
    ):
        lines.steps(steps, moment)
    shown = [line.split(" s  ", 1)[1] for line in stream.getvalue().splitlines()]
    assert shown == [
        "class_recordings: start",
        "fetched 0/4 · parsed 0/4 · published 0/4",
        "fetched 3/4 (30.0/min, left 2 s) · parsed 1/4 (15.0/min, left 12 s) · published 0/4",
        "fetched 4/4 · parsed 4/4 · published 4/4",
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_run_with_nothing_to_do_prints_no_counts() -> None:
    stream = io.StringIO()
    lines = Lines(Console(file=stream))
    for moment in (0.0, 10.0, 20.0):
        lines.steps(Steps(4, 4, 4, 4), moment)
    assert stream.getvalue() == ""


def test_bars_on_a_terminal_show_counts_rate_and_remaining_time() -> None:
    stream = io.StringIO()
    bars = Bars(Console(file=stream, force_terminal=True, width=120, highlight=False))
    bars.event("class_recordings: [start]")
    for moment, steps in ((0.0, Steps(4, 0, 0, 0)), (2.0, Steps(4, 2, 0, 0))):
        bars.steps(steps, moment)
    bars.close()
    shown = stream.getvalue()
    assert "class_recordings: [start]" in shown
    assert "2/4" in shown
    assert "1.0/s, left 2 s" in shown


def test_a_run_is_watched_through_the_ledger(workspace: Workspace) -> None:
    class Recorder:
        seen: list[Any] = []

        def event(self, line: str) -> None:
            self.seen.append(line)

        def steps(self, steps: Steps, now: float) -> None:
            self.seen.append(steps)

        def close(self) -> None:
            self.seen.append("closed")

    workspace.ledger.announce([Announced("zoom-1", "zoom", "recording", "r1")])
    display = Recorder()
    with pytest.raises(RuntimeError), run_progress(Settings(), display) as on_event:
        on_event("begins")
        move(workspace, "zoom-1", "fetched", "parsed", "published")
        raise RuntimeError("the run broke")
    # Whatever happens, the last look comes after the last change.
    assert display.seen[0] == "begins"
    assert display.seen[-2:] == [Steps(1, 1, 1, 1), "closed"]


# --- any terminal ----------------------------------------------------------------------------------------------


def chatp(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """The program on a terminal that can show ASCII only."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LC_", "PYTHON", "LANG"))
        },
        "CHATP_HOME": str(home),
        "LANG": "C",
        # Python makes UTF-8 of the C locale by itself; other ASCII locales stay ASCII, as this does.
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "chat_platform.cli.main", *arguments],
        env=environment,
        cwd=project_root(),
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("sql", "select text, list from core.t"), 0),
        (("sql", "select text, list from core.t", "--csv"), 0),
        (("sql", "select 가나"), 1),
        (("errors", "CP-ZOOM-001"), 0),
    ],
)
def test_ascii_terminals_get_escapes_and_no_errors(
    publish: Callable[[str], int], home: Path, arguments: tuple[str, ...], code: int
) -> None:
    publish("create table core.t as select '가😀' as text, ['나'] as list")
    done = chatp(home, *arguments, CHATP_LANG="ko")
    assert done.returncode == code, done.stderr
    assert b"UnicodeEncodeError" not in done.stderr
    assert (done.stdout + done.stderr).isascii()
    assert len(done.stdout + done.stderr) > 10


def test_what_is_typed_in_korean_arrives_as_korean(publish: Callable[[str], int], home: Path) -> None:
    publish("create table core.t as select '가나' as text")
    done = chatp(home, "sql", "select count(*) as n from core.t where text = '가나'", "--json")
    assert json.loads(done.stdout) == [{"n": 1}]
    file = home / "쿼리.sql"
    file.write_text("select '가' as x", encoding="utf-8")
    done = chatp(home, "sql", "-f", str(file), "--json")
    assert json.loads(done.stdout) == [{"x": "가"}]
    missing = chatp(home, "sql", "-f", str(home / "없음.sql"))
    assert missing.returncode != 0
    assert b"Traceback" not in missing.stderr


def test_json_stays_json_on_an_ascii_terminal(publish: Callable[[str], int], home: Path) -> None:
    publish("create table core.t as select '가😀' as text")
    done = chatp(home, "sql", "from core.t", "--json")
    assert done.stdout.isascii()
    assert json.loads(done.stdout) == [{"text": "가😀"}]


def test_the_doctor_marks_in_ascii_and_with_signs(home: Path) -> None:
    plain = chatp(home, "doctor").stdout
    assert plain.isascii()
    assert plain.startswith(b"ok ")
    signs = chatp(home, "doctor", PYTHONUTF8="1").stdout.decode("utf-8")
    assert signs.startswith("✔ ")
