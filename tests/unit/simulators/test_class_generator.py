"""The generated class is believable, repeatable and tells the truth about itself."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

import pytest

from chat_platform.simulators.class_generator import GeneratedClass, generate_class
from chat_platform.simulators.truth import Style
from tests.cost import cost

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def room() -> GeneratedClass:
    return generate_class(7)


def test_the_same_seed_gives_the_same_class_and_another_seed_another() -> None:
    first, again, other = (generate_class(seed, recordings=2) for seed in (5, 5, 6))
    assert first.people == again.people
    assert list(first) == list(again)
    assert first.people != other.people
    assert [said.text for said in first.recording(0).public] != [
        said.text for said in other.recording(0).public
    ]


def test_a_recording_depends_on_seed_and_index_only() -> None:
    small, large = generate_class(3, recordings=5), generate_class(3, recordings=5_000)
    assert large.recording(4) == small.recording(4)
    late = large.recording(4_999)
    assert late.info.day > date(2040, 1, 1)
    assert len(late.utterances) > 600


def test_five_thousand_recordings_cost_nothing_until_asked_for() -> None:
    made = list[GeneratedClass]()

    def one_lecture(recordings: int) -> None:
        made.append(generate_class(9, recordings=recordings, messages_per_recording=2_000))
        made[-1].recording(recordings // 2)

    assert cost(lambda: one_lecture(5_000)) < 3 * cost(lambda: one_lecture(5))
    assert 1_800 <= len(made[0].recording(2_500).utterances) <= 2_250


@pytest.mark.parametrize("wanted", [60, 830, 2_000])
def test_a_recording_has_about_as_many_messages_as_wanted(wanted: int) -> None:
    found = [len(recording.utterances) for recording in generate_class(4, messages_per_recording=wanted)]
    assert 0.9 * wanted <= sum(found) / len(found) <= 1.1 * wanted


def test_there_are_six_recordings_a_week_on_five_days_and_none_at_weekends(room: GeneratedClass) -> None:
    days = generate_class(7, recordings=60).days()
    assert [day for day, _ in days] == sorted({day for day, _ in days})
    assert all(day.weekday() < 5 for day, _ in days)
    assert Counter(len(indices) for _, indices in days) == {1: 40, 2: 10}
    parts = {room.info(index).part for index in range(12)}
    assert parts == {"full", "morning", "afternoon"}


def test_a_first_day_at_a_weekend_moves_to_monday() -> None:
    assert generate_class(1, recordings=1, first_day=date(2026, 3, 7)).info(0).day == date(2026, 3, 9)
    assert generate_class(1, recordings=1, first_day=date(2026, 3, 4)).info(0).day == date(2026, 3, 4)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_room_has_two_people_of_one_name_and_everybody_is_one_person(seed: int) -> None:
    people = generate_class(seed).people
    names = Counter(person.real_name for person in people)
    assert people[0].real_name == people[1].real_name
    assert [count for count in names.values() if count > 1] == [2]
    assert len({person.person_id for person in people}) == len(people) == 39
    assert Counter(person.role for person in people) == {"student": 36, "teacher": 1, "staff": 2}
    assert sum(person.slack_id is None for person in people) == 1


def test_names_have_roles_teams_blanks_english_and_change(room: GeneratedClass) -> None:
    shown = {said.sender_name for recording in room for said in recording.utterances}
    assert f"강사_{room.teacher.real_name}" in shown
    assert any(name.startswith("운영진_") for name in shown)
    assert any(name.startswith("LM ") for name in shown)
    assert any(name.endswith("_온라인") for name in shown)
    assert any(name.startswith("오프라인_") for name in shown)
    assert any(" " in name and not name.startswith("LM") for name in shown)
    assert any(name.isascii() and " " in name for name in shown)
    names = {
        person.person_id: {room.display_name(person, index) for index in range(len(room))}
        for person in room.students
    }
    assert sum(len(found) > 1 for found in names.values()) > 5


def test_somebody_changes_their_name_in_the_middle_of_a_lecture(room: GeneratedClass) -> None:
    changes = 0
    for recording in room:
        names: dict[str, list[str]] = {}
        for said in recording.utterances:
            names.setdefault(said.person_id, []).append(said.sender_name)
        changes += sum(len(set(found)) == 2 for found in names.values())
        assert max(len(set(found)) for found in names.values()) <= 2
    assert changes >= 5


def test_a_sender_has_one_number_in_a_meeting_and_every_id_is_used_once(room: GeneratedClass) -> None:
    recording = room.recording(0)
    for said in recording.utterances:
        assert said.message_id.startswith(f"{recording.sender_numbers[said.person_id]}-")
        assert len(said.message_id) <= 50
    assert len({said.message_id for said in recording.utterances}) == len(recording.utterances)
    assert len(set(recording.sender_numbers.values())) == len(recording.sender_numbers)
    braced = {said.person_id for said in recording.utterances if "{" in said.message_id}
    assert 0 < len(braced) < len(recording.sender_numbers)
    assert all(("{" in said.message_id) == (said.person_id in braced) for said in recording.utterances)


def test_one_student_always_ends_with_the_same_syllable(room: GeneratedClass) -> None:
    (who,) = (person for person in room.students if person.style.ending == "욥")
    said = [
        said.text for recording in room for said in recording.utterances
        if said.person_id == who.person_id and said.category not in ("code",) and not said.edited
    ]  # fmt: skip
    assert len(said) > 20
    assert all(text.rstrip("?!.~ ").endswith("욥") for text in said)
    assert not any(
        said.text.rstrip("?!.~ ").endswith("욥")
        for recording in room for said in recording.utterances if said.person_id != who.person_id
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [("뭔가요?", "뭔가욥?"), ("네", "네욥"), ("감사합니다!", "감사합니다욥!"), ("됩니다 ", "됩니다욥")],
)
def test_the_ending_replaces_the_polite_syllable_and_keeps_the_mark(text: str, shown: str) -> None:
    from random import Random

    assert Style("yop", ending="욥").apply(text, Random(1)) == shown  # noqa: S311


def test_questions_come_with_and_without_mark_and_indirectly(room: GeneratedClass) -> None:
    said = [said for recording in room for said in recording.utterances]
    forms = Counter(one.question for one in said)
    assert min(forms["marked"], forms["unmarked"], forms["indirect"]) > 100
    assert all("?" in one.text for one in said if one.question == "marked")
    assert not any("?" in one.text for one in said if one.question == "unmarked")
    lookalikes = [one for one in said if one.category == "lookalike"]
    assert any("?" in one.text for one in lookalikes)
    assert not any(one.is_question for one in lookalikes)


def test_code_keeps_its_lines_and_indentation(room: GeneratedClass) -> None:
    code = [said.text for recording in room for said in recording.utterances if said.category == "code"]
    assert len(code) > 20
    assert all("\n" in text for text in code)
    assert any("\n    " in text for text in code)


def test_replies_follow_their_message_and_the_teacher_takes_a_plausible_while(room: GeneratedClass) -> None:
    delays = []
    for recording in room:
        by_id = {said.message_id: said for said in recording.utterances}
        for said in recording.utterances:
            if said.kind == "reply":
                parent = by_id[str(said.parent_id)]
                assert parent.kind == "message"
                assert parent.visibility == "everyone"
                assert said.sent_at > parent.sent_at
                if said.person_id == room.teacher.person_id and parent.is_question:
                    delays.append((said.sent_at - parent.sent_at).total_seconds())
    assert len(delays) > 150
    assert 15 < median(delays) < 120


def test_reactions_follow_their_message_and_some_are_taken_back(room: GeneratedClass) -> None:
    said = [said for recording in room for said in recording.utterances]
    reactions = [(one, reaction) for one in said for reaction in one.reactions]
    assert len(reactions) > 1_000
    assert all(reaction.reacted_at > one.sent_at for one, reaction in reactions)
    removed = [(one, reaction) for one, reaction in reactions if reaction.removed_at is not None]
    assert removed
    one, reaction = removed[0]
    stays = sum(r.emoji == reaction.emoji and r.removed_at is None for r in one.reactions)
    assert one.reaction_counts().get(reaction.emoji, 0) == stays


def test_direct_messages_name_their_receiver_and_are_not_public(room: GeneratedClass) -> None:
    recording = room.recording(0)
    direct = [said for said in recording.utterances if said.visibility == "direct"]
    assert direct
    assert all(said.recipient_name and said.recipient_id != said.person_id for said in direct)
    assert not any(said in recording.public for said in direct)


def test_the_older_recording_knows_neither_replies_nor_reactions(room: GeneratedClass) -> None:
    (old,) = (recording for recording in room if recording.info.era == "list")
    assert {said.kind for said in old.utterances} == {"message"}
    assert not any(said.reactions or said.edited or said.deleted for said in old.utterances)


def test_everything_is_said_within_the_recording_in_order(room: GeneratedClass) -> None:
    for recording in room:
        offsets = [said.offset_ms for said in recording.utterances]
        assert offsets == sorted(offsets)
        assert offsets[0] >= 0
        assert offsets[-1] < recording.info.duration_s * 1000
        assert all(
            said.sent_at == recording.info.started_at + timedelta(milliseconds=said.offset_ms)
            for said in recording.utterances
        )
        clips = recording.info.clips
        assert clips[0].start_ms == 0
        assert clips[-1].end_ms == recording.info.duration_s * 1000
        assert all(first.end_ms < second.start_ms for first, second in pairwise(clips))


@pytest.mark.parametrize("seed", SEEDS)
def test_planted_peaks_and_only_they_stand_out_of_the_room(seed: int) -> None:
    for recording in generate_class(seed):
        minutes = Counter(said.offset_ms // 60_000 for said in recording.public)
        last = recording.info.duration_s // 60
        windows = {start: sum(minutes[start + more] for more in range(3)) for start in range(last)}
        usual = median(windows.values())
        near = {peak.minute + shift for peak in recording.peaks for shift in range(-2, 3)}
        assert recording.peaks[-1].kind == "farewell"
        assert all(peak.speakers >= 12 and windows[peak.minute] > 3 * usual for peak in recording.peaks)
        assert max(count for start, count in windows.items() if start not in near) < 3 * usual


def test_texts_look_alive(room: GeneratedClass) -> None:
    texts = Counter(said.text for recording in room for said in recording.utterances)
    assert len(texts) > 0.45 * texts.total()
    assert not any(
        "{" in text.split("\n")[0] and "}" in text.split("\n")[0] and "scores" not in text for text in texts
    )
    assert all(text.strip() for text in texts)


def test_links_and_passcodes_differ_and_passcodes_hold_signs_that_slack_escapes() -> None:
    infos = [generate_class(2, recordings=300).info(index) for index in range(300)]
    assert len({info.token for info in infos}) == len({info.passcode for info in infos}) == 300
    assert len({info.meeting_id for info in infos}) == 300
    signs = set("".join(info.passcode for info in infos))
    assert set("&*_.^@") <= signs
    assert infos[0].link("http://zoom.test") == f"http://zoom.test/rec/share/{infos[0].token}"
    assert infos[0].link("http://zoom.test", with_pwd=True).endswith(f"?pwd={infos[0].pwd}")


def test_a_class_without_room_for_every_way_of_writing_is_refused() -> None:
    with pytest.raises(ValueError, match="14 students"):
        generate_class(1, students=5)
    with pytest.raises(IndexError):
        generate_class(1, recordings=3).info(3)
