"""The command line: quick to start, honest exit codes, both languages, JSON that parses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chat_platform.cli.documentation import generated_pages
from chat_platform.cli.main import app
from chat_platform.settings import project_root
from chat_platform.storage.publication import Publication
from chat_platform.storage.warehouse import Warehouse

CHAT = "10:00:00 From 김가나 to Everyone:\n\t안녕하세요\n10:00:05 From Lee Na to Everyone:\n\thi\nno header\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANG", "C.UTF-8")
    return tmp_path / "home"


def chatp(
    *arguments: str, language: str = "en", home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The real program in a process of its own."""
    variables = {**os.environ, "CHATP_LANG": language}
    if home:
        variables["CHATP_HOME"] = str(home)
    return subprocess.run(
        [sys.executable, "-m", "chat_platform.cli.main", *arguments],
        env=variables,
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_starts_without_anything_heavy() -> None:
    code = (
        "import sys, chat_platform.cli.main as m\n"
        "print([n for n in ('dagster', 'dbt', 'kiwipiepy', 'selenium', 'duckdb', 'polars') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_help_of_every_command_shows_examples_in_both_languages() -> None:
    code = (
        "import json, typer.main, chat_platform.cli.main as m\n"
        "from chat_platform.cli.documentation import _walk\n"
        "print(json.dumps({path: command.help for path, command in "
        "_walk(typer.main.get_command(m.app), 'chatp')}))"
    )
    for language, word in (("en", "Example"), ("ko", "예:")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "CHATP_LANG": language},
            capture_output=True,
            text=True,
            check=True,
        )
        helps = json.loads(done.stdout)
        assert {"chatp sql", "chatp people merge", "chatp import zoom", "chatp doctor"} <= set(helps)
        for path, text in helps.items():
            example = "chatp (--demo )?" + re.escape(path.removeprefix("chatp "))
            assert word in text, path
            assert re.search(example, text), path


def test_a_dry_run_says_what_it_found_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "meeting_saved_chat.txt"
    file.write_text(CHAT, encoding="utf-8")
    done = chatp("import", "zoom", str(file), "--date", "2026-03-02", "--dry-run", "--json", home=home)
    assert done.returncode == 0, done.stderr
    (facts,) = json.loads(done.stdout)
    assert (facts["messages"], facts["lines"]) == (2, 5)
    assert sum(facts["lines_by_kind"].values()) == facts["lines"]
    assert not list((home / "lake").rglob("*.zst"))


def test_an_import_is_kept_once_and_waits_for_a_run(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "meeting_saved_chat.txt"
    file.write_text(CHAT, encoding="utf-8")
    arguments = ("import", "zoom", str(file), "--date", "2026-03-02", "--no-run", "--json")
    first, second = chatp(*arguments, home=home), chatp(*arguments, home=home)
    assert [json.loads(done.stdout)[0]["new"] for done in (first, second)] == [True, False]
    assert len(list((home / "lake" / "raw" / "zoom_file").rglob("*.zst"))) == 1
    status = json.loads(chatp("status", "--json", home=home).stdout)
    assert status["states"] == [{"source": "zoom_file", "state": "fetched", "conversations": 1}]


@pytest.mark.parametrize(("language", "word"), [("en", "date of the chat"), ("ko", "날짜")])
def test_a_coded_error_says_what_why_and_what_to_do(
    home: Path, tmp_path: Path, language: str, word: str
) -> None:
    file = tmp_path / "chat.txt"
    file.write_text(CHAT, encoding="utf-8")
    done = chatp("import", "zoom", str(file), language=language, home=home)
    assert done.returncode == 1
    assert word in done.stderr
    assert done.stderr.count("·") >= 3
    assert "CP-FILE-" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in chatp("--debug", "import", "zoom", str(file), home=home).stderr


def test_wrong_settings_are_named_and_secrets_not_echoed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "chatp.toml").write_text('slack_token = "xoxb-planted"\n', encoding="utf-8")
    done = chatp("status", home=home)
    assert done.returncode == 1
    assert "CP-CONF-001" in done.stderr
    assert "xoxb-planted" not in done.stdout + done.stderr
    (home / "chatp.toml").write_text('timezone = "Mars/Olympus"\n', encoding="utf-8")
    assert "timezone" in chatp("status", home=home).stderr


def test_sql_reads_what_is_published(home: Path) -> None:
    warehouse = Warehouse(home / "warehouse")
    with warehouse.write() as connection:
        connection.execute("create table core.t as select '가나' as name, 1 as n union all select null, 2")
    Publication(home / "warehouse" / "published").publish(warehouse.build_path)
    rows = json.loads(chatp("sql", "select * from core.t order by n", "--json", home=home).stdout)
    assert rows == [{"name": "가나", "n": 1}, {"name": None, "n": 2}]
    assert chatp("sql", "select n from core.t order by n", "--csv", home=home).stdout == "n\n1\n2\n"
    assert (
        chatp("sql", "select name, n from core.t order by n", home=home).stdout == "name\tn\n가나\t1\n\t2\n"
    )
    wrong = chatp("sql", "select nothing", home=home)
    assert (wrong.returncode, "CP-CONF-004" in wrong.stderr) == (1, True)
    assert chatp("sql", "create table x (a int)", home=home).returncode == 1


def test_nothing_published_is_said(home: Path) -> None:
    done = chatp("sql", "select 1", home=home)
    assert done.returncode == 1
    assert "CP-STORE-005" in done.stderr


def test_errors_are_explained(home: Path) -> None:
    (entry,) = json.loads(chatp("errors", "cp-zoom-001", "--json").stdout)
    assert entry["code"] == "CP-ZOOM-001"
    assert entry["remedy"]
    assert chatp("errors", "CP-NO-999").returncode == 2


def test_doctor_counts_its_failures(home: Path) -> None:
    done = chatp("doctor", "--json", home=home)
    findings = json.loads(done.stdout)
    failed = [finding for finding in findings if not finding["ok"]]
    assert done.returncode == len(failed)
    assert {"python", "duckdb", "chromium", "korean font", "disk", "dagster"} <= {f["name"] for f in findings}
    assert {f["name"] for f in failed} >= {"dagster", "dbt"}
    assert all(finding["remedy"] for finding in failed)


def test_people_are_listed_even_when_there_are_none(home: Path) -> None:
    runner = CliRunner()
    for command in ("list", "suggestions", "log"):
        result = runner.invoke(app, ["people", command, "--json"])
        assert (result.exit_code, json.loads(result.stdout)) == (0, [])


def test_a_class_list_is_imported_with_its_bad_rows(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "class.csv"
    file.write_text("id,이름,직책,이메일\nU1,김가나,강사,ga@example.com\n,없음,,\n", encoding="utf-8")
    done = chatp("import", "people", str(file), "--no-run", "--json", home=home)
    report = json.loads(done.stdout)
    assert report["people"] == 1
    assert len(report["bad_rows"]) == 1


def test_cleaning_needs_consent_and_deletes_only_what_is_ours(home: Path) -> None:
    (home / "lake" / "core").mkdir(parents=True)
    (home / "chatp.toml").write_text('timezone = "Asia/Seoul"\n', encoding="utf-8")
    (home / "diary.txt").write_text("mine", encoding="utf-8")
    assert CliRunner().invoke(app, ["clean", "--all"], input="n\n").exit_code == 0
    assert (home / "lake").exists()
    assert CliRunner().invoke(app, ["clean", "--all", "--yes"]).exit_code == 0
    assert sorted(path.name for path in home.iterdir()) == ["chatp.toml", "diary.txt"]


def test_a_folder_that_is_no_home_is_not_cleaned(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine", encoding="utf-8")
    done = chatp("clean", "--all", "--yes", home=tmp_path / "home")
    assert (done.returncode, "CP-CONF-006" in done.stderr) == (1, True)
    assert (tmp_path / "home" / "thesis.txt").exists()


def test_chat_text_cannot_drive_the_terminal(home: Path) -> None:
    warehouse = Warehouse(home / "warehouse")
    with warehouse.write() as connection:
        connection.execute("create table core.t as select chr(27) || '[2J[red]x' as text, 'nan'::double as n")
    Publication(home / "warehouse" / "published").publish(warehouse.build_path)
    shown = chatp("sql", "select text from core.t", home=home).stdout
    assert "\x1b" not in shown
    assert "[2J[red]x" in shown
    assert json.loads(
        chatp("sql", "select n, sum(3) as s from core.t group by n", "--json", home=home).stdout
    ) == [{"n": None, "s": 3}]


def test_generated_pages_are_those_of_the_code() -> None:
    code = (
        "import json\nfrom chat_platform.cli.documentation import generated_pages\n"
        "from chat_platform.cli.main import app\nprint(json.dumps(generated_pages(app)))"
    )
    variables = {**os.environ, "CHATP_LANG": "en"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    for name, text in json.loads(done.stdout).items():
        committed = (project_root() / "docs" / name).read_text(encoding="utf-8")
        assert committed == text, f"docs/{name} differs from the code: run `make docs`"
    assert set(generated_pages(app)) == {"tables.md", "errors.md", "cli.md", "configuration.md", "api.md"}


def test_every_benchmark_is_documented() -> None:
    page = (project_root() / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    there = {path.name for path in (project_root() / "benchmarks").glob("*.py")}
    assert there == set(re.findall(r"`(\w+\.py)", page))
