"""The last step: what was built and checked becomes what everybody reads.

What belongs here: copying under the writer's lock and telling the ledger. What does not: the copy itself and
the pointer (``storage.publication``).
"""

from __future__ import annotations

from chat_platform.storage.publication import PublishedVersion
from chat_platform.storage.workspace import Workspace


def publish(workspace: Workspace) -> tuple[PublishedVersion, bool, int]:
    """Publish the build file as it stands.

    The list of pending conversations is emptied first: the metrics have taken them in. If the process dies
    between that and the copy, the ledger still has them as unpublished and the next run publishes.

    Returns:
        The current version, whether it is new, and how many conversations the ledger marked as published.
    """
    warehouse = workspace.warehouse
    with warehouse.lock():
        with warehouse.open_locked() as connection:
            rows = connection.execute(
                "select conversation_id, state, parsed_at from core.conversations"
            ).fetchall()
            connection.execute("delete from meta.pending_conversations")
            connection.execute("checkpoint")
        version, new = workspace.publication.publish(warehouse.build_path)
    published = {conversation_id: (state, parsed_at) for conversation_id, state, parsed_at in rows}
    return version, new, workspace.ledger.mark_published(version.number, published)
