"""Messages as models see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from chat_platform.ml.messages import SCHEMA, from_tables, from_texts
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.text import tokenise
from chat_platform.text.kernels import clean_messages, tokenise_messages

AT = datetime(2026, 3, 2, tzinfo=UTC)
# conversation, position, id, author, parent, text
CHAT = (
    ("b", 0, "b0", "kim", None, "둘째 시간입니다"),
    ("a", 0, "a0", "kim", None, "안녕하세요 질문 받겠습니다"),
    ("a", 2, "a2", "lee", None, "아 그리고 이것도요"),
    ("a", 1, "a1", "lee", None, "이거 왜 안 되나요?"),
    ("a", 3, "a3", "kim", "a1", "경로를 확인하세요"),
    ("a", 4, "a4", "park", None, "how do I run it"),
    ("b", 1, "b1", "lee", "gone", "네"),
    ("b", 2, "b2", "lee", None, "😀"),
    ("b", 3, "b3", "kim", None, ""),
)


def tables(rows: Sequence[tuple[Any, ...]] = CHAT) -> tuple[pa.Table, pa.Table]:
    """``core.messages`` and ``core.tokens`` as the platform makes them."""
    raw = MESSAGES.table(
        {
            "message_id": message_id,
            "source": "zoom",
            "conversation_id": conversation,
            "kind": "reply" if parent else "message",
            "position": position,
            "identity_id": author,
            "sent_at": AT,
            "text": text,
            "clean_text": text,
            "parent_id": parent,
            "visibility": "everyone",
            "edited": False,
            "removed": False,
            "ambiguous_parent": False,
        }
        for conversation, position, message_id, author, parent, text in rows
    )
    messages = clean_messages(raw)
    return messages, tokenise_messages(messages)


def by_id(found: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["message_id"]: row for row in found.to_pylist()}


@pytest.fixture(scope="module")
def found() -> pa.Table:
    return from_tables(*tables(), roles={"kim": "teacher", "lee": "student"})


def test_rows_are_in_the_order_of_conversation_and_position(found: pa.Table) -> None:
    assert found.schema == SCHEMA
    assert found["message_id"].to_pylist() == ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3"]


def test_tokens_of_tables_are_those_of_texts(found: pa.Table) -> None:
    again = from_texts(found["text"].to_pylist())
    for name in ("text", "forms", "tags", "language"):
        assert found[name].to_pylist() == again[name].to_pylist()


def test_tables_are_never_tokenised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    messages, tokens = tables()

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("tokenised again")

    for name in ("tokenise", "tokenise_batch"):
        monkeypatch.setattr(tokenise, name, refuse)
    with pytest.raises(AssertionError, match="tokenised again"):
        from_texts(["이거 왜"])
    assert from_tables(messages, tokens).num_rows == len(CHAT)


def test_the_order_of_token_rows_does_not_matter(found: pa.Table) -> None:
    messages, tokens = tables()
    shuffled = tokens.take(pa.array(range(len(tokens) - 1, -1, -1)))
    in_parts = pa.concat_tables([shuffled.slice(0, 5), shuffled.slice(5)])
    roles = {"kim": "teacher", "lee": "student"}
    assert from_tables(messages, in_parts, roles).equals(found)


def test_tokens_of_other_messages_are_left_out(found: pa.Table) -> None:
    messages, tokens = tables()
    fewer = messages.filter(pa.array([value != "a1" for value in messages["message_id"].to_pylist()]))
    rows = by_id(from_tables(fewer, tokens))
    assert rows["a2"]["forms"] == by_id(found)["a2"]["forms"]
    assert "a1" not in rows


def test_a_message_without_tokens_has_an_empty_list(found: pa.Table) -> None:
    assert by_id(found)["b3"]["forms"] == []
    messages, tokens = tables()
    assert from_tables(messages, tokens.slice(0, 0))["tags"].to_pylist() == [[]] * len(CHAT)


def test_roles_are_those_of_the_author(found: pa.Table) -> None:
    roles = {row["message_id"]: row["role"] for row in found.to_pylist()}
    assert (roles["a0"], roles["a1"], roles["a4"]) == ("teacher", "student", None)


def test_replies_and_what_was_replied_to(found: pa.Table) -> None:
    rows = by_id(found)
    assert {key for key, row in rows.items() if row["is_reply"]} == {"a3", "b1"}
    assert {key for key, row in rows.items() if row["has_reply"]} == {"a1"}


@pytest.mark.parametrize(
    ("message", "before"),
    [
        ("a0", None),
        ("a1", "a0"),
        # Somebody who goes on still answers the same person.
        ("a2", "a0"),
        # A reply answers its parent, not its neighbour.
        ("a3", "a1"),
        ("a4", "a3"),
        # The conversation before is another one.
        ("b0", None),
        # The parent is not there, so what stood before is the next best.
        ("b1", "b0"),
        ("b2", "b0"),
        ("b3", "b2"),
    ],
)
def test_the_message_before(found: pa.Table, message: str, before: str | None) -> None:
    rows = by_id(found)
    expected = (None, None) if before is None else (rows[before]["forms"], rows[before]["tags"])
    assert (rows[message]["previous_forms"], rows[message]["previous_tags"]) == expected


def test_a_single_conversation_has_the_context_that_it_has_among_others(found: pa.Table) -> None:
    messages, tokens = tables([row for row in CHAT if row[0] == "b"])
    alone = from_tables(messages, tokens, {"kim": "teacher", "lee": "student"})
    assert alone.to_pylist() == [row for row in found.to_pylist() if row["conversation_id"] == "b"]


def test_no_messages_no_rows() -> None:
    messages, tokens = tables([])
    assert from_tables(messages, tokens).num_rows == 0
    assert from_texts([]).schema == SCHEMA


def test_loose_texts_are_cleaned_and_know_nothing_of_a_context() -> None:
    row = from_texts(["  이거 왜 안 돼요ㅋㅋㅋㅋㅋ??  "], role=["student"]).to_pylist()[0]
    assert row["text"] == "이거 왜 안 돼요ㅋㅋ?"
    assert row["language"] == "ko"
    assert row["role"] == "student"
    unknown = ("message_id", "conversation_id", "is_reply", "has_reply", "previous_forms", "previous_tags")
    assert all(row[name] is None for name in unknown)
    assert len(row["forms"]) == len(row["tags"]) > 4
