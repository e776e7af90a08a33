"""Files that a model may consist of, and skops files whose bytes depend on their content only.

What belongs here: which formats are safe, reading and writing skops. What does not: where files lie (``store``).

Loading a model never runs code that came with it: formats that can carry code (pickle, joblib, PyTorch's own) are
refused by name, and a skops file may only name types that its reader trusts.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chat_platform.errors import ModelError

MODEL_SUFFIXES = (".skops", ".safetensors", ".json", ".txt", ".model")
"""Of files that make the model what it is; ``.txt`` and ``.model`` are tokenizers' vocabularies."""
SIDE_SUFFIXES = (".md", ".svg", ".json")
"""Of files about the model: card, pictures, figures."""

_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.=+-]{0,100}/)?[A-Za-z0-9][A-Za-z0-9_.=+-]{0,150}")
_SCHEMA = "schema.json"
# The oldest time that a zip can hold.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def checked_name(name: str, suffixes: Sequence[str]) -> str:
    """A file's name inside a version, with at most one folder, if it is allowed.

    Raises:
        ModelError: CP-ML-023 for another format, or a name that could lead out of the folder.
    """
    if not _NAME.fullmatch(name) or ".." in name or not name.endswith(tuple(suffixes)):
        raise ModelError("CP-ML-023", repr(name[:80]))
    return name


def dump_skops(model: Any) -> bytes:
    """A fitted estimator as skops; the same state gives the same bytes in every process."""
    import skops.io

    return canonical_skops(skops.io.dumps(model))


def dump_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as safetensors; the same arrays give the same bytes.

    For models that serve at once: importing skops imports every estimator of scikit-learn, and PyTorch where it is
    installed, which takes seconds; this takes none of it.
    """
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())})


def load_arrays(data: bytes) -> dict[str, np.ndarray]:
    """What ``dump_arrays`` wrote.

    Raises:
        ModelError: CP-ML-021 when it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ModelError("CP-ML-021", f"safetensors: {type(error).__name__}") from error


def canonical_skops(data: bytes) -> bytes:
    """The same model with nothing in the file that differs from run to run.

    skops names arrays after the addresses of objects in memory, notes such addresses in its schema, and its zip
    holds the time. Here arrays are named after their content, members stand in the order of their names with one
    fixed time, and addresses are left out: all that they do is to tell a reader that two places held one object;
    it makes two equal ones instead.

    Raises:
        ModelError: CP-ML-021 when it is no skops file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            schema = json.loads(archive.read(_SCHEMA))
            members = {name: archive.read(name) for name in archive.namelist() if name != _SCHEMA}
        names = {
            name: f"{hashlib.sha256(content).hexdigest()[:32]}{name[name.rfind('.') :]}"
            for name, content in members.items()
        }
        plain = json.dumps(_without_addresses(schema, names), indent=1, ensure_ascii=True)
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, OSError, EOFError) as error:
        raise ModelError("CP-ML-021", f"no skops file: {type(error).__name__}") from error
    written = {names[name]: content for name, content in members.items()} | {_SCHEMA: plain.encode("ascii")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(written):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), written[name])
    return buffer.getvalue()


def load_skops(data: bytes, trusted: Sequence[str | type]) -> Any:
    """An estimator from skops bytes.

    Args:
        data: what ``dump_skops`` wrote.
        trusted: types that may be built, besides those of scikit-learn, NumPy and SciPy that skops knows to be
            harmless; full names or the types themselves.

    Raises:
        ModelError: CP-ML-024 when it names another type, -021 when it cannot be read.
    """
    import skops.io

    names = {one if isinstance(one, str) else f"{one.__module__}.{one.__name__}" for one in trusted}
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - names)
        if unknown:
            raise ModelError("CP-ML-024", ", ".join(unknown)[:300])
        return skops.io.loads(data, trusted=sorted(names))
    except ModelError:
        raise
    except Exception as error:
        # Any exception at all can come out of a damaged file: the reader follows what it says.
        raise ModelError("CP-ML-021", f"skops: {type(error).__name__}") from error


def _without_addresses(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        is_member = "__loader__" in node and "file" in node
        return {
            key: names[value] if key == "file" and is_member else _without_addresses(value, names)
            for key, value in node.items()
            if key != "__id__" or "__loader__" not in node
        }
    if isinstance(node, list):
        return [_without_addresses(item, names) for item in node]
    return node
