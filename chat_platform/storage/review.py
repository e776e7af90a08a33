"""Messages that people label, looked up in the published file.

What belongs here: finding messages by id, and those of which the model is least sure. What does not: keeping what
people say (``labels``), asking them (``cli``, ``web``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import duckdb

from chat_platform.errors import ModelError, StorageError
from chat_platform.storage.publication import Publication

_MESSAGES = """
    select message_id, conversation_id, clean_text, language
    from core.messages where message_id in (select unnest(?::varchar[]))
"""

# Each text is asked once, and not when somebody spoke of an equal one. Direct messages are nobody else's business.
_UNCERTAIN = """
    with said as (
        select message_id, clean_text from core.messages where message_id in (select unnest($said::varchar[]))
    ),
    candidates as (
        select
            m.message_id, m.conversation_id, m.position, m.clean_text, p.probability, p.threshold, p.model_version,
            abs(p.probability - p.threshold) as distance
        from ml.question_predictions as p
        inner join core.messages as m on m.message_id = p.message_id
        where not m.removed and m.visibility = 'everyone' and m.clean_text <> ''
            and m.source in ('zoom', 'zoom_file', 'slack')
            and m.clean_text not in (select clean_text from said)
    ),
    chosen as (
        select * from candidates
        qualify row_number() over (partition by clean_text order by distance, message_id) = 1
        order by distance, message_id
        limit $number
    ),
    before as (
        select conversation_id, position, clean_text from core.messages
        where not removed and visibility = 'everyone'
            and conversation_id in (select conversation_id from chosen)
    )
    select
        c.message_id, c.probability, c.threshold, c.model_version,
        (
            select arg_max(b.clean_text, b.position) from before as b
            where b.conversation_id = c.conversation_id and b.position < c.position
        ) as before,
        c.clean_text as text
    from chosen as c
    order by c.distance, c.message_id
"""

# Predictions in the order of their doubt are cut before messages are looked at: a portal asks this of ten million.
_POOL = """
    with nearest as (
        select message_id, conversation_id, probability, threshold, abs(probability - threshold) as distance
        from ml.question_predictions
        where conversation_id in (
            select conversation_id from core.conversations where source in ('zoom', 'zoom_file', 'slack')
        )
        order by distance, message_id
        limit $number
    )
    select m.message_id, m.conversation_id, m.text, m.clean_text, n.probability, n.threshold
    from nearest as n
    inner join core.messages as m on m.message_id = n.message_id and m.conversation_id = n.conversation_id
    where not m.removed and m.visibility = 'everyone' and m.clean_text <> ''
    qualify row_number() over (partition by m.clean_text order by n.distance, n.message_id) = 1
    order by n.distance, m.message_id
"""


def uncertain_pool(
    query: Callable[[str, dict[str, Any]], list[dict[str, Any]]], number: int
) -> list[dict[str, Any]]:
    """Messages of which the model is least sure, whatever was said of them, the closest to the threshold first.

    Args:
        query: asks the published tables.
        number: predictions that are looked at; equal texts and what the class cannot see are left out of them.

    Returns:
        message_id, conversation_id, text, clean_text, probability and threshold.
    """
    return query(_POOL, {"number": number})


def published_messages(publication: Publication, message_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Message id → conversation_id, clean_text and language of those that are published.

    Empty, too, as long as nothing was published.
    """
    ids = list(message_ids)
    try:
        rows = _query(publication, _MESSAGES, [ids]) if ids else []
    except (duckdb.CatalogException, StorageError) as error:
        if isinstance(error, StorageError) and error.code != "CP-STORE-005":
            raise
        return {}
    return {row["message_id"]: row for row in rows}


def most_uncertain(publication: Publication, number: int, said: Iterable[str]) -> list[dict[str, Any]]:
    """Messages whose probability lies closest to the threshold, the closest first.

    Args:
        publication: published versions.
        number: how many at most.
        said: ids of messages that somebody spoke of; they and messages of equal text are left out.

    Returns:
        message_id, probability, threshold, model_version, before (the message before it, for context) and text.

    Raises:
        ModelError: CP-ML-018 when nothing was predicted yet.
        StorageError: CP-STORE-005 when nothing was published.
    """
    try:
        return _query(publication, _UNCERTAIN, {"said": list(said), "number": number})
    except duckdb.CatalogException as error:
        raise ModelError("CP-ML-018") from error


def _query(publication: Publication, sql: str, parameters: object) -> list[dict[str, Any]]:
    with publication.read() as connection:
        return connection.execute(sql, parameters).to_arrow_table().to_pylist()
