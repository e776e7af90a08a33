"""Settings of candidates with an encoder.

What belongs here: names, types, defaults and meanings. What does not: acting on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator


class EncoderSize(BaseModel):
    """The own encoder, a BERT.

    Attributes:
        layers: attention layers.
        hidden: width; a multiple of ``heads``.
        heads: attention heads of a layer.
        vocabulary: pieces of words that get a vector.
    """

    layers: int = Field(4, ge=1, le=24)
    hidden: int = Field(128, ge=8, le=1024)
    heads: int = Field(4, ge=1, le=16)
    vocabulary: int = Field(2_500, ge=400, le=64_000)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class TransformerSettings(BaseModel):
    """How a candidate with an encoder is trained.

    Attributes:
        checkpoint: hub id or local folder of a checkpoint with safetensors weights; ``None``: an own encoder.
        revision: branch, tag or commit at the hub.
        max_length: pieces of a text that are read; of a longer one its head and its tail.
        keep_case: the own tokenizer tells capitals from small letters.
        pretraining_epochs: passes over all texts with pieces masked, for the own encoder.
        pretraining_steps: most steps of it, however many texts there are; ``None``: all of the passes.
        epochs: most passes over the labelled texts.
        patience: passes without a better held-out loss after which fine-tuning ends; ``None``: never before
            ``epochs``.
        batch_size: texts of a step.
        pretraining_rate: highest learning rate while pieces are masked.
        rate: highest learning rate of fine-tuning; ``None``: 5e-4 for the own encoder, 3e-5 for a checkpoint.
        held_out: share of the labelled texts that calibrate and that choose the best pass; at most 2,000 texts.
        precision: ``auto``: half precision on a GPU, else ``float32``.
        threads: of the CPU. More than one helps large checkpoints on idle cores only: threads wait for each other
            after every operation, and where something else runs, two were measured 15 times slower than one.
        save_every_s: seconds between two states from which a killed training goes on.
        seed: of everything random.
    """

    checkpoint: str | Path | None = None
    revision: str | None = None
    max_length: int = Field(64, ge=8, le=512)
    keep_case: bool = False
    size: EncoderSize = EncoderSize()
    pretraining_epochs: int = Field(3, ge=0)
    pretraining_steps: int | None = Field(6_000, ge=1)
    epochs: int = Field(3, ge=1)
    patience: int | None = Field(2, ge=1)
    batch_size: int = Field(64, ge=1)
    pretraining_rate: float = Field(1e-3, gt=0)
    rate: float | None = Field(None, gt=0)
    held_out: float = Field(0.1, gt=0, lt=0.5)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    threads: int = Field(1, ge=1)
    save_every_s: float = Field(60.0, ge=0)
    seed: int = 0

    @property
    def fine_tuning_rate(self) -> float:
        """Highest learning rate of fine-tuning."""
        return self.rate or (5e-4 if self.checkpoint is None else 3e-5)
