"""What is broken is said, what is not goes on, and what was mended is used without a restart."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psutil
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from chat_platform.errors import StorageError, WebError
from chat_platform.settings import Settings
from chat_platform.storage import app_database
from chat_platform.storage.app_database import AppDatabase, downgrade, open_database, upgrade, writing
from chat_platform.storage.publication import Publication
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import IDENTITIES
from chat_platform.web import published
from chat_platform.web.application import create_app
from chat_platform.web.classes import BUSY_S
from chat_platform.web.published import PublishedReader
from tests.chosen import first_of
from tests.postgresql import Server, running_server
from tests.web.conftest import SignIn
from tests.web.members import member

PREPARED = True  # see ``unprepared``

PAGE = "/c/class/operations/freshness"
WRITES = "/c/class/operations/identities/accept-unique"


@pytest.fixture
def versions(settings: Settings) -> Path:
    """Folder of the published versions 1 and 2, of which 2 is current."""
    return settings.warehouse / "published"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pointer is looked at by every request, a failed database by every request."""
    monkeypatch.setattr(published, "LOOK_S", 0.0)
    monkeypatch.setattr(app_database, "ASK_AGAIN_S", 0.0)


def health(client: TestClient) -> tuple[int, dict[str, str], dict[str, str]]:
    answer = client.get("/health")
    return answer.status_code, answer.json()["parts"], answer.json()["warnings"]


def code(client: TestClient, path: str = PAGE) -> tuple[int, str]:
    """Status and code that a page shows; it is always a page, or a redirection to it."""
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    found = [word for word in ("CP-WEB-008", "CP-WEB-009", "CP-STORE-005", "CP-STORE-007", "CP-STORE-021")
             if word in answer.text]  # fmt: skip
    return answer.status_code, found[0] if found else ""


@contextmanager
def moved(path: Path) -> Iterator[None]:
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.replace(path)


@contextmanager
def overwritten(path: Path, data: bytes) -> Iterator[None]:
    """Another content in the same file, as a bad disk or editor leaves it."""
    before = path.read_bytes()
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, (time.time() + 1, time.time() + 1))


