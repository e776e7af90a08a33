"""``chatp export``: what was published is what other programs read."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_platform.errors import ChatPlatformError, StorageError
from chat_platform.storage.csv_text import could_be_formula, csv_cell, formula_pattern
from chat_platform.storage.metric_definitions import MetricDefinition, write_definitions
from chat_platform.storage.publication import PublishedVersion
from chat_platform.storage.published_tables import published_tables
from chat_platform.storage.table_export import APPLICATION_ID, Days, Export

ODD = (
    "",
    "=1+1",
    "\u200b=1",
    "＝1",
    "\x00=1",
    "a\x00b",
    "'=1",
    'a"b',
    "a,b",
    "a\r\nb",
    "\ra",
    "가나다",
    "👩‍👩‍👧‍👦🇰🇷",
    "NULL",
)
texts = st.one_of(
    st.none(), st.sampled_from(ODD), st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)
)
ALL_TYPES = """
select 1::tinyint as small, 9007199254740993::bigint as large,
  -170141183460469231731687303715884105720::hugeint as huge,
  18446744073709551615::ubigint as unsigned, 0.1::double as x, 'nan'::double as no_number, '-inf'::double as least,
  12.50::decimal(5, 2) as price, 12345678901234567890.123456789::decimal(38, 9) as exact, true as yes,
  date '2026-03-02' as day, timestamptz '2026-03-02 10:00:00.123456+09' as moment,
  timestamp '2026-03-02 10:00:00' as wall,
  '\\xAB\\x00'::blob as bytes, ['가', null] as list, {'k': 1} as struct, null::bigint as nothing,
  '한글'::enum('한글', 'x') as kind
"""


def code_of(result: Result) -> str | None:
    return result.exception.code if isinstance(result.exception, ChatPlatformError) else None


def nothing(*_: Any) -> None:
    """Progress that nobody looks at."""


def export_of(statement: str, days: Days = Days()) -> Export:  # noqa: B008
    """An export of tables made by SQL."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"create schema marts; create schema core; {statement}")
    return Export(connection, PublishedVersion(7, Path("x"), datetime(2026, 3, 2, tzinfo=UTC), "s", 1), days)


def of_texts(values: list[str | None]) -> Export:
    export = export_of("create table marts.t (n integer, v varchar)")
    if values:
        export.connection.executemany("insert into marts.t values (?, ?)", list(enumerate(values)))
    return export


def table(export: Export, name: str = "marts.t", manifest: Path = Path("none")) -> Any:
    return published_tables(export.connection, manifest)[name]


def sqlite_rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


# --- what is read is what was written --------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.lists(texts, max_size=12))
@example(list(ODD))
@example([])
def test_texts_come_back_from_every_format(
    tmp_path_factory: pytest.TempPathFactory, values: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    export = of_texts(values)
    source = table(export)
    numbered = list(enumerate(values))

    export.write_parquet(source, folder / "t.parquet", nothing)
    assert pl.read_parquet(folder / "t.parquet").rows() == numbered
    export.write_sqlite([source], folder / "t.db", nothing)
    assert sqlite_rows(folder / "t.db", "select n, v from t order by n") == numbered
    export.write_csv(source, folder / "t.csv", nothing)
    body = (folder / "t.csv").read_bytes().decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(body, newline=""), strict=True)) == [
        ["n", "v"],
        # The portal's own cells: the same text is harmless in the same way everywhere.
        *([str(number), str(csv_cell(value))] for number, value in numbered),
    ]
    assert body.endswith("\r\n")
    # A null and an empty text are two things.
    rows = duckdb.connect().execute(
        f"from read_csv('{folder / 't.csv'}', all_varchar = true, header = true, delim = ',', quote = '\"', "
        "escape = '\"', new_line = '\\r\\n', allow_quoted_nulls = false)"
    )
    assert [value is None for _, value in rows.fetchall()] == [value is None for value in values]
    export.connection.close()


