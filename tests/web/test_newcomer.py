"""Through the whole portal as a newcomer, in a real Chromium: from the set-up link to a consent that is withdrawn."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from fastapi import FastAPI
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from chat_platform.cli.chromium import Browser
from chat_platform.settings import Settings
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.labels import LabelLog
from chat_platform.web.application import create_app
from chat_platform.web.services import Services
from tests.homes import copied
from tests.web.browser import free_port, running
from tests.web.browsing import GOOD, quick_passwords

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(300)]
C = "/c/class"


@dataclass
class Walk:
    """A browser on the portal: what a person does with it."""

    browser: Browser
    base: str

    def open(self, path: str) -> None:
        self.browser.open(path if path.startswith("http") else self.base + path)

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            field = self.browser.driver.find_element(By.NAME, name)
            if field.tag_name == "select":
                Select(field).select_by_value(value)
            else:
                field.clear()
                field.send_keys(value)

    def press(self, selector: str) -> None:
        """Press a button that leads to another page, or that htmx answers in place."""
        self.browser.settle()  # a page that is still swapping takes the button away
        button = self.browser.driver.find_element(By.CSS_SELECTOR, selector)
        self.browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        form = button.find_element(By.XPATH, "./ancestor::form")
        in_place = any(element.get_attribute("hx-post") for element in (button, form))
        # Another page has another window; the button itself may be unknown to Chromium between the two.
        self.browser.driver.execute_script("window.here = true")
        button.click()
        if in_place:
            self.browser.wait("return !document.querySelector('.htmx-request')")
        else:
            self.browser.wait("return !window.here", 30)
        self.browser.settle()

    def text(self, selector: str = "main") -> str:
        return self.browser.driver.find_element(By.CSS_SELECTOR, selector).text

    def join(self, link: str, login: str, name: str) -> None:
        """Open a link as somebody new and make an account."""
        self.browser.sign_out()
        self.open(link)
        self.fill(login=login, name=name, password=GOOD)
        self.press("main form[action*='set-up'] button, main form[action^='/invitation/'] button")

    def enter(self, login: str, path: str) -> None:
        """Sign in, and go on to a page."""
        self.browser.sign_out()
        self.open(f"/sign-in?next={quote(path, safe='')}")
        self.fill(login=login, password=GOOD)
        self.press("main form[action='/sign-in'] button:not([type=button])")
        assert self.browser.driver.current_url == self.base + path

    def invite(self, role: str, person_id: str = "") -> str:
        """As operator, make an invitation; its link."""
        self.open(f"{C}/members")
        self.fill(role=role, person_id=person_id)
        self.press("form[action$='/invitations'] button")
        return self.text("[role=status] code")


@pytest.fixture
def app(playing_home: Path, tmp_path: Path) -> Iterator[FastAPI]:
    home = copied(playing_home, tmp_path)
    web = {"class_title": "새 수업", "port": free_port()}
    yield create_app(Settings(home=home, web=web, authors={"min_messages": 10}), quick_passwords())


@pytest.fixture
def walk(app: FastAPI, browser: Browser) -> Iterator[Walk]:
    services: Services = app.state.services
    with running(app, services.settings.web.port) as base:
        browser.start_over()
        yield Walk(browser, base)
        browser.sign_out()


def _somebody_known(services: Services) -> tuple[str, str, str, str]:
    """Two people who agreed, and a sentence of the first for which the game names them: ids, name, sentence."""
    room = services.classes["class"]
    agreed = sorted(ConsentLog(room.workspace.database).active(AUTHOR_MODEL))
    said = room.published.query(
        "select person_id, name, text from core.messages join core.identities using (identity_id) "
        "join core.people using (person_id) where visibility = 'everyone' and not removed and "
        "list_contains($people, person_id) and length(text) > 12 order by message_id",
        {"people": agreed},
    )
    guesser = room.guesser
    guesser.prepare()
    for row in said:
        guess = guesser.guess(row["text"], wait_s=60).guess
        if row["person_id"] in [one.person_id for one in guess.candidates]:
            other = next(person for person in agreed if person != row["person_id"])
            return row["person_id"], row["name"], row["text"], other
    raise AssertionError("the model knows nobody's sentence")


def test_from_the_first_link_to_a_consent_that_is_withdrawn(app: FastAPI, walk: Walk) -> None:
    services: Services = app.state.services
    room = services.classes["class"]
    person, name, sentence, other_person = _somebody_known(services)

    # The operator sets up and invites.
    walk.join(f"/set-up/{services.invitations.set_up('class')}", "operator@example.com", "운영자")
    assert services.invitations.set_up("class") is None, "the link works once"
    links = {
        "teacher": walk.invite("teacher"),
        "first": walk.invite("student", person),
        "second": walk.invite("student", other_person),
    }
    for login, link in links.items():
        walk.join(link, f"{login}@example.com", login)
        assert f"{C}/lectures" in walk.browser.driver.current_url

    # A student answers a question that nobody has answered.
    question = room.published.query(
        "select message_id, conversation_id, text from marts.lecture_questions where state = 'open' "
        "order by asked_at desc limit 1"
    )[0]
    page = f"{C}/questions/{question['message_id']}"
    walk.enter("first@example.com", page)
    walk.fill(body="`pip install -e .` 을 **다시** 하면 됩니다.")
    walk.press("form[action$='/answers'] button[formaction]")
    assert "다시" in walk.text("#preview strong")
    walk.press("form[action$='/answers'] button:not([formaction])")
    assert "다시" in walk.text("article.answer strong")

    # The other votes; the teacher endorses.
    walk.enter("second@example.com", page)
    walk.press("article.answer form[action$='/vote'] button")
    assert walk.text("article.answer form[action$='/vote'] .number") == "1"
    walk.enter("teacher@example.com", page)
    walk.press("article.answer form[action$='/endorse'] button")
    assert "teacher" in walk.text("article.answer .badge.state-endorsed")
    walk.enter("first@example.com", f"{C}/notifications")
    assert "teacher" in walk.text()

    # A correction becomes a label, and retraining is offered to whoever may start it.
    walk.enter("teacher@example.com", page)
    walk.press("form[action$='/labels'] button[value=no]")
    (label,) = LabelLog(room.workspace.database).standing()
    assert (label["message_id"], label["is_question"]) == (question["message_id"], False)
    walk.open(f"{C}/questions/uncertain")
    assert "1 / 50" in walk.text()
    assert walk.browser.driver.find_elements(By.CSS_SELECTOR, "a.button[href*='retrain_question_model']")

    # The quiz is played.
    walk.enter("second@example.com", f"{C}/quiz")
    walk.press("form[action$='/quiz'] button")
    walk.press("form[action*='/quiz/'] button[name=choice]")
    assert walk.text("#right").endswith("/ 1")

    # Own data are exported: one's own messages and nobody else's.
    walk.enter("first@example.com", f"{C}/people/me")
    archive = _exported(walk)
    messages = json.loads(archive.read(next(n for n in archive.namelist() if n.endswith("messages.json"))))
    own = room.published.query(
        "select message_id from core.messages join core.identities using (identity_id) where person_id = $person",
        {"person": person},
    )
    assert {row["message_id"] for row in messages} == {row["message_id"] for row in own}

    # A consent is withdrawn, and the person is gone from the game at once.
    walk.enter("second@example.com", f"{C}/who")
    walk.fill(text=sentence)
    walk.press("form[action$='/who'] button")
    assert name in walk.text("#answer")
    walk.enter("first@example.com", f"{C}/consents")
    walk.press("form[action$='/consents'] button[value=withdraw]")
    assert person not in ConsentLog(room.workspace.database).active(AUTHOR_MODEL)
    walk.enter("second@example.com", f"{C}/who")
    walk.fill(text=sentence)
    walk.press("form[action$='/who'] button")
    assert name not in walk.text("main")
    assert "CP-ML-037" in walk.text("body"), (
        "the model that learnt from them is not asked any more, and it is said"
    )

    assert walk.browser.outside(walk.base) == []
    (refused,) = walk.browser.complaints
    assert "/who" in refused and "503" in refused


def _exported(walk: Walk) -> zipfile.ZipFile:
    """The archive, as the browser would save it."""
    driver = walk.browser.driver
    form = driver.find_element(By.CSS_SELECTOR, "form[action$='/people/me/export']")
    token = form.find_element(By.NAME, "csrf_token").get_attribute("value")
    answer = requests.post(
        f"{walk.base}{C}/people/me/export",
        data={"csrf_token": token},
        cookies={cookie["name"]: cookie["value"] for cookie in driver.get_cookies()},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text[:500]
    return zipfile.ZipFile(io.BytesIO(answer.content))
