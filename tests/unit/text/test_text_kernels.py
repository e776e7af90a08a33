"""Kernels over tables of messages."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.files import write_parquet_atomic
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.text.kernels import clean_messages, tokenise_messages
from chat_platform.text.tokenise import TOKENIZER, tokenise

REAL = Path(__file__).parents[4] / "shared" / "data" / "ko-comments" / "unlabeled_comments_5.txt"


def messages(texts: list[str], conversation: str = "c1") -> pa.Table:
    start = datetime(2026, 3, 2, 10, tzinfo=UTC)
    return MESSAGES.table(
        {
            "message_id": f"{conversation}-{i}",
            "source": "zoom",
            "conversation_id": conversation,
            "kind": "message",
            "position": i,
            "author_name": "나래",
            "identity_id": "id",
            "sent_at": start + timedelta(seconds=i),
            "text": text,
            "clean_text": text,
            "visibility": "direct" if i % 3 == 1 else "everyone",
            "edited": False,
            "removed": i % 3 == 2,
            "ambiguous_parent": False,
        }
        for i, text in enumerate(texts)
    )


def test_cleaning_fills_two_columns_and_leaves_the_others() -> None:
    before = messages(["안녕ㅋㅋㅋㅋㅋ!!!", "print(1)", "ok", "안녕ㅋㅋㅋㅋㅋ!!!", "👍👍👍"])
    after = clean_messages(before)
    assert after.schema == MESSAGES.arrow_schema()
    assert after["clean_text"].to_pylist() == ["안녕ㅋㅋ!", "print(1)", "ok", "안녕ㅋㅋ!", "👍👍"]
    assert after["language"].to_pylist() == ["ko", "code", "en", "ko", "emoji"]
    filled = ["clean_text", "language"]
    assert after.drop_columns(filled).equals(before.drop_columns(filled))
    assert clean_messages(after).equals(after)


def test_tokens_of_every_message_come_in_the_order_of_messages() -> None:
    table = messages(["질문 있어요", "", "넵 👍", "질문 있어요", "   "])
    tokens = tokenise_messages(table)
    assert TOKENS.conform(tokens).equals(tokens)
    rows = defaultdict(list)
    for row in tokens.to_pylist():
        rows[row["message_id"]].append(row)
    assert list(rows) == ["c1-0", "c1-2", "c1-3"]
    for message in table.to_pylist():
        expected = tokenise(message["clean_text"])
        found = rows[message["message_id"]]
        assert [(r["form"], r["lemma"], r["tag"], r["start"], r["length"]) for r in found] == expected
        assert [r["position"] for r in found] == list(range(len(expected)))
    assert set(tokens["tokenizer"].to_pylist()) == {TOKENIZER}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20), max_size=8))
def test_any_messages_pass_both_kernels(texts: list[str]) -> None:
    cleaned = MESSAGES.conform(clean_messages(messages(texts)))
    tokens = TOKENS.conform(tokenise_messages(cleaned))
    by_id = dict(zip(cleaned["message_id"].to_pylist(), cleaned["clean_text"].to_pylist(), strict=True))
    for row in tokens.to_pylist():
        assert row["start"] + row["length"] <= len(by_id[row["message_id"]])


def test_empty_and_chunked_tables_pass() -> None:
    assert clean_messages(MESSAGES.empty()).equals(MESSAGES.empty())
    assert tokenise_messages(MESSAGES.empty()).equals(TOKENS.empty())
    parts = [messages(["하나 둘", "셋"], "a"), messages(["셋", "네 👍"], "b")]
    whole = pa.concat_tables(parts)
    assert whole["text"].num_chunks == 2
    apart = pa.concat_tables([tokenise_messages(clean_messages(part)) for part in parts])
    assert tokenise_messages(clean_messages(whole)).equals(apart.combine_chunks())


def test_the_engine_gives_the_same_tokens_in_one_process_and_in_several(tmp_path: Path) -> None:
    texts = ["질문 있어요", "넵 👍", "어케 하나욥", "Python 어려워요", "ㅋㅋㅋㅋ"]
    inputs = {f"c{i}": tmp_path / "messages" / f"c{i}.parquet" for i in range(5)}
    for i, (key, path) in enumerate(inputs.items()):
        write_parquet_atomic(path, clean_messages(messages(texts[i:] * 20, key)))
    results = []
    for engine in (LocalEngine(1), LocalEngine(2, small_partitions=0, small_rows=0)):
        outputs = {key: tmp_path / f"tokens{engine.workers}" / f"{key}.parquet" for key in inputs}
        outcomes = engine.map(tokenise_messages, inputs, outputs)
        assert [outcome.error for outcome in outcomes.values()] == [None] * 5
        results.append({key: pq.read_table(path) for key, path in outputs.items()})
    assert results[0] == results[1]
    assert sum(table.num_rows for table in results[0].values()) > 500


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="shared data is not here")
def test_real_comments_have_tokens_that_stand_where_they_say() -> None:
    lines = REAL.read_text(encoding="utf-8").splitlines()[:1500]
    cleaned = clean_messages(messages(lines))
    clean_text = cleaned["clean_text"].to_pylist()
    tokens = tokenise_messages(cleaned).to_pylist()
    assert len(tokens) > 10 * len(lines)
    by_id = dict(zip(cleaned["message_id"].to_pylist(), clean_text, strict=True))
    wrong = [
        row
        for row in tokens
        if row["tag"] in ("SL", "SN", "SF", "SW", "EMOJI")
        and by_id[row["message_id"]][row["start"] : row["start"] + row["length"]] != row["form"]
    ]
    assert wrong == []
    languages = cleaned["language"].to_pylist()
    assert languages.count("ko") > 0.95 * len(languages)
