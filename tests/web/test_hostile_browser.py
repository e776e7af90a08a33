"""Two hundred hostile texts in a real Chromium: none runs, every one is read as a text.

Pages are looked at while the policy only reports: it must have nothing to report, and what was let into a page would
run. What is most written to is looked at with the policy enforced too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from fastapi import APIRouter
from jinja2 import ChoiceLoader, DictLoader
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from starlette.responses import Response

from chat_platform.cli.chromium import Browser, chromium
from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.storage.answers import AnswerStore
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.audit import AuditLog
from chat_platform.storage.workspace import Workspace
from chat_platform.storage.written import written
from chat_platform.web import access, exports, middleware, pending_uploads, rendering
from chat_platform.web.application import create_app
from chat_platform.web.pages.uploads import UPLOADED
from chat_platform.web.services import Services
from tests.homes import copied
from tests.web.browser import DESKTOP, free_port, running
from tests.web.hostile import TEXTS, poison
from tests.web.test_browser import hover_charts

PREPARED = True  # see ``unprepared``

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.timeout(300)]

C = "/c/class"
SENTINEL = "a hostile text ran"
CATCH = f"window.hostile = () => console.error({json.dumps(SENTINEL)});"
FENCE = "`" * 8
SAYING = [text for text in TEXTS if "hostile()" in text]
"""Texts that no page has of its own."""
PAGES: tuple[tuple[str, str], ...] = (
    ("student", f"{C}/lectures"),
    ("student", f"{C}/lectures?q=hostile"),
    ("student", f"{C}/lectures/{{lecture}}?q=hostile"),
    ("student", f"{C}/questions"),
    ("student", f"{C}/questions?text=hostile&sort=oldest"),
    ("student", f"{C}/questions/{{asked}}"),
    ("student", f"{C}/questions/new"),
    ("student", f"{C}/questions/uncertain"),
    ("student", f"{C}/notifications"),
    ("student", f"{C}/people/me"),
    ("student", f"{C}/tiles/top_messages"),
    ("student", f"{C}/tiles/lecture_questions"),
    ("teacher", f"{C}/lectures"),
    ("teacher", f"{C}/lectures/{{lecture}}"),
    ("teacher", f"{C}/people"),
    ("teacher", f"{C}/people/{{person}}"),
    ("teacher", f"{C}/members"),
    ("teacher", f"{C}/digest/weeks/{{week}}"),
    ("operator", f"{C}/tiles/talkers"),
    ("operator", f"{C}/tiles/reacted"),
    ("operator", f"{C}/tiles/reactors"),
    ("operator", f"{C}/tiles/lecture_words?lecture={{lecture}}"),
    ("operator", f"{C}/tiles/lecture_speakers?lecture={{lecture}}"),
    ("operator", f"{C}/tiles/participation_daily"),
    ("operator", f"{C}/operations/quarantine"),
    ("operator", f"{C}/operations/identities"),
    ("operator", f"{C}/members"),
)
"""Who looks at which page; each shows something hostile."""
# What of a live page would run, load from elsewhere or lead to what runs: there must be nothing.
FOREIGN = """
const found = [], leads = (value) => URL.parse(value, location.href) ?? { protocol: "https:", origin: "nowhere" };
const ours = (value) => value.startsWith("data:image/") || leads(value).origin === location.origin;
// The head of every page has one of each: were another before it, ours would be the second.
const known = new Set(document.querySelectorAll("head > style:first-of-type, head > noscript:first-of-type"));
for (const element of document.querySelectorAll("*")) {
  const tag = element.localName;
  const never = /^(iframe|object|embed|base|marquee|math|template|style|frame|applet|animate|x|noscript)$/;
  if (never.test(tag) && !known.has(element)) found.push(tag);
  const island = element.type === "application/json", bundle = `${location.origin}/static/`;
  if (tag === "script" && !island && !element.src.startsWith(bundle)) found.push(tag);
  if (tag === "meta" && element.httpEquiv) found.push("meta");
  for (const { name, value } of element.attributes) {
    if (/^(on|hx-on|srcdoc)/.test(name)) found.push(`${tag} ${name}`);
    if (/^(src|action|formaction|data|poster|background|hx-get|hx-post)$/.test(name) && !ours(value))
      found.push(`${tag} ${name}=${value}`);
    if (name.endsWith("href") && !/^https?:$/.test(leads(value).protocol))
      found.push(`${tag} ${name}=${value}`);
  }
}
return found;
"""
READ = "return [...new Set([...document.querySelectorAll(arguments[0])].map((one) => one.textContent))]"
WHOLE = """
const fields = [...document.querySelectorAll("input, textarea")].map((one) => one.value);
return [document.title, document.body.textContent, ...fields].join("\\n");
"""
# Uploads as the form of the page sends them, with the names that the browser gives to the parts.
UPLOAD = """
const [names, root, done] = arguments;
const send = async (name) => {
  const form = new FormData();
  form.append("csrf_token", document.querySelector("meta[name=csrf-token]").content);
  form.append("file", new File(["19:00:01\\t From  x : y\\n"], name));
  form.append("day", "2026-03-04");
  form.append("title", name.slice(0, 200));
  const answer = await fetch(root, { method: "POST", body: form });
  return answer.ok ? answer.url : String(answer.status);
};
(async () => {
  const found = [];
  for (const name of names) found.push(await send(name));
  return found;
})().then(done, (error) => done([String(error)]));
"""
CARELESS = {
    "test_careless.html": """{% extends "base.html" %}{% block title %}Careless{% endblock %}
{% block main %}<h1>Careless</h1>{{ said | safe }}{% endblock %}"""
}


@dataclass(frozen=True)
class Portal:
    """A running portal that is full of hostile texts."""

    base: str
    secrets: dict[str, str]
    subjects: dict[str, str]
    lectures: list[str]
    names: list[str]
    answers: list[str]
    log: AuditLog


def squashed(text: str) -> str:
    """A text as HTML shows it, blanks aside: NUL is replaced or left out."""
    return " ".join(text.replace("\x00", "").replace("\ufffd", "").split())


def careless() -> APIRouter:
    """Pages that show a text unescaped, and files that are called like it."""
    router = APIRouter()

    @router.get("/careless/{number}")
    def page(visit: access.Anybody, number: int) -> Response:
        return visit.page("test_careless.html", said=TEXTS[number])

    @router.get("/file/{number}")
    def file(visit: access.Anybody, number: int) -> Response:
        headers = {"content-disposition": exports.attachment(f"{TEXTS[number]} {number}", "csv")}
        return Response(str(number), media_type=exports.CSV_TYPE, headers=headers)

    return router


def said_by_many(services: Services, asked: str) -> tuple[list[str], list[str]]:
    """Accounts with hostile names, each with a hostile question and answer: who answered, and what, as it is kept."""
    answers, board = AnswerStore(services.database, "class"), AskedStore(services.database, "class")
    names, bodies = [], []
    for number, text in enumerate(TEXTS):
        login = f"somebody-{number}@example.com"
        try:
            account = services.accounts.create(login, text[:100])
        except WebError:
            # Nothing of such a name can be seen.
            account = services.accounts.create(login, f"somebody {number}")
        services.accounts.set_role(account, "class", "student")
        try:
            # As Markdown first, whatever comes of it; then as code, which shows every character of it.
            answers.add(asked, account, f"{text}\n\n{FENCE}\n{written(text)}\n{FENCE}")
            board.ask(account, text[:2000])
        except WebError:
            continue
        names.append(services.accounts.by_id(account).name)
        bodies.append(written(text))
    return names, bodies


@pytest.fixture(scope="module")
def portal(playing_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = copied(playing_home, tmp_path_factory.mktemp("hostile"))
    port = free_port()
    settings = Settings(home=home, web={"class_title": SAYING[0], "port": port}, authors={"min_messages": 10})
    poisoned = poison(home, Workspace(settings))
    with duckdb.connect(str(poisoned), read_only=True) as connection:

        def column(sql: str) -> list[str]:
            return [row[0] for row in connection.execute(sql).fetchall()]

        lectures = column("select conversation_id from marts.lectures order by messages desc, 1")
        subjects = {
            "lecture": lectures[0],
            "asked": column("select message_id from marts.lecture_questions order by 1")[0],
            "person": column("select person_id from marts.person_words order by occurrences desc, 1")[0],
            "week": column("select strftime(min(lecture_date), '%G-W%V') from marts.lectures")[0],
        }
    app = create_app(settings)
    app.include_router(careless())
    loader = rendering.environment().loader
    assert loader is not None
    rendering.environment().loader = ChoiceLoader([loader, DictLoader(CARELESS)])
    services: Services = app.state.services
    accounts, secrets = services.accounts, {}
    for number, role in enumerate(("student", "teacher", "operator")):
        account = accounts.create(f"{role}@example.com", SAYING[number])
        accounts.set_role(account, "class", role)
        secrets[role] = accounts.open_session(account)
        if role == "student":
            accounts.link_person(account, "class", subjects["person"], proof="operator", by="test")
            subjects["answered"] = AskedStore(services.database, "class").ask(account, SAYING[3])
    names, answers = said_by_many(services, subjects["answered"])
    with running(app, port) as base:
        yield Portal(base, secrets, subjects, lectures, names, answers, services.audit)
    rendering.environment().loader = loader


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """A Chromium that tells when a hostile text runs."""
    with chromium() as found:
        found.size(*DESKTOP)
        found.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CATCH})
        yield found


@pytest.fixture(params=["reported"])
def policy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the policy of pages only reports, or is enforced as it is for everybody."""
    if request.param == "reported":
        monkeypatch.setitem(middleware.HEADERS, "content-security-policy-report-only", middleware.POLICY)
        monkeypatch.delitem(middleware.HEADERS, "content-security-policy")
    return str(request.param)


