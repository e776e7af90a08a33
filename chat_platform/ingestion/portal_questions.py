"""What people did about questions on the portal, as a table: ``core.portal_questions``.

What belongs here: reading it from the app database, writing it into the lake. What does not: the rules (``storage``:
``question_states``, ``verdicts``), what the metrics make of it (dbt).

The table is read anew each time and written only when it is another one: where nothing changed on the portal, a run
finds the file that it knows. Nobody is named in it: who hides from the class has no role here either, and whose
question it was stays in the app database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chat_platform.storage.asked import AskedStore, number_of
from chat_platform.storage.board import BoardStore, Counts, FirstAnswer
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.question_states import is_wanted, role_in_class, state_of
from chat_platform.storage.verdicts import verdicts
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import PORTAL_QUESTIONS

_NOTHING = Counts()


def write_portal_questions(workspace: Workspace) -> bool:
    """Bring the table in the lake up to the app database; whether it changed."""
    table = PORTAL_QUESTIONS.table(sorted(_rows(workspace), key=lambda row: row["message_id"]))
    lake = workspace.lake
    if lake.files(PORTAL_QUESTIONS) and lake.read(PORTAL_QUESTIONS).equals(table):
        return False
    lake.write(PORTAL_QUESTIONS, table)
    return True


def _rows(workspace: Workspace) -> Iterator[dict[str, Any]]:
    class_id, database = workspace.settings.web.class_id, workspace.database
    board, asked = BoardStore(database, class_id), AskedStore(database, class_id)
    counts, first = board.counts(), board.first_answers()
    said = verdicts(LabelLog(database).standing(), board.staff())
    yield from _typed(asked, counts, first)
    for message_id in {*said, *counts}:
        count, verdict = counts.get(message_id, _NOTHING), said.get(message_id)
        state = state_of("open", count, verdict)
        if number_of(message_id) is None and (state == "not_question" or is_wanted(verdict, count)):
            yield _row(message_id, state, count, first.get(message_id))


def _typed(
    asked: AskedStore, counts: Mapping[str, Counts], first: Mapping[str, FirstAnswer]
) -> Iterator[dict[str, Any]]:
    """Questions that were typed on the portal."""
    hidden = asked.hidden()
    for one in asked.all():
        count = counts.get(one.question_id, _NOTHING)
        row = _row(one.question_id, state_of("open", count, None), count, first.get(one.question_id))
        yield row | {
            "is_typed": True,
            "conversation_id": one.conversation_id,
            "asked_at": one.created_at,
            "offset_s": one.offset_s,
            "text": one.text,
            "role": None if one.question_id in hidden else role_in_class(one.role),
        }


def _row(message_id: str, state: str, count: Counts, answer: FirstAnswer | None) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "state": state,
        "is_typed": False,
        "answers": count.answers,
        "answered_at": answer.written_at if answer else None,
        "answered_by_role": role_in_class(answer.role) if answer else None,
    }
