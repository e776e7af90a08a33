"""The truth about a generated class: plain dataclasses that tests can compare with.

What belongs here: people, recordings, utterances, reactions, peaks and ways of writing, as data. What does
not: generating them (``class_generator``, ``lecture``), showing them (servers, saved files).

Times are timezone-aware UTC; offsets are milliseconds from the start of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random

from chat_platform.simulators import phrases
from chat_platform.simulators.phrases import Topic


@dataclass(frozen=True)
class Style:
    """How somebody writes. Probabilities are between 0 and 1.

    Attributes:
        casual: 반말 instead of 존댓말.
        ending: what every sentence ends with (``욥``), or nothing.
        laugh, cry, emoji, tilde, dots, typo, joined: how often ``ㅋㅋ``, ``ㅠㅠ``, an emoji, ``~``, ``...``,
            a typing error, a sentence without blanks.
        punctuation: whether ``? ! .`` are written at all.
        mixes_english: replaces some words by English ones.
        english: writes English most of the time.
    """

    name: str
    casual: bool = False
    ending: str = ""
    laugh: float = 0.0
    cry: float = 0.0
    emoji: float = 0.0
    tilde: float = 0.0
    dots: float = 0.0
    typo: float = 0.0
    joined: float = 0.0
    punctuation: bool = True
    mixes_english: bool = False
    english: float = 0.0

    def apply(self, text: str, rng: Random) -> str:
        """The sentence as this person writes it."""
        if self.mixes_english:
            for korean, english in phrases.ENGLISH_WORDS:
                if korean in text:
                    text = text.replace(korean, english, 1)
        if self.typo and rng.random() < self.typo:
            for right, wrong in phrases.TYPOS:
                if right in text:
                    text = text.replace(right, wrong, 1)
                    break
        if not self.punctuation:
            text = text.replace("?", "").replace("!", "").replace(".", "")
        if self.joined and rng.random() < self.joined:
            text = text.replace(" ", "")
        if self.ending:
            return _with_ending(text, self.ending)
        if self.laugh and rng.random() < self.laugh:
            text += "ㅋ" * (2 + int(rng.random() * 5))
        elif self.cry and rng.random() < self.cry:
            text += "ㅠ" * (2 + int(rng.random() * 3))
        elif self.tilde and rng.random() < self.tilde:
            text = f"{text.rstrip('.!')}~"
        elif self.dots and rng.random() < self.dots:
            text += "..."
        if self.emoji and rng.random() < self.emoji:
            text = f"{text} {phrases.STYLE_EMOJI[int(rng.random() * len(phrases.STYLE_EMOJI))]}"
        return text


@dataclass(frozen=True)
class Person:
    """Somebody of the class.

    Attributes:
        role: ``student``, ``teacher`` or ``staff``.
        team: ``온라인`` or ``오프라인``, where the student usually is; ``None`` for teacher and staff.
        naming: how the display name is built, see ``GeneratedClass.display_name``.
        activity: how much they write, relative to the others.
        braces: whether their Zoom client writes message ids with braces.
        slack_id: Slack user id; ``None`` for the one student who never joined the workspace.
        renames_at: from this recording on, they show another name.
    """

    person_id: str
    real_name: str
    role: str
    team: str | None
    naming: str
    style: Style
    hobby: str
    activity: float
    braces: bool
    slack_id: str | None
    slack_name: str
    email: str
    renames_at: int


@dataclass(slots=True)
class GeneratedReaction:
    """One person's emoji on a message; ``removed_at`` when it was taken back."""

    emoji: str
    person_id: str
    reactor_name: str
    reacted_at: datetime
    removed_at: datetime | None = None


