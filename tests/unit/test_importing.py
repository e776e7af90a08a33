"""Importing much, quickly: what is missing is known at once, the collector rests and goes on."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest

from chat_platform.importing import remember_missing, uncollected


@pytest.fixture(autouse=True)
def finders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finders of before, after each test."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))


def test_what_is_missing_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    name = "a_package_that_nobody_has"
    assert remember_missing(name)
    (tmp_path / f"{name}.py").write_text("found = True")
    (tmp_path / f"{name}_either.py").write_text("found = True")
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match=name):
        importlib.import_module(name)
    # Libraries ask so too, and expect no error.
    assert importlib.util.find_spec(name) is None
    assert name not in sys.modules
    assert importlib.import_module(f"{name}_either").found
    assert importlib.metadata.version("duckdb")


def test_what_is_installed_can_be_imported_still() -> None:
    assert not remember_missing("duckdb")
    assert importlib.import_module("duckdb").__name__ == "duckdb"


def test_the_collector_rests_only_while_importing() -> None:
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
