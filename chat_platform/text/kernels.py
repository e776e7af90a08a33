"""Text kernels: Arrow table → Arrow table.

What belongs here: the two functions that a compute engine runs over partitions of ``core.messages``, and how
their Arrow columns are built. What does not: the rules of cleaning and tokenising.

A kernel works on each distinct text once and then gives every message its share by ``take``: chat repeats
itself. Memory is that of one partition; tokens of distinct texts are built slice by slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.text.language import detect
from chat_platform.text.normalise import clean
from chat_platform.text.tokenise import TOKENIZER, Tokens, tokenise_batch

# Distinct texts analysed at once: enough to keep Kiwi's threads busy, few enough to hold as Python objects.
_SLICE = 4_096


def clean_messages(messages: pa.Table) -> pa.Table:
    """Fill ``clean_text`` and ``language`` of rows of ``core.messages`` from ``text``.

    Args:
        messages: any rows of ``core.messages``; the two columns may hold anything.

    Returns:
        The same rows in the same order, with the schema of ``core.messages``.
    """
    texts = _column(messages, "text")
    cleaned = _mapped(texts, clean)
    languages = _mapped(cleaned, detect)
    filled = {"clean_text": cleaned, "language": languages}
    columns = [filled.get(name, messages[name]) for name in MESSAGES.column_names]
    return pa.Table.from_arrays(columns, schema=MESSAGES.arrow_schema())


def tokenise_messages(messages: pa.Table) -> pa.Table:
    """Tokens of every message's ``clean_text``, removed and direct messages included: marts choose.

    Args:
        messages: rows of ``core.messages``; only the ids and ``clean_text`` are read.

    Returns:
        Rows of ``core.tokens``, in the order of the messages, then of their tokens.
    """
    texts = _column(messages, "clean_text").dictionary_encode()
    counts, tokens = _distinct_tokens(texts.dictionary)
    of_message = np.asarray(texts.indices, dtype=np.int64)
    lengths = counts[of_message]
    row = np.repeat(np.arange(len(of_message)), lengths)
    first = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    position = np.arange(len(row)) - np.repeat(first, lengths)
    first_of_text = np.concatenate(([0], np.cumsum(counts)))[:-1]
    chosen = pa.array(np.repeat(first_of_text[of_message], lengths) + position)
    message = pa.array(row)
    columns = [
        _column(messages, "conversation_id").take(message),
        _column(messages, "message_id").take(message),
        pa.array(position, pa.int64()),
        *(tokens[name].take(chosen) for name in ("form", "lemma", "tag", "start", "length")),
        pa.repeat(pa.scalar(TOKENIZER, pa.string()), len(row)),
    ]
    return pa.Table.from_arrays(columns, schema=TOKENS.arrow_schema())


def _column(table: pa.Table, name: str) -> pa.Array:
    """A column as one array, also when the table has no or several chunks."""
    return pa.concat_arrays([pa.array([], table[name].type), *table[name].chunks])


def _mapped(texts: pa.Array, rule: Callable[[str], str]) -> pa.Array:
    """``rule`` applied to each distinct text once."""
    encoded = texts.dictionary_encode()
    done = pa.array([rule(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return done.take(encoded.indices)


def _distinct_tokens(texts: pa.Array) -> tuple[np.ndarray, dict[str, pa.Array]]:
    """Number of tokens of each text, and the tokens of all of them as columns, one text after another."""
    counts: list[int] = []
    slices: list[dict[str, pa.Array]] = [_token_columns([])]
    for start in range(0, len(texts), _SLICE):
        batch = tokenise_batch(texts.slice(start, _SLICE).to_pylist())
        counts += [len(tokens.forms) for tokens in batch]
        slices.append(_token_columns(batch))
    columns = {name: pa.concat_arrays([part[name] for part in slices]) for name in slices[0]}
    return np.array(counts, dtype=np.int64), columns


def _token_columns(batch: list[Tokens]) -> dict[str, pa.Array]:
    return {
        "form": _flat((tokens.forms for tokens in batch), pa.string()),
        "lemma": _flat((tokens.lemmas for tokens in batch), pa.string()),
        "tag": _flat((tokens.tags for tokens in batch), pa.string()),
        "start": _flat((tokens.starts for tokens in batch), pa.int64()),
        "length": _flat((tokens.lengths for tokens in batch), pa.int64()),
    }


def _flat(parts: Iterator[tuple[object, ...]], kind: pa.DataType) -> pa.Array:
    return pa.array([value for part in parts for value in part], kind)