def test_the_pattern_for_duckdb_knows_the_same_formulas_as_python() -> None:
    characters = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF]
    frame = pl.DataFrame({"c": characters})
    connection = duckdb.connect()
    connection.register("characters", frame.to_arrow())
    query = "select c from characters where regexp_matches(c, ?)"
    found = {c for (c,) in connection.execute(query, [formula_pattern()]).fetchall()}
    assert found == set(filter(could_be_formula, characters))
    # What does not show is passed over, and what shows ends the search.
    query = "select list(regexp_matches(c, ?)) from (select unnest(?::varchar[]) as c)"
    first = [before + c for before in ("\u200b ", "\x00\u0301", "a", "가 ") for c in sorted(found)]
    (answers,) = connection.execute(query, [formula_pattern(), first]).fetchone() or ([],)
    assert answers == [could_be_formula(text) for text in first]
    assert 0 < sum(answers) < len(answers)


def test_types_are_kept(tmp_path: Path) -> None:
    export = export_of(f"create table marts.t as {ALL_TYPES}")
    source = table(export)
    path = tmp_path / "result.db"
    export.write_sqlite([source], path, nothing)
    (row,) = sqlite_rows(path, "select * from t")
    found = dict(zip(source.columns, row, strict=True))
    assert found == {
        "small": 1,
        "large": 9007199254740993,
        "huge": "-170141183460469231731687303715884105720",
        "unsigned": "18446744073709551615",
        "x": 0.1,
        "no_number": None,
        "least": -math.inf,
        "price": 12.5,
        "exact": "12345678901234567890.123456789",
        "yes": 1,
        "day": "2026-03-02",
        "moment": "2026-03-02 01:00:00.123456",
        "wall": "2026-03-02 10:00:00.000000",
        "bytes": b"\xab\x00",
        "list": '["가",null]',
        "struct": '{"k":1}',
        "nothing": None,
        "kind": "한글",
    }
    declared = {name: kind for _, name, kind, *_ in sqlite_rows(path, "pragma table_info(t)")}
    assert (declared["yes"], declared["day"], declared["moment"]) == ("BOOLEAN", "DATE", "TIMESTAMP")
    assert (declared["price"], declared["nothing"], declared["exact"]) == ("DECIMAL(5, 2)", "BIGINT", "TEXT")
    # SQLite's own functions take the dates for dates.
    assert sqlite_rows(path, "select date(moment, '+1 day'), strftime('%Y', day) from t") == [
        ("2026-03-03", "2026")
    ]

    export.write_csv(source, tmp_path / "t.csv", nothing)
    header, cells = csv.reader(io.StringIO((tmp_path / "t.csv").read_text(encoding="utf-8-sig"), newline=""))
    csv_found = dict(zip(header, cells, strict=True))
    # Numbers are numbers, also negative ones; what only looks like one is a text.
    assert csv_found["huge"] == "-170141183460469231731687303715884105720"
    assert (csv_found["exact"], csv_found["least"]) == ("12345678901234567890.123456789", "'-inf")
    assert (csv_found["yes"], csv_found["day"], csv_found["bytes"]) == ("true", "2026-03-02", "ab00")
    assert datetime.fromisoformat(csv_found["moment"]) == datetime(2026, 3, 2, 1, 0, 0, 123456, tzinfo=UTC)


def test_parquet_keeps_types_and_digits(tmp_path: Path) -> None:
    export = export_of(
        "create table marts.t as select 99999999999999999999999999999999999999::hugeint as huge, "
        "12.50::decimal(5, 2) as price, date '2026-03-02' as day, true as yes, ['가', null] as list, "
        "timestamptz '2026-03-02 10:00:00.123456+09' as moment"
    )
    export.write_parquet(table(export), tmp_path / "t.parquet", nothing)
    (row,) = pl.read_parquet(tmp_path / "t.parquet").to_dicts()
    assert row == {
        "huge": Decimal("99999999999999999999999999999999999999"),
        "price": Decimal("12.50"),
        "day": date(2026, 3, 2),
        "yes": True,
        "list": ["가", None],
        "moment": datetime(2026, 3, 2, 1, 0, 0, 123456, tzinfo=UTC),
    }


def test_large_integers_that_fit_are_numbers_in_sqlite(tmp_path: Path) -> None:
    export = export_of("create table marts.t as select sum(n) as total from range(5) r(n)")
    assert table(export).columns == {"total": "HUGEINT"}
    export.write_sqlite([table(export)], tmp_path / "t.db", nothing)
    assert sqlite_rows(tmp_path / "t.db", "select total, typeof(total) from t") == [(10, "integer")]


