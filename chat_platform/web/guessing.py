"""The author model behind the pages: loaded once, and asked under the consents of this very moment.

What belongs here: loading in the background, one model a class and process, and the last look at the consents. What
does not: the model (``ml.authors``), which version serves (``ingestion.author_training``), how often somebody may ask
(``pages.who``).

A version that knows somebody who has withdrawn answers nothing any more, also while it is still in memory. Leaving
that person out of its answers would not do: what it learnt from them would speak on in the names of others.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chat_platform.errors import ChatPlatformError, ModelError, WebError
from chat_platform.ingestion.model_state import AUTHOR
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace

if TYPE_CHECKING:
    # NumPy and SciPy: whoever never asks never loads them.
    from chat_platform.ml.authors.model import AuthorModel, Guess
    from chat_platform.ml.registry.serving import Served

WAIT_S = 3.0
"""A request waits so long for a model that is being loaded."""
RETRY_S = 10.0
"""What could not be loaded is tried again after so long."""


@dataclass(frozen=True)
class Answer:
    """A guess, and the version that made it."""

    guess: Guess
    version: str


@dataclass
class _Loading:
    """A model on its way: of the version that should serve.

    Attributes:
        done: set when it is there, or has failed.
        ended: when that was, on the monotonic clock.
    """

    champion: str
    done: threading.Event = field(default_factory=threading.Event)
    served: Served[AuthorModel] | None = None
    problem: ChatPlatformError | None = None
    ended: float = 0.0


class Guesser:
    """The author model of a class.

    Args:
        workspace: home of the class.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._loading: _Loading | None = None

    def prepare(self) -> str | None:
        """Begin to load the model that serves, if it is not there; its version, ``None`` without a champion."""
        champion = PromotionLog(self._workspace.database).champion(AUTHOR)
        if champion is not None:
            self._of(champion)
        return champion

    def guess(self, text: str, top: int = 5, *, wait_s: float = WAIT_S) -> Answer:
        """Who would say this?

        Raises:
            WebError: CP-WEB-032 while the model is being loaded.
            ModelError: CP-ML-025 when none serves, CP-ML-037 when somebody whom it knows has withdrawn.
        """
        from chat_platform.ml.authors.model import NamedText

        champion = PromotionLog(self._workspace.database).champion(AUTHOR)
        if champion is None:
            raise ModelError("CP-ML-025", AUTHOR)
        loading = self._of(champion)
        if not loading.done.wait(wait_s):
            raise WebError("CP-WEB-032")
        if loading.served is None:
            raise loading.problem or ModelError("CP-ML-025", AUTHOR)
        guess = loading.served.model.guess([NamedText(text)], top)
        # After guessing, not before: who withdrew meanwhile is not named either.
        gone = set(loading.served.model.persons) - ConsentLog(self._workspace.database).active(AUTHOR_MODEL)
        if gone:
            self._drop(loading)
            raise ModelError("CP-ML-037", f"{loading.served.version}: {len(gone)}")
        return Answer(guess, loading.served.version)

    def _of(self, champion: str) -> _Loading:
        """The model of this version, there or on its way; another one is let go."""
        with self._lock:
            current = self._loading
            if current is not None and current.champion == champion:
                failed = current.done.is_set() and current.served is None
                if not failed or time.monotonic() - current.ended < RETRY_S:
                    return current
            self._loading = found = _Loading(champion)
        threading.Thread(target=self._load, args=(found,), name="author-model", daemon=True).start()
        return found

    def _load(self, loading: _Loading) -> None:
        from chat_platform.ingestion.author_training import load_author_champion

        try:
            loading.served = load_author_champion(self._workspace)
        except ChatPlatformError as error:
            loading.problem = error.with_traceback(None)
        except Exception as error:
            # A thread's exception reaches nobody: whoever waits is told what kind it was.
            loading.problem = ModelError("CP-ML-025", type(error).__name__)
        finally:
            loading.ended = time.monotonic()
            loading.done.set()

    def _drop(self, loading: _Loading) -> None:
        with self._lock:
            if self._loading is loading:
                self._loading = None
