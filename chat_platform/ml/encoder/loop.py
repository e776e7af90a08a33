"""Training that survives a kill.

What belongs here: steps, learning rate, precision, the state on disk. What does not: what is learnt (``guessing``,
``questions.transformer.tasks``).
Imports PyTorch: import this module where the extra is known to be there.

What is random in a step depends on the seed and the number of the step only, so a state is the weights, the
optimiser's averages and a number; no generator has to be kept. A training that goes on from a state ends on the CPU
with the same weights, bit by bit, as one that was never killed. A state says from which weights, data and settings
it comes; any other training begins anew and replaces it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from chat_platform.errors import ModelError
from chat_platform.ml.encoder import batches, networks
from chat_platform.ml.encoder.progress import OnProgress, Progress
from chat_platform.ml.encoder.settings import TransformerSettings
from chat_platform.storage.files import remove_stale_temporaries, write_bytes_atomic

_LOGGER = logging.getLogger(__name__)
_FORMAT = 1
_LARGEST_GRADIENT = 1.0
_DECAY = 0.01
# Bytes of weights may be guessed back to what they learnt from; nobody else needs them while training runs.
_MODE = 0o600


class Task(Protocol):
    """What is learnt."""

    @property
    def network(self) -> torch.nn.Module:
        """What learns."""

    @property
    def lengths(self) -> np.ndarray:
        """Pieces of each text, shape (texts,)."""

    def loss(self, rows: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Mean loss over some texts."""

    def held_out_loss(self) -> float | None:
        """How far off the network is on texts that it does not learn from; ``None``: there are none."""


@dataclass(frozen=True)
class Plan:
    """How it is learnt.

    Attributes:
        phase: name; also of the state's file.
        epochs: most passes.
        most_steps: most steps; ``None``: all.
        patience: passes without a better held-out loss before the end; ``None``: never.
        rate: highest learning rate; reached after ``warmup`` of the steps, then sinking to 0.
        precision: of ``TransformerSettings``, ``auto`` resolved.
        save_every_s: seconds between two states.
    """

    phase: str
    epochs: int
    batch_size: int
    rate: float
    seed: int
    precision: str
    save_every_s: float
    most_steps: int | None = None
    patience: int | None = None
    warmup: float = 0.1

    def steps(self, texts: int) -> int:
        """Steps that there will be at most."""
        every = self.epochs * batches.steps_per_epoch(texts, self.batch_size)
        return min(every, self.most_steps or every)

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0."""
        warm = max(1, round(self.warmup * steps))
        return self.rate * min((step + 1) / warm, (steps - step) / max(1, steps - warm))


@dataclass
class _Standing:
    """Where a training stands, besides its tensors.

    Attributes:
        step: steps done.
        best_loss: lowest held-out loss after a pass so far.
        since_best: passes since then.
        scale: state of the scaler of float16 gradients.
    """

    step: int = 0
    best_loss: float | None = None
    since_best: int = 0
    scale: dict[str, float] | None = None


def plan(
    settings: TransformerSettings, phase: str, epochs: int, rate: float, most_steps: int | None = None
) -> Plan:
    """A phase as the settings want it on this machine."""
    return Plan(
        phase=phase,
        epochs=epochs,
        batch_size=settings.batch_size,
        rate=rate,
        seed=settings.seed,
        precision=resolved_precision(settings.precision, networks.device()),
        save_every_s=settings.save_every_s,
        most_steps=most_steps,
        patience=settings.patience,
    )


def train(task: Task, plan: Plan, data: str, folder: Path, on_progress: OnProgress | None = None) -> None:
    """Train a network in place, from a killed training's state where there is one.

    With held-out texts the network ends with the weights after the pass that suited them best.

    Args:
        task: what is learnt; deterministic in its rows and generator.
        plan: how.
        data: hash of what the task learns from.
        folder: where states are written; the last one stays there.
        on_progress: called after every step; it may be slow or raise.

    Raises:
        ModelError: CP-ML-044 when the loss is no finite number.
    """
    _Training(task, plan, data, folder, on_progress or (lambda progress: None)).run()


def weights_hash(network: torch.nn.Module) -> str:
    """SHA-256 over names and bytes of all parameters."""
    total = hashlib.sha256()
    for name, parameter in network.named_parameters():
        total.update(name.encode("utf-8"))
        total.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """PyTorch's settings and generators for a training, and the caller's again afterwards."""
    strict_before = torch.are_deterministic_algorithms_enabled()
    # On a GPU some sums have no deterministic form; there the same bits are not promised.
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    try:
        with networks.threads(threads), torch.random.fork_rng():
            yield
    finally:
        torch.use_deterministic_algorithms(strict_before)


def resolved_precision(precision: str, where: torch.device) -> str:
    """``auto`` as what this machine does best."""
    if precision != "auto":
        return precision
    if where.type != "cuda":
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"


def autocast(precision: str, where: torch.device) -> AbstractContextManager[Any]:
    """The context in which a network computes in half precision, or in none."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(where.type, dtype=getattr(torch, precision))


