"""The networks: the own encoder, checkpoints, and how texts go in.

What belongs here: building and reading networks, padding, scores. What does not: training them. Imports PyTorch:
import this module where the extra is known to be there.

Nothing that comes with a checkpoint is run: weights are safetensors, and code of its own is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    PreTrainedModel,
)
from transformers import logging as transformers_logging

from chat_platform.errors import ModelError
from chat_platform.ml.encoder.settings import EncoderSize, TransformerSettings

PIECES_AT_ONCE = {"cpu": 1_024, "cuda": 65_536}
"""Of a batch when nothing is learnt, padding included. A CPU is fastest while a batch stays in its caches."""
# What the libraries raise on files that are damaged or do not fit each other.
_DAMAGED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    SafetensorError,
)
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


def device() -> torch.device:
    """A GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(network: PreTrainedModel) -> None:
    """Move a network to the device."""
    torch.nn.Module.to(network, device())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch with so many threads of the CPU, and the caller's number again afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def own_encoder(size: EncoderSize, pieces: int, max_length: int) -> BertForMaskedLM:
    """A new encoder that guesses masked pieces; its weights come from PyTorch's generator."""
    return BertForMaskedLM(
        BertConfig(
            vocab_size=pieces,
            hidden_size=size.hidden,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            intermediate_size=4 * size.hidden,
            max_position_embeddings=max_length,
            pad_token_id=0,
        )
    )


def with_question_head(pretrained: BertForMaskedLM) -> BertForSequenceClassification:
    """The same encoder with a new head of two answers in place of the guessing one."""
    network = BertForSequenceClassification(pretrained.config)
    network.bert.load_state_dict(pretrained.bert.state_dict(), strict=False)
    return network


def from_checkpoint(
    settings: TransformerSettings, *, bare: bool = False
) -> tuple[PreTrainedModel, Tokenizer]:
    """A checkpoint's encoder with a head of two answers, and its tokenizer.

    A head of another number of answers is replaced by a new one.

    Args:
        settings: name the checkpoint.
        bare: without any head.

    Raises:
        ModelError: CP-ML-042 not found, -043 not usable.
    """
    name = str(settings.checkpoint)
    folder = Path(name).expanduser()
    if not folder.is_dir() and not _HUB_ID.fullmatch(name):
        raise ModelError("CP-ML-042", name)
    source: dict[str, Any] = {
        "pretrained_model_name_or_path": str(folder) if folder.is_dir() else name,
        "revision": settings.revision or "main",
        "trust_remote_code": False,
        "local_files_only": folder.is_dir(),
    }
    with _checkpoint_errors(name, is_folder=folder.is_dir()), _quiet():
        tokenizer = AutoTokenizer.from_pretrained(**source)
        kind = AutoModel if bare else AutoModelForSequenceClassification
        source |= {} if bare else {"num_labels": 2}
        network = kind.from_pretrained(
            **source, use_safetensors=True, ignore_mismatched_sizes=True, dtype=torch.float32
        )
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(fast, Tokenizer):
        raise ModelError("CP-ML-043", f"{name}: {type(tokenizer).__name__}")
    if vectors(network) < fast.get_vocab_size():
        raise ModelError("CP-ML-043", f"{name}: more pieces than vectors")
    if network.config.pad_token_id is None:
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
        network.config.pad_token_id = next(number for number in known if number is not None)
    return _bare(network) if bare else network, fast


def longest(network: PreTrainedModel, wanted: int) -> int:
    """Pieces of a text that the network can read, at most ``wanted``."""
    positions = getattr(network.config, "max_position_embeddings", None)
    # RoBERTa and its kin number positions from the padding's id + 1 on.
    offset = 0 if network.config.model_type == "bert" else 2
    return wanted if positions is None or positions < 0 else min(wanted, positions - offset)


