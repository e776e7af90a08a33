"""Every declared table, by its full name.

A new domain adds its module's ``TABLES`` to the tuple below, and nothing else.
"""

from __future__ import annotations

from chat_platform.tables import class_chat, models, streams
from chat_platform.tables.spec import TableSpec

ALL_TABLES: dict[str, TableSpec] = {
    spec.full_name: spec for spec in (*class_chat.TABLES, *models.TABLES, *streams.TABLES)
}
