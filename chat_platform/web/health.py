"""Whether the parts that the portal needs are well.

What belongs here: asking each part. What does not: who may see the answer (``pages.home``, ``pages.operations``).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from chat_platform.errors import ChatPlatformError
from chat_platform.web.services import Services


@dataclass(frozen=True)
class Health:
    """How the parts are.

    Attributes:
        parts: name of a part → ``ok``, ``version <n>``, or the code of what is wrong.
        warnings: name of a part → code of what is wrong although it answers.
    """

    parts: dict[str, str]
    warnings: dict[str, str]

    @property
    def well(self) -> bool:
        """Whether every part answers."""
        return all(state == "ok" or state.startswith("version ") for state in self.parts.values())


def check_health(services: Services) -> Health:
    """Ask the app database and the published tables of every class; never raises."""
    parts, warnings = {"app_database": _database(services)}, {}
    for class_id, room in services.classes.items():
        name, state = f"published:{class_id}", room.published.state()
        parts[name] = state.problem if state.number is None else f"version {state.number}"
        if state.number is not None and state.problem:
            warnings[name] = state.problem
    return Health(parts, warnings)


def _database(services: Services) -> str:
    try:
        services.accounts.any_account()
    except ChatPlatformError as error:
        return error.code
    except SQLAlchemyError:
        return "CP-WEB-008"
    return "ok"
