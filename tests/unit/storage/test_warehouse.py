"""The build file follows the lake, and the published file follows the build file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from chat_platform.errors import DataError, StorageError
from chat_platform.ingestion.tables import COMPUTED_TABLES, CONVERSATION_TABLES, write_conversation
from chat_platform.sources.records import ChatMessage, ChatReaction, ParsedConversation
from chat_platform.storage.lake import Lake
from chat_platform.storage.publication import Publication
from chat_platform.storage.warehouse import Warehouse
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.streams import EMOTE_USES

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def write(lake: Lake, conversation_id: str, texts: list[str]) -> None:
    messages = [ChatMessage(f"{conversation_id}-{i}", i, "김가나", AT, text) for i, text in enumerate(texts)]
    reactions = [ChatReaction(message.message_id, 0, "👍", count=2) for message in messages[:1]]
    parsed = ParsedConversation(
        conversation_id, "zoom", "zoom", len(messages) + len(reactions), messages, reactions
    )
    write_conversation(lake, parsed)
    for spec in COMPUTED_TABLES:
        lake.write(spec, spec.empty(), conversation_id)


def texts(warehouse: Warehouse) -> list[tuple[str, str]]:
    with warehouse.write() as connection:
        return connection.execute("select conversation_id, text from core.messages order by all").fetchall()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


def test_only_partitions_that_changed_are_loaded(lake: Lake, warehouse: Warehouse) -> None:
    write(lake, "a", ["one"])
    write(lake, "b", ["two"])
    assert warehouse.load(lake, CONVERSATION_TABLES).partitions == ["a", "b"]
    assert warehouse.load(lake, CONVERSATION_TABLES).partitions == []
    write(lake, "b", ["three", "four"])
    report = warehouse.load(lake, CONVERSATION_TABLES)
    assert report.partitions == ["b"]
    assert report.rows["core.messages"] == 2
    assert texts(warehouse) == [("a", "one"), ("b", "four"), ("b", "three")]


def test_a_partition_taken_out_of_the_lake_leaves_the_warehouse(lake: Lake, warehouse: Warehouse) -> None:
    write(lake, "a", ["one"])
    write(lake, "b", ["two"])
    warehouse.load(lake, CONVERSATION_TABLES)
    for spec in CONVERSATION_TABLES:
        lake.delete(spec, "a")
    assert warehouse.load(lake, CONVERSATION_TABLES).removed == ["a"]
    assert texts(warehouse) == [("b", "two")]


def test_a_conversation_waits_until_its_tables_belong_together(lake: Lake, warehouse: Warehouse) -> None:
    write(lake, "a", ["one"])
    for spec in COMPUTED_TABLES:
        lake.delete(spec, "a")
    for spec in COMPUTED_TABLES:
        assert warehouse.load(lake, CONVERSATION_TABLES).waiting == ["a"]
        assert texts(warehouse) == []
        lake.write(spec, spec.empty(), "a")
    warehouse.load(lake, CONVERSATION_TABLES)
    lake.write(MESSAGES, lake.read(MESSAGES, "a").slice(0, 0), "a")  # parsed again, not tokenised yet
    assert warehouse.load(lake, CONVERSATION_TABLES).waiting == ["a"]
    assert texts(warehouse) == [("a", "one")]


def test_a_table_that_some_conversations_lack_is_replaced_with_the_others(
    lake: Lake, warehouse: Warehouse
) -> None:
    def emotes(codes: list[str]) -> None:
        row = {"conversation_id": "b", "message_id": "b-0", "platform": "twitch", "channel_id": "1"}
        row |= {"identity_id": "i", "provider": "7tv", "emote_id": "e", "uses": 1}
        rows = [row | {"code": code, "sent_at": AT} for code in codes]
        lake.write(EMOTE_USES, EMOTE_USES.table(rows), "b")

    def load() -> tuple[list[str], list[tuple[str]]]:
        report = warehouse.load(lake, CONVERSATION_TABLES, optional=(EMOTE_USES,))
        with warehouse.write() as connection:
            return report.partitions + report.waiting, connection.execute(
                "select code from core.emote_uses order by 1"
            ).fetchall()

    def compute() -> None:
        for spec in COMPUTED_TABLES:
            lake.write(spec, spec.empty(), "b")

    write(lake, "a", ["one"])
    write(lake, "b", ["two"])
    assert load() == (["a", "b"], [])
    emotes(["Pog", "Kek"])
    assert load() == (["b"], []), "counted again, and its predictions are older"
    compute()
    assert load() == (["b"], [("Kek",), ("Pog",)])
    emotes(["Pog"])
    compute()
    assert load() == (["b"], [("Pog",)])
    lake.delete(EMOTE_USES, "b")
    assert load() == (["b"], [])
    assert load() == ([], [])


def test_loaded_conversations_stay_pending_until_somebody_clears_them(
    lake: Lake, warehouse: Warehouse
) -> None:
    write(lake, "a", ["one"])
    warehouse.load(lake, CONVERSATION_TABLES)
    warehouse.load(lake, CONVERSATION_TABLES)
    with warehouse.write() as connection:
        assert connection.execute("from meta.pending_conversations").fetchall() == [("a",)]


def test_a_table_of_an_older_declaration_is_made_anew_and_loaded_again(
    lake: Lake, warehouse: Warehouse
) -> None:
    write(lake, "a", ["one"])
    warehouse.load(lake, CONVERSATION_TABLES)
    with warehouse.write() as connection:
        connection.execute("alter table core.messages drop column offset_s")
    warehouse.load(lake, CONVERSATION_TABLES)
    assert texts(warehouse) == [("a", "one")]


def test_the_lake_refuses_a_table_that_breaks_its_declaration(lake: Lake) -> None:
    table = TOKENS.empty().drop_columns(["form"])
    with pytest.raises(DataError, match="CP-DATA-001.*|form"):
        lake.write(TOKENS, table, "a")
    assert lake.files(TOKENS) == {}


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".hidden", "a\x00"])
def test_a_partition_cannot_leave_its_folder(lake: Lake, name: str) -> None:
    with pytest.raises(StorageError) as error:
        lake.path(TOKENS, name)
    assert error.value.code == "CP-STORE-002"


def test_the_lake_works_by_url() -> None:
    lake = Lake("memory://lake-by-url")
    write(lake, "a", ["one"])
    assert lake.read(MESSAGES, "a").column("text").to_pylist() == ["one"]
    assert set(lake.files(MESSAGES)) == {"a"}


def test_a_killed_writer_frees_the_lock_and_leaves_whole_partitions(lake: Lake, warehouse: Warehouse) -> None:
    write(lake, "a", ["one"])
    script = textwrap.dedent(f"""
        from pathlib import Path
        import sys, time
        from chat_platform.storage.warehouse import Warehouse
        with Warehouse(Path({str(warehouse.folder)!r})).write() as connection:
            connection.begin()
            connection.execute("create table core.half as select 1 as x")
            print("holding", flush=True)
            time.sleep(60)
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"holding\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    started = time.monotonic()
    warehouse.load(lake, CONVERSATION_TABLES)
    assert time.monotonic() - started < 10
    assert texts(warehouse) == [("a", "one")]
    with warehouse.write() as connection:
        assert connection.execute(
            "select count(*) from duckdb_tables() where table_name = 'half'"
        ).fetchone() == (0,)


