"""The port is honest: a platform is its own folder and a line in the registry."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chat_platform.errors import StreamError
from chat_platform.sources import streams
from chat_platform.sources.streams import port
from chat_platform.sources.streams.registry import PLATFORMS, platform_spec, platform_specs

ROOT = Path(streams.__file__).parent
PACKAGE = Path(inspect.getfile(port)).parents[2]


def core_files():
    """Everything of the package that is no platform's own and no stand-in for one."""
    own = {ROOT / name for name in PLATFORMS}
    simulators = PACKAGE / "simulators"
    return [
        path
        for path in PACKAGE.rglob("*.py")
        if "node_modules" not in path.parts
        and not any(folder in path.parents for folder in own)
        and path.parent != simulators
    ]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_no_platform_is_imported_by_another_nor_by_the_port(name):
    inside = f"chat_platform.sources.streams.{name}"
    for path in ROOT.rglob("*.py"):
        if path.is_relative_to(ROOT / name):
            continue
        assert not [module for module in imports(path) if module.startswith(inside)], path


def named(path, word):
    """Lines on which code names something: in a name, an import or a one-word text; prose is none."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if word in text.casefold() else ():
        names = [getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname", "module")]
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[\w./:-]+", node.value)
        ):
            names.append(node.value)
        if any(isinstance(name, str) and word in name.casefold() for name in names):
            yield node.lineno


def test_chzzk_touches_its_folder_and_one_line_of_the_registry():
    touched = {path.relative_to(PACKAGE).as_posix(): set(named(path, "chzzk")) for path in core_files()}
    touched = {path: lines for path, lines in touched.items() if lines}
    assert list(touched) == ["sources/streams/registry.py"]
    assert len(touched["sources/streams/registry.py"]) == 1


def test_the_count_would_see_a_special_case(tmp_path):
    path = tmp_path / "core.py"
    path.write_text(
        '"""Like CHZZK here."""\nif platform == "chzzk":\n    pass\nfrom a.chzzk import b\n', encoding="utf-8"
    )
    assert sorted(named(path, "chzzk")) == [2, 4]


@pytest.mark.parametrize("spec", platform_specs(), ids=lambda spec: spec.name)
def test_every_platform_fulfils_the_whole_port_with_its_very_parameters(spec):
    wanted = {
        name: list(inspect.signature(member).parameters)
        for name, member in vars(port.StreamPlatform).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    assert len(wanted) == 8
    for name, parameters in wanted.items():
        assert list(inspect.signature(getattr(spec.connect, name)).parameters) == parameters, name
    assert spec.connect.name == spec.name


def test_names_of_the_registry_are_those_of_the_platforms():
    assert {name: platform_spec(name).name for name in PLATFORMS} == {name: name for name in PLATFORMS}
    with pytest.raises(StreamError, match="CP-STREAM-009"):
        platform_spec("elsewhere")


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("twitch", "https://www.twitch.tv/videos/77?t=1h2m3s"),
        ("chzzk", "https://chzzk.naver.com/video/77?currentTime=3723"),
    ],
)
def test_a_moment_of_a_video_has_an_address(name, link):
    spec = platform_spec(name)
    assert spec.video_link("77", 3_723.9) == link
    assert "evil" not in urlsplit(spec.video_link("../evil?x#", -1)).query
