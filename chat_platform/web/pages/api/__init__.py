"""``/api/v1``: the data of the pages as JSON.

What belongs here: routes of programs. What does not: anything that only a page needs.
"""

from __future__ import annotations

from fastapi import APIRouter

from chat_platform.web.api_document import ROOT
from chat_platform.web.pages.api import account, document, lectures, operations, people, questions, tiles
from chat_platform.web.pages.api.common import PROBLEMS

router = APIRouter(prefix=ROOT)
router.include_router(document.router)
for _module in (account, lectures, questions, tiles, people, operations):
    router.include_router(_module.router, responses=PROBLEMS)
