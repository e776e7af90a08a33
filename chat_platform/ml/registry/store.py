"""The model store: one folder a version, written whole or not at all, verified before it is used.

What belongs here: names of versions, saving, verifying, listing. What does not: which version serves
(``storage.promotions``, ``serving``), what a model's files mean to it.

A version lies in ``<lake>/models/<name>/<version>/``: the model's files, ``manifest.json``, and files about it
(``card.md``, pictures, figures, scored rows). Its name is ``<kind>-<hash>``, the hash over the model's files and
threshold, so the same data and seed give the same version, saving it again changes nothing, and a version is
never changed. It is written beside under a name that begins with a dot and renamed; a kill leaves such a folder,
which a later save sweeps when it is a day old.

A folder that differs from its manifest in anything (a byte, a missing file, one too many) is refused whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from chat_platform.errors import ModelError
from chat_platform.ml.registry.formats import (
    MODEL_SUFFIXES,
    SIDE_SUFFIXES,
    canonical_skops,
    checked_name,
)

FORMAT = 1
MANIFEST = "manifest.json"
CARD = "card.md"
EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.json"
_STALE_S = 24 * 3600.0
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_VERSION = re.compile(r"[a-z][a-z0-9_]{0,40}-[0-9a-f]{12}")


@dataclass(frozen=True)
class FileFacts:
    """What a file must be."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Training:
    """Where a version comes from.

    Attributes:
        rows: rows it was trained on.
        data_sha256: hash of the training set.
        code_version: version of the training code.
        seed: of everything random in it.
        libraries: name → version.
    """

    rows: int
    data_sha256: str
    code_version: str
    seed: int
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """What a version is.

    Attributes:
        threshold: probability from which it says yes; ``None`` where there is no such thing.
        model_files: files that make the model, name → facts; ``version`` is a hash over them.
        side_files: files about it.
        figures: ``Evaluation.summary`` for lists.
    """

    name: str
    version: str
    kind: str
    created_at: datetime
    threshold: float | None
    training: Training
    model_files: Mapping[str, FileFacts]
    side_files: Mapping[str, FileFacts] = field(default_factory=dict)
    figures: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, FileFacts]:
        """All files but the manifest."""
        return {**self.model_files, **self.side_files}

    @property
    def model_sha256(self) -> str:
        """Hash of the model's files and threshold; the version's name ends with its beginning."""
        return _content_hash(self.threshold, self.model_files)

    @property
    def bytes(self) -> int:
        """Size of the files."""
        return sum(facts.bytes for facts in self.files.values())

    def table_row(self) -> dict[str, Any]:
        """A row of ``ml.models`` but for ``state``, ``promoted_at`` and ``reasons``, which the log knows."""
        return {
            "model_name": self.name,
            "model_version": self.version,
            "kind": self.kind,
            "created_at": self.created_at,
            "threshold": self.threshold,
            "training_rows": self.training.rows,
            "data_sha256": self.training.data_sha256,
            "model_sha256": self.model_sha256,
            "code_version": self.training.code_version,
            "libraries": json.dumps(dict(self.training.libraries), sort_keys=True),
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class StoredModel:
    """A version that was verified when it was loaded."""

    manifest: Manifest
    path: Path

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.manifest.version

    def read(self, file: str) -> bytes:
        """A file's content, which is what the manifest says even if it was changed since.

        Raises:
            ModelError: CP-ML-021 when it was changed, or is no file of this version.
        """
        facts = self.manifest.files.get(file)
        if facts is None:
            raise ModelError("CP-ML-021", f"{self.version}: no file {file!r}")
        return _verified(self.path / file, facts, self.version)

    def has(self, file: str) -> bool:
        """Whether the version has this file."""
        return file in self.manifest.files


def predictions_file(version: str) -> str:
    """Side file with another version's scores of this version's test rows.

    Training scores the champion of that time too, so that both can be compared whenever somebody decides.
    """
    return f"predictions-{version}.json"


def version_of(kind: str, files: Mapping[str, bytes], threshold: float | None) -> str:
    """Name that a model with these files gets.

    Raises:
        ModelError: CP-ML-023 for a file that may not be part of a model.
    """
    return _version(kind, threshold, _facts(_canonical(files)))


class ModelStore:
    """Versions of models under one folder.

    Args:
        root: ``<lake>/models``; made when something is saved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(
        self,
        name: str,
        kind: str,
        files: Mapping[str, bytes],
        *,
        threshold: float | None,
        training: Training,
        side_files: Mapping[str, bytes] | None = None,
        figures: Mapping[str, float | None] | None = None,
        created_at: datetime | None = None,
    ) -> StoredModel:
        """Keep a version; one that is there already and whole stays as it is, one that is damaged is replaced.

        Args:
            name: of the model, ``question`` or ``author``.
            kind: ``linear``, ``transformer``, ….
            files: name → content of the model's files.
            threshold: probability from which it says yes.
            training: where it comes from.
            side_files: card, pictures, figures, scored rows.
            figures: summary for lists.
            created_at: when it was trained; now, unless given.

        Raises:
            ModelError: CP-ML-023 for a file or name that is not allowed.
            OSError: the disk is full or the folder cannot be written; nothing is left that could be loaded.
        """
        content, side = _canonical(files), dict(side_files or {})
        for file in side:
            checked_name(file, SIDE_SUFFIXES)
        if MANIFEST in {*content, *side} or set(content) & set(side):
            raise ModelError("CP-ML-023", "a file stands twice")
        facts = _facts(content)
        manifest = Manifest(
            _checked(_NAME, name), _checked(_VERSION, _version(kind, threshold, facts)), kind,
            created_at or datetime.now(UTC), threshold, training, facts, _facts(side), dict(figures or {}),
        )  # fmt: skip
        self.sweep(name)
        if self._is_whole(name, manifest.version):
            return self.load(name, manifest.version)
        self._write(manifest, content | side)
        return self.load(name, manifest.version)

    def load(self, name: str, version: str) -> StoredModel:
        """A version, after every file was compared with the manifest.

        Raises:
            ModelError: CP-ML-020 no such version, -021 damaged, -022 written by a newer program, -023 a file that
                may not be part of a model.
        """
        folder = self._folder(name, version)
        if not folder.is_dir():
            raise ModelError("CP-ML-020", f"{name} {version}")
        manifest = self._manifest(folder, name, version)
        present = _files_below(folder, version)
        expected = {*manifest.files, MANIFEST}
        if present != expected:
            raise ModelError("CP-ML-021", f"{version}: {_difference(present, expected)}")
        for file, facts in manifest.files.items():
            _verified(folder / file, facts, version)
        return StoredModel(manifest, folder)

    def manifest(self, name: str, version: str) -> Manifest:
        """What a version is, without verifying its files: for lists.

        Raises:
            ModelError: CP-ML-020, -021 or -022.
        """
        folder = self._folder(name, version)
        if not folder.is_dir():
            raise ModelError("CP-ML-020", f"{name} {version}")
        return self._manifest(folder, name, version)

    def names(self) -> list[str]:
        """Models of which there is a version."""
        if not self.root.is_dir():
            return []
        return sorted(
            path.name for path in self.root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)
        )

    def versions(self, name: str) -> list[str]:
        """Versions of a model, damaged ones too, by name."""
        folder = self.root / _checked(_NAME, name)
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if _VERSION.fullmatch(path.name))

    def sweep(self, name: str, *, older_than_s: float = _STALE_S) -> list[Path]:
        """Remove what killed savers left.

        Returns:
            The folders that were removed.
        """
        stale = []
        for path in (self.root / _checked(_NAME, name)).glob(".*.tmp"):
            try:
                old = time.time() - path.stat().st_mtime > older_than_s
            except FileNotFoundError:
                continue
            if old:
                shutil.rmtree(path, ignore_errors=True)
                stale.append(path)
        return stale

    def _folder(self, name: str, version: str) -> Path:
        return self.root / _checked(_NAME, name) / _checked(_VERSION, version)

    def _is_whole(self, name: str, version: str) -> bool:
        try:
            self.load(name, version)
        except ModelError:
            return False
        return True

    def _write(self, manifest: Manifest, content: Mapping[str, bytes]) -> None:
        """Everything into a folder beside, then one rename."""
        target = self._folder(manifest.name, manifest.version)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir(parents=True)
        try:
            for file, data in content.items():
                _write_file(temporary / file, data)
            _write_file(temporary / MANIFEST, _manifest_json(manifest))
            for folder in (temporary, *(path for path in temporary.iterdir() if path.is_dir())):
                _sync_folder(folder)
            self._put(temporary, target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _sync_folder(target.parent)

    def _put(self, temporary: Path, target: Path) -> None:
        if target.exists():
            # A damaged version: moved aside first, because a folder with content cannot be renamed over.
            aside = temporary.with_name(f".{target.name}.damaged.{secrets.token_hex(4)}.tmp")
            target.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        try:
            temporary.rename(target)
        except OSError:
            # Somebody saved the same version at the same moment; names say that the content is the same.
            if not self._is_whole(target.parent.name, target.name):
                raise
            shutil.rmtree(temporary, ignore_errors=True)

    def _manifest(self, folder: Path, name: str, version: str) -> Manifest:
        try:
            value = json.loads((folder / MANIFEST).read_bytes())
            written_by = int(value["format"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError("CP-ML-021", f"{version}: {MANIFEST}: {type(error).__name__}") from error
        if written_by > FORMAT:
            raise ModelError("CP-ML-022", f"{version}: format {written_by}, this program knows {FORMAT}")
        checksum = value.pop("checksum", None)
        if checksum != _checksum(value):
            raise ModelError("CP-ML-021", f"{version}: {MANIFEST} was changed")
        manifest = _manifest_of(value, version)
        named = (
            manifest.name,
            manifest.version,
            _version(manifest.kind, manifest.threshold, manifest.model_files),
        )
        if named != (name, version, version):
            raise ModelError("CP-ML-021", f"{version}: {MANIFEST} speaks of another version")
        return manifest


def _canonical(files: Mapping[str, bytes]) -> dict[str, bytes]:
    if not files:
        raise ModelError("CP-ML-023", "no file")
    return {
        checked_name(file, MODEL_SUFFIXES): canonical_skops(data) if file.endswith(".skops") else data
        for file, data in files.items()
    }


def _facts(files: Mapping[str, bytes]) -> dict[str, FileFacts]:
    return {
        file: FileFacts(hashlib.sha256(data).hexdigest(), len(data)) for file, data in sorted(files.items())
    }


def _version(kind: str, threshold: float | None, files: Mapping[str, FileFacts]) -> str:
    return f"{kind}-{_content_hash(threshold, files)[:12]}"


def _content_hash(threshold: float | None, files: Mapping[str, FileFacts]) -> str:
    # NumPy's floats print their type.
    number = None if threshold is None else float(threshold)
    parts = [repr(number), *(f"{file} {facts.sha256}" for file, facts in sorted(files.items()))]
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()


def _manifest_json(manifest: Manifest) -> bytes:
    value = {"format": FORMAT, **asdict(manifest), "created_at": manifest.created_at.isoformat()}
    return json.dumps({**value, "checksum": _checksum(value)}, ensure_ascii=False, indent=1).encode("utf-8")


def _checksum(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8")).hexdigest()


def _manifest_of(value: Mapping[str, Any], version: str) -> Manifest:
    try:
        fields = {key: item for key, item in value.items() if key != "format"}
        for part in ("model_files", "side_files"):
            fields[part] = {file: FileFacts(**facts) for file, facts in value[part].items()}
        fields["training"] = Training(**value["training"])
        fields["created_at"] = datetime.fromisoformat(value["created_at"])
        manifest = Manifest(**fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError("CP-ML-021", f"{version}: {MANIFEST}: {type(error).__name__}") from error
    for file in manifest.model_files:
        checked_name(file, MODEL_SUFFIXES)
    for file in manifest.side_files:
        checked_name(file, SIDE_SUFFIXES)
    return manifest


def _verified(path: Path, facts: FileFacts, version: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError("CP-ML-021", f"{version}: {path.name}: {error.strerror}") from error
    if len(data) != facts.bytes:
        raise ModelError("CP-ML-021", f"{version}: {path.name} has {len(data)} bytes, not {facts.bytes}")
    if hashlib.sha256(data).hexdigest() != facts.sha256:
        raise ModelError("CP-ML-021", f"{version}: {path.name} was changed")
    return data


def _files_below(folder: Path, version: str) -> set[str]:
    """Files as paths relative to the folder; a link is no file of a model."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise ModelError("CP-ML-023", f"{version}: {path.name} is a link")
        if path.is_file():
            found.add(PurePosixPath(path.relative_to(folder)).as_posix())
    return found


def _difference(present: set[str], expected: set[str]) -> str:
    missing, more = sorted(expected - present), sorted(present - expected)
    return "; ".join(
        f"{what}: {', '.join(files)[:120]}"
        for what, files in (("missing", missing), ("too many", more))
        if files
    )


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(pattern: re.Pattern[str], name: str) -> str:
    if not pattern.fullmatch(name):
        raise ModelError("CP-ML-020", repr(name[:80]))
    return name