@pytest.mark.usefixtures("soon")
def test_without_any_publication_pages_say_so(sign_in: SignIn, versions: Path) -> None:
    operator = sign_in("operator")
    with moved(versions):
        assert code(operator) == (503, "CP-STORE-005")
        assert health(operator)[:2] == (503, {"app_database": "ok", "published:class": "CP-STORE-005"})
        answer = operator.get("/api/v1/c/class/lectures")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "CP-STORE-005")
    assert code(operator) == (200, "")
    assert health(operator)[0] == 200


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "pointer", [b"", b"nonsense", b"warehouse-99.duckdb", b"../../etc/passwd", b"\xff\xfe\0"]
)
def test_a_damaged_pointer_is_said_and_mended(sign_in: SignIn, versions: Path, pointer: bytes) -> None:
    operator = sign_in("operator")
    with overwritten(versions / "CURRENT", pointer):
        assert code(operator) == (503, "CP-STORE-007")
        assert health(operator)[1]["published:class"] == "CP-STORE-007"
    assert code(operator) == (200, "")
    with overwritten(versions / "CURRENT", pointer):
        assert code(operator) == (200, ""), "what is open is served on"
        assert health(operator) == (
            200,
            {"app_database": "ok", "published:class": "version 2"},
            {"published:class": "CP-STORE-007"},
        )


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("facts", [b"", b"{}", b"[1]", b'{"published_at": 3}', b"\xff"])
def test_damaged_facts_are_a_damaged_pointer(sign_in: SignIn, versions: Path, facts: bytes) -> None:
    operator = sign_in("operator")
    with overwritten(versions / "warehouse-2.json", facts):
        assert code(operator) == (503, "CP-STORE-007")
        assert code(operator, "/c/class/operations/publication") == (200, "CP-STORE-007")
    assert code(operator) == (200, "")


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("kind", first_of(["truncated", "missing", "empty", "text"], 1))
def test_while_the_newest_is_damaged_the_one_before_is_served(
    sign_in: SignIn, versions: Path, kind: str
) -> None:
    operator, newest = sign_in("operator"), versions / "warehouse-2.duckdb"
    data = newest.read_bytes()
    damage = {"empty": b"", "text": b"not a database " * 1000, "truncated": data[: len(data) // 3]}
    with moved(newest) if kind == "missing" else overwritten(newest, damage[kind]):
        assert code(operator) == (200, "")
        assert health(operator) == (
            200,
            {"app_database": "ok", "published:class": "version 1"},
            {"published:class": "CP-WEB-009"},
        )
        with moved(versions / "warehouse-1.duckdb"):
            reader = PublishedReader(Publication(versions))
            assert (reader.state().number, reader.state().problem) == (None, "CP-WEB-009")
    assert code(operator) == (200, "")
    assert health(operator)[1:] == ({"app_database": "ok", "published:class": "version 2"}, {})


@pytest.mark.usefixtures("soon")
def test_damage_that_shows_in_a_query_only_changes_to_the_version_before(versions: Path) -> None:
    newest = versions / "warehouse-2.duckdb"
    data = bytearray(newest.read_bytes())
    # The head of the file and its catalogue stay whole; the blocks of the tables do not.
    for place in range(3 * 4096 + 100, len(data) - 600_000, 4096):
        data[place : place + 64] = os.urandom(64)
    reader, count = (
        PublishedReader(Publication(versions)),
        "select count(distinct text) as n from core.messages",
    )
    good = PublishedReader(Publication(versions)).row(count)
    del good
    gc.collect()
    with overwritten(newest, bytes(data)):
        row = reader.row(count)
        assert row is not None
        assert row["n"] > 0
        assert (reader.version.number, reader.state().problem) == (1, "CP-WEB-009")
        assert reader.row(count) == row
    reader.close()
    gc.collect()
    assert reader.version.number == 2


@pytest.mark.usefixtures("soon")
def test_a_publication_from_before_a_table_says_so(sign_in: SignIn, versions: Path) -> None:
    connection = duckdb.connect(str(versions / "warehouse-2.duckdb"))
    connection.execute("drop table marts.data_quality")
    connection.close()
    operator = sign_in("operator")
    assert code(operator, "/c/class/operations") == (503, "CP-WEB-009")
    assert code(operator) == (200, ""), "pages that do not need it go on"


def test_publishing_mends_a_damaged_pointer(versions: Path, tmp_path: Path) -> None:
    (versions / "CURRENT").write_text("nonsense")
    build = tmp_path / "build.duckdb"
    shutil.copy(versions / "warehouse-2.duckdb", build)
    version, new = Publication(versions).publish(build)
    assert (version.number, new) == (3, True)
    assert Publication(versions).current() == version


@pytest.mark.usefixtures("soon")
def test_a_missing_database_is_missed_and_not_made_anew(sign_in: SignIn, settings: Settings) -> None:
    operator, file = sign_in("operator"), settings.home / "app.sqlite"
    assert code(operator) == (200, "")
    with moved(file):
        assert code(operator) == (503, "CP-STORE-021")
        assert health(operator)[:2] == (503, {"app_database": "CP-STORE-021", "published:class": "version 2"})
        assert not file.exists()
    assert code(operator) == (200, "")


@pytest.mark.usefixtures("soon")
def test_a_file_that_was_put_in_its_place_is_used_and_migrated(sign_in: SignIn, settings: Settings) -> None:
    operator, file = sign_in("operator"), settings.home / "app.sqlite"
    assert code(operator) == (200, "")
    backup = settings.home / "backup.sqlite"
    with sqlite3.connect(file) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    source.close()
    target.close()
    downgrade(f"sqlite:///{backup}", "0002")
    for name in ("app.sqlite-wal", "app.sqlite-shm"):
        (settings.home / name).unlink(missing_ok=True)
    backup.replace(file)
    answer = operator.get(PAGE)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), (
        "accounts are younger than that backup"
    )
    assert health(operator)[0] == 200
    assert (
        app_database.current_revision(open_database(settings.app_database)) == app_database.newest_revision()
    )


@pytest.mark.usefixtures("soon")
def test_a_damaged_database_is_said_and_mended(sign_in: SignIn, settings: Settings) -> None:
    operator, file = sign_in("operator"), settings.home / "app.sqlite"
    assert code(operator) == (200, "")
    with sqlite3.connect(file) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    good = file.read_bytes()
    file.with_name("bad").write_bytes(b"x" * len(good))
    file.with_name("good").write_bytes(good)
    file.with_name("bad").replace(file)
    status, _ = code(operator)
    assert status == 503
    assert health(operator)[0] == 503
    assert health(operator)[1]["app_database"] in ("CP-WEB-008", "CP-STORE-021")
    for name in ("app.sqlite-wal", "app.sqlite-shm"):
        (settings.home / name).unlink(missing_ok=True)
    file.with_name("good").replace(file)
    assert code(operator) == (200, "")


# The same on PostgreSQL: a server of these tests' own, which is stopped and started.


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def on_postgresql(home: Path, own_server: Server) -> Settings:
    return Settings(home=home, app_database_url=own_server.new_database())


QUESTION = {"text": "보강은 언제 하나요?"}


@pytest.mark.usefixtures("soon")
def test_while_postgresql_is_down_pages_say_so_and_its_return_is_enough(
    on_postgresql: Settings, own_server: Server
) -> None:
    client = member(create_app(on_postgresql), "operator")
    asked = client.post("/c/class/questions", data=QUESTION)
    assert asked.status_code == 303
    assert code(client) == (200, "")
    own_server.stop()
    try:
        for path in (PAGE, asked.headers["location"], "/c/class/lectures"):
            began = time.monotonic()
            assert code(client, path) == (503, "CP-WEB-008")
            assert time.monotonic() - began < 20
        refused = client.post("/c/class/questions", data={"text": "이건 저장되나요?"})
        assert (refused.status_code, "CP-WEB-008" in refused.text) == (503, True)
        assert health(client)[:2] == (503, {"app_database": "CP-WEB-008", "published:class": "version 2"})
        answer = client.get("/api/v1/c/class/lectures")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "CP-WEB-008")
        visitor = TestClient(client.app, base_url=str(client.base_url))
        assert visitor.get("/static/LICENSES.txt").status_code == 200
    finally:
        own_server.start()
    assert code(client) == (200, ""), "the same session goes on"
    assert QUESTION["text"] in client.get(asked.headers["location"]).text
    assert client.post("/c/class/questions", data={"text": "이제 저장되나요?"}).status_code == 303
    assert health(client) == (200, {"app_database": "ok", "published:class": "version 2"}, {})


