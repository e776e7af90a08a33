"""Every page in a real Chromium: the policy is enforced and never violated, nothing leaves, everybody can use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import APIRouter
from jinja2 import ChoiceLoader, DictLoader
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from starlette.responses import Response

from chat_platform.cli.chromium import Browser, chromium
from chat_platform.settings import Settings
from chat_platform.web import access, rendering
from chat_platform.web.application import create_app
from tests.chosen import first_of
from tests.homes import copied
from tests.web.browser import DESKTOP, FRONTEND, PHONE, free_port, running

PREPARED = True  # see ``unprepared``

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(300)]

AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
C = "/c/class"
PAGES: tuple[tuple[str, str], ...] = (
    ("nobody", "/sign-in"),
    ("nobody", "/nowhere"),
    ("nobody", "/charts"),
    ("student", "/account"),
    ("student", f"{C}/lectures"),
    ("student", f"{C}/lectures/{{lecture}}"),
    ("teacher", f"{C}/lectures/{{lecture}}"),
    ("student", f"{C}/questions"),
    ("student", f"{C}/questions/new"),
    ("student", f"{C}/questions/uncertain"),
    ("student", f"{C}/questions/{{question}}"),
    ("student", f"{C}/notifications"),
    ("student", f"{C}/people/me"),
    ("student", f"{C}/consents"),
    ("student", f"{C}/who"),
    ("student", f"{C}/quiz"),
    ("student", f"{C}/tiles"),
    ("student", f"{C}/tiles/daily_activity"),
    ("student", f"{C}/streamers"),
    ("student", f"{C}/emotes?period=all"),
    ("teacher", f"{C}/people"),
    ("teacher", f"{C}/people/{{person}}"),
    ("teacher", f"{C}/digest"),
    ("student", "/api/v1/docs"),
    ("operator", f"{C}/members"),
    ("operator", f"{C}/audit"),
    ("operator", f"{C}/operations"),
    ("operator", f"{C}/operations/ledger"),
    ("operator", f"{C}/operations/quarantine"),
    ("operator", f"{C}/operations/identities"),
    ("operator", f"{C}/operations/models"),
    ("operator", f"{C}/operations/freshness"),
    ("operator", f"{C}/operations/publication"),
)
"""Who looks at which page. ``{lecture}``, ``{question}`` and ``{person}`` are the ones with the most to show."""

HOSTILE = '</script><img src=x onerror="document.title=1"><b>{{7*7}}'
CHARTS = {
    "test_charts.html": """{% extends "base.html" %}{% import "macros.html" as ui with context %}
{% block title %}Charts{% endblock %}
{% block main %}<h1>Charts</h1>
{% for kind, data in charts %}<section class="card"><h2>{{ kind }} {{ loop.index }}</h2>
{{ ui.chart(kind, data, "chart of " ~ kind) }}<p>{{ data | string | truncate(80) }}</p></section>{% endfor %}
<form hx-get="/charts/part" hx-target="#part"><button id="more">More</button></form><div id="part"></div>
<form hx-post="/charts/part" hx-target="#part"><button id="send">Send</button></form>
<form hx-get="/charts/wrong" hx-target="#part"><button id="wrong">Wrong</button></form>
{% endblock %}""",
    "test_part.html": """{% import "macros.html" as ui with context %}<p id="swapped">{{ method }}</p>
{{ ui.chart("bar", data, "bars") }}""",
}
MINUTES = [(7 * minute) % 23 for minute in range(120)]
BARS = {
    "labels": ["가", HOSTILE, "다"],
    "series": [{"name": HOSTILE, "values": [3, 12, 1]}],
    "horizontal": True,
}
LINE = {
    "labels": [f"2026-03-{number:02}" for number in range(1, 20)],
    "series": [
        {"name": "메시지", "values": list(range(19))},
        {"name": "사람", "values": [None, *range(18)]},
    ],
}
TIMELINE = {
    "start": 0,
    "step": 60,
    "values": MINUTES,
    "name": "메시지",
    "peaks": [{"at": 600, "label": HOSTILE}],
    "links": [f"https://recording.invalid/play?startTime={60_000 * minute}" for minute in range(120)],
}
TREEMAP = {"items": [{"name": HOSTILE, "value": 9}, {"name": "나", "value": 4, "children": []}]}
GALLERY = (
    ("bar", BARS),
    ("line", LINE),
    ("timeline", TIMELINE),
    ("treemap", TREEMAP),
    ("spark", {"values": [1, None, 4, 2]}),
)


@dataclass(frozen=True)
class Portal:
    """A running portal: its address, a session's secret for each role, and what pages are about."""

    base: str
    secrets: dict[str, str]
    subjects: dict[str, str]