BOTH = pytest.mark.parametrize("policy", ["reported", "enforced"], indirect=True)


@pytest.fixture
def page(window: Browser, policy: str) -> Browser:
    """The browser, as somebody who has just come."""
    window.start_over()
    return window


def visit(page: Browser, portal: Portal, role: str, address: str) -> None:
    page.sign_in(portal.base, portal.secrets[role])
    page.open(portal.base + address.format(**portal.subjects))


def use(page: Browser) -> None:
    """Open, scroll to and hover over whatever there is."""
    page.driver.execute_script("for (const one of document.querySelectorAll('main details')) one.open = true")
    page.driver.execute_script("scrollTo(0, document.body.scrollHeight)")
    page.settle()
    hover_charts(page)


def assert_nothing_ran(page: Browser, portal: Portal) -> None:
    assert page.driver.execute_script(FOREIGN) == []
    assert page.outside(portal.base) == []
    assert page.complaints == []
    assert page.driver.current_url.startswith(portal.base)


def hostile_in(page: Browser) -> set[str]:
    whole = squashed(page.driver.execute_script(WHOLE))
    return {text for text in SAYING if squashed(text) in whole}


def read(page: Browser, selector: str) -> set[str]:
    return {squashed(text) for text in page.driver.execute_script(READ, selector)}


