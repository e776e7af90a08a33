"""What is made of a published version before anybody asks for it.

What belongs here: which of the things that are kept as long as a version (``PublishedReader.kept``) take longer to
make than a page may take. What does not: making them.
"""

from __future__ import annotations

import logging

from chat_platform.errors import ChatPlatformError
from chat_platform.web import board, chats, question_columns, similar
from chat_platform.web.pages import labels
from chat_platform.web.published import PinnedReader

log = logging.getLogger(__name__)

# What most readers open first comes first.
PARTS = (
    question_columns.question_columns,
    question_columns.lecture_rows,
    board.lectures_of,
    chats.reaction_rows,
    question_columns.grouped_places,
    labels.uncertain_messages,
    similar.prepare,
)


def prepare(published: PinnedReader) -> None:
    """Make all of it; what an older file cannot give is made, and explained, when somebody asks for it."""
    for part in PARTS:
        try:
            part(published)
        except ChatPlatformError as error:
            log.warning("version %s: %s: %s", published.version.number, part.__name__, error.code)
