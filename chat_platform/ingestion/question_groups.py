"""Similar questions over all lectures, grouped for the warehouse.

What belongs here: reading what was predicted, writing and loading the groups. What does not: what makes two
questions similar (``ml.similar``).
"""

from __future__ import annotations

from dataclasses import dataclass

from chat_platform.ml.similar import group_similar, questions_of
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.models import QUESTION_GROUPS

# The portal may say that a message is a question although the model does not, and the other way round.
_MESSAGES = """
select m.* from core.messages m
join ml.question_predictions p using (message_id)
left join core.portal_questions said using (message_id)
where coalesce(said.state <> 'not_question', p.is_question)
    and not m.removed and m.visibility = 'everyone' and m.source in ('zoom', 'zoom_file')
"""
_TOKENS = f"select t.* from core.tokens t where t.message_id in (select message_id from ({_MESSAGES}))"  # noqa: S608


@dataclass(frozen=True)
class GroupReport:
    """Questions that were compared, and groups of two or more among them."""

    questions: int
    groups: int


def group_questions(workspace: Workspace) -> GroupReport:
    """Group the questions that are loaded, and load the groups."""
    with workspace.warehouse.write() as connection:
        messages = connection.execute(_MESSAGES).to_arrow_table()
        tokens = connection.execute(_TOKENS).to_arrow_table()
    groups = group_similar(questions_of(messages, tokens))
    if not workspace.lake.files(QUESTION_GROUPS) or not workspace.lake.read(QUESTION_GROUPS).equals(groups):
        workspace.lake.write(QUESTION_GROUPS, groups)
    workspace.warehouse.load(workspace.lake, (QUESTION_GROUPS,))
    together = groups.filter(groups["similarity"].is_valid())
    return GroupReport(groups.num_rows, len(together["group_id"].unique()))
