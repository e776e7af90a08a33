"""A seeded, believable Korean class: people, lectures and what they say, with the truth about it.

What belongs here: people, names, the calendar of recordings, links and passcodes. What does not: what is said
in a lecture (``lecture``), sentences (``phrases``), Slack (``slack_generator``), how a server or a file shows
any of it.

Everything about recording *i* depends on ``(seed, i)`` and the class's few parameters only, so a class of
5,000 recordings costs nothing until one of them is asked for. All people, texts, links and passcodes are
invented.

Times are timezone-aware UTC; offsets are milliseconds from the start of the recording.
"""

# Random numbers here must repeat from a seed; nothing of it protects anything.
# ruff: noqa: S311
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from chat_platform.simulators import phrases
from chat_platform.simulators.lecture import Room, write_lecture
from chat_platform.simulators.phrases import TOPICS
from chat_platform.simulators.truth import (
    Clip,
    GeneratedReaction,
    GeneratedRecording,
    Person,
    PlantedPeak,
    RecordingInfo,
    Style,
    Utterance,
)

__all__ = [
    "Clip",
    "GeneratedClass",
    "GeneratedReaction",
    "GeneratedRecording",
    "Person",
    "PlantedPeak",
    "RecordingInfo",
    "Style",
    "Utterance",
    "generate_class",
]

WEEKDAYS = 5
RECORDINGS_PER_WEEK = 6
"""Monday to Friday one lecture a day, and on one of these days two recordings (morning and afternoon)."""

TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # noqa: S105
PASSCODE_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PASSCODE_SIGNS = "!@#$%^&*_.+?"
SLACK_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


ARCHETYPES = (
    Style("always ends with 욥", ending="욥"),
    Style("laughs", casual=True, laugh=0.7),
    Style("cries", cry=0.6, dots=0.2),
    Style("formal"),
    Style("casual and short", casual=True, punctuation=False),
    Style("mixes English in", mixes_english=True, emoji=0.1),
    Style("no punctuation", punctuation=False),
    Style("typing errors", typo=0.8, joined=0.1),
    Style("emoji", emoji=0.6, tilde=0.2),
    Style("waves", tilde=0.7),
    Style("writes English", english=0.85),
    Style("no blanks", casual=True, joined=0.5, laugh=0.2),
    Style("dots", dots=0.6, cry=0.1),
)
TEACHER_STYLE = Style("teacher")
STAFF_STYLE = Style("staff", emoji=0.15)


def generate_class(
    seed: int,
    *,
    recordings: int = 12,
    students: int = 36,
    messages_per_recording: int = 830,
    first_day: date = date(2026, 3, 2),
    zone: str = "Asia/Seoul",
) -> GeneratedClass:
    """A class of ``students`` people, a teacher and three staff, with ``recordings`` recordings.

    Args:
        seed: same seed, same class.
        recordings: how many recordings; six a week.
        students: at least 14, so that every way of writing occurs.
        messages_per_recording: about how many messages, replies and direct messages a recording has (± 10 %).
        first_day: first possible lecture day; a weekend moves to Monday.
        zone: time zone of the class.

    Raises:
        ValueError: fewer than 14 students, or a negative size.
    """
    if students < 14 or recordings < 0 or messages_per_recording < 0:
        raise ValueError("a class needs 14 students and sizes that are not negative")
    return GeneratedClass(seed, recordings, students, messages_per_recording, first_day, zone)


