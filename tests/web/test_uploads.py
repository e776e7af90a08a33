"""Upload of a saved chat: seen before it is imported, imported as the command line does, refused cheaply."""

from __future__ import annotations

import io
import re
import shutil
import time
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion.imports import import_saved_chat
from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web.pending_uploads import check_is_text, file_name
from chat_platform.web.published import LOOK_S
from tests.chosen import first_of
from tests.integration.harness import Home
from tests.web.conftest import SignIn
from tests.web.hostile import TEXTS, Page

CHAT = """19:00:01\t From  김하나_온라인 : 안녕하세요
19:00:05\t From  박둘 : 반갑습니다
19:00:09\t From  김하나_온라인 to 박둘(Direct Message) : 우리끼리 비밀
19:01:00\t From  이셋 : 질문 있습니다
이게 두 번째 줄입니다
"""
DAY = "2026-03-04"


def send(
    client: TestClient,
    data: bytes,
    *,
    name: str = "meeting_saved_chat.txt",
    day: str = DAY,
    title: str = "특강",
) -> Response:
    return client.post(
        "/c/class/uploads", files={"file": (name, data, "text/plain")}, data={"day": day, "title": title}
    )


def upload(client: TestClient, data: bytes, **values: str) -> str:
    answer = send(client, data, **values)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def facts(page: str) -> dict[str, str]:
    """Terms and figures of a page's lists of facts."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {term: re.sub(r"<[^>]+>", " ", figure).split()[0] for term, figure in pairs}


def test_what_was_understood_is_seen_before_anything_is_imported(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("teacher")
    ledger = Workspace(settings).ledger
    before = ledger.rows()
    preview = client.get(upload(client, CHAT.encode()))
    found = facts(preview.text)
    assert (found["메시지"], found["이름"], found["개인 메시지"], found["날짜"]) == ("4", "3", "1", DAY)
    assert "우리끼리 비밀" not in preview.text
    assert ledger.rows() == before


def test_a_confirmed_file_gives_the_entry_that_the_command_line_gives(
    sign_in: SignIn, settings: Settings, tmp_path: Path, taught_home: Path
) -> None:
    client = sign_in("teacher")
    address = upload(client, CHAT.encode())
    answer = client.post(f"{address}/confirm")
    assert answer.status_code == 303
    conversation_id = answer.headers["location"].rsplit("/", 1)[1]
    workspace = Workspace(settings)
    entry = workspace.ledger.get(conversation_id)
    other = Workspace(Settings(home=tmp_path / "other"))
    import_saved_chat(
        other, "meeting_saved_chat.txt", CHAT.encode(), day=date.fromisoformat(DAY), title="특강"
    )
    wanted = other.ledger.get(conversation_id)
    assert wanted is not None
    assert {**entry, "fetched_at": 0} == {**wanted, "fetched_at": 0}
    parts = workspace.vault.parts("zoom_file", conversation_id)
    assert parts == other.vault.parts("zoom_file", conversation_id)
    assert workspace.vault.read("zoom_file", conversation_id, parts[0]) == other.vault.read(
        "zoom_file", conversation_id, parts[0]
    )
    assert workspace.ledger.due("zoom_file") == [conversation_id]
    assert client.get(address).status_code == 409


@pytest.mark.exhaustive
def test_the_graph_takes_it_from_there_and_the_page_says_so(
    sign_in: SignIn, settings: Settings, taught_home: Path
) -> None:
    shutil.copytree(taught_home / "dbt", settings.home / "dbt")
    client = sign_in("operator")
    state = client.post(f"{upload(client, CHAT.encode())}/confirm").headers["location"]
    assert "fetched" in client.get(state).text
    report = Home(settings.home).catch_up({})
    assert report.ok, [run.error for run in report.runs]
    page = client.get(state, headers={"HX-Request": "true"}).text
    assert "공개되었습니다" in page
    assert facts(page)["메시지"] == "4"
    lecture = re.search(r'href="(/c/class/lectures/[^"]+)"', page)
    assert lecture is not None
    time.sleep(2 * LOOK_S)
    chat = client.get(lecture.group(1))
    assert chat.status_code == 200
    assert "질문 있습니다\n이게 두 번째 줄입니다" in Page(chat.text).text
    assert "우리끼리 비밀" not in chat.text


def test_the_same_file_again_is_said_and_changes_nothing(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("teacher")
    client.post(f"{upload(client, CHAT.encode())}/confirm")
    before = Workspace(settings).ledger.rows()
    again = upload(client, CHAT.encode())
    assert "이미 가져온 파일" in client.get(again).text
    client.post(f"{again}/confirm")
    assert Workspace(settings).ledger.rows() == before


def test_a_dropped_file_is_gone(sign_in: SignIn, home: Path) -> None:
    client = sign_in("teacher")
    address = upload(client, CHAT.encode())
    assert client.post(f"{address}/drop").status_code == 303
    assert client.post(f"{address}/confirm").status_code == 409
    assert list((home / "uploads").iterdir()) == []


def test_nobody_decides_about_the_file_of_somebody_else(sign_in: SignIn) -> None:
    address = upload(sign_in("teacher"), CHAT.encode())
    other = sign_in("operator")
    assert other.get(address).status_code == 409
    assert other.post(f"{address}/confirm").status_code == 409
    assert sign_in("student").get(address).status_code == 403


@pytest.mark.parametrize("path", ["uploads", "uploads/" + "0" * 32 + "/confirm", "uploads/x/drop"])
def test_students_upload_nothing(sign_in: SignIn, path: str) -> None:
    assert sign_in("student").post(f"/c/class/{path}").status_code == 403


def test_each_step_is_in_the_log(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("teacher")
    client.post(f"{upload(client, CHAT.encode())}/confirm")
    text = sign_in("operator").get("/c/class/audit").text
    assert "upload.checked" in text
    assert "upload.imported" in text


def zipped() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meeting_saved_chat.txt", CHAT * 10_000)
    return body.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "CP-FILE-001"),
        (b"  \n\t\n", "CP-FILE-001"),
        (zipped(), "CP-WEB-062"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 200, "CP-FILE-003"),
        (b"\x7fELF" + bytes(5_000), "CP-WEB-062"),
        (b"\x00" * 100_000, "CP-WEB-062"),
        (CHAT.encode() + b"\x00" * 50, "CP-WEB-062"),
        (b"<html><script>alert(1)</script></html>", "CP-FILE-003"),
        ("그냥 글입니다\n".encode() * 100, "CP-FILE-003"),
    ],
)
def test_what_is_no_saved_chat_is_refused_by_its_code_and_not_kept(
    sign_in: SignIn, home: Path, data: bytes, code: str
) -> None:
    answer = send(sign_in("teacher"), data)
    assert answer.status_code == 422
    assert code in answer.text
    assert list((home / "uploads").glob("*")) == []


@pytest.mark.parametrize(
    "day",
    ["2026-02-30", "내일", "1999-01-01", (datetime.now() + timedelta(days=2)).date().isoformat(), "'; --"],
)
def test_a_date_that_cannot_be_is_refused(sign_in: SignIn, day: str) -> None:
    answer = send(sign_in("teacher"), CHAT.encode(), day=day)
    assert answer.status_code == 422
    assert "CP-WEB-063" in answer.text


def test_a_file_without_any_date_says_that_it_needs_one(sign_in: SignIn) -> None:
    answer = send(sign_in("teacher"), CHAT.encode(), day="")
    assert answer.status_code == 422
    assert "CP-FILE-004" in answer.text


def test_too_large_a_file_is_refused_before_it_is_read(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("teacher")
    limit = int(settings.web.largest_upload_mb * 1_000_000)
    answer = client.post(
        "/c/class/uploads",
        content=b"",
        headers={"content-length": str(1_000_000_000), "content-type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413
    answer = send(client, b"x" * (limit + 1))
    assert answer.status_code == 413


def test_only_so_many_files_wait(sign_in: SignIn) -> None:
    client = sign_in("teacher")
    for number in range(20):
        upload(client, CHAT.encode(), title=str(number))
    answer = send(client, CHAT.encode())
    assert answer.status_code == 409
    assert "CP-WEB-065" in answer.text


@pytest.mark.parametrize(
    "name",
    first_of(
        [
            "../../etc/passwd",
            "..\\..\\x.txt",
            "/etc/cron.d/x",
            "x\r\nSet-Cookie: a=1.txt",
            ".",
            "",
            *TEXTS[:60],
        ],
        12,
    ),
)
def test_names_of_files_are_values_and_text(sign_in: SignIn, home: Path, name: str) -> None:
    client = sign_in("teacher")
    before = {path for path in home.rglob("*") if "sqlite" not in path.name}
    # A browser sends a name percent-encoded where it would break the header; so does the client.
    answer = send(client, CHAT.encode(), name=name or "x.txt")
    assert answer.status_code in (303, 400, 422)
    after = {path for path in home.rglob("*") if "sqlite" not in path.name} - before
    assert {path.parent.name for path in after if path.is_file()} <= {"uploads"}
    if answer.status_code == 303:
        page = Page(client.get(answer.headers["location"]).text)
        assert (page.ran, page.outside) == ([], [])


@given(st.text())
def test_a_name_has_no_folder_and_shows(name: str) -> None:
    found = file_name(name)
    assert found
    assert not set("/\\\x00\r\n\u202e") & set(found)
    assert len(found) <= 150


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused_by_a_code(data: bytes) -> None:
    try:
        check_is_text(data)
    except ChatPlatformError as error:
        assert error.code in {"CP-WEB-062", "CP-FILE-001", "CP-FILE-002"}


def test_titles_are_text(sign_in: SignIn) -> None:
    client = sign_in("teacher")
    for title in TEXTS[:12]:
        location = upload(client, CHAT.encode(), title=title[:200])
        page = Page(client.get(location).text)
        assert (page.ran, page.outside) == ([], [])
        client.post(f"{location}/drop")