# --- keys ------------------------------------------------------------------------------------------------------


def manifest_with_key(path: Path, *columns: str) -> Path:
    """What dbt writes about a model ``marts.t`` whose key is tested."""
    test = {
        "test_metadata": {"name": "primary_key", "kwargs": {"columns": columns}},
        "attached_node": "model.p.t",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"nodes": {"model.p.t": {"schema": "marts", "name": "t"}, "test.p.k": test}}),
        encoding="utf-8",
    )
    return path


def test_declared_keys_are_primary_keys_and_those_that_do_not_hold_are_left_out(tmp_path: Path) -> None:
    manifest = manifest_with_key(tmp_path / "manifest.json", "n")
    for rows, key in (("(2), (1)", ("n",)), ("(1), (1)", ()), ("(1), (null)", ())):
        export = export_of(f"create table marts.t (n integer); insert into marts.t values {rows}")
        (written,) = export.write_sqlite([table(export, manifest=manifest)], tmp_path / "t.db", nothing)
        assert (written.rows, written.key) == (2, key)
        assert len(sqlite_rows(tmp_path / "t.db", "select * from t")) == 2
        keyed = {
            name for _, name, *_, order in sqlite_rows(tmp_path / "t.db", "pragma table_info(t)") if order
        }
        assert keyed == set(key)


def test_keys_of_declared_tables_need_no_manifest(
    publish: Any, as_json: Callable[..., Any], tmp_path: Path
) -> None:
    publish("create table core.people as select 'p1' as person_id, '하나' as name")
    (row,) = as_json("export", "core.people", "-f", "sqlite", "-o", str(tmp_path))["tables"]
    assert (row["name"], row["key"], row["personal"]) == (
        "core_people",
        ["person_id"],
        {"person_id": "id", "name": "name"},
    )


def test_columns_of_metrics_are_personal_as_those_that_they_come_from() -> None:
    tile = {"tile": {"columns": [{"name": "summary", "as": "chat"}, {"name": "messages", "as": "number"}]}}
    export = export_of(
        "create table marts.t as select 'x' as message_id, 'zoom' as source, 'p' as person_id, 'a@b' as email, "
        "'x' as summary, 1 as messages, 'p' as participant_id, '하나' as channel; create schema meta"
    )
    known = {"person_id": "id", "email": "email", "participant_id": "id", "channel": "name"}
    assert table(export).personal == known
    write_definitions(export.connection, [MetricDefinition("t", meta=tile)])
    assert table(export).personal == known | {"summary": "text"}
    # Of a declared table it is known column by column.
    export.connection.execute("create table core.messages as select 'm' as message_id, '가' as text")
    assert table(export, "core.messages").personal == {"text": "text"}


# --- files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def marts(publish: Callable[[str], int], home: Path) -> Callable[[], int]:
    """Publish two marts, a view, and what stays inside."""
    manifest_with_key(home / "dbt" / "manifest.json", "n")

    def run() -> int:
        return publish(
            "create schema if not exists raw; create table raw.secret as select 'x' as passcode; "
            "create table marts.t as select n::integer as n, date '2026-03-01' + n::integer as day, "
            "case when n % 2 = 0 then '=가' || n end as text from range(5) r(n); "
            "create table marts.u as select 1 as participant_id; create view main.seen as select n from marts.t"
        )

    return run