class GeneratedClass:
    """A class, generated lazily. See ``generate_class``."""

    def __init__(
        self,
        seed: int,
        recordings: int,
        students: int,
        messages_per_recording: int,
        first_day: date,
        zone: str,
    ) -> None:
        self.seed = seed
        self.recordings = recordings
        self.messages_per_recording = messages_per_recording
        self.zone = ZoneInfo(zone)
        self.first_day = first_day
        self.people = _people(seed, students)
        self.students = tuple(person for person in self.people if person.role == "student")
        self.teacher = next(person for person in self.people if person.role == "teacher")
        self.staff = tuple(person for person in self.people if person.role == "staff")
        self.by_id = {person.person_id: person for person in self.people}
        self._info = lru_cache(maxsize=None)(self._make_info)
        self._recording = lru_cache(maxsize=16)(self._make_recording)

    def __len__(self) -> int:
        return self.recordings

    def __iter__(self) -> Iterator[GeneratedRecording]:
        return (self.recording(index) for index in range(self.recordings))

    def info(self, index: int) -> RecordingInfo:
        """Recording ``index`` without what was said; about 40 µs."""
        return self._info(self._checked(index))

    def recording(self, index: int) -> GeneratedRecording:
        """Recording ``index``; the last 16 are kept. Do not change what it holds."""
        return self._recording(self._checked(index))

    def find(self, token: str) -> RecordingInfo | None:
        """The recording of a share token."""
        return next((info for info in map(self.info, range(self.recordings)) if info.token == token), None)

    def days(self) -> list[tuple[date, tuple[int, ...]]]:
        """Lecture days in order, each with its recordings' indices (one or two)."""
        found: list[tuple[date, tuple[int, ...]]] = []
        for index in range(self.recordings):
            day, _ = self._slot(index)
            if found and found[-1][0] == day:
                found[-1] = (day, (*found[-1][1], index))
            else:
                found.append((day, (index,)))
        return found

    def display_name(self, person: Person, index: int) -> str:
        """The name that ``person`` shows at the start of recording ``index``."""
        if person.role == "teacher":
            return f"강사_{person.real_name}"
        if person.role == "staff":
            return f"{person.naming}{person.real_name}"
        rng = Random(f"{self.seed}/name/{person.person_id}/{index}")
        team = person.team if rng.random() < 0.92 else _other_team(person.team)
        naming = person.naming
        if index >= person.renames_at:
            naming = "suffix" if naming != "suffix" else "prefix"
        name = person.real_name
        forms = {
            "suffix": f"{name}_{team}",
            "prefix": f"{team}_{name}",
            "blank": f"{name[0]} {name[1:]}_{team}",
            "blank suffix": f"{name} {team}",
            "plain": name,
            "english": name,
        }
        return forms[naming]

    def _checked(self, index: int) -> int:
        if not 0 <= index < self.recordings:
            raise IndexError(f"no recording {index} in a class of {self.recordings}")
        return index

    def _slot(self, index: int) -> tuple[date, str]:
        """Day and part of a recording, without looking at the others."""
        week, place = divmod(index, RECORDINGS_PER_WEEK)
        double = Random(f"{self.seed}/week/{week}").randrange(WEEKDAYS)
        day_of_week = place if place <= double else place - 1
        part = {double: "morning", double + 1: "afternoon"}.get(place, "full")
        first = self.first_day
        if first.weekday() >= WEEKDAYS:
            first += timedelta(days=7 - first.weekday())
        lecture_day = week * WEEKDAYS + day_of_week + first.weekday()
        monday = first - timedelta(days=first.weekday())
        weeks, weekday = divmod(lecture_day, WEEKDAYS)
        return monday + timedelta(weeks=weeks, days=weekday), part

    def _make_info(self, index: int) -> RecordingInfo:
        rng = Random(f"{self.seed}/info/{index}")
        day, part = self._slot(index)
        lecture = index // RECORDINGS_PER_WEEK * WEEKDAYS + day.weekday()
        begins = time(13, 30) if part == "afternoon" else time(9, 0)
        local = datetime.combine(day, begins, self.zone) + timedelta(seconds=rng.randrange(-90, 240))
        duration_s = rng.randrange(170 * 60, 186 * 60)
        era = "list" if index % 12 == Random(f"{self.seed}/era").randrange(4, 12) else "xmpp"
        return RecordingInfo(
            index=index,
            day=day,
            part=part,
            topic=TOPICS[(lecture // 2 + self.seed) % len(TOPICS)],
            started_at=local.astimezone(UTC),
            duration_s=duration_s,
            token=f"{_word(rng, TOKEN_ALPHABET, 43)}.{_word(rng, TOKEN_ALPHABET[:62], 16)}",
            passcode=_passcode(rng),
            pwd=f"{_word(rng, TOKEN_ALPHABET[:62], 24)}.1",
            passcode_kind="recording" if rng.random() < 0.12 else "meeting",
            meeting_id=f"{_word(rng, TOKEN_ALPHABET[:62], 22)}==",
            era=era,
            clips=_clips(rng, duration_s * 1000, single=era == "list"),
        )

    def _make_recording(self, index: int) -> GeneratedRecording:
        names = {person.person_id: self.display_name(person, index) for person in self.people}
        room = Room(self.students, self.teacher, self.staff, names)
        rng = Random(f"{self.seed}/lecture/{index}")
        return write_lecture(self.info(index), room, self.messages_per_recording, rng)


def _other_team(team: str | None) -> str:
    return "오프라인" if team == "온라인" else "온라인"


def _word(rng: Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _passcode(rng: Random) -> str:
    """Ten characters with signs in the middle: ``&``, ``*``, ``_`` and the like occur."""
    signs = _word(rng, PASSCODE_SIGNS, rng.randint(1, 3))
    return f"{_word(rng, PASSCODE_LETTERS, 4)}{signs}{_word(rng, PASSCODE_LETTERS, 6 - len(signs) + 1)}"


def _clips(rng: Random, duration_ms: int, *, single: bool) -> tuple[Clip, ...]:
    """One clip; sometimes two or three with a minute or two between them."""
    number = 1 if single else rng.choices((1, 2, 3), weights=(70, 24, 6))[0]
    cuts = [round(duration_ms * part / number) for part in range(number + 1)]
    return tuple(
        Clip(clip + 1, cuts[clip] + (rng.randrange(30_000, 120_000) if clip else 0), cuts[clip + 1])
        for clip in range(number)
    )


def _people(seed: int, students: int) -> tuple[Person, ...]:
    """Students first, then the teacher, then staff. The first two students have the same name."""
    rng = Random(f"{seed}/people")
    names = _real_names(rng, students + 3)
    names[1] = names[0]
    styles = [*ARCHETYPES, *(_mixed_style(rng, number) for number in range(students - len(ARCHETYPES)))]
    order = list(range(2, students))
    rng.shuffle(order)
    english, absent, *blanks = order[:5]
    renames = set(order[5:9])
    rng.shuffle(styles)
    people: list[Person] = []
    for number in range(students):
        naming = (
            "plain" if number > 1 and rng.random() < 0.12 else rng.choices(("suffix", "prefix"), (5, 1))[0]
        )
        name = names[number]
        if number == english:
            naming, name = "english", rng.choice(phrases.ENGLISH_NAMES)
        elif number in blanks:
            naming = ("blank", "blank suffix")[number % 2]
        style = styles[number] if number != english else ARCHETYPES[10]
        people.append(
            Person(
                person_id=f"s{number:02d}",
                real_name=name,
                role="student",
                team=("온라인", "오프라인")[number % 2] if number < 2 else rng.choice(("온라인", "오프라인")),
                naming=naming if number > 1 else "suffix",
                style=style,
                hobby=phrases.HOBBIES[(number + seed) % len(phrases.HOBBIES)],
                activity=rng.lognormvariate(0.0, 0.7),
                braces=rng.random() < 0.5,
                slack_id=None if number == absent else f"U0{_word(rng, SLACK_ALPHABET, 9)}",
                slack_name=_slack_name(rng, number),
                email=f"student{number:02d}@class.example",
                renames_at=rng.randrange(2, 9) if number in renames else 1_000_000,
            )
        )
    people.append(_helper(rng, "t00", names[students], "teacher", "", TEACHER_STYLE))
    for number, prefix in enumerate(("운영진_", "LM ")):
        people.append(
            _helper(rng, f"m{number:02d}", names[students + 1 + number], "staff", prefix, STAFF_STYLE)
        )
    return tuple(people)


def _helper(rng: Random, person_id: str, name: str, role: str, prefix: str, style: Style) -> Person:
    return Person(
        person_id=person_id,
        real_name=name,
        role=role,
        team=None,
        naming=prefix,
        style=style,
        hobby=rng.choice(phrases.HOBBIES),
        activity=1.0,
        braces=rng.random() < 0.5,
        slack_id=f"U0{_word(rng, SLACK_ALPHABET, 9)}",
        slack_name=_slack_name(rng, 100),
        email=f"{person_id}@class.example",
        renames_at=1_000_000,
    )


def _real_names(rng: Random, number: int) -> list[str]:
    """Different invented names."""
    given = rng.sample(phrases.GIVEN_NAMES, len(phrases.GIVEN_NAMES))
    return [rng.choice(phrases.SURNAMES) + given[place % len(given)] for place in range(number)]


def _slack_name(rng: Random, number: int) -> str:
    return f"{rng.choice(phrases.EMAIL_SYLLABLES)}{rng.choice(phrases.EMAIL_SYLLABLES)}{number}"


def _mixed_style(rng: Random, number: int) -> Style:
    """Somebody between the archetypes."""
    return Style(
        f"mixed {number}",
        casual=rng.random() < 0.3,
        laugh=rng.choice((0.0, 0.1, 0.4)),
        cry=rng.choice((0.0, 0.0, 0.25)),
        emoji=rng.choice((0.0, 0.0, 0.2)),
        tilde=rng.choice((0.0, 0.2)),
        dots=rng.choice((0.0, 0.15)),
        typo=rng.choice((0.0, 0.1)),
        punctuation=rng.random() < 0.6,
    )
