"""Training of the question model on a home without any message of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_platform.ingestion.model_state import last_pick
from chat_platform.ingestion.question_training import train_candidates
from chat_platform.ml.questions.transformer import training as transformer
from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path, models={"candidates": ["rules"]}))


def test_the_seed_alone_is_enough(workspace: Workspace) -> None:
    picked = train_candidates(workspace)
    assert picked.kept.keys() == {"rules"}
    assert last_pick(workspace)["version"] == picked.model.version


def test_weights_of_a_half_trained_transformer_are_gone_once_the_models_are_kept(
    workspace: Workspace,
) -> None:
    states = [
        workspace.settings.home / "work" / "transformer" / f"{phase}.safetensors"
        for phase in (transformer.PRETRAINING, transformer.FINE_TUNING)
    ]
    states[0].parent.mkdir(parents=True)
    for path in states:
        path.write_bytes(b"weights that remember what they learnt from")
    train_candidates(workspace)
    assert [path for path in states if path.exists()] == []
