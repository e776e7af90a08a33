"""The model that serves: the champion, or the one before it while the champion's files are damaged.

What belongs here: falling back, and saying so. What does not: who is champion (``storage.promotions``), what is in
a model's files (the ``load`` that is passed in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chat_platform.errors import ModelError
from chat_platform.ml.registry.store import ModelStore, StoredModel

Model = TypeVar("Model")


class Log(Protocol):
    """What is needed of ``storage.promotions.PromotionLog``."""

    def champion(self, name: str) -> str | None:
        """Version that should serve."""

    def history(self, name: str) -> list[dict[str, Any]]:
        """Everything that was decided, oldest first."""


@dataclass(frozen=True)
class Served(Generic[Model]):
    """A model that is ready.

    Attributes:
        model: what ``load`` made of the files.
        version: version that serves.
        champion: version that should.
        problems: why others before it do not, for people; empty when the champion serves.
    """

    model: Model
    version: str
    champion: str
    problems: tuple[str, ...] = ()


def serve(store: ModelStore, log: Log, name: str, load: Callable[[StoredModel], Model]) -> Served[Model]:
    """Load the champion, or the last champion before it that is whole.

    Args:
        store: where versions lie.
        log: who is champion, and who was.
        name: of the model.
        load: makes a model of verified files; a ``ModelError`` of its own counts as damage.

    Raises:
        ModelError: CP-ML-025 when nothing was promoted, or nothing that was is whole.
    """
    standing = champions(log, name)
    problems: list[str] = []
    for version in standing:
        try:
            model = load(store.load(name, version))
        except ModelError as error:
            problems.append(str(error))
            continue
        return Served(model, version, standing[0], tuple(problems))
    raise ModelError("CP-ML-025", "; ".join([name, *problems]))


def champions(log: Log, name: str) -> list[str]:
    """The champion and those before it, the latest first, each once; what was rolled back is not among them."""
    standing = _standing(log.history(name))
    current = log.champion(name)
    ordered = ([current] if current else []) + standing[::-1]
    return list(dict.fromkeys(ordered))


def _standing(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Promotions that no roll-back took off, oldest first."""
    versions: list[str] = []
    for row in history:
        if row["action"] == "promote":
            versions.append(row["model_version"])
        elif row["action"] == "rollback" and versions:
            versions.pop()
    return versions
