"""The raw vault: every answer and file as it arrived, compressed, readable by its owner only.

What belongs here: writing, reading and listing raw payloads. What does not: parsing them.

The vault is ``<lake>/raw`` (mode 0700, files 0600): raw answers hold names, passcodes in Slack messages and
addresses, so nothing else in the lake may hold what only the vault may. A payload is
``raw/<source>/<partition>/<part>.zst``; parts of one partition are parsed together.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import fsspec
import zstandard

from chat_platform.errors import StorageError
from chat_platform.storage.files import write_bytes_atomic
from chat_platform.storage.lake import checked_partition

_SUFFIX = ".zst"
_MAX_BYTES = 2 << 30


class PayloadVault:
    """Raw payloads under the lake's root.

    Args:
        lake_url: the lake's folder or fsspec URL.
    """

    def __init__(self, lake_url: str | Path) -> None:
        self._fs, root = fsspec.core.url_to_fs(str(lake_url))
        self.root = f"{root}/raw"
        self._local = "file" in (
            self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        )
        if self._local:
            Path(self.root).mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(self.root).chmod(0o700)

    def write(self, source: str, partition: str, part: str, payload: bytes) -> str:
        """Keep a payload; the same bytes again change nothing.

        Returns:
            SHA-256 of the payload, hexadecimal.
        """
        path = self._path(source, partition, part)
        sha256 = hashlib.sha256(payload).hexdigest()
        if self._fs.exists(path) and self.read(source, partition, part) == payload:
            return sha256
        packed = zstandard.ZstdCompressor(level=6).compress(payload)
        if self._local:
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_bytes_atomic(Path(path), packed, mode=0o600)
        else:
            self._fs.pipe_file(path, packed)
        return sha256

    def read(self, source: str, partition: str, part: str) -> bytes:
        """A payload as it was written.

        Raises:
            StorageError: CP-STORE-004 when it is absent or damaged.
        """
        try:
            packed = self._fs.cat_file(self._path(source, partition, part))
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MAX_BYTES)
        except (FileNotFoundError, zstandard.ZstdError) as error:
            raise StorageError(
                "CP-STORE-004", f"{source}/{partition}/{part}: {type(error).__name__}"
            ) from error

    def delete(self, source: str, partition: str, part: str) -> None:
        """Remove a payload, and its partition with the last one; nothing happens where it does not exist."""
        path = self._path(source, partition, part)
        if self._fs.exists(path):
            self._fs.rm_file(path)
        if self._local and not self.parts(source, partition):
            # What a killed writer left in the folder goes too: it may hold the same.
            shutil.rmtree(Path(path).parent, ignore_errors=True)

    def digest(self, source: str, partition: str, part: str) -> str:
        """SHA-256 of a payload, as ``write`` returned it."""
        return hashlib.sha256(self.read(source, partition, part)).hexdigest()

    def parts(self, source: str, partition: str) -> list[str]:
        """Names of the parts of a partition, sorted."""
        folder = f"{self.root}/{source}/{checked_partition(partition)}"
        try:
            names = self._fs.ls(folder, detail=False)
        except FileNotFoundError:
            return []
        return sorted(
            Path(name).name.removesuffix(_SUFFIX)
            for name in names
            if name.endswith(_SUFFIX) and not Path(name).name.startswith(".")
        )

    def partitions(self, source: str) -> list[str]:
        """Every partition of a source that holds a payload, sorted."""
        try:
            return sorted(Path(name).name for name in self._fs.ls(f"{self.root}/{source}", detail=False))
        except FileNotFoundError:
            return []

    def _path(self, source: str, partition: str, part: str) -> str:
        return f"{self.root}/{source}/{checked_partition(partition)}/{checked_partition(part)}{_SUFFIX}"
