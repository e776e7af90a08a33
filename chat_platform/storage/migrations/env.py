"""Alembic's entry: runs migrations on the connection that ``app_database`` hands over.

What belongs here: how a migration is run. What does not: opening a database; migrations are started through
``app_database.upgrade`` only, which holds the write lock.
"""

from __future__ import annotations

from alembic import context

from chat_platform.storage.app_models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can change a table's columns only by copying it.
    render_as_batch=True,
    # True of SQLite too, as `app_database` begins transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
