"""Texts as vectors: the mean of an encoder's last layer over the pieces of a text.

What belongs here: an encoder without a head, what it makes of texts, its files. What does not: training it, and what
vectors are used for. Needs the extra only when an encoder is loaded or used.

Files: ``encoder.safetensors``, ``encoder_config.json``, ``tokenizer.json`` and ``encoder.json``. None can carry code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chat_platform.errors import ModelError
from chat_platform.ml.encoder import batches, extra
from chat_platform.ml.encoder.vocabulary import Reader

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FORMAT = 1
WEIGHTS, CONFIG, TOKENIZER, READING = (
    "encoder.safetensors",
    "encoder_config.json",
    "tokenizer.json",
    "encoder.json",
)
FILES = frozenset({WEIGHTS, CONFIG, TOKENIZER, READING})


class TextEncoder:
    """Makes a vector of a text.

    Args:
        network: without a head.
        reader: of the network's tokenizer.
        threads: of the CPU, see ``TransformerSettings``.
    """

    def __init__(self, network: PreTrainedModel, reader: Reader, *, threads: int = 1) -> None:
        self.network, self.reader, self.threads = network, reader, threads

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.network.config.hidden_size)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 of shape (texts, width)."""
        import torch

        from chat_platform.ml.encoder import networks

        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        rows = [pieces.ids for pieces in self.reader.read(list(places))]
        found = np.zeros((len(rows), self.width), dtype=np.float32)
        self.network.eval()
        most = networks.PIECES_AT_ONCE[self.network.device.type]
        with networks.threads(self.threads), torch.inference_mode():
            for batch in batches.by_length(np.array([len(row) for row in rows]), most):
                found[batch] = networks.mean_pooled(self.network, [rows[at] for at in batch]).cpu().numpy()
        return found[np.array([places[text] for text in texts], dtype=np.int64)]


def save(encoder: TextEncoder) -> dict[str, bytes]:
    """The encoder's files by name; the same encoder gives the same bytes."""
    from chat_platform.ml.encoder import networks

    config, weights = networks.to_files(encoder.network)
    reading = {"format": FORMAT, "max_length": encoder.reader.max_length}
    return {
        WEIGHTS: weights,
        CONFIG: config,
        TOKENIZER: encoder.reader.tokenizer.to_str().encode("utf-8"),
        READING: json.dumps(reading, sort_keys=True).encode("utf-8"),
    }


def load(files: Mapping[str, bytes], *, threads: int = 1) -> TextEncoder:
    """An encoder from its files.

    Raises:
        ModelError: CP-ML-040 without the extra, -045 when files are missing, damaged or do not fit each other.
    """
    extra.require()
    if set(files) != FILES:
        raise ModelError("CP-ML-045", ", ".join(sorted(set(files) ^ FILES))[:200])
    reader = Reader.from_bytes(files[TOKENIZER], _max_length(files[READING]))
    from chat_platform.ml.encoder import networks

    network = networks.from_files(files[CONFIG], files[WEIGHTS], bare=True)
    networks.place(network)
    if networks.vectors(network) < reader.tokenizer.get_vocab_size():
        raise ModelError("CP-ML-045", f"{TOKENIZER} of another network")
    if networks.longest(network, reader.max_length) < reader.max_length:
        raise ModelError("CP-ML-045", f"{READING} of another network")
    return TextEncoder(network, reader, threads=threads)


def _max_length(data: bytes) -> int:
    try:
        value = json.loads(data)
        found = int(value["max_length"])
        if value["format"] != FORMAT or not 1 < found <= 100_000:
            raise ValueError("out of range")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError("CP-ML-045", f"{READING}: {type(error).__name__}") from error
    return found