def test_every_format_comes_from_one_home(
    marts: Callable[[], int], as_json: Callable[..., Any], tmp_path: Path
) -> None:
    version = marts()
    for form, files in (
        ("csv", ["marts.t.csv", "marts.u.csv"]),
        ("parquet", ["marts.t.parquet", "marts.u.parquet"]),
        ("sqlite", ["result.db"]),
    ):
        folder = tmp_path / form
        found = as_json("export", "--all", "--format", form, "--out", str(folder))
        assert sorted(path.name for path in folder.iterdir()) == files
        assert [(row["table"], row["rows"]) for row in found["tables"]] == [("marts.t", 5), ("marts.u", 1)]
        assert [row["personal"] for row in found["tables"]] == [{"text": "text"}, {"participant_id": "id"}]
        assert (found["version"], found["dry_run"]) == (version, False)
        assert found["files"] == {str(path): path.stat().st_size for path in folder.iterdir()}
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        # Again: nothing is new.
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert as_json("export", "--all", "--format", form, "--out", str(folder)) == found
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sqlite_rows(tmp_path / "sqlite" / "result.db", "select text from t where n in (1, 2)") == [
        (None,),
        ("=가2",),
    ]
    assert sqlite_rows(
        tmp_path / "sqlite" / "result.db", 'select "table", version, "rows" from chatp_export'
    ) == [
        ("t", version, 5),
        ("u", version, 1),
    ]
    assert "'=가2" in (tmp_path / "csv" / "marts.t.csv").read_text(encoding="utf-8-sig")


def test_a_result_is_written_again_without_stale_tables_or_rows(
    marts: Callable[[], int], publish: Callable[[str], int], invoke: Callable[..., Result], tmp_path: Path
) -> None:
    marts()
    path = tmp_path / "s4.db"
    invoke("export", "--all", "main.seen", "-f", "sqlite", "-o", str(path))
    assert sqlite_rows(path, "select count(*) from main_seen") == [(5,)]
    publish("delete from marts.t where n > 1; insert into marts.t values (9, '2026-04-01', '새것')")
    invoke("export", "marts.t", "-f", "sqlite", "-o", str(path))
    assert sqlite_rows(path, "select n from t order by n") == [(0,), (1,), (9,)]
    tables = sqlite_rows(path, "select name from sqlite_master where type = 'table' order by name")
    assert tables == [("chatp_export",), ("t",)]


def test_a_database_of_somebody_else_is_never_replaced(
    marts: Callable[[], int], invoke: Callable[..., Result], tmp_path: Path
) -> None:
    marts()
    theirs = tmp_path / "superset.db"
    with closing(sqlite3.connect(theirs)) as connection:
        connection.execute("create table mine (x)")
        connection.commit()
    before = theirs.read_bytes()
    assert code_of(invoke("export", "--all", "-f", "sqlite", "-o", str(theirs))) == "CP-STORE-042"
    assert theirs.read_bytes() == before
    assert sqlite_rows(tmp_path / "superset.db", "pragma application_id") != [(APPLICATION_ID,)]
    (tmp_path / "notes.db").write_text("a list", encoding="utf-8")
    assert (
        code_of(invoke("export", "--all", "-f", "sqlite", "-o", str(tmp_path / "notes.db"))) == "CP-STORE-042"
    )


def test_days_are_cut_where_a_table_has_them(
    marts: Callable[[], int], as_json: Callable[..., Any], invoke: Callable[..., Result], tmp_path: Path
) -> None:
    marts()
    days = ("--since", "2026-03-02", "--until", "2026-03-04", "-o", str(tmp_path))
    for form, file in (("csv", "marts.t.csv"), ("parquet", "marts.t.parquet")):
        rows = as_json("export", "--all", "-f", form, *days)["tables"]
        assert [(row["rows"], row["date"]) for row in rows] == [(3, "day"), (1, None)]
        frame = (pl.read_csv if form == "csv" else pl.read_parquet)(tmp_path / file)
        assert frame["n"].to_list() == [1, 2, 3]
    assert "marts.u" in invoke("export", "--all", "-f", "sqlite", *days).stdout.splitlines()[-1]
    assert sqlite_rows(tmp_path / "result.db", "select n from t") == [(1,), (2,), (3,)]
    about = sqlite_rows(tmp_path / "result.db", 'select "table", since, until from chatp_export')
    assert about == [("t", "2026-03-02", "2026-03-04"), ("u", None, None)]
    none = as_json("export", "marts.t", "-f", "csv", "--since", "2030-01-01", "-o", str(tmp_path))
    assert none["tables"][0]["rows"] == 0
    assert (tmp_path / "marts.t.csv").read_text(encoding="utf-8-sig") == "n,day,text\n"