@pytest.mark.usefixtures("soon")
def test_a_portal_that_starts_before_its_postgresql_needs_no_restart(
    on_postgresql: Settings, own_server: Server
) -> None:
    own_server.stop()
    try:
        app = create_app(on_postgresql)
        client = TestClient(app, base_url=app.state.services.base_url)
        client.cookies.set("session", "of-yesterday")
        assert code(client, "/account") == (503, "CP-WEB-008")
        assert health(client)[:2] == (503, {"app_database": "CP-WEB-008", "published:class": "version 2"})
    finally:
        own_server.start()
    assert health(client)[0] == 200
    assert code(member(app, "operator")) == (200, "")


@pytest.mark.exhaustive
@pytest.mark.usefixtures("soon")
def test_tables_of_postgresql_that_somebody_has_locked_are_not_waited_for_without_end(
    on_postgresql: Settings,
) -> None:
    client = member(create_app(on_postgresql), "operator")
    with open_database(on_postgresql.app_database).begin() as connection:
        connection.execute(text("lock table accounts in access exclusive mode"))
        # The lock is held until both have answered.
        assert code(client) == (503, "CP-WEB-008")
        assert health(client)[1]["app_database"] == "CP-WEB-008"
    assert code(client) == (200, "")
    assert health(client)[0] == 200


