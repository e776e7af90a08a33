"""The classes that one portal shows.

What belongs here: which class lives in which home, its published tables and logs. What does not: who may see it
(``access``). A class is a home of its own, so nothing that is asked of one can reach another's tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web.guessing import Guesser
from chat_platform.web.published import PinnedReader, PublishedReader

BUSY_S = 3.0
"""A page waits so long for a lock of the app database, and says then that it is busy. The workers of the graph wait
ten times longer; here a thread that waits is one that serves nobody."""


@dataclass(frozen=True)
class Classroom:
    """A class: its short name in addresses, its title, and its home.

    Attributes:
        prepare: as ``PublishedReader`` takes it.
    """

    class_id: str
    title: str
    workspace: Workspace
    prepare: Callable[[PinnedReader], None] | None = None

    @cached_property
    def published(self) -> PublishedReader:
        """Its published tables."""
        return PublishedReader(self.workspace.publication, prepare=self.prepare)

    @cached_property
    def guesser(self) -> Guesser:
        """Its author model; loaded when somebody first asks."""
        return Guesser(self.workspace)


def classrooms(
    settings: Settings, prepare: Callable[[PinnedReader], None] | None = None
) -> dict[str, Classroom]:
    """Every class of the portal by its short name: the one of this home first, then those of the settings."""
    web = settings.web
    found = {web.class_id: Classroom(web.class_id, web.class_title, Workspace(settings, BUSY_S), prepare)}
    for class_id, home in web.classes.items():
        own = settings.model_copy(update={"home": home})
        found[class_id] = Classroom(class_id, class_id, Workspace(own, BUSY_S), prepare)
    return found
