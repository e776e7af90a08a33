"""A believable class of the generator, saved as a file and read back."""

from __future__ import annotations

from collections import Counter
from datetime import UTC

import pytest

from chat_platform.simulators.class_generator import generate_class
from chat_platform.simulators.saved_chat import saved_messages, write_saved_chat
from chat_platform.sources.zoom.dialects import Dialect
from chat_platform.sources.zoom.saved_chat import SavedFile, parse_saved_chat

from .chats import SEOUL, every_line_is_accounted_for


@pytest.mark.parametrize("dialect", [Dialect.V1, Dialect.V2, Dialect.V3])
@pytest.mark.parametrize("code", ["en", "ko"])
def test_a_generated_lecture_is_read_back_with_its_totals(dialect: Dialect, code: str) -> None:
    recording = next(iter(generate_class(seed=7, recordings=1)))
    data = write_saved_chat(saved_messages(recording, SEOUL), dialect, code)
    parsed = parse_saved_chat(
        [SavedFile("chat.txt", data)], conversation_id="c1", day=recording.info.day, zone=SEOUL
    )
    said = [utterance for utterance in recording.utterances if not utterance.deleted]
    assert Counter(
        (m.author_name, m.text, m.sent_at, m.visibility, m.recipient_name) for m in parsed.messages
    ) == Counter(
        (
            u.sender_name,
            u.text,
            u.sent_at.replace(microsecond=0).astimezone(UTC),
            u.visibility,
            u.recipient_name,
        )
        for u in said
    )
    active = Counter((r.reactor_name, r.emoji) for r in parsed.reactions if not r.removed)
    assert active == Counter(
        (r.reactor_name, r.emoji) for u in said for r in u.reactions if r.removed_at is None
    )
    assert parsed.quarantined == []
    assert every_line_is_accounted_for(parsed)
    # A reply to a message that was deleted quotes what nobody can find any more.
    deleted = {utterance.message_id for utterance in recording.utterances if utterance.deleted}
    orphans = sum(utterance.parent_id in deleted for utterance in said)
    assert parsed.report.replies_without_parent <= orphans
    # Where the quote is not ambiguous it leads to the very message.
    parents = {(u.sender_name, u.text, u.sent_at.replace(microsecond=0)): u.parent_id for u in said}
    texts = {u.message_id: u.text for u in recording.utterances}
    by_id = {m.message_id: m.text for m in parsed.messages}
    certain = [m for m in parsed.messages if m.parent_id is not None and not m.ambiguous_parent]
    assert certain
    for message in certain:
        source = parents[(message.author_name, message.text, message.sent_at)]
        if source not in deleted:
            assert by_id[message.parent_id] == texts[source]
