"""Lectures: the list, the page of one, its chat. What pages show is what the published file holds."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.settings import Settings
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.workspace import Workspace
from chat_platform.web.chat_text import pieces
from tests.web.conftest import SignIn
from tests.web.hostile import TEXTS, Page

PUBLIC = "visibility = 'everyone' and not removed"


def asked(settings: Settings, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """Rows of what is published, from a copy: the portal has the file open in its own way."""
    copy = settings.home / "asked.duckdb"
    shutil.copyfile(Workspace(settings).publication.current().path, copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql, parameters).fetchall()


def changed(settings: Settings, *statements: str) -> None:
    """Publish a copy in which something was changed."""
    build = settings.home / "warehouse" / "changed.duckdb"
    shutil.copyfile(Workspace(settings).publication.current().path, build)
    with duckdb.connect(str(build)) as connection:
        for statement in statements:
            connection.execute(statement)
    Workspace(settings).publication.publish(build)


@pytest.fixture
def lecture(settings: Settings) -> str:
    """Id of the first lecture."""
    return asked(settings, "select conversation_id from marts.lectures order by 1 limit 1")[0][0]


def ids(markup: str) -> list[str]:
    """Messages of a page, in their order."""
    return re.findall(r'id="m-([^"]+)"', markup)


# The list.


def test_the_list_has_every_lecture_newest_first(sign_in: SignIn, settings: Settings) -> None:
    page = Page(sign_in("student").get("/c/class/lectures").text)
    found = [link.rsplit("/", 1)[1] for link in page.links if re.search(r"/lectures/[^?#]+$", link)]
    wanted = asked(
        settings,
        "select conversation_id from marts.lectures order by lecture_date desc, conversation_id desc",
    )
    assert found == [row[0] for row in wanted]


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({"q": "오전"}, "contains(title, '오전')"),
        ({"kind": "recording"}, "kind = 'recording'"),
        ({"kind": "saved_chat"}, "kind = 'saved_chat'"),
        ({"from": "2026-03-03"}, "lecture_date >= date '2026-03-03'"),
        ({"to": "2026-03-02"}, "lecture_date <= date '2026-03-02'"),
        (
            {"asked": "1"},
            "conversation_id in (select conversation_id from marts.question_summary where asked > 0)",
        ),
        ({"q": "", "from": "", "to": "", "kind": "", "asked": ""}, "true"),
        ({"q": "' or 1=1 --"}, "false"),
        ({"q": "%"}, "contains(title, '%')"),
        ({"page": "2"}, "false"),
    ],
)
def test_filters_give_what_sql_gives(
    sign_in: SignIn, settings: Settings, filters: dict[str, str], condition: str
) -> None:
    page = Page(sign_in("student").get("/c/class/lectures", params=filters).text)
    found = {link.rsplit("/", 1)[1] for link in page.links if re.search(r"/lectures/[^?#]+$", link)}
    wanted = asked(settings, f"select conversation_id from marts.lectures where {condition}")
    assert found == {row[0] for row in wanted}


def test_a_word_finds_the_lectures_that_used_it(sign_in: SignIn, settings: Settings) -> None:
    ((word,),) = asked(
        settings,
        "select lemma from marts.lecture_words group by lemma having count(*) = 1 "
        "order by max(occurrences) desc, 1 limit 1",
    )
    page = Page(sign_in("student").get("/c/class/lectures", params={"q": word}).text)
    found = {link.rsplit("/", 1)[1] for link in page.links if re.search(r"/lectures/[^?#]+$", link)}
    wanted = asked(settings, "select conversation_id from marts.lecture_words where lemma = ?", [word])
    assert found == {row[0] for row in wanted}


def test_the_list_by_htmx_is_the_list_only(sign_in: SignIn) -> None:
    answer = sign_in("student").get("/c/class/lectures", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert 'id="lectures"' in answer.text


# The page of a lecture.


def test_figures_chart_peaks_and_words_are_those_of_the_marts(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    page = Page(sign_in("student").get(f"/c/class/lectures/{lecture}").text)
    timeline, words = (json.loads(island) for island in page.islands[:2])
    minutes = asked(
        settings,
        "select messages from marts.lecture_minutes where conversation_id = ? order by minute",
        [lecture],
    )
    assert timeline["values"] == [row[0] for row in minutes]
    peaks = asked(
        settings,
        "select minute, link from marts.lecture_peaks where conversation_id = ? order by minute",
        [lecture],
    )
    assert [peak["at"] for peak in timeline["peaks"]] == [row[0] * 60 for row in peaks]
    assert {row[1] for row in peaks} <= set(page.links)
    assert len(timeline["links"]) == len(timeline["values"])
    table = asked(
        settings,
        "select lemma, occurrences from marts.lecture_words where conversation_id = ? order by rank limit 40",
        [lecture],
    )
    assert [(item["name"], item["value"]) for item in words["items"]] == table
    ((asked_count,),) = asked(
        settings, "select asked from marts.question_summary where conversation_id = ?", [lecture]
    )
    assert f"질문{asked_count}" in re.sub(r"\s", "", page.text)


def test_names_and_counts_are_for_staff_and_the_own_count_for_oneself(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    rows = asked(
        settings,
        "select person_id, name, messages + replies from marts.lecture_speakers where conversation_id = ? "
        "and person_id is not null order by rank",
        [lecture],
    )
    assert 'id="speakers"' in sign_in("teacher").get(f"/c/class/lectures/{lecture}").text
    own = sign_in("student", person_id=rows[2][0]).get(f"/c/class/lectures/{lecture}").text
    assert 'id="speakers"' not in own
    assert f"내 메시지{rows[2][2]}" in re.sub(r"\s*\n\s*", "", Page(own).text)


def test_unknown_lectures_and_days_of_slack_are_not_found(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("operator")
    ((slack,),) = asked(
        settings, "select conversation_id from core.conversations where source = 'slack' limit 1"
    )
    for name in ("nothing", slack, "' or 1=1 --", "%00"):
        assert client.get(f"/c/class/lectures/{name}").status_code in (404, 422)


# The chat.


def test_the_chat_has_every_public_message_once_and_no_other(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    changed(
        settings,
        f"update core.messages set removed = true where conversation_id = '{lecture}' and position = 3",
        f"update core.messages set visibility = 'direct' where conversation_id = '{lecture}' and position = 5",
    )
    client = sign_in("student")
    found: list[str] = []
    after: int | None = -1
    while after is not None:
        text = client.get(f"/c/class/lectures/{lecture}", params={"after": after}).text
        found += ids(text)
        onward = re.search(r'rel="next" href="[^"]*after=(\d+)', text)
        after = int(onward.group(1)) if onward else None
    wanted = asked(
        settings, f"select message_id from core.messages where conversation_id = ? and {PUBLIC}", [lecture]
    )
    assert len(found) == len(set(found))
    assert set(found) == {row[0] for row in wanted}
    hidden = asked(
        settings, f"select text from core.messages where conversation_id = ? and not ({PUBLIC})", [lecture]
    )
    assert len(hidden) >= 2


def test_replies_stand_below_their_message_in_order(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    text = sign_in("student").get(f"/c/class/lectures/{lecture}").text
    shown = ids(text)
    pairs = asked(
        settings,
        f"select parent_id, list(message_id order by position) from core.messages where conversation_id = ? "
        f"and {PUBLIC} and parent_id is not null group by parent_id",
        [lecture],
    )
    checked = 0
    for parent, replies in pairs:
        if parent in shown:
            begin = shown.index(parent)
            assert shown[begin + 1 : begin + 1 + len(replies)] == replies
            checked += 1
    assert checked > 3


def test_a_reply_to_something_hidden_stands_alone(sign_in: SignIn, settings: Settings, lecture: str) -> None:
    ((parent, reply),) = asked(
        settings,
        f"select parent_id, message_id from core.messages where conversation_id = ? and {PUBLIC} "
        "and parent_id is not null order by position limit 1",
        [lecture],
    )
    changed(settings, f"update core.messages set visibility = 'direct' where message_id = '{parent}'")
    text = sign_in("student").get(f"/c/class/lectures/{lecture}", params={"around": reply}).text
    assert reply in ids(text)
    assert parent not in ids(text)


def test_messages_in_a_ring_do_not_hang_the_page(sign_in: SignIn, settings: Settings, lecture: str) -> None:
    (first,), (second,) = asked(
        settings,
        f"select message_id from core.messages where conversation_id = ? and {PUBLIC} order by position limit 2",
        [lecture],
    )
    changed(
        settings,
        f"update core.messages set parent_id = '{second}' where message_id = '{first}'",
        f"update core.messages set parent_id = '{first}' where message_id = '{second}'",
    )
    client = sign_in("student")
    assert client.get(f"/c/class/lectures/{lecture}").status_code == 200
    assert client.get(f"/c/class/lectures/{lecture}", params={"around": first}).status_code == 200


def test_reactions_are_counted_as_they_stand(sign_in: SignIn, settings: Settings, lecture: str) -> None:
    ((message, emoji, number),) = asked(
        settings,
        'select message_id, emoji, sum("count") from core.reactions where conversation_id = ? and not removed '
        "group by 1, 2 order by 3 desc, 1, 2 limit 1",
        [lecture],
    )
    changed(settings, f"update core.reactions set removed = true where message_id <> '{message}'")
    text = sign_in("student").get(f"/c/class/lectures/{lecture}", params={"around": message}).text
    found = re.findall(r'class="reactions".*?</ul>', text, re.DOTALL)
    assert len(found) == 1
    assert f"<bdi>{emoji}</bdi> {number}" in found[0]


def test_a_linked_message_is_on_its_page_wherever_it_stands(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    changed(
        settings,
        "insert into core.messages select m.* replace (message_id || '-' || n as message_id, "
        "position + n * 10000 as position, null as parent_id) "
        f"from core.messages m, range(1, 4) t(n) where conversation_id = '{lecture}'",
    )
    client = sign_in("student")
    rows = asked(
        settings,
        f"select message_id from core.messages where conversation_id = ? and {PUBLIC} order by position",
        [lecture],
    )
    for (message,) in rows[:: len(rows) // 6]:
        text = client.get(f"/c/class/lectures/{lecture}", params={"around": message}).text
        assert message in ids(text)
        assert len(re.findall(r'class="message[^"]* chosen"', text)) == 1
    gone = client.get(f"/c/class/lectures/{lecture}", params={"around": "nothing"})
    assert "그 메시지는 볼 수 없습니다" in gone.text


def test_a_second_of_the_recording_leads_to_what_was_said_then(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    text = sign_in("student").get(f"/c/class/lectures/{lecture}", params={"at": 3_600}).text
    ((wanted,),) = asked(
        settings,
        f"select message_id from core.messages m where conversation_id = ? and {PUBLIC} and offset_s >= 3600 "
        "and parent_id is null order by position limit 1",
        [lecture],
    )
    assert ids(text)[0] == wanted


def test_search_finds_what_sql_finds_and_works_without_scripts(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    client = sign_in("student")
    for word in ("요", "ㅋ", "PRINT", "없는말없는말"):
        plain = client.get(f"/c/class/lectures/{lecture}", params={"q": word})
        part = client.get(f"/c/class/lectures/{lecture}", params={"q": word}, headers={"HX-Request": "true"})
        wanted = asked(
            settings,
            f"select message_id from core.messages where conversation_id = ? and {PUBLIC} and "
            "(contains(lower(text), lower(?)) or contains(lower(author_name), lower(?))) order by position",
            [lecture, word, word],
        )
        assert ids(plain.text) == ids(part.text) == [row[0] for row in wanted][:100]
        assert "<html" not in part.text


def test_search_types_hangul_as_a_mac_does(sign_in: SignIn, lecture: str) -> None:
    client = sign_in("student")
    composed = client.get(f"/c/class/lectures/{lecture}", params={"q": "안녕"}).text
    apart = unicodedata.normalize("NFD", "안녕")
    assert ids(client.get(f"/c/class/lectures/{lecture}", params={"q": apart}).text) == ids(composed) != []


def test_who_asks_anonymously_is_not_named_in_the_chat(
    sign_in: SignIn, settings: Settings, lecture: str
) -> None:
    ((message, name, person),) = asked(
        settings,
        "select q.message_id, m.author_name, q.person_id from marts.lecture_questions q "
        "join core.messages m using (message_id) where q.conversation_id = ? and q.person_id is not null limit 1",
        [lecture],
    )
    asker = sign_in("student", login="asker@example.com", person_id=person)
    accounts = asker.app.state.services.accounts
    account = accounts.by_login("asker@example.com")
    AskedStore(asker.app.state.services.database, "class").set_hidden(
        message, account.account_id, hidden=True
    )

    def author(client: Any) -> str:
        text = client.get(f"/c/class/lectures/{lecture}", params={"around": message}).text
        found = re.search(rf'id="m-{re.escape(message)}">.*?class="author">([^<]*)<', text, re.DOTALL)
        assert found is not None
        return found.group(1)

    assert author(sign_in("student", login="other@example.com")) == "익명"
    assert author(sign_in("teacher")) == name
    assert author(asker) == name
    other = sign_in("student", login="other@example.com")
    by_name = other.get(f"/c/class/lectures/{lecture}", params={"q": name}).text
    assert message not in ids(by_name)


# Text of messages.


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("보세요 https://a.example/b?c=1&d=2#e 끝", ["https://a.example/b?c=1&d=2#e"]),
        ("(https://a.example/b)", ["https://a.example/b"]),
        ("https://a.example/b_(c)", ["https://a.example/b_(c)"]),
        ("https://a.example/b에서 보세요.", ["https://a.example/b"]),
        ("https://a.example. 그리고 http://b.example!", ["https://a.example", "http://b.example"]),
        ("javascript:alert(1) ftp://a.example data:text/html,x //a.example", []),
        ("http://[::1 http:// https://:80", []),
        ('https://a.example/"onmouseover="x', ["https://a.example/"]),
        ("https://a.example/\u202egpj.exe", ["https://a.example/"]),
    ],
)
def test_addresses_of_the_web_are_links(text: str, links: list[str]) -> None:
    assert [piece.text for piece in pieces(text) if piece.kind == "link"] == links


def test_code_keeps_its_lines() -> None:
    found = pieces("이거요\n```\ndef f():\n    return 1\n```\n왜 안 되나요")
    assert ("block", "```\ndef f():\n    return 1\n```") in [
        (piece.kind, piece.text.strip("\n")) for piece in found
    ]


@given(st.one_of(st.text(), st.sampled_from(TEXTS)))
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text
    assert all(
        piece.text.lower().startswith(("http://", "https://"))
        for piece in pieces(text)
        if piece.kind == "link"
    )
