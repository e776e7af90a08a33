"""What is said in the chat of one lecture of about three hours.

What belongs here: the rhythm (greetings, lulls, breaks, bursts), who speaks, who answers and reacts
when. What does not: who the people are (``class_generator``), the sentences (``phrases``).

A lecture is greetings, a slowly changing murmur with lulls and breaks, two to four planted peaks of two
minutes, and a farewell (a peak of kind ``farewell``). In rooms of about 30 and lectures of 400 messages or
more, a peak stands at three times the median of three-minute windows or above, and nothing else does.
"""

# Random numbers here must repeat from a seed; nothing of it protects anything.
# ruff: noqa: S311
from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any, TypeVar

from chat_platform.simulators import phrases
from chat_platform.simulators.phrases import Pairs
from chat_platform.simulators.truth import (
    GeneratedReaction,
    GeneratedRecording,
    Person,
    PlantedPeak,
    RecordingInfo,
    Utterance,
)

T = TypeVar("T")

PEAK_MINUTES = 2
PEAK_SHARE = 0.055
"""Part of a lecture's messages in one peak."""
SMALLEST_PEAK = 16
REPLIES_PER_MESSAGE = 0.33
"""Average over the murmur; only used to come out near the number of messages asked for."""
DIRECT_SHARE = 0.02

MURMUR: tuple[tuple[str, float], ...] = (
    ("acknowledgement", 26),
    ("chatter", 30),
    ("question", 13),
    ("unmarked question", 5),
    ("indirect question", 5),
    ("lookalike", 4),
    ("trouble", 4),
    ("code", 2),
    ("teacher", 8),
    ("notice", 3),
)
QUESTIONS = frozenset({"question", "unmarked question", "indirect question"})
MARK_MEANS_QUESTION = frozenset({"teacher", "prompt", "storm", "direct", "question"})
"""Categories in which a template with ``?`` is a question; elsewhere it is a set phrase or a request."""

TEXTS: dict[str, Pairs] = {
    "greeting": phrases.GREETINGS,
    "farewell": phrases.FAREWELLS,
    "acknowledgement": phrases.ACKNOWLEDGEMENTS,
    "chatter": phrases.CHATTER,
    "question": phrases.QUESTIONS,
    "unmarked question": phrases.UNMARKED_QUESTIONS,
    "indirect question": phrases.INDIRECT_QUESTIONS,
    "lookalike": phrases.LOOKALIKES,
    "trouble": phrases.TROUBLES,
    "answer": phrases.ANSWERS,
    "direct": phrases.DIRECT_MESSAGES,
}
STORMS: dict[str, Pairs] = {
    "quiz": phrases.QUIZ_ANSWERS,
    "check": phrases.CHECK_ANSWERS,
    "joke": phrases.JOKES,
    "errors": phrases.ERROR_STORM,
    "audio": phrases.AUDIO_STORM,
}
PROMPTS = {"quiz": phrases.QUIZ_PROMPTS, "check": phrases.CHECK_PROMPTS}
IN_ENGLISH = {
    "greeting": phrases.ENGLISH_GREETINGS,
    "farewell": phrases.ENGLISH_FAREWELLS,
    "chatter": phrases.ENGLISH_LINES,
    "acknowledgement": phrases.ENGLISH_LINES,
    "question": phrases.ENGLISH_QUESTIONS,
    "unmarked question": phrases.ENGLISH_QUESTIONS,
}
REACTS = {
    "teacher": 0.3,
    "notice": 0.15,
    "chatter": 0.1,
    "code": 0.25,
    "prompt": 0.1,
    "farewell": 0.05,
    "storm": 0.06,
}
USUAL_REACTS = 0.05
ANSWERED = {"chatter": 0.1, "trouble": 0.35, "lookalike": 0.2, "code": 0.3}


@dataclass(frozen=True)
class Room:
    """Who could be there, and the names that they show at the start."""

    students: tuple[Person, ...]
    teacher: Person
    staff: tuple[Person, ...]
    names: dict[str, str]


