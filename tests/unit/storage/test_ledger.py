"""The ledger knows where each conversation stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat_platform.errors import ChatPlatformError, DataError, StorageError
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.ledger import Announced, Ledger
from chat_platform.tables.class_chat import CONVERSATIONS

COUNTS = dict.fromkeys(
    ("records", "messages", "replies", "reactions", "removals", "quarantined", "duplicates"), 1
)
TRANSIENT: ChatPlatformError = StorageError("CP-STORE-001")
PERMANENT: ChatPlatformError = DataError("CP-DATA-002")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    url = f"sqlite:///{tmp_path / 'app.sqlite'}"
    upgrade(url)
    return Ledger(open_database(url), retry_wait=timedelta(minutes=10), max_attempts=3)


def announced(revision: str = "r1", conversation_id: str = "zoom-1") -> Announced:
    return Announced(conversation_id, "zoom", "recording", revision, title="첫 강의")


def fetch(ledger: Ledger, conversation_id: str = "zoom-1") -> None:
    ledger.mark_fetched(conversation_id, strategy="http", payload_sha256="aa", fetched_at=datetime.now(UTC))


def test_an_announcement_is_due_once_and_its_repetition_changes_nothing(ledger: Ledger) -> None:
    assert ledger.announce([announced()]) == ["zoom-1"]
    assert ledger.announce([announced()]) == []
    assert ledger.due("zoom") == ["zoom-1"]
    assert ledger.due("slack") == []


def test_a_recording_goes_from_announced_to_published(ledger: Ledger) -> None:
    ledger.announce([announced()])
    fetch(ledger)
    assert ledger.due("zoom") == ["zoom-1"]
    ledger.mark_parsed("zoom-1", COUNTS, title="Zoom's own title")
    assert ledger.due("zoom") == ["zoom-1"], "its run may have died before tokens were written"
    assert ledger.unpublished() == ["zoom-1"]
    entry = ledger.get("zoom-1")
    assert entry is not None
    assert entry["title"] == "첫 강의"
    assert ledger.mark_published(4, {"zoom-1": ("parsed", entry["parsed_at"])}) == 1
    assert ledger.unpublished() == []
    assert ledger.due("zoom") == []


def test_an_entry_that_moved_on_since_the_build_stays_unpublished(ledger: Ledger) -> None:
    ledger.announce([announced()])
    fetch(ledger)
    ledger.mark_parsed("zoom-1", COUNTS)
    before = ledger.get("zoom-1")
    assert before is not None
    ledger.mark_parsed("zoom-1", COUNTS)
    assert ledger.mark_published(1, {"zoom-1": ("parsed", before["parsed_at"])}) == 0
    assert ledger.unpublished() == ["zoom-1"]


def test_a_transient_failure_is_tried_again_after_a_wait_that_doubles(ledger: Ledger) -> None:
    ledger.announce([announced()])
    waits = []
    for _ in range(2):
        assert ledger.mark_failed("zoom-1", TRANSIENT) == "failed"
        entry = ledger.get("zoom-1")
        assert entry is not None
        waits.append((entry["next_attempt_at"] - datetime.now(UTC)).total_seconds() / 60)
        assert ledger.due("zoom") == []
        assert ledger.due("zoom", now=entry["next_attempt_at"]) == ["zoom-1"]
    assert [round(wait) for wait in waits] == [10, 20]
    ledger.mark_failed("zoom-1", TRANSIENT)
    assert ledger.due("zoom", now=datetime.now(UTC) + timedelta(days=99)) == []


def test_a_permanent_failure_waits_for_a_changed_announcement(ledger: Ledger) -> None:
    ledger.announce([announced()])
    assert ledger.mark_failed("zoom-1", PERMANENT) == "quarantined"
    assert ledger.due("zoom", now=datetime.now(UTC) + timedelta(days=99)) == []
    assert ledger.announce([announced("r2")]) == ["zoom-1"]
    assert ledger.due("zoom") == ["zoom-1"]
    entry = ledger.get("zoom-1")
    assert entry is not None
    assert (entry["attempts"], entry["reason"]) == (0, None)


def test_progress_changes_when_there_is_something_new_to_do(ledger: Ledger) -> None:
    ledger.announce([announced()])
    seen = [ledger.progress(["zoom-1"])]
    ledger.mark_failed("zoom-1", TRANSIENT)
    seen.append(ledger.progress(["zoom-1"]))
    fetch(ledger)
    seen.append(ledger.progress(["zoom-1"]))
    assert len({tuple(facts) for facts in seen}) == 3


def test_rows_have_the_columns_of_the_conversations_table(ledger: Ledger) -> None:
    ledger.announce([announced(), announced(conversation_id="zoom-2")])
    ledger.quarantine(announced(conversation_id="announcement-1"), "announcement_without_link")
    table = CONVERSATIONS.table(ledger.rows())
    assert table.column("conversation_id").to_pylist() == ["announcement-1", "zoom-1", "zoom-2"]
    assert ledger.states() == {("zoom", "announced"): 2, ("zoom", "quarantined"): 1}
