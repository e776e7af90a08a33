"""Built files are sent small and kept for ever; pages are readable without them; what pages carry is safe."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from chat_platform.settings import project_root
from chat_platform.web import form_tokens, static_files
from chat_platform.web.rendering import json_island
from chat_platform.web.static_files import STATIC, asset_url, assets_built, manifest
from tests.web.conftest import SignIn

FRONTEND = STATIC.with_name("frontend")


def test_the_lock_names_hashes_and_no_addresses() -> None:
    text = (FRONTEND / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert not re.search(r"https?:|registry", text)
    packages = json.loads(text)["packages"]
    assert all(entry["integrity"].startswith("sha") for name, entry in packages.items() if name)


def test_the_build_has_what_pages_ask_for() -> None:
    assert {"portal.js", "portal.css", "fonts.css", "icon.svg", "echarts.js", "timeline.js"} <= set(
        manifest()
    )
    assert all((STATIC / name).is_file() for name in manifest().values())
    assert assets_built()
    assert sum((STATIC / f"{name}.br").stat().st_size for name in _texts()) < 250_000


def test_a_browser_that_asks_for_the_icon_by_habit_finds_it(client: TestClient) -> None:
    answer = client.get("/favicon.ico", follow_redirects=True)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a built wheel installs: made by the project's own build backend, from a copy."""
    base = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns("node_modules", "__pycache__", "target", "logs", "*.egg-info")
    for name in ("chat_platform", "dbt_project"):
        shutil.copytree(project_root() / name, base / "source" / name, ignore=left_out)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(project_root() / name, base / "source")
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(base)],
        cwd=base / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (file,) = base.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(base / "installed")
    return base / "installed"


def test_a_wheel_holds_whatever_the_portal_and_the_graph_need(wheel: Path) -> None:
    held = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.is_file()}
    root = project_root()
    needed = [
        *root.glob("chat_platform/**/*.py"),
        *root.glob("chat_platform/**/templates/**/*.*"),
        *root.glob("chat_platform/storage/migrations/**/*.mako"),
        *STATIC.iterdir(),
        *(path for kind in ("sql", "yml", "csv") for path in root.glob(f"dbt_project/**/*.{kind}")),
    ]
    wanted = {path.relative_to(root).as_posix() for path in needed}
    wanted = {name for name in wanted if not re.search(r"/(node_modules|target|logs|frontend)/", name)}
    assert wanted - held == set()
    assert {name.split(".")[-1] for name in wanted} >= {
        "py",
        "html",
        "mako",
        "js",
        "css",
        "woff2",
        "sql",
        "yml",
    }
    assert [name for name in held if re.search(r"frontend/|node_modules|^tests/|^benchmarks/", name)] == []