def write_lecture(info: RecordingInfo, room: Room, messages: int, rng: Random) -> GeneratedRecording:
    """Everything that is said in one lecture: about ``messages`` messages, replies and direct messages."""
    return _Lecture(info, room, messages, rng).write()


@lru_cache(maxsize=4096)
def particles(name: str, word: str) -> dict[str, str]:
    """``word`` with each particle, under the placeholder names of ``phrases`` (``t이가`` → ``판다스가``)."""
    closed, liquid = _closed(word)
    return {
        name: word,
        f"{name}이가": word + ("이" if closed else "가"),
        f"{name}은는": word + ("은" if closed else "는"),
        f"{name}을를": word + ("을" if closed else "를"),
        f"{name}과와": word + ("과" if closed else "와"),
        f"{name}으로": word + ("으로" if closed and not liquid else "로"),
        f"{name}이랑": word + ("이랑" if closed else "랑"),
        f"{name}의": word + "의",
    }


def _closed(word: str) -> tuple[bool, bool]:
    """Whether the last syllable ends with a consonant, and whether that is ㄹ."""
    last = word[-1]
    if "가" <= last <= "힣":
        final = (ord(last) - 0xAC00) % 28
        return final != 0, final == 8
    lower = word.lower()
    return lower.endswith(("l", "m", "n", "ng", "c")), lower.endswith("l")


def _pick(rng: Random, choices: Sequence[T]) -> T:
    """Like ``rng.choice``, several times as fast."""
    return choices[int(rng.random() * len(choices))]