class _Training:
    """One phase of training."""

    def __init__(self, task: Task, plan: Plan, data: str, folder: Path, on_progress: OnProgress) -> None:
        self.task, self.plan, self.on_progress = task, plan, on_progress
        self.path = folder / f"{plan.phase}.safetensors"
        self.parameters = dict(task.network.named_parameters())
        self.where = next(iter(self.parameters.values())).device
        self.optimizer = torch.optim.AdamW(_groups(self.parameters), lr=plan.rate, betas=(0.9, 0.98))
        self.scaler = torch.amp.GradScaler(self.where.type, enabled=plan.precision == "float16")
        self.standing = _Standing()
        self.best: dict[str, torch.Tensor] = {}
        self.origin = self._origin(data)
        self.per_epoch = batches.steps_per_epoch(len(task.lengths), plan.batch_size)
        self.steps = plan.steps(len(task.lengths))

    def run(self) -> None:
        """All steps that are left."""
        remove_stale_temporaries(self.path.parent, recursive=False)
        self._restore()
        first, began = self.standing.step, time.monotonic()
        saved_at, saved_step = began, self.standing.step
        order: list[np.ndarray] = []
        while self.standing.step < self.steps and not self._is_out_of_patience():
            epoch, at = divmod(self.standing.step, self.per_epoch)
            if at == 0 or not order:
                order = batches.epoch(
                    self.task.lengths, self.plan.batch_size, np.random.default_rng([self.plan.seed, 1, epoch])
                )
            loss = self._step(order[at])
            self.standing.step += 1
            if at + 1 == self.per_epoch or self.standing.step == self.steps:
                self._look_at_held_out()
            now = time.monotonic()
            if now - saved_at >= self.plan.save_every_s:
                self._save()
                saved_at, saved_step = now, self.standing.step
            self._tell(loss, self.standing.step - first, now - began)
        if saved_step != self.standing.step:
            self._save()
        if self.best:
            self.task.network.load_state_dict(self.best, strict=False)

    def _step(self, rows: np.ndarray) -> float:
        step = self.standing.step
        self.task.network.train()
        torch.manual_seed(int(np.random.SeedSequence([self.plan.seed, 2, step]).generate_state(1)[0]))
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(step, self.steps)
        with autocast(self.plan.precision, self.where):
            loss = self.task.loss(rows, np.random.default_rng([self.plan.seed, 3, step]))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ModelError("CP-ML-044", f"{self.plan.phase}, step {step + 1} of {self.steps}")
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), _LARGEST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return value

    def _look_at_held_out(self) -> None:
        loss = self.task.held_out_loss()
        if loss is None:
            return
        if self.standing.best_loss is not None and loss >= self.standing.best_loss:
            self.standing.since_best += 1
            return
        self.standing.best_loss, self.standing.since_best = loss, 0
        self.best = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}

    def _is_out_of_patience(self) -> bool:
        return self.plan.patience is not None and self.standing.since_best >= self.plan.patience

    def _tell(self, loss: float, done: int, seconds: float) -> None:
        step = self.standing.step
        per_step = seconds / done
        self.on_progress(
            Progress(
                self.plan.phase,
                step,
                self.steps,
                loss,
                texts_per_s=self.plan.batch_size / max(per_step, 1e-9),
                seconds_left=(self.steps - step) * per_step,
            )
        )

    def _origin(self, data: str) -> str:
        facts = {
            "weights": weights_hash(self.task.network),
            "data": data,
            "plan": {key: value for key, value in asdict(self.plan).items() if key != "save_every_s"},
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "device": self.where.type,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8")).hexdigest()

    def _save(self) -> None:
        tensors = {f"weight/{name}": parameter.detach() for name, parameter in self.parameters.items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        for name, parameter in self.parameters.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer/{key}/{name}"] = value
        if self.scaler.is_enabled():
            self.standing.scale = self.scaler.state_dict()
        state = {"format": _FORMAT, "origin": self.origin, "standing": asdict(self.standing)}
        flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        write_bytes_atomic(self.path, save(flat, {"state": json.dumps(state)}), _MODE)

    def _restore(self) -> None:
        """Take up a state of this very training; anything else is left to be overwritten."""
        try:
            with safe_open(self.path, "pt") as file:
                state = json.loads((file.metadata() or {})["state"])
                if (state["format"], state["origin"]) != (_FORMAT, self.origin):
                    return
                tensors = {name: file.get_tensor(name) for name in list(file.keys())}
                standing = _Standing(**state["standing"])
        except FileNotFoundError:
            return
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _LOGGER.warning(
                "%s: state not readable (%s), training begins anew", self.plan.phase, type(error).__name__
            )
            return
        self._take_up(standing, tensors)

    def _take_up(self, standing: _Standing, tensors: dict[str, torch.Tensor]) -> None:
        self.standing = standing
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"weight/{name}"])
        self.best = {
            name.removeprefix("best/"): tensor.to(self.where)
            for name, tensor in tensors.items()
            if name.startswith("best/")
        }
        for full_name, tensor in tensors.items():
            if full_name.startswith("optimizer/"):
                _, key, name = full_name.split("/", 2)
                # AdamW counts steps on the CPU.
                place = torch.device("cpu") if key == "step" else self.where
                self.optimizer.state[self.parameters[name]][key] = tensor.to(place)
        if standing.scale is not None:
            self.scaler.load_state_dict(standing.scale)
        _LOGGER.info("%s: going on from step %d of %d", self.plan.phase, standing.step, self.steps)


def _groups(parameters: dict[str, torch.nn.Parameter]) -> list[dict[str, Any]]:
    """Weights shrink, offsets and norms do not."""
    decayed = [parameter for parameter in parameters.values() if parameter.ndim > 1]
    others = [parameter for parameter in parameters.values() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
