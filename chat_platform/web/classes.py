"""The classes that one portal shows.

What belongs here: which class lives in which home, its published tables and logs. What does not: who may see it
(``access``). A class is a home of its own, so nothing that is asked of one can reach another's tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web.published import PublishedReader


@dataclass(frozen=True)
class Classroom:
    """A class: its short name in addresses, its title, and its home."""

    class_id: str
    title: str
    workspace: Workspace

    @cached_property
    def published(self) -> PublishedReader:
        """Its published tables."""
        return PublishedReader(self.workspace.publication)


def classrooms(settings: Settings) -> dict[str, Classroom]:
    """Every class of the portal by its short name: the one of this home first, then those of the settings."""
    web = settings.web
    found = {web.class_id: Classroom(web.class_id, web.class_title, Workspace(settings))}
    for class_id, home in web.classes.items():
        found[class_id] = Classroom(class_id, class_id, Workspace(settings.model_copy(update={"home": home})))
    return found