@pytest.fixture(scope="module")
def portal(streaming_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = copied(streaming_home, tmp_path_factory.mktemp("portal"))
    port = free_port()
    settings = Settings(home=home, web={"class_title": "브라우저 수업", "port": port})
    app = create_app(settings)
    app.include_router(gallery())
    loader = rendering.environment().loader
    assert loader is not None
    rendering.environment().loader = ChoiceLoader([loader, DictLoader(CHARTS)])
    accounts = app.state.services.accounts
    published = app.state.services.classes["class"].published.pinned()
    subjects = {
        "lecture": published.query(
            "select conversation_id as id from marts.lectures order by messages desc, 1"
        ),
        "question": published.query("select message_id as id from marts.lecture_questions order by 1"),
        "person": published.query(
            "select person_id as id from core.messages join core.identities using (identity_id) "
            "where person_id is not null group by 1 order by count(*) desc, 1"
        ),
    }
    secrets = {}
    for role in ("student", "teacher", "operator"):
        number = accounts.create(f"{role}@example.com", {"student": "김학생"}.get(role, role))
        accounts.set_role(number, "class", role)
        secrets[role] = accounts.open_session(number)
        if role == "student":
            accounts.link_person(number, "class", subjects["person"][0]["id"], proof="operator", by="test")
    with running(app, port) as base:
        yield Portal(base, secrets, {name: rows[0]["id"] for name, rows in subjects.items()})
    rendering.environment().loader = loader


def gallery() -> APIRouter:
    """A page with a chart of every kind, and parts of it by htmx."""
    router = APIRouter()

    @router.get("/charts")
    def charts(visit: access.Anybody) -> Response:
        return visit.page("test_charts.html", charts=GALLERY)

    @router.get("/charts/part")
    def part(visit: access.Anybody) -> Response:
        return visit.page("test_part.html", data=BARS, method="GET")

    @router.post("/charts/part")
    def sent(visit: access.SignedIn) -> Response:
        return visit.page("test_part.html", data=BARS, method="POST")

    @router.get("/charts/wrong")
    def wrong(visit: access.Operator) -> Response:
        raise AssertionError

    return router


@pytest.fixture
def page(browser: Browser, portal: Portal) -> Iterator[Browser]:
    """The browser, as somebody who has just come."""
    browser.start_over()
    browser.size(*DESKTOP)
    browser.prefer(prefers_color_scheme="light")
    yield browser
    for extra in browser.driver.window_handles[1:]:
        browser.driver.switch_to.window(extra)
        browser.driver.close()
    browser.driver.switch_to.window(browser.driver.window_handles[0])


def visit(page: Browser, portal: Portal, role: str, address: str) -> None:
    if role != "nobody":
        page.sign_in(portal.base, portal.secrets[role])
    page.open(portal.base + address.format(**portal.subjects))


def hover_charts(page: Browser) -> None:
    for chart in page.driver.find_elements(By.CSS_SELECTOR, ".chart[data-ready] .plot"):
        page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
        actions = ActionChains(page.driver, duration=20)
        for share in (-0.3, 0.0, 0.3):
            actions.move_to_element_with_offset(chart, int(chart.size["width"] * share), 0)
        actions.perform()


@pytest.mark.parametrize(("role", "address"), PAGES)
def test_no_page_violates_the_policy_or_asks_elsewhere(
    page: Browser, portal: Portal, role: str, address: str
) -> None:
    visit(page, portal, role, address)
    assert page.driver.execute_script("return document.querySelector('main h1') !== null")
    for summary in page.driver.find_elements(By.CSS_SELECTOR, "main summary"):
        if summary.is_displayed():
            page.driver.execute_script("arguments[0].click()", summary)
    page.driver.execute_script("scrollTo(0, document.body.scrollHeight)")
    page.settle()
    hover_charts(page)
    assert page.outside(portal.base) == []
    expected = ["404"] if address == "/nowhere" else []
    assert [text for text in page.complaints if not any(status in text for status in expected)] == []


@pytest.mark.parametrize("scheme", first_of(["light", "dark"], 1))
@pytest.mark.parametrize(("role", "address"), first_of(PAGES, 18))
def test_axe_finds_nothing_serious(
    page: Browser, portal: Portal, role: str, address: str, scheme: str
) -> None:
    page.prefer(prefers_color_scheme=scheme)
    visit(page, portal, role, address)
    for summary in page.driver.find_elements(By.CSS_SELECTOR, "main summary"):
        page.driver.execute_script("arguments[0].click()", summary)
    page.driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = page.driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    serious = [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]], one["nodes"][0]["failureSummary"])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert len(found["passes"]) > 10, "axe looked at something"
    assert serious == []