def lacking(texts: list[str], seen: set[str]) -> set[str]:
    return {squashed(text) for text in texts} - seen


def type_in(page: Browser, selector: str, text: str, swapped: str) -> None:
    """Type into a field and wait until htmx has put another element in the place of one."""
    driver = page.driver
    driver.execute_script("document.querySelector(arguments[0]).dataset.old = '1'", swapped)
    field = driver.find_element(By.CSS_SELECTOR, selector)
    field.clear()
    field.send_keys(text, Keys.ENTER if field.tag_name == "input" else "")
    page.wait(f"return document.querySelector({json.dumps(swapped)})?.dataset.old !== '1'")
    page.settle()


def test_the_texts_are_two_hundred() -> None:
    assert len(set(TEXTS)) >= 200


@pytest.mark.parametrize(("role", "address"), PAGES)
def test_no_page_runs_what_people_wrote(page: Browser, portal: Portal, role: str, address: str) -> None:
    visit(page, portal, role, address)
    use(page)
    assert hostile_in(page), "the page shows something hostile"
    assert_nothing_ran(page, portal)


def walked(page: Browser, portal: Portal, path: str, *selectors: str) -> list[set[str]]:
    """What stands in some elements of a page and of those that follow it, for each selector."""
    found: list[set[str]] = [set() for _ in selectors]
    address: str | None = f"{portal.base}{path}"
    while address:
        page.open(address)
        for texts, selector in zip(found, selectors, strict=True):
            texts |= read(page, selector)
        assert_nothing_ran(page, portal)
        address = page.driver.execute_script(
            "return document.querySelector('a[rel=next]')?.href.split('#')[0]"
        )
    return found


@BOTH
def test_every_message_and_name_of_the_chats_is_read_as_it_was_written(page: Browser, portal: Portal) -> None:
    page.sign_in(portal.base, portal.secrets["student"])
    messages, names = set(), set()
    for lecture in portal.lectures:
        more = walked(page, portal, f"{C}/lectures/{lecture}", "#chat .chat-text", "#chat .author")
        messages, names = messages | more[0], names | more[1]
    assert lacking(TEXTS, messages) == set()
    assert lacking(TEXTS, names) == set()


@BOTH
def test_every_answer_and_its_author_is_read_as_it_was_written(page: Browser, portal: Portal) -> None:
    visit(page, portal, "student", f"{C}/questions/{{answered}}")
    use(page)
    assert len(portal.answers) > 190
    assert lacking(portal.answers, read(page, ".answer .markdown pre code")) == set()
    assert lacking(portal.names, read(page, ".answer p bdi")) == set()
    assert_nothing_ran(page, portal)
    page.driver.execute_script(
        "document.getElementById('body').value = arguments[0]", "\n\n".join(TEXTS)[:20_000]
    )
    page.driver.find_element(By.CSS_SELECTOR, "button[formaction$='/preview']").click()
    page.wait("return document.querySelector('#preview')?.textContent.includes('hostile()')")
    assert_nothing_ran(page, portal)


