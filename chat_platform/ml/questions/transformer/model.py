"""A fitted transformer question model, and its files.

What belongs here: prediction, saving and loading. What does not: training; where files lie (``ml.registry``).
Needs the extra only when a model is loaded or made.

Files: ``model.safetensors``, ``config.json``, ``tokenizer.json`` and ``calibration.json``. None can carry code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chat_platform.errors import ModelError
from chat_platform.ml.encoder import extra
from chat_platform.ml.encoder.vocabulary import Reader
from chat_platform.ml.questions.transformer.calibration import Calibration

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KIND = "transformer"
WEIGHTS, CONFIG, TOKENIZER, CALIBRATION = (
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "calibration.json",
)
_FILES = frozenset({WEIGHTS, CONFIG, TOKENIZER, CALIBRATION})


class TransformerQuestionModel:
    """Says how likely a text is a question.

    Args:
        network: with a head of two answers.
        reader: of the network's tokenizer.
        calibration: from scores to probabilities.
        threads: of the CPU, see ``TransformerSettings``.
    """

    def __init__(
        self, network: PreTrainedModel, reader: Reader, calibration: Calibration, *, threads: int = 1
    ) -> None:
        self.network, self.reader, self.calibration = network, reader, calibration
        self.threads = threads

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Calibrated probability of a question.

        A text that says nothing (empty, emoji only, letters never seen) gets the share of questions among the
        training texts. Of a long one head and tail are read.

        Args:
            texts: clean texts.

        Returns:
            float64 of shape (texts,).
        """
        from chat_platform.ml.encoder import networks
        from chat_platform.ml.questions.transformer import tasks

        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        pieces = self.reader.read(list(places))
        silent = np.array([one.silent for one in pieces], dtype=bool)
        scores = np.zeros(len(pieces))
        with networks.threads(self.threads):
            spoken = [one.ids for one in pieces if not one.silent]
            scores[~silent] = tasks.network_scores(self.network, spoken)
        found = self.calibration.probabilities(scores, silent)
        return found[np.array([places[text] for text in texts], dtype=np.int64)]


def save(model: TransformerQuestionModel) -> dict[str, bytes]:
    """The model's files by name; the same model gives the same bytes."""
    from chat_platform.ml.encoder import networks

    config, weights = networks.to_files(model.network)
    return {
        WEIGHTS: weights,
        CONFIG: config,
        TOKENIZER: model.reader.tokenizer.to_str().encode("utf-8"),
        CALIBRATION: json.dumps(model.calibration.to_json(), sort_keys=True).encode("utf-8"),
    }


def load(files: Mapping[str, bytes], *, threads: int = 1) -> TransformerQuestionModel:
    """A model from its files.

    Args:
        files: what ``save`` gave.
        threads: of the CPU, see ``TransformerSettings``.

    Raises:
        ModelError: CP-ML-040 without the extra, -045 when files are missing, damaged or do not fit each other.
    """
    extra.require()
    if set(files) != _FILES:
        raise ModelError("CP-ML-045", ", ".join(sorted(set(files) ^ _FILES))[:200])
    calibration = _calibration(files[CALIBRATION])
    reader = Reader.from_bytes(files[TOKENIZER], calibration.max_length)
    from chat_platform.ml.encoder import networks

    network = networks.from_files(files[CONFIG], files[WEIGHTS])
    networks.place(network)
    if networks.vectors(network) < reader.tokenizer.get_vocab_size():
        raise ModelError("CP-ML-045", f"{TOKENIZER} of another network")
    if networks.longest(network, calibration.max_length) < calibration.max_length:
        raise ModelError("CP-ML-045", f"{CALIBRATION} of another network")
    return TransformerQuestionModel(network, reader, calibration, threads=threads)


def _calibration(data: bytes) -> Calibration:
    try:
        return Calibration.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError("CP-ML-045", f"{CALIBRATION}: {type(error).__name__}") from error
