"""The Zoom simulator speaks the share page's protocol, over real HTTP and to a real browser."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from chat_platform.simulators.class_generator import RecordingInfo, generate_class
from chat_platform.simulators.truth import GeneratedRecording
from chat_platform.simulators.world import World, start_world

API = "/nws/recording/1.0"
RECORDINGS = 18


@pytest.fixture
def world() -> Iterator[World]:
    with start_world(11, recordings=RECORDINGS, mode="plain", messages_per_recording=200) as world:
        yield world


class Visitor:
    """A cookie jar that goes the way of the share page."""

    def __init__(self, world: World, info: RecordingInfo) -> None:
        self.world, self.info, self.session = world, info, requests.Session()

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return self.session.get(f"{self.world.zoom_url}{path}", params=parameters, timeout=10)

    def post(self, path: str, **form: Any) -> dict[str, Any]:
        return self.session.post(f"{self.world.zoom_url}{path}", data=form, timeout=10).json()

    def share(self, **parameters: Any) -> str:
        return self.get(f"/rec/share/{self.info.token}", **parameters).text

    def share_info(self, ident: str | None = None, **parameters: Any) -> dict[str, Any]:
        return self.get(f"{API}/play/share-info/{ident or self.info.meeting_id}", **parameters).json()

    def validate(self, passcode: str | None = None) -> dict[str, Any]:
        name = "validate-meeting-passwd" if self.info.passcode_kind == "meeting" else "validate-passwd"
        passwd = self.info.passcode if passcode is None else passcode
        return self.post(
            f"{API}/{name}", id=self.info.meeting_id, passwd=passwd, action="viewdetailpage", recaptcha=""
        )

    def file_id(self) -> str:
        redirect = self.share_info()["result"]["redirectUrl"]
        found = re.search(r"fileId: '([^']+)'", self.get(redirect).text)
        assert found is not None
        return found[1]

    def play_info(self, file_id: str, **parameters: Any) -> dict[str, Any]:
        return self.get(f"{API}/play/info/{file_id}", **parameters).json()

    def enter(self) -> str:
        self.share()
        assert self.validate()["status"]
        return self.file_id()

    def answers(self) -> list[dict[str, Any]]:
        """The answers for all clips."""
        file_id = self.enter()
        found = [self.play_info(file_id)]
        while (following := found[-1]["result"].get("nextClipStartTime", -1)) != -1:
            found.append(self.play_info(file_id, startTime=following))
        return found


def visitor(world: World, index: int) -> Visitor:
    return Visitor(world, world.generated.info(index))


def rows(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages of all clips, each id once."""
    found = {row["id"]: row for answer in answers for row in answer["result"]["xmppList"]}
    return list(found.values())


def truth(recording: GeneratedRecording, kind: str) -> list[tuple[str, str, int, str]]:
    return [
        (said.message_id, said.sender_name, round(said.sent_at.timestamp() * 1000), said.text)
        for said in recording.public
        if said.kind == kind
    ]


def shown(entries: list[dict[str, Any]]) -> list[tuple[str, str, int, str]]:
    return [(entry["id"], entry["senderName"], entry["time"], entry["content"]) for entry in entries]


def test_the_passcode_opens_the_way_to_everything_that_was_said(world: World) -> None:
    guest = visitor(world, 0)
    assert f"meetingId: '{guest.info.meeting_id}'" in guest.share()
    asked = guest.share_info()["result"]
    assert (asked["componentName"], asked["useWhichPasswd"]) == ("need-password", guest.info.passcode_kind)
    answers = guest.answers()
    recording = world.generated.recording(0)
    messages = rows(answers)
    comments = [comment for row in messages for comment in row.get("comments", [])]
    assert shown(messages) == truth(recording, "message")
    assert sorted(shown(comments)) == sorted(truth(recording, "reply"))
    parents = {comment["id"]: row["id"] for row in messages for comment in row.get("comments", [])}
    assert parents == {said.message_id: said.parent_id for said in recording.public if said.kind == "reply"}
    assert {"_zm_ssid", "cred"} <= set(guest.session.cookies.keys())


def test_reactions_flags_and_offsets_are_those_of_the_truth(world: World) -> None:
    recording = world.generated.recording(0)
    entries = {}
    for row in rows(visitor(world, 0).answers()):
        entries |= {row["id"]: row} | {comment["id"]: comment for comment in row.get("comments", [])}
        assert row["commentTotal"] == len(row.get("comments", []))
    for said in recording.public:
        entry = entries[said.message_id]
        counts = {emoji: value["count"] for emoji, value in entry.get("chatEmojiDetailMap", {}).items()}
        assert counts == said.reaction_counts()
        assert (entry.get("deleted", False), entry.get("edited", False)) == (said.deleted, said.edited)
    first = recording.public[0]
    assert entries[first.message_id]["recordingClipTimeStr"] == f"{recording.info.started_at:%Y%m%d-%H%M%S}"


