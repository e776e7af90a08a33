"""From the archived day to the lake: what nobody outside the vault may see stays there."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from chat_platform.ingestion.discovery import ticket_vault
from chat_platform.ingestion.slack_days import parse, recent_passcodes
from chat_platform.settings import Settings
from chat_platform.sources.zoom.port import RecordingTicket
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES

DAY_ID = "slack-C0GENERAL-20260305"
PASSCODE = "Xq7%haBc"


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path))


def keep_ticket(home: Workspace, recording_id: str, passcode: str | None) -> None:
    secret = None if passcode is None else SecretStr(passcode)
    ticket_vault(home).save(RecordingTicket(recording_id, "https://zoom.us/rec/share/x", secret))


def archive(home: Workspace, *texts: str) -> None:
    start = int(datetime(2026, 3, 5, 1, tzinfo=UTC).timestamp())
    messages = [
        {"type": "message", "user": "U0AAAAAAA", "ts": f"{start + n}.000100", "text": text}
        for n, text in enumerate(texts)
    ]
    home.vault.write("slack", DAY_ID, "answer", json.dumps({"messages": messages}).encode("utf-8"))
    home.ledger.announce([Announced(DAY_ID, "slack", "channel_day", "r1")])


def texts_in_lake(home: Workspace) -> list[str]:
    rows = home.lake.read(MESSAGES, DAY_ID).to_pylist()
    return [row["text"] for row in sorted(rows, key=lambda row: row["sent_at"])]


def test_a_passcode_that_is_repeated_in_chat_without_any_label_is_taken_out(home: Workspace) -> None:
    keep_ticket(home, "zoom-20260302-0123456789ab", PASSCODE)
    archive(home, f"그거 {PASSCODE} 넣으면 열려요", "감사합니다")
    assert parse(home, DAY_ID, {}).state == "parsed"
    assert texts_in_lake(home) == ["그거 [redacted] 넣으면 열려요", "감사합니다"]


def test_without_the_ticket_the_same_text_is_chat_like_any_other(home: Workspace) -> None:
    archive(home, f"그거 {PASSCODE} 넣으면 열려요")
    parse(home, DAY_ID, {})
    assert texts_in_lake(home) == [f"그거 {PASSCODE} 넣으면 열려요"]


@pytest.mark.parametrize(
    ("stamp", "known"),
    [("20260305", True), ("20260306", True), ("20260307", False), ("20251106", True), ("20251104", False)],
)
def test_passcodes_of_recent_recordings_are_known(home: Workspace, stamp: str, known: bool) -> None:
    keep_ticket(home, f"zoom-{stamp}-0123456789ab", PASSCODE)
    keep_ticket(home, f"zoom-{stamp}-ba9876543210", None)
    keep_ticket(home, "zoom-nodate-0123456789ab", "other-passcode")
    assert recent_passcodes(home, date(2026, 3, 5)) == ({PASSCODE} if known else set())