@pytest.mark.exhaustive
def test_while_another_process_writes_pages_are_read_and_writing_gives_up_soon(
    sign_in: SignIn, settings: Settings
) -> None:
    operator = sign_in("operator")
    operator.get(PAGE)  # what a portal does once is not measured
    with writing(open_database(settings.app_database)):
        began = time.monotonic()
        assert operator.get(PAGE).status_code == 200
        assert time.monotonic() - began < BUSY_S, "a read waits for no writer"
        began = time.monotonic()
        answer = operator.post(
            "/c/class/operations/identities/decisions", data={"kind": "lock", "identity_id": "x"}
        )
        assert answer.status_code in (422, 503)
        body = {"kind": "split", "identity_id": _some_identity(settings)}
        answer = operator.post("/c/class/operations/identities/decisions", data=body)
        assert (answer.status_code, "CP-STORE-022" in answer.text) == (503, True)
        assert time.monotonic() - began < 4 * BUSY_S
    assert operator.post("/c/class/operations/identities/decisions", data=body).status_code == 303


def test_a_session_is_used_although_its_last_use_cannot_be_written(settings: Settings) -> None:
    services = create_app(settings).state.services
    secret = services.accounts.open_session(services.accounts.create("a", "a"))
    later = datetime.now(UTC) + timedelta(minutes=2)
    with writing(open_database(settings.app_database)):
        began = time.monotonic()
        assert services.accounts.visitor(secret, now=later) is not None
        assert time.monotonic() - began < BUSY_S


def test_a_database_that_another_process_migrates_is_used_once_that_is_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.sqlite'}"
    upgrade(url)
    downgrade(url, "0002")
    database = AppDatabase(url, busy_s=1.0)
    with writing(open_database(url)):
        began = time.monotonic()
        refused = []
        for _ in range(20):
            with pytest.raises(StorageError) as error:
                _ = database.engine
            refused.append(error.value.code)
        assert set(refused) == {"CP-STORE-022"}
        assert time.monotonic() - began < 10, "one waits, the others get the answer at once"
    time.sleep(app_database.ASK_AGAIN_S)
    assert app_database.current_revision(database.engine) == app_database.newest_revision()


def test_a_swap_under_load_fails_no_request_and_frees_the_versions_before(
    settings: Settings, versions: Path, tmp_path: Path
) -> None:
    """Eight threads ask without a pause while ten versions are published."""
    publication, build = Publication(versions), tmp_path / "build.duckdb"
    shutil.copy(versions / "warehouse-2.duckdb", build)
    reader = PublishedReader(publication)
    wrong: list[str] = []
    asked = [0] * 8
    stop = threading.Event()

    def ask(number: int) -> None:
        while not stop.is_set():
            pinned = reader.pinned()
            try:
                mark = pinned.row("select max(n) as n from marts.mark")
                again = pinned.row("select max(n) as n from marts.mark")
            except (WebError, StorageError, duckdb.Error) as error:
                wrong.append(repr(error))
                return
            if mark != again:
                wrong.append(f"{mark} {again}")
            asked[number] += 1

    def publish(number: int) -> None:
        connection = duckdb.connect(str(build))
        connection.execute("create or replace table marts.mark as select ?::int as n", [number])
        connection.close()
        publication.publish(build)

    publish(0)
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for number in range(1, 11):
        publish(number)
        began = time.monotonic()
        while (reader.row("select n from marts.mark") or {})["n"] != number:
            assert time.monotonic() - began < 30
            time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert min(asked) > 10
    gc.collect()
    opened = {Path(file.path).name for file in psutil.Process().open_files() if "warehouse-" in file.path}
    assert opened <= {f"warehouse-{publication.current().number}.duckdb"}


def test_what_is_kept_is_made_once_however_many_ask(versions: Path) -> None:
    reader, made = PublishedReader(Publication(versions)), []

    def make() -> int:
        made.append(1)
        time.sleep(0.1)
        return reader.version.number

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(reader.kept("key", make))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(made)) == ([2] * 10, 1)


