"""What sensors ask of the models: who is champion, what a training has read, which predictions are due.

What belongs here: reading states; quick, and without scikit-learn, since sensors do it every minute. What does not:
changing any of them (``question_training``, ``author_training``, ``predictions``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chat_platform.errors import ModelError
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.lake import FileState
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.publication import POINTER
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.models import QUESTION_PREDICTIONS

NAME = "question"
AUTHOR = "author"


def models_folder(workspace: Workspace) -> Path:
    """Folder of all models.

    Raises:
        ModelError: CP-ML-027 when the lake is not a local folder: models are verified and renamed as files.
    """
    if not workspace.lake.is_local:
        raise ModelError("CP-ML-027", workspace.lake.url.split("://")[0])
    return Path(workspace.lake.url) / "models"


def pick_path(workspace: Workspace) -> Path:
    """Where a training notes which candidate was picked."""
    return models_folder(workspace) / NAME / "candidate.json"


def last_pick(workspace: Workspace) -> dict[str, Any] | None:
    """What the last training noted: version, versions by kind, newest_correction, trained_at."""
    path = pick_path(workspace)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def corrections_waiting(workspace: Workspace) -> int:
    """Corrections since the last training read them."""
    pick = last_pick(workspace)
    return LabelLog(workspace.database).count_since(pick["newest_correction"] if pick else None)


def undecided(workspace: Workspace) -> str | None:
    """Candidate that a killed training has left between its evaluation and its decision."""
    pick = last_pick(workspace)
    if pick is None:
        return None
    decided = {row["model_version"] for row in PromotionLog(workspace.database).history(NAME)}
    return None if pick["version"] in decided else pick["version"]


def author_note_path(workspace: Workspace) -> Path:
    """Where a training of the author model notes what it read."""
    return models_folder(workspace) / AUTHOR / "candidate.json"


def last_author_note(workspace: Workspace) -> dict[str, Any] | None:
    """What the last training of the author model noted: version, trained_at, people who agreed then."""
    path = author_note_path(workspace)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def consents_changed(workspace: Workspace) -> frozenset[str]:
    """People who agreed or withdrew since the last training of the author model; nobody while too few agree."""
    agreed = ConsentLog(workspace.database).active(AUTHOR_MODEL)
    note = last_author_note(workspace)
    if note is None:
        return agreed if len(agreed) > 1 else frozenset()
    return agreed ^ frozenset(note["people"])


def champion(workspace: Workspace) -> str | None:
    """Version that should serve."""
    return PromotionLog(workspace.database).champion(NAME)


def tokenised(workspace: Workspace) -> dict[str, FileState]:
    """Tokens of the conversations that can be predicted.

    Those that are older than their messages are left out: they wait for the run that tokenises them, and predictions
    written now would make them look complete to the loader.
    """
    messages = workspace.lake.files(MESSAGES)
    return {
        conversation_id: state
        for conversation_id, state in workspace.lake.files(TOKENS).items()
        if conversation_id in messages and messages[conversation_id].modified <= state.modified
    }


def due(workspace: Workspace, conversation_ids: Sequence[str]) -> list[str]:
    """Those conversations whose predictions are missing, older than their tokens, or another version's."""
    tokens, predictions = tokenised(workspace), workspace.lake.files(QUESTION_PREDICTIONS)
    since = _champion_since(workspace)
    found = []
    for conversation_id in conversation_ids:
        token, prediction = tokens.get(conversation_id), predictions.get(conversation_id)
        if token is None:
            continue
        if prediction is None or prediction.modified < max(token.modified, since):
            found.append(conversation_id)
    return found


def newest_unpublished(workspace: Workspace) -> float | None:
    """When the newest predictions were written that readers cannot see yet, seconds since the epoch.

    A run that was killed behind its predictions leaves such ones: nothing is due, and they must be published.
    """
    pointer = workspace.publication.folder / POINTER
    if not pointer.exists():
        return None
    tokens, published = tokenised(workspace), pointer.stat().st_mtime
    written = [
        state.modified
        for conversation_id, state in workspace.lake.files(QUESTION_PREDICTIONS).items()
        if conversation_id in tokens and state.modified >= tokens[conversation_id].modified
    ]
    newest = max(written, default=published)
    return newest if newest > published else None


def _champion_since(workspace: Workspace) -> float:
    """When the champion, or a file of it, last changed, seconds since the epoch; 0 without one.

    A damaged champion does not serve, and one that was mended does again: both call for other predictions.
    """
    log = PromotionLog(workspace.database)
    version = log.champion(NAME)
    if version is None:
        return 0.0
    changes = [row["decided_at"] for row in log.history(NAME) if row["action"] != "refuse"]
    folder = models_folder(workspace) / NAME / version
    touched = [path.stat().st_ctime for path in (folder, *folder.rglob("*")) if path.exists()]
    return max(max(changes).timestamp(), *touched, 0.0)