def test_every_file_name_is_read_as_text(
    page: Browser, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_uploads, "MOST_PENDING", len(TEXTS))
    visit(page, portal, "teacher", f"{C}/uploads")
    page.driver.set_script_timeout(120)
    # Files have no longer names.
    names = [text[:255] for text in TEXTS]
    waiting = page.driver.execute_async_script(UPLOAD, names, f"{C}/uploads")
    assert len(waiting) == len(TEXTS)
    assert [one for one in waiting if not one.startswith(portal.base)] == []
    named = [row.subject for row in portal.log.list("class", action=UPLOADED, limit=len(TEXTS))][::-1]
    for number in range(0, len(TEXTS), 40):
        page.open(waiting[number])
        assert lacking([named[number]], read(page, "h1")) == set()
        assert_nothing_ran(page, portal)
    page.sign_in(portal.base, portal.secrets["operator"])
    (noted,) = walked(page, portal, f"{C}/audit?action=upload", "td:nth-child(4)")
    assert lacking(named, noted) == set()
    assert len(set(named)) > 140
    assert not [name for name in named for character in "/\\\u202e\u200b\x00" if character in name]


def test_parts_that_are_swapped_in_run_nothing(page: Browser, portal: Portal) -> None:
    visit(page, portal, "student", f"{C}/lectures/{{lecture}}")
    type_in(page, "#chat input[name=q]", "hostile()", "#chat-page")
    assert "q=hostile" in page.driver.current_url
    assert hostile_in(page)
    assert_nothing_ran(page, portal)
    visit(page, portal, "student", f"{C}/questions")
    type_in(page, "input[name=text]", '"><script>hostile()</script>', "#questions")
    assert_nothing_ran(page, portal)
    visit(page, portal, "student", f"{C}/questions/new")
    type_in(page, "#text", "<svg onload=hostile()>", "#similar")
    assert read(page, "#similar li a")
    assert_nothing_ran(page, portal)
    visit(page, portal, "student", f"{C}/who")
    page.driver.find_element(By.ID, "text").send_keys("<img src=x onerror=hostile()>")
    page.driver.find_element(By.CSS_SELECTOR, "form[action$='/who'] button").click()
    page.wait("return document.querySelector('#answer h2') !== null")
    assert_nothing_ran(page, portal)


def test_the_quiz_asks_and_answers_in_text(page: Browser, portal: Portal) -> None:
    visit(page, portal, "student", f"{C}/quiz")
    page.driver.find_element(By.CSS_SELECTOR, "main form[action$='/quiz'] button").click()
    page.wait("return document.querySelector('main fieldset button') !== null")
    assert read(page, "main fieldset button") <= {squashed(text) for text in TEXTS}
    assert hostile_in(page)
    assert_nothing_ran(page, portal)
    page.driver.find_element(By.CSS_SELECTOR, "main fieldset button").click()
    page.wait("return document.getElementById('result') !== null")
    assert_nothing_ran(page, portal)


def test_files_are_saved_under_harmless_names(page: Browser, portal: Portal, tmp_path: Path) -> None:
    settings = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
    for number in range(len(TEXTS)):
        page.driver.get(f"{portal.base}/file/{number}")
    wanted, deadline = {str(number) for number in range(len(TEXTS))}, time.monotonic() + 60
    while {path.read_text() for path in tmp_path.glob("*.csv")} != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    saved = list(tmp_path.rglob("*"))
    assert {path.parent for path in saved} == {tmp_path}
    assert not [path for path in saved for character in '\u202e\u200b\r\n<>"' if character in path.name]
    assert {cookie["name"] for cookie in page.driver.get_cookies()} <= {"session"}


@BOTH
@pytest.mark.parametrize("text", ["<img src=x onerror=hostile()>", "<script>hostile()</script>"])
def test_an_unescaped_text_would_be_noticed(page: Browser, portal: Portal, policy: str, text: str) -> None:
    page.open(f"{portal.base}/careless/{TEXTS.index(text)}")
    page.look()
    assert any("script-src" in line for line in page.complaints)
    assert any(SENTINEL in line for line in page.complaints) is (policy == "reported")
    with pytest.raises(AssertionError):
        assert_nothing_ran(page, portal)


def test_a_text_that_loads_from_elsewhere_would_be_noticed(page: Browser, portal: Portal) -> None:
    page.open(f"{portal.base}/careless/{TEXTS.index('<SCRIPT SRC=//evil.example/x.js></SCRIPT>')}")
    assert [address for address in page.outside(portal.base) if "evil.example" in address]
    with pytest.raises(AssertionError):
        assert_nothing_ran(page, portal)
