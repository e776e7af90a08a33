"""Training of the transformer candidate from labelled and unlabelled texts.

What belongs here: the order of the steps and the held-out part. What does not: the steps themselves; making more
rows (``questions.augment``); evaluation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chat_platform.errors import ModelError
from chat_platform.ml.encoder import extra, pretraining, vocabulary
from chat_platform.ml.encoder.pretraining import fingerprint
from chat_platform.ml.encoder.progress import OnProgress
from chat_platform.ml.encoder.settings import TransformerSettings
from chat_platform.ml.questions.transformer.calibration import Calibration
from chat_platform.ml.questions.transformer.model import TransformerQuestionModel

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

PRETRAINING, FINE_TUNING = pretraining.PHASE, "fine-tuning"
_MOST_HELD_OUT = 2_000
_LEAST_GROUPS = 4


def train(
    texts: Sequence[str],
    labels: Sequence[bool] | np.ndarray,
    weights: Sequence[float] | np.ndarray | None = None,
    *,
    unlabelled: Iterable[str] = (),
    groups: Sequence[Hashable] | None = None,
    settings: TransformerSettings | None = None,
    work_folder: Path,
    on_progress: OnProgress | None = None,
) -> TransformerQuestionModel:
    """A calibrated model; on one machine's CPU the same arguments give the same bytes.

    A killed training goes on where it stood when it is called again with the same arguments.

    Args:
        texts: clean texts.
        labels: whether each is a question.
        weights: of the labels; default: all alike.
        unlabelled: more clean texts, for pre-training of the own encoder.
        groups: texts of one group (copies of one text, paraphrases, a lecture) are all learnt from or all held
            out; default: equal texts.
        settings: default: ``TransformerSettings()``.
        work_folder: for states; belongs to this training alone while it runs. The last states stay there until
            ``discard_states``, so that a kill before the model is kept costs nothing.
        on_progress: called after every step.

    Raises:
        ModelError: CP-ML-040 without the extra, -041 too few texts or groups of one answer, -042 and -043 about
            the checkpoint, -044 when training goes out of bounds.
    """
    extra.require()
    from chat_platform.ml.encoder import loop, networks
    from chat_platform.ml.questions.transformer import tasks

    settings = settings or TransformerSettings()
    answers = np.asarray(labels, dtype=bool)
    weight = np.ones(len(answers)) if weights is None else np.asarray(weights, dtype=float)
    learnt = _learnt_rows(answers, weight, list(groups) if groups is not None else list(texts), settings)
    with loop.repeatable(settings.threads):
        network, tokenizer = _encoder(
            [*(texts[at] for at in learnt), *unlabelled], settings, work_folder, on_progress
        )
        networks.place(network)
        reader = vocabulary.Reader(tokenizer, networks.longest(network, settings.max_length))
        rows = [pieces.ids for pieces in reader.read(texts)]
        telling = tasks.Telling(network, rows, answers, weight, learnt)
        plan = loop.plan(settings, FINE_TUNING, settings.epochs, settings.fine_tuning_rate)
        data = fingerprint([*rows, answers, weight, learnt])
        loop.train(telling, plan, data, work_folder, on_progress)
        network.eval()
        heat = telling.fitted_temperature()[0]
    prior = float(np.average(answers[learnt], weights=weight[learnt]))
    calibration = Calibration(heat, prior, reader.max_length)
    return TransformerQuestionModel(network, reader, calibration, threads=settings.threads)


def discard_states(work_folder: Path) -> None:
    """Remove what trainings left in a folder, once the model is kept: weights remember what they learnt from."""
    for phase in (PRETRAINING, FINE_TUNING):
        (work_folder / f"{phase}.safetensors").unlink(missing_ok=True)


def _encoder(
    texts: Iterable[str], settings: TransformerSettings, work_folder: Path, on_progress: OnProgress | None
) -> tuple[PreTrainedModel, Tokenizer]:
    """An encoder with a head that has learnt nothing yet, and its tokenizer."""
    import torch

    from chat_platform.ml.encoder import networks

    if settings.checkpoint is not None:
        torch.manual_seed(settings.seed)
        return networks.from_checkpoint(settings)
    encoder, tokenizer = pretraining.pretrained(texts, settings, work_folder, on_progress)
    torch.manual_seed(settings.seed)
    return networks.with_question_head(encoder), tokenizer


def _learnt_rows(
    answers: np.ndarray, weights: np.ndarray, groups: list[Hashable], settings: TransformerSettings
) -> np.ndarray:
    """Rows to learn from, in their order; the others are held out.

    Raises:
        ModelError: CP-ML-041.
    """
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    of_row = np.array([numbers[group] for group in groups], dtype=np.int64)
    counts = {value: len(np.unique(of_row[(answers == value) & (weights > 0)])) for value in (True, False)}
    if min(counts.values()) < _LEAST_GROUPS:
        raise ModelError("CP-ML-041", f"{counts[True]} questions, {counts[False]} others")
    wanted = min(settings.held_out * len(answers), _MOST_HELD_OUT)
    rng = np.random.default_rng([settings.seed, 4])
    order = rng.permutation(len(numbers))
    sizes = np.bincount(of_row, minlength=len(numbers))[order]
    # The group that reaches the share is held out too, so there is always one.
    held_out = order[: int(np.searchsorted(np.cumsum(sizes), wanted)) + 1]
    is_held_out = np.isin(of_row, held_out)
    learnt = np.flatnonzero(~is_held_out)
    left = [weights[learnt][answers[learnt] == value].sum() for value in (True, False)]
    if not all(left) or not weights[is_held_out].sum():
        raise ModelError(
            "CP-ML-041", f"{len(learnt)} texts to learn from, {len(answers) - len(learnt)} held out"
        )
    return learnt