def from_files(config: bytes, weights: bytes, *, bare: bool = False) -> PreTrainedModel:
    """A network as ``to_files`` wrote it.

    Args:
        config: JSON.
        weights: safetensors.
        bare: it has no head.

    Raises:
        ModelError: CP-ML-045 when they are damaged or do not fit each other.
    """
    from safetensors.torch import load

    try:
        values = json.loads(config)
        with _quiet():
            kind = AutoModel if bare else AutoModelForSequenceClassification
            network = kind.from_config(
                AutoConfig.for_model(values.pop("model_type"), **values), trust_remote_code=False
            )
            network = _bare(network) if bare else network
            tensors = load(weights)
            network.load_state_dict(tensors, strict=False)
    except _DAMAGED as error:
        raise ModelError("CP-ML-045", type(error).__name__) from error
    if set(tensors) != set(_own_tensors(network)):
        raise ModelError("CP-ML-045", "weights of another network")
    return network.eval()


def to_files(network: PreTrainedModel) -> tuple[bytes, bytes]:
    """Configuration as JSON and weights as safetensors; the same network gives the same bytes."""
    from safetensors.torch import save

    config = {
        key: value
        for key, value in network.config.to_diff_dict().items()
        if key not in ("_name_or_path", "auto_map")
    }
    config["model_type"] = network.config.model_type
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _own_tensors(network).items()}
    return json.dumps(config, sort_keys=True, indent=1).encode("utf-8"), save(tensors, {"format": "pt"})


def vectors(network: PreTrainedModel) -> int:
    """Pieces that the network knows."""
    return len(torch.as_tensor(network.get_input_embeddings().weight))


def padding(network: PreTrainedModel) -> int:
    """Id that fills up short texts."""
    return network.config.pad_token_id or 0


def padded(rows: Sequence[np.ndarray], pad: int, where: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of shape (texts, longest text)."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return torch.from_numpy(ids).to(where), torch.from_numpy(mask).to(where)


def scores(network: PreTrainedModel, rows: Sequence[np.ndarray]) -> torch.Tensor:
    """Log odds of a question, float32 of shape (texts,)."""
    ids, mask = padded(rows, padding(network), network.device)
    logits = network(input_ids=ids, attention_mask=mask).logits.float()
    return logits[:, 1] - logits[:, 0]


def mean_pooled(network: PreTrainedModel, rows: Sequence[np.ndarray]) -> torch.Tensor:
    """Mean of a bare encoder's last layer over the pieces of each text, float32 of shape (texts, width)."""
    ids, mask = padded(rows, padding(network), network.device)
    hidden = network(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    shares = mask[..., None].float() / mask.sum(dim=1)[:, None, None]
    return (hidden * shares).sum(dim=1)


def _bare(network: PreTrainedModel) -> PreTrainedModel:
    """Without the layer that some kinds put on the first piece: it is never used here, and mostly never trained."""
    if getattr(network, "pooler", None) is not None:
        network.register_module("pooler", None)
    return network


def _own_tensors(network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
    """Parameters, each once where several names share one, and buffers that are kept."""
    kept = network.state_dict(keep_vars=True)
    buffers = {name: tensor for name, tensor in network.named_buffers() if name in kept}
    return {**dict(network.named_parameters()), **buffers}


@contextmanager
def _checkpoint_errors(name: str, *, is_folder: bool) -> Iterator[None]:
    """What the hub's library raises, as errors that people see."""
    try:
        yield
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError("CP-ML-042", name) from error
    except OSError as error:
        # The library says "no network" and "no safetensors" by the same class; a folder is always reachable.
        unusable = is_folder or "safetensors" in str(error)
        raise ModelError(
            "CP-ML-043" if unusable else "CP-ML-042", f"{name}: {type(error).__name__}"
        ) from error
    except _DAMAGED as error:
        raise ModelError("CP-ML-043", f"{name}: {type(error).__name__}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's reports about new heads: that is what is wanted here."""
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        transformers_logging.enable_progress_bar()
