"""The author model's encoder: pre-trained by masking, then taught to name authors.

What belongs here: the order of the steps, and the loss of naming. What does not: the steps that every encoder takes
(``ml.encoder``), the machines over its vectors (``readings``).

It learns from the earlier conversations only, and not from those authors who play strangers when the threshold is
learnt: its vectors of all others are those of messages that it has not seen, as tomorrow's will be. The pass that
names the later conversations best is kept. Measured on single messages: frozen after pre-training its vectors name
0.31 right with 10 authors and 0.10 with 50, taught 0.41 and 0.14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chat_platform.ml.encoder import extra, pretraining
from chat_platform.ml.encoder.embedding import TextEncoder
from chat_platform.ml.encoder.pretraining import fingerprint
from chat_platform.ml.encoder.progress import OnProgress
from chat_platform.ml.encoder.settings import TransformerSettings
from chat_platform.ml.encoder.vocabulary import Reader

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

PHASES = PRETRAINING, NAMING = pretraining.PHASE, "naming"
_DROPPED = 0.1


@dataclass(frozen=True)
class Lessons:
    """What an encoder is taught.

    Attributes:
        texts: all that it may see.
        authors: number of each text's author.
        learnt: rows to learn names from.
        held_out: rows that choose the best pass.
    """

    texts: Sequence[str]
    authors: np.ndarray
    learnt: np.ndarray
    held_out: np.ndarray


def settings_for(checkpoint: str | None = None, seed: int = 0) -> TransformerSettings:
    """How it is trained unless told otherwise: capitals count; the first pass that names later ones worse ends it."""
    return TransformerSettings(checkpoint=checkpoint, keep_case=True, epochs=4, patience=1, seed=seed)


def train_encoder(
    lessons: Lessons,
    *,
    settings: TransformerSettings | None = None,
    work_folder: Path,
    on_progress: OnProgress | None = None,
) -> TextEncoder:
    """An encoder whose vectors tell authors apart; on one machine's CPU the same lessons give the same one.

    A killed training goes on where it stood when it is called again with the same arguments.

    Args:
        lessons: what it is taught.
        settings: default: ``settings_for()``.
        work_folder: for states; belongs to this training alone while it runs, until ``discard_states``.
        on_progress: called after every step.

    Raises:
        ModelError: CP-ML-040 without the extra, -042 and -043 about the checkpoint, -044 when training goes out of
            bounds.
    """
    extra.require()
    from chat_platform.ml.encoder import loop, networks

    settings = settings or settings_for()
    with loop.repeatable(settings.threads):
        network, tokenizer = _bare(lessons.texts, settings, work_folder, on_progress)
        networks.place(network)
        reader = Reader(tokenizer, networks.longest(network, settings.max_length))
        rows = [pieces.ids for pieces in reader.read(lessons.texts)]
        naming = _Naming(network, rows, lessons, settings.seed)
        plan = loop.plan(settings, NAMING, settings.epochs, settings.fine_tuning_rate)
        data = fingerprint([*rows, lessons.authors, lessons.learnt, lessons.held_out])
        loop.train(naming, plan, data, work_folder, on_progress)
        network.eval()
    return TextEncoder(network, reader, threads=settings.threads)


def discard_states(work_folder: Path) -> None:
    """Remove what trainings left in a folder: weights remember what they learnt from."""
    for phase in PHASES:
        (work_folder / f"{phase}.safetensors").unlink(missing_ok=True)


def _bare(
    texts: Sequence[str], settings: TransformerSettings, work_folder: Path, on_progress: OnProgress | None
) -> tuple[PreTrainedModel, Tokenizer]:
    """An encoder without a head."""
    from chat_platform.ml.encoder import networks

    if settings.checkpoint is not None:
        return networks.from_checkpoint(settings, bare=True)
    encoder, tokenizer = pretraining.pretrained(texts, settings, work_folder, on_progress)
    return encoder.bert, tokenizer


class _Naming:
    """Whose text it is: softmax over the mean vector. Of ``encoder.loop.Task``."""

    def __init__(
        self, encoder: PreTrainedModel, rows: Sequence[np.ndarray], lessons: Lessons, seed: int
    ) -> None:
        import torch

        torch.manual_seed(seed)
        self._known, learnt_authors = np.unique(lessons.authors[lessons.learnt], return_inverse=True)
        counts = np.bincount(learnt_authors)
        head = torch.nn.Linear(int(encoder.config.hidden_size), len(self._known))
        self.network: Any = torch.nn.ModuleDict({"encoder": encoder, "head": head.to(encoder.device)})
        self._encoder = encoder
        self._rows, self._authors = rows, np.searchsorted(self._known, lessons.authors)
        self._learnt = lessons.learnt
        self._held_out = lessons.held_out[np.isin(lessons.authors[lessons.held_out], self._known)]
        self.lengths = np.array([len(rows[at]) for at in self._learnt])
        # So the vectors need not say who writes most.
        self._shares = torch.log(torch.from_numpy(counts / counts.sum()).float()).to(encoder.device)

    def loss(self, rows: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Mean over texts."""
        from torch.nn import functional

        return functional.cross_entropy(*self._answers(self._learnt[rows]))

    def held_out_loss(self) -> float | None:
        """Mean over the held-out texts."""
        import torch
        from torch.nn import functional

        from chat_platform.ml.encoder import batches, networks

        if not len(self._held_out):
            return None
        self.network.eval()
        lengths = np.array([len(self._rows[at]) for at in self._held_out])
        total = 0.0
        with torch.inference_mode():
            for batch in batches.by_length(lengths, networks.PIECES_AT_ONCE[self._encoder.device.type]):
                answers = self._answers(self._held_out[batch])
                total += float(functional.cross_entropy(*answers, reduction="sum"))
        return total / len(self._held_out)

    def _answers(self, texts: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of shape (texts, authors), and the right authors."""
        import torch
        from torch.nn import functional

        from chat_platform.ml.encoder import networks

        vectors = networks.mean_pooled(self._encoder, [self._rows[at] for at in texts])
        vectors = functional.dropout(vectors, _DROPPED, training=self.network.training)
        scores = self.network["head"](vectors).float() + self._shares
        return scores, torch.from_numpy(self._authors[texts]).to(scores.device)