def publish(warehouse: Warehouse, publication: Publication) -> tuple[int, bool]:
    with warehouse.lock():
        version, new = publication.publish(warehouse.build_path)
    return version.number, new


def test_publication_numbers_versions_keeps_the_last_and_rolls_back(lake: Lake, warehouse: Warehouse) -> None:
    publication = Publication(warehouse.folder / "published", keep=3)
    for number in range(1, 6):
        write(lake, "a", ["x"] * number)
        warehouse.load(lake, CONVERSATION_TABLES)
        assert publish(warehouse, publication) == (number, True)
        assert publish(warehouse, publication) == (number, False)
    assert sorted(p.name for p in publication.folder.glob("*.duckdb")) == [
        f"warehouse-{n}.duckdb" for n in (3, 4, 5)
    ]
    assert publication.rollback().number == 4
    with publication.read() as connection:
        assert connection.execute("select count(*) from core.messages").fetchone() == (4,)


def test_readers_see_only_whole_versions_while_versions_are_published(
    lake: Lake, warehouse: Warehouse
) -> None:
    """Two tables always change together; no reader may see them apart or go back in time."""
    publication = Publication(warehouse.folder / "published", keep=3)
    with warehouse.write() as connection:
        connection.execute("create table core.x as select 0 as n; create table core.y as select 0 as n")
    publish(warehouse, publication)
    stop, errors, reads = threading.Event(), [], []

    def reader() -> None:
        last = -1
        while not stop.is_set():
            try:
                with publication.read() as connection:
                    x, y = connection.execute("select (from core.x), (from core.y)").fetchone() or (
                        None,
                        None,
                    )
                if x != y or x < last:
                    errors.append((x, y, last))
                last = x
                reads.append(x)
            except (duckdb.Error, OSError, StorageError) as error:
                errors.append(error)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 25):
        with warehouse.write() as connection:
            connection.execute("update core.x set n = ?", [number])
            connection.execute("update core.y set n = ?", [number])
        publish(warehouse, publication)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert max(reads) > 0


def test_nothing_published_is_a_coded_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as error:
        Publication(tmp_path).current()
    assert error.value.code == "CP-STORE-005"