class _Lecture:
    """The state while one lecture is written."""

    def __init__(self, info: RecordingInfo, room: Room, messages: int, rng: Random) -> None:
        self.info = info
        self.room = room
        self.rng = rng
        self.length_ms = info.duration_s * 1000
        self.size = round(messages * rng.uniform(0.92, 1.08))
        self.present = tuple(person for person in room.students if rng.random() < 0.94)
        self.activity = tuple(accumulate(person.activity for person in self.present))
        self.everybody = (*self.present, room.teacher, *room.staff)
        self.numbers = self._numbers()
        self.names = dict(room.names)
        self.renames = self._renames()
        self.patience = rng.uniform(25_000, 80_000)
        self.teacher_answers = rng.uniform(0.35, 0.6)
        self.greeted: set[str] = set()
        self.said: list[Utterance] = []
        kinds, weights = zip(*MURMUR, strict=True)
        self.kinds: tuple[str, ...] = kinds
        self.kind_weights = tuple(accumulate(weights))
        self.terms = [particles("t", term) for term in info.topic.terms]
        self.others = [particles("u", term) for term in info.topic.terms]
        self.hobbies = {person.person_id: particles("h", person.hobby) for person in self.everybody}

    def write(self) -> GeneratedRecording:
        peaks = self._plan_peaks()
        planted = [self._write_peak(*peak) for peak in peaks]
        in_peaks = sum(peak.messages for peak in planted)
        for offset in self._murmur([minute for minute, _ in peaks], self.size - in_peaks):
            self._say_something(offset)
        self.said.sort(key=lambda said: said.offset_ms)
        return GeneratedRecording(self.info, tuple(self.said), tuple(planted), self.numbers)

    # Who is there

    def _numbers(self) -> dict[str, int]:
        """Zoom's number of each sender in this meeting: different, in no order."""
        numbers = self.rng.sample(range(11, 11 + 4 * len(self.everybody)), len(self.everybody))
        return {person.person_id: number for person, number in zip(self.everybody, numbers, strict=True)}

    def _renames(self) -> dict[str, tuple[int, str]]:
        """Who came in under another name, until when and which: person → (offset, first name)."""
        found: dict[str, tuple[int, str]] = {}
        for person in self.rng.sample(self.present, self.rng.choice((0, 1, 1, 2))):
            until = int(self.rng.uniform(0.05, 0.6) * self.length_ms)
            first = _pick(self.rng, (*phrases.DEVICE_NAMES, person.real_name[1:], person.real_name))
            if first != self.names[person.person_id]:
                found[person.person_id] = (until, first)
        return found

    def _name(self, person: Person, offset_ms: int) -> str:
        rename = self.renames.get(person.person_id)
        if rename is not None and offset_ms < rename[0]:
            return rename[1]
        return self.names[person.person_id]

    def _student(self) -> Person:
        return self.present[bisect(self.activity, self.rng.random() * self.activity[-1])]

    # The rhythm

    def _plan_peaks(self) -> list[tuple[int, str]]:
        """Minute and kind of each peak, the farewell last."""
        minutes = self.info.duration_s // 60
        number = self.rng.choice((2, 3, 3, 4))
        room_for_each = (minutes - 34) // number
        starts = [
            15 + part * room_for_each + self.rng.randrange(room_for_each - 12) for part in range(number)
        ]
        kinds = self.rng.sample(sorted(STORMS), number)
        return [*zip(starts, kinds, strict=True), (minutes - 3, "farewell")]

    def _murmur(self, peaks: list[int], messages: int) -> list[int]:
        """Offsets of the messages outside peaks, in order."""
        weights = self._weights(peaks)
        scale = max(0, messages) / (1 + REPLIES_PER_MESSAGE) / sum(weights)
        offsets: list[int] = []
        carry = self.rng.random()
        for minute, weight in enumerate(weights):
            carry += weight * scale * self.rng.uniform(0.6, 1.4)
            number, carry = int(carry), carry % 1
            offsets += [minute * 60_000 + int(self.rng.random() * 60_000) for _ in range(number)]
        offsets.sort()
        return offsets

    def _weights(self, peaks: list[int]) -> list[float]:
        """How much is written in each minute, relative to the others."""
        minutes = self.info.duration_s // 60 - 1
        weights: list[float] = []
        level = 1.0
        for minute in range(minutes):
            level = min(1.25, max(0.75, level + self.rng.uniform(-0.12, 0.12)))
            weights.append(level * (1.35 if minute < 6 else 1.0))
        for _ in range(self.rng.choice((2, 3, 4))):
            begin = self.rng.randrange(8, minutes - 20)
            for minute in range(begin, begin + self.rng.randrange(5, 12)):
                weights[minute] *= 0.15
        for begin in (50 + self.rng.randrange(5), 110 + self.rng.randrange(5)):
            for minute in range(begin, begin + 10):
                weights[minute] *= 0.4
        for begin in peaks:
            for minute in range(begin, min(minutes, begin + PEAK_MINUTES)):
                weights[minute] *= 0.2
        return weights

    def _write_peak(self, minute: int, kind: str) -> PlantedPeak:
        number = max(SMALLEST_PEAK, round(self.size * PEAK_SHARE * self.rng.uniform(0.9, 1.3)))
        number = min(number, max(1, self.size // 6))
        start = minute * 60_000
        width = PEAK_MINUTES * 60_000 - 500
        offsets = sorted(start + int(self.rng.triangular(0, width, width / 3)) for _ in range(number))
        answer = self.rng.randrange(1, 5)
        extra = {"a": answer, "b": answer % 4 + 1, "e": _pick(self.rng, self.info.topic.errors)}
        speakers: set[str] = set()
        waiting: list[Person] = []
        for place, offset in enumerate(offsets):
            if place == 0 and kind in PROMPTS:
                person, category = self.room.teacher, "prompt"
                template = _pick(self.rng, PROMPTS[kind])
                text = self._fill(template, person, extra)
            else:
                waiting = waiting or self.rng.sample(self.present, len(self.present))
                person, category = waiting.pop(), "farewell" if kind == "farewell" else "storm"
                template, text = self._sentence(
                    STORMS.get(kind, phrases.FAREWELLS),
                    "farewell" if kind == "farewell" else "",
                    person,
                    extra,
                )
                if kind == "joke" and not person.style.ending:
                    text += "ㅋ" * int(self.rng.random() * 12)
            mark = (
                category in MARK_MEANS_QUESTION and "?" in template and kind not in ("quiz", "joke", "check")
            )
            mark = mark or (category == "prompt" and kind == "quiz")
            self._add(person, offset, text, category, _question(category, mark, text))
            speakers.add(person.person_id)
        return PlantedPeak(minute, PEAK_MINUTES, kind, number, len(speakers))

    # What is said

    def _say_something(self, offset: int) -> None:
        rng = self.rng
        if rng.random() < DIRECT_SHARE:
            self._say_directly(offset)
            return
        category = self.kinds[bisect(self.kind_weights, rng.random() * self.kind_weights[-1])]
        if offset < 6 * 60_000 and rng.random() < 0.75:
            self._greet(offset)
            return
        if category == "teacher":
            person = self.room.teacher
            template = _pick(rng, phrases.TEACHER_REMARKS)
            text = self._fill(template, person)
        elif category == "notice":
            person = _pick(rng, self.room.staff)
            template = _pick(rng, phrases.STAFF_NOTICES)
            text = person.style.apply(self._fill(template, person), rng)
        elif category == "code":
            person = self.room.teacher if rng.random() < 0.4 else self._student()
            template = text = self._code(person)
        else:
            person = self._student()
            template, text = self._sentence(TEXTS[category], category, person)
        mark = category in QUESTIONS or (category in MARK_MEANS_QUESTION and "?" in template)
        said = self._add(person, offset, text, category, _question(category, mark, text))
        self._answers(said, person)

    def _greet(self, offset: int) -> None:
        person = self._student()
        if person.person_id in self.greeted and self.rng.random() < 0.8:
            person = _pick(self.rng, self.everybody)
        self.greeted.add(person.person_id)
        _, text = self._sentence(phrases.GREETINGS, "greeting", person)
        self._add(person, offset, text, "greeting", None)

    def _say_directly(self, offset: int) -> None:
        rng = self.rng
        person = self._student()
        to = self.room.teacher if rng.random() < 0.5 else _pick(rng, self.everybody)
        if to is person:
            to = self.room.teacher
        template, text = self._sentence(phrases.DIRECT_MESSAGES, "direct", person)
        said = self._add(
            person, offset, text, "direct", _question("direct", "?" in template, text), quiet=True
        )
        said.visibility = "direct"
        said.recipient_id = to.person_id
        said.recipient_name = self._name(to, offset)

    def _sentence(
        self, pairs: Pairs, category: str, person: Person, extra: dict[str, Any] | None = None
    ) -> tuple[str, str]:
        """A template and the sentence that this person makes of it."""
        rng, style = self.rng, person.style
        if style.english and category in IN_ENGLISH and rng.random() < style.english:
            template = _pick(rng, IN_ENGLISH[category])
            return template, self._fill(template, person, extra)
        template = _pick(rng, pairs)[style.casual]
        return template, style.apply(self._fill(template, person, extra), rng)

    def _fill(self, template: str, person: Person, extra: dict[str, Any] | None = None) -> str:
        if "{" not in template:
            return template
        rng = self.rng
        first = int(rng.random() * len(self.terms))
        second = (first + 1 + int(rng.random() * (len(self.terms) - 1))) % len(self.terms)
        values = self.terms[first] | self.others[second] | self.hobbies[person.person_id]
        values["n"] = str(2 + int(rng.random() * 28))
        values["e"] = _pick(rng, self.info.topic.errors)
        return template.format_map(values | extra if extra else values)

    def _code(self, person: Person) -> str:
        snippet = _pick(self.rng, self.info.topic.snippets)
        if self.rng.random() < 0.4:
            return snippet
        head = (
            "코드 올려드릴게요"
            if person.role == "teacher"
            else _pick(self.rng, ("제 코드예요", "이렇게 했어요", "여기서 막혔어요"))
        )
        return f"{head}\n{snippet}"

    def _answers(self, said: Utterance, author: Person) -> None:
        """Replies to a message: the teacher after a plausible while, others sooner or later."""
        rng = self.rng
        if said.question is None:
            chance = ANSWERED.get(said.category, 0.03)
        else:
            chance = 0.45
            if author.role == "student" and rng.random() < self.teacher_answers:
                self._reply(said, self.room.teacher, self.patience, _pick(rng, phrases.TEACHER_ANSWERS))
            elif rng.random() < 0.12:
                self._reply(said, _pick(rng, self.room.staff), 40_000, _pick(rng, phrases.TEACHER_ANSWERS))
        while rng.random() < chance:
            self._reply(said, self._student(), 30_000, None)
            chance *= 0.6

    def _reply(self, said: Utterance, person: Person, median_ms: float, template: str | None) -> None:
        delay = int(self.rng.lognormvariate(0.0, 0.8) * median_ms) + 3_000
        offset = min(said.offset_ms + delay, self.length_ms - 1 - int(self.rng.random() * 1_000))
        if offset <= said.offset_ms:
            return
        if template is None:
            _, text = self._sentence(phrases.ANSWERS, "answer", person)
        else:
            text = self._fill(template, person)
        self._add(person, offset, text, "answer", None, parent=said.message_id)

    def _add(
        self,
        person: Person,
        offset: int,
        text: str,
        category: str,
        question: str | None,
        *,
        parent: str | None = None,
        quiet: bool = False,
    ) -> Utterance:
        """One more thing said. Older recordings know neither replies nor reactions."""
        rng = self.rng
        threaded = self.info.era == "xmpp"
        digits = f"{rng.getrandbits(128):032X}"
        uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        number = self.numbers[person.person_id]
        said = Utterance(
            message_id=f"{number}-{{{uuid}}}" if person.braces else f"{number}-{uuid}",
            person_id=person.person_id,
            sender_name=self._name(person, offset),
            sent_at=self._at(offset),
            offset_ms=offset,
            text=text,
            kind="reply" if parent and threaded else "message",
            category=category,
            question=question,
            parent_id=parent if threaded else None,
        )
        self.said.append(said)
        if threaded and not quiet:
            self._decorate(said)
        return said

    def _decorate(self, said: Utterance) -> None:
        """Reactions, edits and deletions; Zoom does not say whether a reply was edited, so none is."""
        rng = self.rng
        if rng.random() < REACTS.get(said.category, USUAL_REACTS):
            said.reactions = self._reactions(said)
        if said.parent_id is not None:
            return
        luck = rng.random()
        if luck < 0.004:
            said.deleted = True
            said.reactions = []
        elif luck < 0.012 and "\n" not in said.text:
            said.edited = True
            said.original_text = said.text
            said.text = f"{said.text} (수정)"

    def _reactions(self, said: Utterance) -> list[GeneratedReaction]:
        rng = self.rng
        number = min(len(self.everybody), 1 + int(rng.expovariate(0.5)))
        favourite = _pick(rng, phrases.EMOJI)
        found: list[GeneratedReaction] = []
        offset = said.offset_ms
        for person in rng.sample(self.everybody, number):
            offset = min(self.length_ms - 1, offset + 1_000 + int(rng.random() * 20_000))
            emoji = favourite if rng.random() < 0.7 else _pick(rng, phrases.EMOJI)
            removed = self._at(min(self.length_ms, offset + 2_000)) if rng.random() < 0.04 else None
            name = self._name(person, offset)
            found.append(GeneratedReaction(emoji, person.person_id, name, self._at(offset), removed))
        return found

    def _at(self, offset_ms: int) -> datetime:
        return self.info.started_at + timedelta(milliseconds=offset_ms)


def _question(category: str, expects_answer: bool, text: str) -> str | None:
    if not expects_answer:
        return None
    if category == "indirect question":
        return "indirect"
    return "marked" if "?" in text else "unmarked"