def test_of_what_takes_much_memory_one_thing_is_made_at_a_time_and_nothing_else_waits(versions: Path) -> None:
    reader, making, together = PublishedReader(Publication(versions)), [], []
    small_is_made = threading.Event()

    def large(name: str) -> str:
        making.append(name)
        together.append(len(making))
        assert small_is_made.wait(60)
        making.remove(name)
        return name

    def ask(name: str) -> None:
        found.append(reader.kept(name, lambda: large(name), large=True))

    found: list[str] = []
    threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "b", "c", "a")]
    for thread in threads:
        thread.start()
    while not making:
        time.sleep(0.001)
    assert reader.kept("small", lambda: "made") == "made"
    small_is_made.set()
    for thread in threads:
        thread.join()
    assert (sorted(found), together) == (["a", "a", "b", "c"], [1, 1, 1])


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("select * from marts.lectures where messages = ?", [2**200]),
        ("select * from marts.lectures where messages = ?", ["x"]),
        ("select * from marts.lectures where lecture_date = ?", ["2026-02-31"]),
    ],
)
def test_a_value_that_cannot_be_used_is_the_askers_mistake(
    versions: Path, sql: str, values: list[object]
) -> None:
    with pytest.raises(WebError) as error:
        PublishedReader(Publication(versions)).query(sql, values)
    assert error.value.code == "CP-WEB-006"


def test_two_readers_of_one_file_read_the_same_version(versions: Path) -> None:
    first, second = PublishedReader(Publication(versions)), PublishedReader(Publication(versions))
    assert (first.version.number, second.version.number) == (2, 2)
    assert (first.state().problem, second.state().problem) == ("", "")


def test_times_are_utc_wherever_the_machine_stands(versions: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from chat_platform.storage.publication import Publication\n"
        "from chat_platform.web.published import PublishedReader\n"
        "row = PublishedReader(Publication(Path(sys.argv[1]))).row('select max(sent_at) as at, '\n"
        "    'max(sent_at)::varchar as text from core.messages')\n"
        "print(row['at'].utcoffset(), row['text'][-3:])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(versions)],
        env={**os.environ, "TZ": "Asia/Seoul"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["0:00:00", "+00"]


def test_the_file_reaches_nothing_else(versions: Path) -> None:
    reader = PublishedReader(Publication(versions))
    for sql in (
        "select * from read_csv('/etc/passwd')",
        "attach '/tmp/other.duckdb'",
        "copy marts.lectures to '/tmp/out.csv'",
        "set enable_external_access = true",
        "install httpfs",
        "create table x as select 1",
    ):
        with pytest.raises((WebError, duckdb.Error)):
            reader.query(sql)


def test_a_defect_is_a_coded_page_with_every_header(settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("defect")

    client = TestClient(app, base_url=app.state.services.base_url, raise_server_exceptions=False)
    answer = client.get("/broken")
    assert (answer.status_code, "CP-WEB-041" in answer.text, "defect" in answer.text) == (500, True, False)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (
        client.get("/broken", headers={"accept": "application/json"}).json()["error"]["code"] == "CP-WEB-041"
    )


def _some_identity(settings: Settings) -> str:
    return min(row["identity_id"] for row in Workspace(settings).lake.read(IDENTITIES).to_pylist())


def test_a_number_that_no_column_holds_is_the_askers_mistake(settings: Settings, sign_in: SignIn) -> None:
    assert sign_in("operator").get("/c/class/audit", params={"before": 10**20}).status_code == 422
    app = create_app(settings)

    @app.get("/unbounded/{number}")
    def unbounded(number: int) -> None:
        app.state.services.tokens.revoke(1, number)

    with TestClient(app, base_url=app.state.services.base_url) as client:
        assert client.get(f"/unbounded/{10**20}").status_code == 422
        assert client.get("/unbounded/1").status_code == 404
