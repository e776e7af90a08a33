"""Messages as models see them: clean text, its tokens and what stood around it.

What belongs here: the Arrow schema that every model reads, and the two ways to make it: from tables of the
platform (tokens are taken from ``core.tokens``, never computed again) and from loose texts. What does not:
features and models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.text.language import detect
from chat_platform.text.normalise import clean

_TOKENS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        pa.field("message_id", pa.string()),
        pa.field("conversation_id", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("forms", _TOKENS, nullable=False),
        pa.field("tags", _TOKENS, nullable=False),
        pa.field("language", pa.string()),
        pa.field("author", pa.string()),
        pa.field("role", pa.string()),
        pa.field("is_reply", pa.bool_()),
        pa.field("has_reply", pa.bool_()),
        pa.field("previous_forms", _TOKENS),
        pa.field("previous_tags", _TOKENS),
    ]
)
"""``text`` is clean text; ``forms`` and ``tags`` are its tokens. ``author`` is the identity
that wrote it, ``role`` its role. ``previous_…``
are the tokens of the message that it answers, else of the one before it by somebody else. A null says that
nothing is known, as of a text that came alone."""


def from_texts(texts: Sequence[str], **columns: Sequence[Any]) -> pa.Table:
    """Messages of loose texts: cleaned and tokenised here, without context unless it is given.

    Args:
        texts: as people wrote them.
        columns: further columns of ``SCHEMA`` by name, of the same length.
    """
    from chat_platform.text.tokenise import tokenise_batch

    cleaned = [clean(text) for text in texts]
    tokens = tokenise_batch(cleaned)
    known = {
        "text": cleaned,
        "forms": [list(found.forms) for found in tokens],
        "tags": [list(found.tags) for found in tokens],
        "language": [detect(text) for text in cleaned],
        **columns,
    }
    nothing = [None] * len(cleaned)
    return pa.table({name: known.get(name, nothing) for name in SCHEMA.names}, schema=SCHEMA)


def from_tables(messages: pa.Table, tokens: pa.Table, roles: Mapping[str, str] | None = None) -> pa.Table:
    """Messages of whole conversations, with their context.

    Args:
        messages: rows of ``core.messages`` of one or several whole conversations.
        tokens: rows of ``core.tokens`` of the same.
        roles: identity id → role of its person or name.

    Returns:
        One row a message, in the order of conversation and position.
    """
    messages = messages.sort_by([("conversation_id", "ascending"), ("position", "ascending")])
    identities = messages["identity_id"].to_pylist()
    ids, parents = messages["message_id"].to_pylist(), messages["parent_id"].to_pylist()
    forms, tags = _tokens_of(ids, tokens)
    before = _before(ids, parents, identities, messages["conversation_id"].to_pylist())
    answered = {parent for parent in parents if parent is not None}
    previous = pa.array([None if row is None else row for row in before], pa.int64())
    roles = roles or {}
    columns = {
        "message_id": messages["message_id"],
        "conversation_id": messages["conversation_id"],
        "text": messages["clean_text"],
        "forms": forms,
        "tags": tags,
        "language": messages["language"],
        "author": messages["identity_id"],
        "role": pa.array([roles.get(identity) for identity in identities], pa.string()),
        "is_reply": pc.equal(messages["kind"], "reply"),
        "has_reply": pa.array([message_id in answered for message_id in ids], pa.bool_()),
        "previous_forms": forms.take(previous),
        "previous_tags": tags.take(previous),
    }
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _tokens_of(ids: Sequence[str], tokens: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Forms and tags of each message, as lists in the order of ``ids``."""
    place = {message_id: row for row, message_id in enumerate(ids)}
    encoded = pc.dictionary_encode(tokens["message_id"].combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    of_message = np.array([place.get(i, -1) for i in encoded.dictionary.to_pylist()], dtype=np.int64)
    rows = of_message[np.asarray(encoded.indices)] if len(encoded) else np.empty(0, dtype=np.int64)
    position = np.asarray(tokens["position"].combine_chunks(), dtype=np.int64)
    order = np.lexsort((position, rows))
    order = order[rows[order] >= 0]
    offsets = np.concatenate(([0], np.cumsum(np.bincount(rows[order], minlength=len(ids)))))
    return tuple(
        pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), tokens[name].combine_chunks().take(pa.array(order))
        )
        for name in ("form", "tag")
    )


def _before(
    ids: Sequence[str], parents: Sequence[str | None], authors: Sequence[str], conversations: Sequence[str]
) -> list[int | None]:
    """Row of the message that each one answers: its parent, else the last one before by somebody else."""
    place = {message_id: row for row, message_id in enumerate(ids)}
    found: list[int | None] = []
    other: int | None = None
    for row, parent in enumerate(parents):
        if row == 0 or conversations[row] != conversations[row - 1]:
            other = None
        elif authors[row] != authors[row - 1]:
            other = row - 1
        found.append(place.get(parent, other) if parent is not None else other)
    return found