@pytest.mark.parametrize("width", first_of([320, PHONE[0]], 1))
@pytest.mark.parametrize(("role", "address"), first_of(PAGES, 18))
def test_a_phone_never_scrolls_sideways(
    page: Browser, portal: Portal, role: str, address: str, width: int
) -> None:
    page.size(width, PHONE[1])
    visit(page, portal, role, address)
    wide = page.driver.execute_script(
        "return document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('main *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 150)) : []"
    )
    assert wide[:5] == []
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width


def test_every_kind_of_chart_is_drawn_and_shows_hostile_labels_as_text(page: Browser, portal: Portal) -> None:
    visit(page, portal, "nobody", "/charts")
    page.driver.execute_script("scrollTo(0, document.body.scrollHeight)")
    page.wait("return document.querySelectorAll('.chart[data-ready]').length === 5")
    hover_charts(page)
    drawn = page.driver.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('.chart')].map((chart) =>"
        "[chart.dataset.chart, chart.querySelectorAll('path, polyline, canvas').length]))"
    )
    assert {kind for kind, marks in drawn.items() if marks} == {"bar", "line", "timeline", "treemap", "spark"}
    texts = page.driver.execute_script(
        "return [...document.querySelectorAll('.chart svg text')].map((text) => text.textContent)"
    )
    assert any(text.startswith("</script><img") for text in texts)
    assert page.driver.title == "Charts"
    assert page.driver.execute_script("return document.querySelectorAll('.chart img').length") == 0
    assert "max 12" in page.driver.execute_script(
        "return document.querySelector('[data-chart=bar]').getAttribute('aria-description')"
    )
    assert page.outside(portal.base) == []
    assert page.complaints == []


def test_a_missing_day_is_a_gap_in_the_line_of_a_streamer(page: Browser, portal: Portal) -> None:
    visit(page, portal, "student", f"{C}/streamers")
    page.wait("return document.querySelectorAll('[data-chart=spark][data-ready]').length === 2")
    lines = page.driver.execute_script(
        "return [...document.querySelectorAll('[data-chart=spark]')].map((chart) =>"
        "[...chart.querySelectorAll('polyline')].map((line) => line.points.length))"
    )
    assert lines == [[16], [5, 10]]