def test_some_recordings_write_emoji_as_base64(world: World) -> None:
    keys = [key for row in rows(visitor(world, 4).answers()) for key in row.get("chatEmojiDetailMap", {})]
    expected = Counter(
        emoji
        for said in world.generated.recording(4).public
        if said.kind == "message"
        for emoji in said.reaction_counts()
    )
    assert Counter(base64.b64decode(key, validate=True).decode("utf-8") for key in keys) == expected


def test_clips_share_a_message_and_together_hold_all(world: World) -> None:
    index = next(i for i in range(RECORDINGS) if len(world.generated.info(i).clips) > 1)
    answers = visitor(world, index).answers()
    clips = world.generated.info(index).clips
    assert [answer["result"]["currentClip"] for answer in answers] == [clip.number for clip in clips]
    assert {answer["result"]["totalClips"] for answer in answers} == {len(clips)}
    first, second = (answer["result"]["xmppList"] for answer in answers[:2])
    assert first[-1] == second[0]
    assert shown(rows(answers)) == truth(world.generated.recording(index), "message")


def test_the_older_recording_has_a_plain_list(world: World) -> None:
    index = next(i for i in range(RECORDINGS) if world.generated.info(i).era == "list")
    (answer,) = visitor(world, index).answers()
    assert "xmppList" not in answer["result"]
    listed = [(row["userName"], row["content"]) for row in answer["result"]["meetingChatList"]]
    said = world.generated.recording(index).public
    assert listed == [(one.sender_name, one.text) for one in said]
    seconds = said[0].offset_ms // 1000
    assert answer["result"]["meetingChatList"][0]["time"] == f"00:{seconds // 60:02d}:{seconds % 60:02d}"


def test_direct_messages_are_not_in_the_cloud_chat(world: World) -> None:
    recording = world.generated.recording(0)
    direct = {said.message_id for said in recording.utterances if said.visibility == "direct"}
    assert direct
    assert not direct & {row["id"] for row in rows(visitor(world, 0).answers())}


def test_a_wrong_passcode_is_refused_and_opens_nothing(world: World) -> None:
    guest = visitor(world, 0)
    guest.share()
    refused = guest.validate("wrong")
    assert (refused["status"], refused["errorCode"]) == (False, 3302)
    assert guest.share_info()["result"]["componentName"] == "need-password"
    assert "cred" not in guest.session.cookies
    assert world.zoom.count("validate", 0) == 1


def test_the_recording_s_own_passcode_has_its_own_endpoint(world: World) -> None:
    index = next(i for i in range(RECORDINGS) if world.generated.info(i).passcode_kind == "recording")
    guest = visitor(world, index)
    guest.share()
    form = {"id": guest.info.meeting_id, "passwd": guest.info.passcode}
    assert guest.post(f"{API}/validate-meeting-passwd", **form)["errorCode"] == 3302
    assert guest.post(f"{API}/validate-passwd", **form)["status"]


def test_a_link_with_pwd_needs_no_passcode(world: World) -> None:
    guest = visitor(world, 1)
    assert guest.share_info(guest.info.token)["result"] is None
    opened = guest.share_info(guest.info.token, pwd=guest.info.pwd)["result"]
    assert opened["hasValidToken"] is True
    page = guest.get(opened["redirectUrl"]).text
    file_id = re.search(r"fileId: '([^']+)'", page)
    assert file_id is not None
    assert guest.play_info(file_id[1])["status"]
    other = visitor(world, 1)
    assert other.share_info(other.info.token, pwd="guess")["result"] is None


def test_the_encrypted_meeting_id_works_as_well(world: World) -> None:
    guest = visitor(world, 0)
    context = guest.post(f"{API}/validate-context", meetingId=guest.info.meeting_id, fileId="")["result"]
    assert context["topic"] == guest.info.title
    assert guest.post(
        f"{API}/validate-{guest.info.passcode_kind}-passwd",
        id=context["encryptMeetId"],
        passwd=guest.info.passcode,
    )["status"]
    token = guest.session.post(f"{world.zoom_url}/csrf_js?t_x_zm_rid=1", timeout=10).text
    assert token.startswith("ZOOM-CSRFTOKEN:")


