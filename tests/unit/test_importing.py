"""Importing much, quickly: what is missing is known at once, the collector rests and goes on."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys

import pytest

from chat_platform.importing import remember_missing, uncollected


def test_what_is_missing_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a_package_that_nobody_has"
    asked: list[str] = []

    class Noting:
        def find_spec(self, fullname: str, path: object, target: object = None) -> None:
            asked.append(fullname)

    monkeypatch.setattr(sys, "meta_path", [Noting(), *sys.meta_path])
    monkeypatch.setitem(sys.modules, name, None)  # removed after the test
    del sys.modules[name]
    assert remember_missing(name)
    assert asked == [name]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)
    assert importlib.util.find_spec(name) is None
    assert remember_missing(name)
    assert asked == [name]


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