def test_a_portal_from_a_wheel_serves_its_pages_and_files(wheel: Path, tmp_path: Path) -> None:
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from fastapi.testclient import TestClient
from chat_platform.settings import Settings, project_root
from chat_platform.web.application import create_app
from chat_platform.web.static_files import asset_url
app = create_app(Settings(home=Path(sys.argv[2])))
client = TestClient(app, base_url=app.state.services.base_url)
print(project_root(), (project_root() / "dbt_project" / "dbt_project.yml").is_file())
print(*(client.get(path).status_code for path in ("/sign-in", asset_url("portal.js"), "/favicon.ico")))
print(client.get("/health").json()["parts"]["app_database"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(wheel), str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [f"{wheel} True", "200 200 200", "ok"]


def _texts() -> list[str]:
    return [name for name in manifest().values() if not name.endswith(".woff2")]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("br, gzip", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None), ("", None)],
)
def test_the_smallest_copy_that_the_browser_reads_is_sent(
    client: TestClient, accepted: str, encoding: str | None
) -> None:
    with client.stream("GET", asset_url("portal.css"), headers={"accept-encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["vary"].lower() == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(raw)
    plain = (STATIC / manifest()["portal.css"]).read_bytes()
    if encoding == "gzip":
        assert gzip.decompress(raw) == plain
    elif encoding is None:
        assert raw == plain
    else:
        assert len(raw) < len(plain) / 4


def test_hashed_names_are_kept_for_ever_and_others_are_not(client: TestClient) -> None:
    font = client.get(asset_url("pretendard-400-common.woff2"))
    assert (font.status_code, font.headers["content-type"]) == (200, "font/woff2")
    assert "immutable" in font.headers["cache-control"]
    assert "immutable" not in client.get("/static/LICENSES.txt").headers["cache-control"]
    assert "Pretendard" in client.get("/static/LICENSES.txt").text


def test_a_file_that_is_kept_is_not_sent_again(client: TestClient) -> None:
    first = client.get(asset_url("portal.js"))
    again = client.get(asset_url("portal.js"), headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(asset_url("portal.js"), headers={"if-none-match": '"other"'}).content == first.content
    assert client.post(asset_url("portal.js")).status_code == 405


def test_a_page_carries_its_style_sheet_and_the_policy_allows_no_other(client: TestClient) -> None:
    page = client.get("/sign-in")
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style == (STATIC / manifest()["portal.css"]).read_text(encoding="utf-8")
    named = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["style-src"] == f"'self' 'sha256-{named}'"
    assert policy["script-src"] == "'self'"
    assert "<svg" in page.text
    assert not re.search(r"<img|rel=.stylesheet.(?![^<]*</noscript>)", page.text)


def test_fonts_wait_for_the_first_paint_until_the_browser_keeps_them(client: TestClient) -> None:
    late = client.get("/sign-in").text
    assert f'<noscript><link rel="stylesheet" href="{asset_url("fonts.css")}"></noscript>' in late
    assert f'data-fonts="{asset_url("fonts.css")}"' in late
    assert 'rel="preload"' not in late
    for kept in (manifest()["fonts.css"], "fonts-OLDBUILD.css"):
        text = client.get("/sign-in", headers={"cookie": f"fonts={kept}"}).text
        begins_with_them = (
            f'<link rel="stylesheet" href="{asset_url("fonts.css")}">\n<link rel="preload"' in text
        )
        assert begins_with_them == ("data-fonts" not in text) == (kept == manifest()["fonts.css"])


@pytest.mark.parametrize(
    "path", ["nothing.js", "..%2Fstatic_files.py", "%2e%2e/rendering.py", "portal.css%00", "a" * 5000, ""]
)
def test_nothing_else_is_sent(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}", headers={"accept-encoding": "br"}).status_code == 404


def test_without_a_build_pages_are_readable_and_say_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(static_files, "STATIC", tmp_path / "none")
    page = client.get("/sign-in", headers={"accept-language": "en"})
    assert page.status_code == 200
    assert "make setup" in page.text
    assert "<style></style>" in page.text


def test_a_new_build_is_picked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(static_files, "STATIC", tmp_path)
    assert asset_url("portal.js") == "/static/portal.js"
    (tmp_path / "manifest.json").write_text('{"portal.js": "portal-AAAAAAAA.js"}', encoding="utf-8")
    assert asset_url("portal.js") == "/static/portal-AAAAAAAA.js"
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    assert not assets_built()


def test_pages_are_sent_compressed(sign_in: SignIn) -> None:
    answer = sign_in("operator").get("/c/class/operations", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert "cookie" not in answer.headers.get("vary", "").lower()
    assert "no-store" in answer.headers["cache-control"]


def test_no_two_pages_carry_the_same_token_and_all_open_the_same_door(sign_in: SignIn) -> None:
    student = sign_in("student")
    found = {
        re.search(r'name="csrf-token" content="([^"]+)"', student.get("/account").text)[1] for _ in range(3)
    }  # type: ignore[index]
    assert len(found) == 3
    del student.headers["X-CSRF-Token"]
    for token in found:
        answer = student.post("/theme", data={"theme": "dark", "next": "/account", "csrf_token": token})
        assert answer.status_code == 303
    spoilt = next(iter(found))[:-6] + "AAAAA="
    assert student.post("/theme", data={"theme": "dark", "csrf_token": spoilt}).status_code == 403


def test_masked_tokens_hold_nothing_of_the_token() -> None:
    token = "a-token-of-a-session"
    masked = {form_tokens.masked(token) for _ in range(20)}
    assert len(masked) == 20
    assert all(form_tokens.same(one, token) and form_tokens.same(token, one) for one in masked)
    assert all(token not in one for one in masked)
    for wrong in (
        "",
        ".",
        "a.b.c",
        "AAAA.AA==",
        "not-base64!.x",
        "ㄱ.ㄴ",
        token[:-1],
        form_tokens.masked("other"),
    ):
        assert not form_tokens.same(wrong, token)


def test_json_islands_hold_any_text_and_every_number() -> None:
    hostile = "</script><script>alert(1)</script><!--&\u2028 한국어"
    island = str(
        json_island({"text": hostile, "values": [Decimal("1.5"), float("nan"), None, date(2026, 3, 2)]})
    )
    assert not re.search(r"[<>&]", island)
    assert "한국어" in island
    back = json.loads(island)
    assert back == {"text": hostile, "values": [1.5, None, None, "2026-03-02"]}
    assert json.loads(str(json_island(datetime(2026, 3, 2, 1, 2)))) == "2026-03-02T01:02:00"


def test_what_fails_within_a_page_is_said_at_its_top(sign_in: SignIn) -> None:
    answer = sign_in("student").get("/c/class/operations", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "CP-WEB-003" in answer.text
    assert "<html" not in answer.text
