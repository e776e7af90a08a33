"""Pages of operators: is everything there, what went wrong, who is who, which model serves, what is published.

What belongs here: the rooms of ``/c/{class_id}/operations``. What does not: starting the graph: the pages link into
the Dagster UI, which does.
"""

from __future__ import annotations

from fastapi import APIRouter

from chat_platform.web.pages.operations import completeness, identities, models, overview, publication

router = APIRouter()
for _module in (overview, completeness, identities, models, publication):
    router.include_router(_module.router)