def test_the_file_id_is_bound_to_its_cookie_jar(world: World) -> None:
    guest, stranger = visitor(world, 0), visitor(world, 0)
    file_id = guest.enter()
    assert guest.play_info(file_id)["status"]
    assert stranger.play_info(file_id)["status"] is False
    assert stranger.enter() != file_id
    guest.session.cookies.clear(domain="127.0.0.1", path="/", name="cred")
    assert guest.play_info(file_id)["errorCode"] == 3000


def test_an_unknown_link_does_not_exist(world: World) -> None:
    session = requests.Session()
    page = session.get(f"{world.zoom_url}/rec/share/nowhere.nowhere", timeout=10).text
    meeting = re.search(r"meetingId: '([^']+)'", page)
    assert meeting is not None
    answer = session.get(f"{world.zoom_url}{API}/play/share-info/{meeting[1]}", timeout=10).json()
    assert (answer["status"], answer["errorCode"]) == (False, 3301)


# Faults


@pytest.mark.parametrize(
    ("condition", "status", "sign"),
    [
        ("expired", True, "play-forbidden"),
        ("not_found", False, 3301),
        ("wrong_passcode", True, "need-password"),
    ],
)
def test_a_condition_bars_one_recording_until_it_is_healed(
    world: World, condition: str, status: bool, sign: str | int
) -> None:
    world.zoom.set_condition(0, condition)
    guest = visitor(world, 0)
    guest.share()
    guest.validate()
    answer = guest.share_info()
    assert answer["status"] is status
    assert sign in (answer["errorCode"], (answer["result"] or {}).get("componentName"))
    assert rows(visitor(world, 1).answers())
    world.zoom.set_condition(0, None)
    assert rows(visitor(world, 0).answers())


def test_the_same_conditions_can_stand_in_the_script(world: World) -> None:
    world.faults.add({"kind": "expired", "recording": 0})
    world.faults.add({"kind": "not_found", "recording": world.generated.info(1).token})
    assert visitor(world, 0).share_info()["result"]["componentName"] == "play-forbidden"
    assert visitor(world, 1).share_info()["errorCode"] == 3301
    assert visitor(world, 2).share_info()["result"]["componentName"] == "need-password"


def test_a_recording_in_processing_has_no_chat_yet(world: World) -> None:
    world.faults.add({"kind": "processing", "recording": 0, "endpoint": "play-info", "count": 1})
    guest = visitor(world, 0)
    file_id = guest.enter()
    result = guest.play_info(file_id)["result"]
    assert (result["transcribing"], result["duration"], result["recording"]["status"]) == (
        True,
        0,
        "PROCESSING",
    )
    assert "xmppList" not in result
    assert guest.play_info(file_id)["result"]["xmppList"]


def test_a_bot_wall_and_changed_markup_hide_what_the_page_usually_says(world: World) -> None:
    world.faults.add({"kind": "bot_wall", "recording": 0})
    guest = visitor(world, 0)
    assert "recordingMobilePlayData" not in guest.share()
    assert "recordingMobilePlayData" in guest.share()
    world.zoom.set_condition(1, "markup_changed")
    page = visitor(world, 1).share()
    assert "recordingMobilePlayData" not in page
    assert 'id="passcode"' not in page
    assert visitor(world, 1).info.meeting_id in page


def test_an_answer_is_cut_in_the_middle_once(world: World) -> None:
    world.faults.add({"kind": "cut", "endpoint": "play-info", "recording": 0, "part": 0.7})
    guest = visitor(world, 0)
    file_id = guest.enter()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        guest.play_info(file_id)
    assert guest.play_info(file_id)["status"]


def test_answers_can_hold_repeated_odd_and_skewed_rows(world: World) -> None:
    guest = visitor(world, 1)
    file_id = guest.enter()
    plain = guest.play_info(file_id)["result"]["xmppList"]
    world.faults.add({"kind": "duplicate_page", "recording": 1})
    assert guest.play_info(file_id)["result"]["xmppList"] == plain + plain[-5:]
    world.faults.add({"kind": "odd_rows", "recording": 1, "rows": 3, "count": 1})
    assert len(guest.play_info(file_id)["result"]["xmppList"]) == len(plain) + 3
    world.faults.add({"kind": "clock_skew", "endpoint": "play-info", "seconds": -90, "count": 1})
    skewed = guest.play_info(file_id)["result"]["xmppList"]
    assert {b["time"] - a["time"] for a, b in zip(plain, skewed, strict=True)} == {0, -90_000}
    assert guest.play_info(file_id)["result"]["xmppList"] == plain