def test_a_dry_run_says_the_same_and_writes_nothing(
    marts: Callable[[], int], as_json: Callable[..., Any], tmp_path: Path
) -> None:
    marts()
    for form in ("csv", "parquet", "sqlite"):
        folder = tmp_path / form
        planned = as_json("export", "*.*", "-f", form, "-o", str(folder), "--dry-run")
        assert not folder.exists()
        names = {row["table"] for row in planned["tables"]}
        assert {"marts.t", "marts.u", "main.seen"} <= names
        assert not [name for name in names if name.startswith(("raw.", "meta."))]
        done = as_json("export", "*.*", "-f", form, "-o", str(folder))
        assert [(row["table"], row["rows"], row["key"]) for row in done["tables"]] == [
            (row["table"], row["rows"], row["key"]) for row in planned["tables"]
        ]


KILLED = """
import os, signal
from pathlib import Path
from chat_platform.settings import Settings
from chat_platform.storage import files, table_export
from chat_platform.storage.publication import Publication
from chat_platform.storage.published_tables import published_tables

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

out, form = Path({out!r}), {form!r}
with table_export.opened(Publication(Settings().warehouse / "published")) as export:
    tables = published_tables(export.connection, Path("none"))
    if form == "sqlite":
        table_export._BATCH = 2
        export.write_sqlite([tables["marts.t"]], out / "result.db", die)
    else:
        files.os.fsync = die
        getattr(export, f"write_{{form}}")(tables["marts.t"], out / f"marts.t.{{form}}", lambda rows: None)
"""


def test_killed_in_the_middle_the_old_file_stays(
    marts: Callable[[], int], publish: Callable[[str], int], invoke: Callable[..., Result], tmp_path: Path
) -> None:
    marts()
    files = {"csv": "marts.t.csv", "parquet": "marts.t.parquet", "sqlite": "result.db"}
    for form in files:
        invoke("export", "marts.t", "-f", form, "-o", str(tmp_path / form))
    publish("insert into marts.t values (9, '2026-04-01', '새것')")
    for form, name in files.items():
        out = tmp_path / form
        old = (out / name).read_bytes()
        code = KILLED.format(out=str(out), form=form)
        done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)
        assert done.returncode == -signal.SIGKILL
        assert (out / name).read_bytes() == old
        (left,) = [path for path in out.iterdir() if path.name != name]
        assert left.name.startswith(".")
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
        # The next one takes away what the killed one left, and replaces the file.
        invoke("export", "marts.t", "-f", form, "-o", str(out))
        assert [path.name for path in out.iterdir()] == [name]
        assert (out / name).read_bytes() != old


# --- refusals --------------------------------------------------------------------------------------------------


def test_what_cannot_be_exported_is_a_coded_error(
    marts: Callable[[], int], invoke: Callable[..., Result], tmp_path: Path
) -> None:
    assert code_of(invoke("export", "--all", "-o", str(tmp_path))) == "CP-STORE-005"
    marts()
    for name in ("marts.none", "raw.secret", "meta.loaded_files", "raw.*", "none_*"):
        assert code_of(invoke("export", name, "-o", str(tmp_path))) == "CP-STORE-040"
    error = invoke("export", "marts.tt", "-o", str(tmp_path)).exception
    assert isinstance(error, StorageError)
    assert "marts.t?" in error.detail or "marts.t," in error.detail
    assert invoke("export").exit_code == 2
    assert list(tmp_path.glob("*.csv")) == []
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert code_of(invoke("export", "t", "-o", str(tmp_path / "file"))) == "CP-STORE-041"


def test_errors_of_writing_quote_no_value(tmp_path: Path) -> None:
    export = export_of(
        "create table marts.s as select '비밀' as text; "
        "create view marts.t as select text::integer as n from marts.s"
    )
    for write, name in ((export.write_csv, "t.csv"), (export.write_parquet, "t.parquet")):
        with pytest.raises(StorageError) as raised:
            write(table(export), tmp_path / name, nothing)
        assert (raised.value.code, "비밀" in str(raised.value)) == ("CP-STORE-041", False)
    with pytest.raises(StorageError) as raised:
        export.write_sqlite([table(export)], tmp_path / "t.db", nothing)
    assert (raised.value.code, "비밀" in str(raised.value)) == ("CP-STORE-041", False)
    assert list(tmp_path.iterdir()) == []
