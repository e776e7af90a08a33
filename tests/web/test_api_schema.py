"""The API holds what its OpenAPI document says, whatever is sent to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from chat_platform.settings import Settings
from chat_platform.storage.tokens import SCOPES
from chat_platform.web.application import create_app
from tests.chosen import first_of
from tests.homes import copied

ROLES = first_of([None, "student", "teacher", "operator"], 1)


@pytest.fixture(scope="module")
def portal(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = copied(taught_home, tmp_path_factory.mktemp("api"))
    found = Settings(home=home)
    app = create_app(
        found.model_copy(update={"web": found.web.model_copy(update={"api_requests_per_minute": 10**6})})
    )
    yield app
    app.state.services.classes["class"].published.close()


def prepared(portal: Any, role: str | None) -> Any:
    """The document as a schema, and a token of somebody with a role, or nobody's."""
    services = portal.state.services
    login = f"{role or 'reader'}@example.com"
    number = services.accounts.create(login, login)
    if role:
        services.accounts.set_role(number, "class", role)
    headers = {"Authorization": f"Bearer {services.tokens.create(number, 'schema', list(SCOPES))}"}
    config = {
        "base-url": services.base_url,
        "headers": headers if role else {},
        "seed": 1,
        "continue-on-failure": True,
        "generation": {"deterministic": True, "max-examples": 3, "database": "none"},
        "phases": {"stateful": {"enabled": False}},
        "operations": [
            # What more is refused than a schema can say: filters that a metric has not, answers of blanks.
            {
                "include-path-regex": "/rows$|/answers",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, 422]}
                },
            }
        ],
    }
    schema = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json",
        portal,
        headers={**headers, "Host": services.base_url.removeprefix("http://")},
        config=SchemathesisConfig.from_dict(config),
    )
    published = services.classes["class"].published
    real = {
        "conversation_id": [
            row["conversation_id"] for row in published.query("select conversation_id from marts.lectures")
        ],
        "question_id": [
            row["message_id"] for row in published.query("select message_id from marts.lecture_questions")
        ],
        "tile": ["daily_activity", "lecture_questions"],
    }

    @schema.hook
    def map_path_parameters(_context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
        """Mostly things that are there; what was generated otherwise."""
        for name, value in (path_parameters or {}).items():
            place = sum(map(ord, str(value)))
            if name == "class_id" and place % 5:
                path_parameters[name] = "class"
            elif name in real and place % 3:
                path_parameters[name] = real[name][place % len(real[name])]
        return path_parameters

    return schema


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "nobody")
def test_every_answer_is_what_the_document_says(portal: Any, role: str | None) -> None:
    """All checks of Schemathesis, in its phases: examples, coverage of the bounds, generated requests."""
    asked, statuses = 0, Counter[int]()
    failures: dict[tuple[str, str], str] = {}
    for event in from_schema(prepared(portal, role)).execute():
        if isinstance(event, events.NonFatalError):
            raise event.value
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.ScenarioFinished):
            for interaction in event.recorder.interactions.values():
                asked += 1
                if interaction.response is not None:
                    statuses[interaction.response.status_code] += 1
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    if check.failure_info is not None:
                        call = event.recorder.cases[case_id].value.as_curl_command()
                        failures.setdefault(
                            (event.recorder.label, check.name), f"{call}\n{check.failure_info.failure}"
                        )
    assert not failures, "\n\n".join(f"{key}: {text}"[:1500] for key, text in failures.items())
    assert asked > 300
    assert (statuses[200] > 100) == (role is not None), statuses
