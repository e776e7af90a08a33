"""Two real saved chats, kept outside the repository: every line is accounted for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat_platform.sources.records import to_tables
from chat_platform.sources.zoom.saved_chat import ParsedSavedChat, SavedFile, parse_saved_chat

from .chats import DAY, SEOUL, every_line_is_accounted_for

SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "zoom-chat-samples"


def _parsed(name: str) -> ParsedSavedChat:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("real files are not here")
    return parse_saved_chat([SavedFile(name, path.read_bytes())], conversation_id="c1", day=DAY, zone=SEOUL)


@pytest.mark.real_data
def test_the_file_of_2020_without_receivers_is_read_whole() -> None:
    parsed = _parsed("mqRusers.txt")
    assert every_line_is_accounted_for(parsed)
    assert parsed.report.lines == 77
    assert parsed.counts() == {
        "records": 77,
        "messages": 77,
        "replies": 0,
        "reactions": 0,
        "removals": 0,
        "quarantined": 0,
        "duplicates": 0,
    }
    assert len({m.author_name for m in parsed.messages}) == 18
    assert {m.visibility for m in parsed.messages} == {"everyone"}
    # 14:00:39 in Seoul.
    assert parsed.messages[0].sent_at == datetime(2026, 3, 2, 5, 0, 39, tzinfo=UTC)
    assert to_tables(parsed)["messages"].num_rows == 77


@pytest.mark.real_data
def test_the_file_of_2021_with_receivers_marks_its_direct_messages() -> None:
    parsed = _parsed("WomenInTechAllies.txt")
    assert every_line_is_accounted_for(parsed)
    assert parsed.report.lines == 38
    assert parsed.counts()["messages"] == 38
    assert len({m.author_name for m in parsed.messages}) == 12
    direct = [m for m in parsed.messages if m.visibility == "direct"]
    assert len(direct) == 5
    assert {m.recipient_name for m in direct} == {"Cara Lind", "Lia Costa"}
    assert any(m.author_name.endswith("(she/her)") for m in parsed.messages)