@dataclass(slots=True)
class Utterance:
    """Something said in a lecture's chat.

    Attributes:
        message_id: ``<n>-<UUID>`` as Zoom shows it; ``n`` repeats per sender within one meeting.
        offset_ms: milliseconds from the start of the recording.
        kind: ``message`` or ``reply``.
        category: what the generator meant it to be (``greeting``, ``question``, ``lookalike``, ``code``, …).
        question: ``marked``, ``unmarked``, ``indirect`` or ``None``. A question expects an answer from
            somebody; requests for an action, rhetorical and set phrases are not questions.
        parent_id: message that a reply answers.
        visibility: ``everyone`` or ``direct``. Direct messages are in saved chat files only, never in
            ``play/info``.
        original_text: what was written before an edit.
    """

    message_id: str
    person_id: str
    sender_name: str
    sent_at: datetime
    offset_ms: int
    text: str
    kind: str
    category: str
    question: str | None
    parent_id: str | None = None
    visibility: str = "everyone"
    recipient_id: str | None = None
    recipient_name: str | None = None
    reactions: list[GeneratedReaction] = field(default_factory=list)
    edited: bool = False
    deleted: bool = False
    original_text: str | None = None

    @property
    def is_question(self) -> bool:
        """Whether an answer is expected."""
        return self.question is not None

    def reaction_counts(self) -> dict[str, int]:
        """Emoji → how many people have it on this message, without those taken back."""
        counts: dict[str, int] = {}
        for reaction in self.reactions:
            if reaction.removed_at is None:
                counts[reaction.emoji] = counts.get(reaction.emoji, 0) + 1
        return counts


@dataclass(frozen=True)
class PlantedPeak:
    """A moment when the room woke up: ``minutes`` minutes from minute ``minute`` of the recording."""

    minute: int
    minutes: int
    kind: str
    messages: int
    speakers: int


@dataclass(frozen=True)
class Clip:
    """A part of a recording; Zoom starts a new clip when the recording was paused."""

    number: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class RecordingInfo:
    """A recording without what was said: cheap to ask for.

    Attributes:
        day: date of the lecture in the class's zone.
        part: ``full``, ``morning`` or ``afternoon``.
        token: share token of the link (``<token>.<token>``).
        pwd: value of ``?pwd=`` that opens the link without a passcode; not the passcode itself.
        passcode_kind: ``meeting`` or ``recording``: which endpoint of Zoom checks it.
        era: ``xmpp`` (with ids, replies, reactions) or ``list`` (``meetingChatList`` of older recordings:
            neither of them).
    """

    index: int
    day: date
    part: str
    topic: Topic
    started_at: datetime
    duration_s: int
    token: str
    passcode: str
    pwd: str
    passcode_kind: str
    meeting_id: str
    era: str
    clips: tuple[Clip, ...]

    @property
    def title(self) -> str:
        """Title of the meeting."""
        parts = {"full": "", "morning": " 오전", "afternoon": " 오후"}
        return f"{self.topic.name}{parts[self.part]}"

    def link(self, zoom_url: str, *, with_pwd: bool = False) -> str:
        """Share link at a Zoom server (``https://…`` without a trailing slash)."""
        return f"{zoom_url}/rec/share/{self.token}" + (f"?pwd={self.pwd}" if with_pwd else "")


@dataclass(frozen=True)
class GeneratedRecording:
    """A recording with everything that was said, in the order of sending."""

    info: RecordingInfo
    utterances: tuple[Utterance, ...]
    peaks: tuple[PlantedPeak, ...]
    sender_numbers: dict[str, int]

    @property
    def public(self) -> tuple[Utterance, ...]:
        """What everybody saw: all but direct messages."""
        return tuple(said for said in self.utterances if said.visibility == "everyone")


def _with_ending(text: str, ending: str) -> str:
    """``뭔가요?`` becomes ``뭔가욥?``; a sentence that does not end with 요 gets the ending added."""
    body = text.rstrip("?!.~ ")
    tail = text[len(body) :].strip()
    body = body[:-1] if body.endswith("요") else body
    return f"{body}{ending}{tail}"
