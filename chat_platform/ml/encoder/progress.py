"""What a training tells while it runs.

What belongs here: the type. What does not: showing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """After a step of training.

    Attributes:
        phase: ``pretraining`` or ``fine-tuning``.
        step: steps done, those before a kill too.
        steps: steps that there will be, unless held-out texts end the phase before.
        loss: of this step.
        texts_per_s: of this process so far.
        seconds_left: of this phase.
    """

    phase: str
    step: int
    steps: int
    loss: float
    texts_per_s: float
    seconds_left: float


OnProgress = Callable[[Progress], None]