def test_hovering_shows_numbers_and_colours_follow_the_theme(page: Browser, portal: Portal) -> None:
    visit(page, portal, "nobody", "/charts")
    before = page.driver.execute_script("return document.querySelectorAll('[data-chart=line] text').length")
    hover_charts(page)
    line = page.driver.find_element(By.CSS_SELECTOR, "[data-chart=line] .plot")
    ActionChains(page.driver).move_to_element(line).perform()
    page.wait(f"return document.querySelectorAll('[data-chart=line] text').length > {before}")
    light = page.driver.execute_script("return document.querySelector('[data-chart=bar] path[fill^=\"#\"]')")
    assert light is not None
    fills = "return [...document.querySelectorAll('[data-chart=bar] path')].map((p) => p.getAttribute('fill')).join()"
    old = page.driver.execute_script(fills)
    page.prefer(prefers_color_scheme="dark")
    page.wait(f"return (() => {{ {fills} }})() !== {json.dumps(old)}")
    assert page.outside(portal.base) == []
    assert page.complaints == []


def test_a_timeline_zooms_and_opens_the_recording_by_mouse_and_keyboard(
    page: Browser, portal: Portal
) -> None:
    page.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": "window.open = (address) => { window.opened = address; }"},
    )
    visit(page, portal, "nobody", "/charts")
    chart = page.driver.find_element(By.CSS_SELECTOR, "[data-chart=timeline]")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    page.wait("return document.querySelector('[data-chart=timeline][data-ready]') !== null")
    over = chart.find_element(By.CSS_SELECTOR, ".u-over")
    ActionChains(page.driver, duration=50).move_to_element(over).click().perform()
    middle = page.wait("return window.opened")
    assert 55 * 60_000 <= int(middle.split("startTime=")[1]) <= 65 * 60_000
    said = chart.find_element(By.CSS_SELECTOR, ".chart-said")
    assert said.text.startswith(("59:", "1:0"))

    page.driver.execute_script("window.opened = null")
    actions = (
        ActionChains(page.driver, duration=50).move_to_element_with_offset(over, -200, 0).click_and_hold()
    )
    actions.move_by_offset(150, 0).release().perform()
    ticks = "return document.querySelector('[data-chart=timeline] canvas').toDataURL()"
    zoomed = page.driver.execute_script(ticks)
    assert page.driver.execute_script("return window.opened") is None, "dragging opens nothing"

    chart.send_keys(Keys.ESCAPE)
    page.wait(f"return (() => {{ {ticks} }})() !== {json.dumps(zoomed)}")
    chart.send_keys(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert said.text.startswith(f"2:00 · 메시지 {MINUTES[2]}")
    chart.send_keys(Keys.ENTER)
    assert page.driver.execute_script("return window.opened").endswith("startTime=120000")
    assert page.outside(portal.base) == []
    assert page.complaints == []


def test_parts_by_htmx_are_drawn_carry_the_token_and_tell_errors(page: Browser, portal: Portal) -> None:
    visit(page, portal, "student", "/charts")
    for button, method in (("more", "GET"), ("send", "POST")):
        page.driver.execute_script(f"document.getElementById('{button}').click()")
        page.wait(f"return document.getElementById('swapped')?.textContent === '{method}'")
        page.driver.execute_script("document.getElementById('part').scrollIntoView()")
        page.wait("return document.querySelector('#part .chart[data-ready] svg path') !== null")
    hover_charts(page)
    page.look()
    assert page.complaints == []
    page.driver.execute_script("document.getElementById('wrong').click()")
    page.wait("return document.querySelector('#notices .notice.error')?.textContent.includes('CP-WEB-001')")
    assert page.driver.execute_script("return document.getElementById('swapped') !== null"), "the page stays"
    page.look()
    assert [text for text in page.complaints if "404" not in text] == []


def test_the_keyboard_reaches_everything_and_focus_is_seen(page: Browser, portal: Portal) -> None:
    visit(page, portal, "operator", f"{C}/operations")
    body = page.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.get_attribute("class") == "skip"
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.driver.execute_script("return document.activeElement.id") == "main"

    visit(page, portal, "operator", f"{C}/operations")
    reachable = page.driver.execute_script(
        "return [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]"
        ".filter((e) => e.checkVisibility() && e.type !== 'hidden').length"
    )
    seen = set()
    for _ in range(reachable):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        name, outline = page.driver.execute_script(
            "const e = document.activeElement; e.dataset.n ??= String(document.querySelectorAll('[data-n]').length);"
            "return [e.dataset.n, getComputedStyle(e).outlineStyle]"
        )
        assert outline != "none"
        seen.add(name)
    assert len(seen) == reachable

    menu = page.driver.find_element(By.CSS_SELECTOR, "details.menu summary")
    menu.send_keys(Keys.ENTER)
    assert page.driver.execute_script("return document.querySelector('details.menu').open")
    ActionChains(page.driver).send_keys(Keys.TAB).send_keys(Keys.ESCAPE).perform()
    assert not page.driver.execute_script("return document.querySelector('details.menu').open")
    assert page.driver.switch_to.active_element.tag_name == "summary"


def test_language_and_colours_are_chosen_in_the_page(page: Browser, portal: Portal) -> None:
    visit(page, portal, "nobody", "/sign-in?next=%2Faccount")
    for selector, expected in (
        ('[name=language][value="en"]', "document.documentElement.lang === 'en'"),
        ('[name=theme][value="dark"]', "document.documentElement.dataset.theme === 'dark'"),
        ('[name=language][value="ko"]', "document.documentElement.lang === 'ko'"),
    ):
        page.driver.find_element(By.CSS_SELECTOR, "details.menu summary").click()
        page.driver.find_element(By.CSS_SELECTOR, selector).click()
        page.wait(f"return {expected} && document.readyState === 'complete'")
        assert page.driver.current_url.endswith("/sign-in?next=%2Faccount"), "back where one was"
    background = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(18, 21, 26)"
    assert page.outside(portal.base) == []
    assert page.complaints == []


def test_fonts_come_after_the_first_paint_of_the_first_page_and_with_those_after_it(
    page: Browser, portal: Portal
) -> None:
    families = "return [...document.fonts].filter((one) => one.status === 'loaded').map((one) => one.family)"
    asked = "return performance.getEntriesByType('resource').find((one) => one.name.includes('/fonts-')).startTime"
    paint = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
    visit(page, portal, "student", f"{C}/lectures")
    assert "Pretendard" in page.driver.execute_script(families)
    assert page.driver.execute_script(asked) > page.driver.execute_script(paint)
    visit(page, portal, "student", f"{C}/lectures")
    assert page.driver.find_elements(By.CSS_SELECTOR, "head > link[rel=preload][as=font]")
    assert "Pretendard" in page.driver.execute_script(families)
    assert page.outside(portal.base) == []
    assert page.complaints == []


def test_pages_can_be_read_and_used_without_script(portal: Portal) -> None:
    with chromium(script=False) as plain:
        plain.size(*DESKTOP)
        plain.sign_in(portal.base, portal.secrets["operator"])
        for role, address in PAGES:
            if role == "operator":
                plain.driver.get(portal.base + address.format(**portal.subjects))
                assert plain.driver.find_element(By.TAG_NAME, "h1").text
        plain.driver.get(f"{portal.base}{C}/operations/ledger?state=parsed")
        assert plain.driver.find_elements(By.CSS_SELECTOR, "main table tbody tr")
        plain.driver.find_element(By.CSS_SELECTOR, "details.menu summary").click()
        plain.driver.find_element(By.CSS_SELECTOR, '[name=theme][value="dark"]').click()
        WebDriverWait(plain.driver, 20, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda driver: driver.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == "dark"
        )
        assert plain.driver.current_url.endswith("ledger?state=parsed")
        plain.driver.get(f"{portal.base}/charts")
        assert not plain.driver.find_element(By.CSS_SELECTOR, ".chart").is_displayed()
        assert plain.driver.find_elements(By.CSS_SELECTOR, "head link[rel=stylesheet]"), (
            "fonts need no script"
        )
