"""Rows of ``ml.labels`` from what people say: corrections and imported files.

What belongs here: joining them with texts and ids. What does not: weak labels and the seed, which label wins
(``resolve``), keeping labels (``storage.labels``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chat_platform.tables.ids import digest
from chat_platform.text.language import detect
from chat_platform.text.normalise import clean

Row = Mapping[str, Any]


def correction_rows(standing: Iterable[Row], messages: Mapping[str, Row]) -> list[dict[str, Any]]:
    """Labels that people gave to messages; those of a message that is gone are left out.

    Args:
        standing: ``LabelLog.standing()``: of each person and message one.
        messages: message id → row of ``core.messages`` (conversation_id, clean_text, language).

    Returns:
        Rows of ``ml.labels`` without ``used``.
    """
    found = []
    for said in standing:
        message = messages.get(said["message_id"])
        if message is None or not message["clean_text"]:
            continue
        found.append(
            {
                "label_id": digest("label", "correction", said["message_id"], said["corrected_by"]),
                "message_id": said["message_id"],
                "conversation_id": message["conversation_id"],
                "text": message["clean_text"],
                "language": message["language"],
                "is_question": said["is_question"],
                "origin": "correction",
                "source": said["corrected_by"],
                "weight": 1.0,
                "labelled_at": said["corrected_at"],
            }
        )
    return found


def import_rows(imported: Iterable[Row]) -> list[dict[str, Any]]:
    """Labels of imported files; what a source repeats becomes one row.

    The group of a text stands where a message has its conversation, as ``import:<source>:<group>``: training and
    test are split by that column.

    Args:
        imported: ``LabelLog.imported_labels()``.

    Returns:
        Rows of ``ml.labels`` without ``used``, in the order of their first appearance.
    """
    found: dict[str, dict[str, Any]] = {}
    for said in imported:
        text = clean(said["text"])
        if not text:
            continue
        label_id = digest("label", "import", text, said["source"], said["is_question"])
        known = found.get(label_id)
        if known is not None:
            known["weight"] = max(known["weight"], said["weight"])
            continue
        group = said["group_key"]
        found[label_id] = {
            "label_id": label_id,
            "message_id": None,
            "conversation_id": None if group is None else f"import:{said['source']}:{group}",
            "text": text,
            "language": detect(text),
            "is_question": said["is_question"],
            "origin": "import",
            "source": said["source"],
            "weight": said["weight"],
            "labelled_at": said["imported_at"],
        }
    return list(found.values())
