"""The last step: what was built and checked becomes what everybody reads.

What belongs here: copying under the writer's lock and telling the ledger. What does not: the copy itself and
the pointer (``storage.publication``).
"""

from __future__ import annotations

from chat_platform.storage.publication import PublishedVersion
from chat_platform.storage.workspace import Workspace


def publish(workspace: Workspace) -> tuple[PublishedVersion, bool, int]:
    """Publish the build file as it stands.

    A conversation that no metric has taken in, because it was loaded after they were built, is not published for the
    ledger: the next run publishes it. So it is, too, when the process dies before the ledger knows.

    Returns:
        The current version, whether it is new, and how many conversations the ledger marked as published.
    """
    warehouse = workspace.warehouse
    with warehouse.lock():
        with warehouse.open_locked() as connection:
            rows = connection.execute(
                "select conversation_id, state, parsed_at from core.conversations "
                "where conversation_id not in (select conversation_id from meta.pending_conversations)"
            ).fetchall()
            connection.execute("checkpoint")
        version, new = workspace.publication.publish(warehouse.build_path)
    published = {conversation_id: (state, parsed_at) for conversation_id, state, parsed_at in rows}
    return version, new, workspace.ledger.mark_published(version.number, published)
