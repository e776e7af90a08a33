"""Consent: given and taken back by the person, and by nobody for somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_platform.settings import Settings
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.workspace import Workspace
from tests.web.conftest import SignIn


@pytest.fixture
def log(settings: Settings) -> ConsentLog:
    return ConsentLog(Workspace(settings).database)


def test_agreeing_and_taking_it_back_is_written_to_the_log(sign_in: SignIn, log: ConsentLog) -> None:
    student = sign_in("student", person_id="p1")
    assert "동의하지 않았습니다" in student.get("/c/class/consents").text
    for _ in range(2):
        answer = student.post("/c/class/consents", data={"action": "grant"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/c/class/consents")
    assert log.active(AUTHOR_MODEL) == {"p1"}
    assert "지금: 동의했습니다" in student.get("/c/class/consents").text
    for _ in range(2):
        assert student.post("/c/class/consents", data={"action": "withdraw"}).status_code == 303
    assert log.active(AUTHOR_MODEL) == frozenset()
    (cycle,) = log.history("p1")
    services = student.app.state.services  # type: ignore[attr-defined]
    account = services.accounts.by_login("student@example.com")
    assert cycle["granted_by"] == cycle["withdrawn_by"] == f"portal:{account.account_id}"
    page = student.get("/c/class/consents").text
    assert page.count("나, 포털에서") == 2
    noted = [entry.action for entry in services.audit.list("class", action="consent")]
    assert noted == ["consent.withdrawn", "consent.granted"]


def test_an_account_that_is_nobody_cannot_agree(sign_in: SignIn, log: ConsentLog) -> None:
    answer = sign_in("student").post("/c/class/consents", data={"action": "grant"})
    assert answer.status_code == 403
    assert "CP-WEB-030" in answer.text
    assert log.history() == []


def test_nobody_agrees_for_somebody_else(sign_in: SignIn, log: ConsentLog) -> None:
    sign_in("operator", person_id="p1").post("/c/class/consents", data={"action": "grant", "person_id": "p2"})
    assert log.active(AUTHOR_MODEL) == {"p1"}


@pytest.mark.parametrize("data", [{}, {"action": "erase"}])
def test_anything_else_is_refused(sign_in: SignIn, data: dict[str, str], log: ConsentLog) -> None:
    assert sign_in("student", person_id="p1").post("/c/class/consents", data=data).status_code == 422
    assert log.history() == []


def test_without_the_forms_token_nothing_changes(sign_in: SignIn, log: ConsentLog) -> None:
    student = sign_in("student", person_id="p1")
    del student.headers["X-CSRF-Token"]
    assert student.post("/c/class/consents", data={"action": "grant"}).status_code == 403
    assert log.history() == []


def test_consents_live_in_the_home_of_the_class(sign_in: SignIn, home: Path) -> None:
    sign_in("student", person_id="p1").post("/c/class/consents", data={"action": "grant"})
    assert ConsentLog(Workspace(Settings(home=home)).database).active(AUTHOR_MODEL) == {"p1"}
