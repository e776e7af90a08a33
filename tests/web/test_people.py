"""People: the figures are those of the published tables, and nobody sees more than they may."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient

from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web.people_figures import PAGE, SORTS, class_page
from chat_platform.web.published import PublishedReader
from tests.web.conftest import SignIn

HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    '"><img src=x onerror=alert(1)>',
    "=1+1",
    "\u202eevil",
    "a'b\"c",
]


class Class:
    """What the published file says, asked in another way than the pages do, of a copy: they hold theirs open."""

    def __init__(self, settings: Settings) -> None:
        published = Workspace(settings).publication.current().path
        self.path = Path(shutil.copyfile(published, settings.home / "asked.duckdb"))

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        return self.rows(sql, *values)[0][0]

    @property
    def talker(self) -> tuple[str, str]:
        """Id and name of the student who wrote most."""
        return self.rows(
            "select person_id, name from marts.participation_daily inner join core.people using (person_id, name) "
            "where role = 'student' group by all order by sum(messages + replies) desc, person_id limit 1"
        )[0]


@pytest.fixture
def room(settings: Settings) -> Class:
    return Class(settings)


def number_of(page: str, mark: str) -> int:
    found = re.search(rf'id="{mark}">([\d,]+)', page)
    assert found, mark
    return int(found[1].replace(",", ""))


def test_the_own_page_has_the_figures_of_the_class_log(room: Class, sign_in: SignIn) -> None:
    person_id, name = room.talker
    page = sign_in("student", person_id=person_id).get("/c/class/people/me").text
    public = "from core.messages inner join core.identities using (identity_id) where person_id = ? "
    shown = f"{public} and visibility = 'everyone' and not removed"
    assert f"<h1>{name}</h1>" in page
    assert number_of(page, "messages") == room.one(f"select count(*) {shown}", person_id) > 10
    assert number_of(page, "replies") == room.one(f"select count(*) {shown} and kind = 'reply'", person_id)
    received = room.one(
        "select coalesce(sum(r.count), 0) from core.reactions as r inner join core.messages as m using (message_id) "
        "inner join core.identities as i on i.identity_id = m.identity_id "
        "where i.person_id = ? and not r.removed and m.visibility = 'everyone' and not m.removed",
        person_id,
    )
    assert number_of(page, "reactions-received") == received
    asked = room.one("select count(*) from marts.lecture_questions where person_id = ?", person_id)
    assert number_of(page, "asked") == asked > 0
    words = room.rows(
        "select lemma from marts.person_words where person_id = ? order by rank limit 20", person_id
    )
    for (word,) in words:
        assert f'<th scope="row">{word}</th>' in unescape(page)


def test_the_trend_is_a_chart_and_a_table_of_the_same_days(room: Class, sign_in: SignIn) -> None:
    person_id, _ = room.talker
    page = sign_in("student", person_id=person_id).get("/c/class/people/me").text
    days = room.rows(
        "select local_date, messages + replies from marts.participation_daily where person_id = ? order by 1",
        person_id,
    )
    dates = ", ".join(f'"{day}"' for day, _ in days)
    counts = ", ".join(str(count) for _, count in days)
    assert f'"labels": [{dates}]' in page
    assert f'"values": [{counts}]' in page
    for day, count in days:
        assert re.search(rf'<th scope="row">{day}</th><td class="number">{count}</td>', page)


def test_a_lecture_without_a_word_is_a_zero_of_the_trend(
    room: Class, sign_in: SignIn, settings: Settings
) -> None:
    days = {row[0] for row in room.rows("select distinct lecture_date from marts.lectures")}
    person_id, first, seen = room.rows(
        "select person_id, min(local_date), list(local_date) from marts.participation_daily "
        "inner join core.people using (person_id) where role = 'student' "
        "group by person_id having count(*) < (select count(distinct lecture_date) from marts.lectures) "
        "and min(local_date) = (select min(lecture_date) from marts.lectures) order by 1 limit 1"
    )[0]
    silent = {day for day in days if day > first} - set(seen)
    assert silent
    page = sign_in("student", person_id=person_id).get("/c/class/people/me").text
    for day in silent:
        assert f'<th scope="row">{day}</th><td class="number">0</td>' in page


def test_an_account_that_is_nobody_is_told_how_to_prove_who_it_is(sign_in: SignIn) -> None:
    answer = sign_in("student").get("/c/class/people/me")
    assert answer.status_code == 200
    assert "Slack" in answer.text
    assert "participation" not in answer.text


def test_a_student_sees_bands_and_no_other_person(room: Class, sign_in: SignIn) -> None:
    person_id, _ = room.talker
    page = sign_in("student", person_id=person_id).get("/c/class/people").text
    people = room.one(
        "select count(distinct person_id) from marts.participation_daily inner join core.people using (person_id) "
        "where role = 'student' and not is_bot"
    )
    sizes = [int(size) for size in re.findall(r"<li>(\d+)명", page)]
    assert min(sizes) >= 5
    assert sum(sizes) == 5 * people
    assert "구간 1 / 4" in page
    said = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    for (name,) in room.rows("select name from core.people"):
        assert name not in said


def test_a_class_below_k_has_no_numbers(home: Path, sign_in: SignIn, settings: Settings) -> None:
    settings.web.smallest_group = 200
    page = sign_in("student").get("/c/class/people").text
    assert page.count("&lt; 200") == 5
    assert not re.search(r"\d+명, 평균", page)


def test_a_student_is_refused_at_somebody_elses_page(room: Class, sign_in: SignIn) -> None:
    person_id, _ = room.talker
    student = sign_in("student")
    assert student.get(f"/c/class/people/{person_id}").status_code == 403
    own = sign_in("student", "own@example.com", person_id=person_id)
    assert own.get(f"/c/class/people/{person_id}").status_code == 403
    assert own.get("/c/class/people/me").text.count("아직 없습니다. 강사와 운영자는") == 1


def test_staff_see_a_person_and_the_person_sees_that(room: Class, sign_in: SignIn) -> None:
    person_id, name = room.talker
    teacher = sign_in("teacher", "teacher@example.com")
    page = teacher.get(f"/c/class/people/{person_id}").text
    assert f"<h1>{name}</h1>" in page
    assert "/people/me/export" not in page
    services = teacher.app.state.services  # type: ignore[attr-defined]
    (look,) = services.audit.about("class", person_id, action="person.viewed")
    assert look.name == "teacher"
    own = sign_in("student", person_id=person_id).get("/c/class/people/me").text
    assert re.search(r"<td>[\d-]+ [\d:]+</td><td>teacher</td>", own)
    # Looking at the list, or at nobody, is no look at somebody.
    assert teacher.get("/c/class/people").status_code == 200
    assert teacher.get("/c/class/people/nobody").status_code == 404
    assert len(services.audit.about("class", person_id, action="person.viewed")) == 1


def test_a_teacher_is_sent_to_their_own_page_without_a_note(room: Class, sign_in: SignIn) -> None:
    person_id, _ = room.talker
    teacher = sign_in("teacher", person_id=person_id)
    answer = teacher.get(f"/c/class/people/{person_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/class/people/me")
    services = teacher.app.state.services  # type: ignore[attr-defined]
    assert services.audit.about("class", person_id, action="person.viewed") == []


def listed(page: str) -> list[str]:
    table = page[page.index('id="people"') :]
    table = table[: table.index("</table>")] if "</table>" in table else ""
    return re.findall(r'<th scope="row"><a href="/c/class/people/([^"]+)">', table)


def test_the_class_is_listed_searched_sorted_and_paged(room: Class, sign_in: SignIn) -> None:
    teacher = sign_in("teacher")
    everybody = [
        row[0] for row in room.rows("select person_id from core.people where not is_bot order by name, 1")
    ]
    assert len(everybody) > PAGE
    first = listed(teacher.get("/c/class/people").text)
    second = listed(teacher.get("/c/class/people", params={"page": 2}).text)
    assert first + second == everybody
    _, name = room.talker
    found = listed(teacher.get("/c/class/people", params={"q": name[1:]}).text)
    expected = room.rows("select person_id from core.people where contains(name, ?) and not is_bot", name[1:])
    assert sorted(found) == sorted(row[0] for row in expected)
    by_messages = listed(teacher.get("/c/class/people", params={"sort": "messages", "order": "desc"}).text)
    counts = dict(
        room.rows("select person_id, messages from marts.participation_trend where person_id is not null")
    )
    written = [counts.get(person, 0) for person in by_messages]
    assert written == sorted(written, reverse=True)
    assert written[0] == max(counts.values())
    assert listed(teacher.get("/c/class/people", params={"page": 99}).text) == []


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_gives_everybody_once(settings: Settings, sort: str) -> None:
    reader = PublishedReader(Workspace(settings).publication)
    for direction in ("asc", "desc"):
        pages = [
            class_page(reader.pinned(), sort=sort, direction=direction, number=number)  # type: ignore[arg-type]
            for number in (1, 2)
        ]
        people = [row["person_id"] for page in pages for row in page.rows]
        assert len(people) == len(set(people)) == pages[0].found
    reader.close()


@pytest.mark.parametrize("text", [*HOSTILE, "' or 1=1 --", "%", "\\", "a" * 100])
def test_whatever_is_searched_for_is_text(sign_in: SignIn, text: str) -> None:
    answer = sign_in("teacher").get("/c/class/people", params={"q": text})
    assert answer.status_code == 200
    assert listed(answer.text) == []
    assert "<script>alert" not in answer.text
    assert "onerror=alert(1)>" not in answer.text.replace("&gt;", "").replace("&#34;", "")


@pytest.mark.parametrize(
    "params", [{"sort": "name; drop table x"}, {"order": "up"}, {"page": 0}, {"q": "a" * 101}]
)
def test_other_parameters_are_refused(sign_in: SignIn, params: dict[str, Any]) -> None:
    assert sign_in("teacher").get("/c/class/people", params=params).status_code == 422


def test_htmx_gets_the_list_alone(sign_in: SignIn) -> None:
    answer = sign_in("teacher").get("/c/class/people", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<div id="people">')


def test_teachers_see_response_times_and_the_days_of_the_class(room: Class, sign_in: SignIn) -> None:
    page = sign_in("teacher").get("/c/class/people").text
    for name, responses in room.rows(
        "select name, responses from marts.teacher_responses where person_id is not null"
    ):
        assert re.search(rf'<td>{name}</td><td class="number">{responses}</td>', page)
    for day, messages in room.rows(
        "select lecture_date, sum(messages + replies) from marts.lectures where messages > 0 group by 1"
    ):
        assert f'<th scope="row">{day}</th><td class="number">{messages}</td>' in page
    assert "없습니다." in page[page.index('id="silent"') :]


@pytest.fixture
def changed(settings: Settings) -> Class:
    """The published file after somebody became silent, and people chose hostile names."""
    with duckdb.connect(str(Workspace(settings).publication.current().path)) as connection:
        people = connection.execute(
            "select person_id from core.people where role = 'student' and not is_bot order by person_id limit ?",
            [len(HOSTILE)],
        ).fetchall()
        for (person_id,), name in zip(people, HOSTILE, strict=True):
            connection.execute("update core.people set name = ? where person_id = ?", [name, person_id])
        connection.execute(
            "insert into marts.silent_people values (?, ?, ?, date '2026-03-02', 4, 9, 3, 3, 12, 4.0)",
            [people[0][0], people[0][0], HOSTILE[0]],
        )
    return Class(settings)


def test_who_became_silent_is_there_by_name_and_as_text(changed: Class, sign_in: SignIn) -> None:
    page = sign_in("teacher").get("/c/class/people").text
    silent = page[page.index('id="silent"') : page.index('id="everybody"')]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in silent
    assert '<td>2026-03-02</td><td class="number">4</td><td class="number">4.0</td>' in silent


def test_hostile_names_are_text_everywhere(changed: Class, sign_in: SignIn) -> None:
    teacher = sign_in("teacher")
    for person_id, name in changed.rows("select person_id, name from core.people"):
        if name in HOSTILE:
            page = teacher.get(f"/c/class/people/{person_id}").text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert name in unescape(page)


def test_another_class_is_not_there(sign_in: SignIn) -> None:
    client: TestClient = sign_in("operator")
    for path in ("people", "people/me", "people/x", "consents", "who", "quiz"):
        assert client.get(f"/c/other/{path}").status_code == 404
