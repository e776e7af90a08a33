"""Pictures of the portal for the README: pages of the demo, on a desk in light and on a phone in dark colours.

What belongs here: which pages, who looks, putting both sizes side by side. What does not: driving the browser
(``chromium``), pictures of anything but the portal (``pictures``).
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import uvicorn
from PIL import Image

from chat_platform.cli.chromium import Browser, chromium
from chat_platform.settings import Settings
from chat_platform.storage.board import BoardStore
from chat_platform.web.application import create_app

TITLE = "딥러닝 수업"
DESK = (1280, 900)
PHONE = (390, 900)
GAP = 24
BACKGROUND = "white"
COLOURS = 160
PAGES = {
    "lectures": ("teacher", "/c/{room}/lectures"),
    "lecture": ("teacher", "/c/{room}/lectures/{lecture}"),
    "questions": ("student", "/c/{room}/questions?state=open"),
    "own-page": ("student", "/c/{room}/people/me"),
    "streamers": ("teacher", "/c/{room}/streamers"),
    "emotes": ("teacher", "/c/{room}/emotes"),
}
_LECTURE = (
    "select conversation_id as id from marts.lectures order by reactions desc, messages desc, 1 limit 1"
)
_STUDENT = """
select p.person_id as id, p.name from core.people as p
join core.identities using (person_id) join core.messages using (identity_id)
where p.role = 'student' group by all order by count(*) desc, 1 limit 1
"""


def portal_pictures(home: Path, folder: Path) -> list[Path]:
    """Draw every page from a copy of a demo's home.

    Returns:
        Their paths.
    """
    with _portal(home) as (base, secrets, subjects), chromium() as browser:
        return [
            _picture(browser, base + address.format(**subjects), secrets[role], folder / f"portal-{name}.png")
            for name, (role, address) in PAGES.items()
        ]


@contextmanager
def _portal(home: Path) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """A portal over a copy: its address, a session's secret for each role, and what the pages are about."""
    with tempfile.TemporaryDirectory() as place, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        copy = Path(shutil.copytree(home, Path(place) / "home"))
        settings = Settings(home=copy, web={"class_title": TITLE, "port": port})
        app = create_app(settings)
        services, room = app.state.services, settings.web.class_id
        published = services.classes[room].published.pinned()
        lecture, student = published.row(_LECTURE), published.row(_STUDENT)
        assert lecture is not None and student is not None, "the demo has a class"  # noqa: S101
        secrets = {}
        for role, name in (("teacher", "선생님"), ("student", student["name"])):
            number = services.accounts.create(f"{role}@picture.invalid", name)
            services.accounts.set_role(number, room, role)
            secrets[role] = services.accounts.open_session(number)
            if role == "student":
                taken = BoardStore(services.database, room).account_of(student["id"])
                if taken is not None:  # somebody uses the demo; this is a copy
                    services.accounts.link_person(taken, room, None, proof="operator", by="pictures")
                services.accounts.link_person(number, room, student["id"], proof="operator", by="pictures")
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}", secrets, {"room": room, "lecture": lecture["id"]}
        finally:
            server.should_exit = True
            thread.join(20)


def _picture(browser: Browser, address: str, secret: str, path: Path) -> Path:
    """One page on a desk in light and on a phone in dark colours, side by side."""
    base = "/".join(address.split("/")[:3])
    browser.sign_out()
    browser.sign_in(base, secret)
    browser.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": "ko"}})
    shots = []
    for (width, height), scheme in ((DESK, "light"), (PHONE, "dark")):
        browser.size(width, height)
        browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        browser.open(address)
        browser.wait("return document.fonts.status === 'loaded'")
        shots.append(Image.open(BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB"))
    both = Image.new("RGB", (DESK[0] + GAP + PHONE[0], DESK[1]), BACKGROUND)
    both.paste(shots[0], (0, 0))
    both.paste(shots[1], (shots[0].width + GAP, 0))
    both.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
