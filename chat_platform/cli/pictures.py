"""Pictures of the README, made from the demo.

What belongs here: the asset graph as the Dagster UI shows it, a metric drawn from the published file, calling
``portal_pictures``. What does not: anything that the demo does not show.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import requests
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from chat_platform.cli.portal_pictures import portal_pictures
from chat_platform.cli.setup_home import environment, program
from chat_platform.digest.pictures import BLUE, draw_minutes
from chat_platform.settings import Settings, project_root
from chat_platform.storage.workspace import Workspace

PORT = 3977
_LECTURE = """
select m.minute, m.messages, m.speakers from marts.lecture_minutes m
where m.conversation_id = (
    select conversation_id from marts.lecture_peaks group by all order by max(ratio) desc, 1 limit 1)
order by m.minute
"""
_PEAKS = """
select minute, messages from marts.lecture_peaks where conversation_id = (
    select conversation_id from marts.lecture_peaks group by all order by max(ratio) desc, 1 limit 1)
order by minute
"""


def write_pictures(home: Path, folder: Path) -> list[Path]:
    """Draw every picture from a demo's home.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(home=home)
    return [
        lecture_minutes(settings, folder / "lecture-minutes.png"),
        asset_graph(settings, folder / "asset-graph.png"),
        *portal_pictures(home, folder),
    ]


def lecture_minutes(settings: Settings, path: Path) -> Path:
    """Messages per minute of the lecture with the strongest peak, its peaks marked."""
    with Workspace(settings).publication.read() as connection:
        minutes = connection.execute(_LECTURE).fetchall()
        peaks = connection.execute(_PEAKS).fetchall()
    figure = Figure(figsize=(9, 2.8), dpi=110)
    axes = figure.add_subplot()
    draw_minutes(axes, [row[:2] for row in minutes], [minute for minute, _ in peaks])
    axes.plot([row[0] for row in minutes], [row[2] for row in minutes], color=BLUE, linewidth=0.9)
    axes.set_xlabel("minute of the lecture")
    axes.set_ylabel("messages, speakers")
    axes.set_title("marts.lecture_minutes, with marts.lecture_peaks in red", fontsize=9)
    figure.tight_layout()
    FigureCanvasAgg(figure).print_png(str(path))
    return path


def asset_graph(settings: Settings, path: Path) -> Path:
    """The lineage of core.messages in the Dagster UI, by a real Chromium."""
    server = subprocess.Popen(
        [program("dagster-webserver"), "--host", "127.0.0.1", "--port", str(PORT)],
        env=environment(settings),
        cwd=project_root(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    options = Options()
    options.binary_location = settings.zoom.chromium or "/usr/bin/chromium"
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=2000,1100",
        "--disable-sync",
    ):
        options.add_argument(flag)
    try:
        _wait_until_up()
        with tempfile.TemporaryDirectory() as profile:
            options.add_argument(f"--user-data-dir={profile}")
            driver = webdriver.Chrome(
                options=options, service=Service(settings.zoom.chromedriver or "/usr/bin/chromedriver")
            )
            try:
                driver.get(f"http://127.0.0.1:{PORT}/assets/core/messages?view=lineage&lineageDepth=1")
                wait = WebDriverWait(driver, 60)
                wait.until(lambda d: len(d.find_elements(By.CSS_SELECTOR, "foreignObject")) > 5)
                for skip in driver.find_elements(By.XPATH, "//button[contains(., 'Skip')]"):
                    skip.click()
                wait.until(lambda d: not d.find_elements(By.XPATH, "//button[contains(., 'Skip')]"))
                driver.save_screenshot(str(path))
            finally:
                driver.quit()
    finally:
        server.terminate()
        server.wait(30)
    return path


def _wait_until_up() -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://127.0.0.1:{PORT}/server_info", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    raise TimeoutError("the Dagster web server did not start")
