"""The own encoder, made from texts: its vocabulary, and guessing masked pieces.

What belongs here: the order of the steps. What does not: the steps themselves, and what an encoder is used for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chat_platform.ml.encoder import vocabulary
from chat_platform.ml.encoder.progress import OnProgress
from chat_platform.ml.encoder.settings import TransformerSettings

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertForMaskedLM

PHASE = "pretraining"


def pretrained(
    texts: Iterable[str], settings: TransformerSettings, work_folder: Path, on_progress: OnProgress | None
) -> tuple[BertForMaskedLM, Tokenizer]:
    """An encoder that has learnt to guess masked pieces of the texts, and its tokenizer.

    Needs the extra, and ``loop.repeatable`` around it. A killed training goes on where it stood.
    """
    import torch

    from chat_platform.ml.encoder import guessing, loop, networks

    torch.manual_seed(settings.seed)
    corpus = vocabulary.distinct(texts)
    tokenizer = vocabulary.learn_vocabulary(corpus, settings.size.vocabulary, keep_case=settings.keep_case)
    encoder = networks.own_encoder(settings.size, tokenizer.get_vocab_size(), settings.max_length)
    networks.place(encoder)
    if settings.pretraining_epochs:
        rows = [pieces.ids for pieces in vocabulary.Reader(tokenizer, settings.max_length).read(corpus)]
        plan = loop.plan(
            settings,
            PHASE,
            settings.pretraining_epochs,
            settings.pretraining_rate,
            settings.pretraining_steps,
        )
        loop.train(guessing.Guessing(encoder, rows), plan, fingerprint(rows), work_folder, on_progress)
    return encoder, tokenizer


def fingerprint(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 of what a training learns from."""
    total = hashlib.sha256()
    for array in arrays:
        data = array.tobytes()
        total.update(json.dumps(len(data)).encode("ascii"))
        total.update(data)
    return total.hexdigest()