def test_late_replies_edits_and_deletions_show_in_the_next_answer(world: World) -> None:
    guest = visitor(world, 1)
    file_id = guest.enter()
    before = guest.play_info(file_id)["result"]["xmppList"]
    target = before[-1]["id"]
    world.faults.add({"kind": "late_reply", "recording": 1, "text": "늦은 답"})
    assert guest.play_info(file_id)["result"]["xmppList"] == before
    assert guest.play_info(file_id)["result"]["xmppList"][-1]["comments"][-1]["content"] == "늦은 답"
    world.zoom.change(1, "edited", "고친 말", target)
    world.zoom.change(1, "deleted", message_id=before[0]["id"])
    after = guest.play_info(file_id)["result"]["xmppList"]
    assert (after[-1]["content"], after[-1]["edited"], after[0]["deleted"]) == ("고친 말", True, True)
    assert len(after) == len(before)


# Browser only


def test_script_only_gives_nothing_to_plain_http() -> None:
    with start_world(11, recordings=2) as world:
        guest = visitor(world, 0)
        assert "recordingMobilePlayData" not in guest.share()
        assert guest.share_info()["status"] is False
        assert guest.validate()["status"] is False
        assert "cred" not in guest.session.cookies
        guest.session.cookies.set("_zm_js", "guess", domain="127.0.0.1", path="/")
        assert guest.share_info()["status"] is False
        assert "recordingMobilePlayData" not in guest.share()


def test_modes_can_differ_by_recording() -> None:
    with start_world(11, recordings=2, mode={1: "plain"}) as world:
        assert "recordingMobilePlayData" not in visitor(world, 0).share()
        assert "recordingMobilePlayData" in visitor(world, 1).share()
        world.zoom.set_mode(0, "plain")
        assert "recordingMobilePlayData" in visitor(world, 0).share()
    with pytest.raises(ValueError, match="mode"):
        start_world(1, recordings=1, mode="magic")


def test_pages_refer_to_nothing_outside() -> None:
    from chat_platform.simulators import zoom_pages

    pages = (
        zoom_pages.share_page("m"),
        zoom_pages.play_page("제목", "m", "f"),
        zoom_pages.challenge_page("n", "c"),
        zoom_pages.bot_wall(),
    )
    assert not any("://" in page or 'src="' in page for page in pages)


@pytest.mark.chromium
def test_script_only_yields_to_a_real_browser() -> None:
    import os

    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    quiet = ("--headless=new", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu")
    for argument in (*quiet, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(argument)
    with start_world(11, recordings=RECORDINGS, messages_per_recording=200) as world:
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            wait = WebDriverWait(driver, 20)
            state = "return document.getElementById('message')?.dataset.state"
            file_id = "return window.recordingMobilePlayData && window.recordingMobilePlayData.fileId"

            def open_link(index: int, **how: bool) -> RecordingInfo:
                driver.delete_all_cookies()
                info = world.generated.info(index)
                driver.get(info.link(world.zoom_url, **how))
                return info

            def type_passcode(passcode: str) -> None:
                wait.until(lambda d: d.execute_script(state) in ("need-password", "wrong-passcode"))
                field = driver.find_element(By.ID, "passcode")
                field.clear()
                field.send_keys(passcode)
                driver.find_element(By.ID, "passcode_btn").click()

            def chat(info: RecordingInfo) -> int:
                found = str(wait.until(lambda d: d.execute_script(file_id)))
                guest = Visitor(world, info)
                for cookie in driver.get_cookies():
                    guest.session.cookies.set(cookie["name"], cookie["value"], domain="127.0.0.1", path="/")
                return len(guest.play_info(found)["result"]["xmppList"])

            own = next(i for i in range(RECORDINGS) if world.generated.info(i).passcode_kind == "recording")
            info = open_link(own)
            type_passcode("wrong")
            wait.until(lambda d: d.execute_script(state) == "wrong-passcode")
            type_passcode(info.passcode)
            assert chat(info) > 50
            assert chat(open_link(1, with_pwd=True)) > 50
            assert world.zoom.count("validate", 1) == 0
            world.zoom.set_condition(2, "expired")
            open_link(2)
            wait.until(lambda d: d.execute_script(state) == "play-forbidden")
        finally:
            driver.quit()


def test_the_truth_needs_no_server() -> None:
    from chat_platform.simulators.zoom_answers import play_infos

    room = generate_class(11, recordings=2, messages_per_recording=200)
    answers = play_infos(room.recording(0), room.zone)
    assert shown(rows(answers)) == truth(room.recording(0), "message")
