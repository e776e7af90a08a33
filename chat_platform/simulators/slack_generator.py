"""The Slack side of a generated class: members, channels, announcements of recordings and everyday messages.

What belongs here: what is posted, by whom and when, with its truth. What does not: Slack's Web API and later
changes of messages (``slack_server``).

Everything of one lecture day depends on ``(seed, day)`` only. Announcements vary in wording, in the notation of the
date, and in where the passcode is: in the text, in the link (``?pwd=``) or in a reply. A few cannot be understood
(no link, or no date): those without a date repeat links that were announced properly before.
"""

# Random numbers here must repeat from a seed; nothing of it protects anything.
# ruff: noqa: S311
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from chat_platform.simulators import phrases
from chat_platform.simulators.class_generator import GeneratedClass
from chat_platform.simulators.lecture import particles
from chat_platform.simulators.rich_text import Leaf, RichText
from chat_platform.simulators.truth import Person

TEAM_ID = "T0CLASS001"
RECORDINGS_CHANNEL, CHATTER_CHANNEL, QUESTIONS_CHANNEL = "녹화본-공유", "잡담", "질문"
PRIVATE_CHANNEL = "운영진-전용"
CHANNELS = (RECORDINGS_CHANNEL, CHATTER_CHANNEL, QUESTIONS_CHANNEL, PRIVATE_CHANNEL)
WEEKDAY_NAMES = "월화수목금토일"
PASSCODE_LABELS = ("암호", "비밀번호", "패스코드", "Passcode", "PW", "pw")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

TITLES: tuple[tuple[str, Callable[[date], str]], ...] = (
    ("[강의 녹화본 공유_{d}]", lambda d: f"{d.month}/{d.day}({WEEKDAY_NAMES[d.weekday()]})"),
    ("{d} 강의 녹화본을 공유드립니다", lambda d: f"{d.month}월 {d.day}일({WEEKDAY_NAMES[d.weekday()]})"),
    ("{d} 강의 녹화 영상입니다", lambda d: d.isoformat()),
    ("[녹화본 공유] {d} 수업", lambda d: f"{d.month:02d}.{d.day:02d}"),
    ("{d} 수업 녹화본 공유합니다!", lambda d: f"{d.month}/{d.day}"),
    ("Zoom recording {d}", lambda d: d.isoformat()),
    ("{d} 강의 녹화본 공유", lambda d: f"{d.year}.{d.month:02d}.{d.day:02d}"),
    ("{d} 강의 녹화본 공유드려요", lambda d: f"{d.month}월 {d.day}일"),
)


@dataclass
class SlackReaction:
    """Everybody who put one emoji on a message."""

    name: str
    users: list[str]


@dataclass
class SlackMessage:
    """A message of a channel, with the truth about it.

    Attributes:
        kind: ``announcement``, ``malformed``, ``passcode``, ``chatter``, ``question``, ``answer``, ``join`` or
            ``bot``.
        recordings: indices of the recordings that an announcement is about.
        problem: why a malformed announcement cannot be understood: ``no link`` or ``no date``.
        passcode_in: where the passcode of an announcement is: ``text``, ``link`` or ``reply``.
    """

    channel: str
    user: str | None
    sent_at: datetime
    content: RichText
    kind: str
    subtype: str | None = None
    bot_id: str | None = None
    client_msg_id: str | None = None
    reactions: list[SlackReaction] = field(default_factory=list)
    replies: list[SlackMessage] = field(default_factory=list)
    is_question: bool = False
    recordings: tuple[int, ...] = ()
    problem: str | None = None
    passcode_in: str | None = None


class SlackStory:
    """What happens on the class's Slack, day by day.

    Args:
        generated: the class.
        zoom_url: where share links point to, without a trailing slash.
        chatter_per_day: everyday messages a day in ``잡담``; a third as many questions in ``질문``.
        malformed: whether announcements that cannot be understood occur.
    """

    def __init__(
        self, generated: GeneratedClass, zoom_url: str, *, chatter_per_day: int = 9, malformed: bool = True
    ) -> None:
        self.generated = generated
        self.zoom_url = zoom_url
        self.chatter_per_day = chatter_per_day
        self.malformed = malformed
        self.days = generated.days()
        rng = Random(f"{generated.seed}/slack")
        self.channel_ids = {name: f"C0{_word(rng, 9)}" for name in CHANNELS}
        self.bot_user, self.bot_id = f"U0{_word(rng, 9)}", f"B0{_word(rng, 9)}"
        self.app_id = f"A0{_word(rng, 9)}"
        self.members = self._members(rng)
        self.in_slack = [person for person in generated.people if person.slack_id]

    def opening(self) -> list[SlackMessage]:
        """What was there before the first lecture: people joining, the first greeting."""
        rng = Random(f"{self.generated.seed}/slack/opening")
        first = self.days[0][0] if self.days else self.generated.first_day
        moment = self._moment(first - timedelta(days=3), time(10, 0))
        messages: list[SlackMessage] = []
        for person in self.in_slack:
            moment += timedelta(seconds=20 + rng.randrange(600), microseconds=rng.randrange(1_000_000))
            for channel in (RECORDINGS_CHANNEL, CHATTER_CHANNEL):
                content = RichText().say(Leaf("user", str(person.slack_id)), "님이 채널에 참여함")
                messages.append(
                    SlackMessage(channel, person.slack_id, moment, content, "join", subtype="channel_join")
                )
        return messages

    def day(self, number: int) -> list[SlackMessage]:
        """Messages of lecture day ``number`` (an index of ``days``), oldest first in each channel."""
        day, indices = self.days[number]
        rng = Random(f"{self.generated.seed}/slack/{number}")
        messages = self._announcements(rng, number, day, indices)
        messages += self._chatter(rng, day)
        messages += self._questions(rng, day)
        if rng.random() < 0.4:
            messages.append(self._bot_reminder(rng, day))
        return sorted(messages, key=lambda message: (message.channel, message.sent_at))

    def user_id(self, person_id: str) -> str | None:
        """Slack user id of a person of the class."""
        return self.generated.by_id[person_id].slack_id

    # Announcements

    def _announcements(
        self, rng: Random, number: int, day: date, indices: tuple[int, ...]
    ) -> list[SlackMessage]:
        staff = self.generated.staff
        author = staff[0] if rng.random() < 0.8 else staff[1]
        if rng.random() < 0.06:
            moment = self._moment(day + timedelta(days=1), time(8, 30), rng.randrange(3_000))
        else:
            moment = self._moment(day, time(19, 5), rng.randrange(10_000))
        messages = []
        broken = self.malformed and number % 7 == 3
        if broken and number % 2 == 1:
            early = moment - timedelta(minutes=40)
            messages.append(self._without_link(rng, author, early, day))
        announcement = self._announcement(rng, author, moment, day, indices)
        messages.append(announcement)
        if broken and number % 2 == 0:
            messages.append(self._without_date(rng, author, moment + timedelta(minutes=25), indices))
        return messages

    def _announcement(
        self, rng: Random, author: Person, moment: datetime, day: date, indices: tuple[int, ...]
    ) -> SlackMessage:
        passcode_in = rng.choices(("text", "link", "reply"), weights=(62, 20, 18))[0]
        template, notation = rng.choice(TITLES)
        title = template.format(d=notation(day))
        content = RichText()
        layout = rng.choice((self._bulleted, self._plain))
        layout(rng, content, title, day, indices, passcode_in)
        message = self._message(
            RECORDINGS_CHANNEL, author, moment, content, "announcement", rng, recordings=indices
        )
        message.passcode_in = passcode_in
        if passcode_in == "reply":
            message.replies.append(self._passcode_reply(rng, author, moment, indices))
        for _ in range(rng.randrange(3)):
            message.replies.append(self._thanks(rng, message))
        message.replies.sort(key=lambda reply: reply.sent_at)
        message.reactions = self._reactions(rng, rng.randrange(1, 4))
        return message

    def _bulleted(
        self,
        rng: Random,
        content: RichText,
        title: str,
        day: date,
        indices: tuple[int, ...],
        passcode_in: str,
    ) -> None:
        """The class's usual form: headline, bullets, links and passcodes."""
        content.say(Leaf("broadcast", "channel", style="bold"))
        fire = Leaf("emoji", "fire")
        content.say(fire, Leaf("text", title, style="bold"), fire)
        teacher = self.generated.teacher.real_name
        content.say(f"{teacher} 강사님의 <{self.generated.info(indices[0]).topic.name}> 영상을 올려드립니다.")
        if rng.random() < 0.5:
            until = day + timedelta(days=14)
            content.say("수강기간", indent=0)
            content.say(
                f"{day.month}월 {day.day}일부터 {until.month}월 {until.day}일, 11:59 PM까지", indent=1
            )
            content.say(Leaf("text", "14일간만 추가 수강 가능합니다.", style="code"), indent=1)
        label = rng.choice(PASSCODE_LABELS)
        for index in indices:
            info = self.generated.info(index)
            content.say(_part_name(info.part) or "녹화 동영상 바로보기", indent=0)
            content.say(Leaf("link", info.link(self.zoom_url, with_pwd=passcode_in == "link")), indent=1)
            if passcode_in == "text":
                code = Leaf("text", info.passcode, style=rng.choice(("code", None)))
                content.say(f"{label}: ", code, indent=1)
        if passcode_in == "reply":
            content.say("비번은 댓글로 남겨드릴게요", indent=0)

    def _plain(
        self,
        rng: Random,
        content: RichText,
        title: str,
        day: date,
        indices: tuple[int, ...],
        passcode_in: str,
    ) -> None:
        """A quick message, without bullets."""
        content.say(title)
        label = rng.choice(PASSCODE_LABELS)
        labelled = rng.random() < 0.3
        for index in indices:
            info = self.generated.info(index)
            part = _part_name(info.part)
            url = info.link(self.zoom_url, with_pwd=passcode_in == "link")
            content.say(
                f"{part}: " if part else "링크: ", Leaf("link", url, "영상 보기" if labelled else None)
            )
            if passcode_in == "text":
                content.say(f"{label} : {info.passcode}")
        if passcode_in == "reply":
            content.say("비번은 댓글 확인해 주세요")

    def _passcode_reply(
        self, rng: Random, author: Person, moment: datetime, indices: tuple[int, ...]
    ) -> SlackMessage:
        content = RichText()
        label = rng.choice(PASSCODE_LABELS)
        for index in indices:
            info = self.generated.info(index)
            part = _part_name(info.part)
            content.say(f"{part} {label}: {info.passcode}" if part else f"{label}: {info.passcode}")
        later = moment + timedelta(seconds=30 + rng.randrange(120))
        return self._message(RECORDINGS_CHANNEL, author, later, content, "passcode", rng, recordings=indices)

    def _without_link(self, rng: Random, author: Person, moment: datetime, day: date) -> SlackMessage:
        content = RichText().say(
            f"{day.month}/{day.day} 강의 녹화본 공유는 조금 늦어집니다. 링크는 곧 올리겠습니다"
        )
        message = self._message(RECORDINGS_CHANNEL, author, moment, content, "malformed", rng)
        message.problem = "no link"
        return message

    def _without_date(
        self, rng: Random, author: Person, moment: datetime, indices: tuple[int, ...]
    ) -> SlackMessage:
        info = self.generated.info(indices[0])
        content = RichText().say("강의 녹화본 공유 다시 드려요, 위의 링크가 안 열리시는 분들은 이쪽으로요")
        content.say(Leaf("link", info.link(self.zoom_url)))
        content.say(f"암호: {info.passcode}")
        message = self._message(
            RECORDINGS_CHANNEL, author, moment, content, "malformed", rng, recordings=indices[:1]
        )
        message.problem = "no date"
        return message

    # Everyday messages

    def _thanks(self, rng: Random, parent: SlackMessage) -> SlackMessage:
        person = rng.choice(self.in_slack)
        later = parent.sent_at + timedelta(seconds=200 + rng.randrange(4_000))
        content = RichText().say(rng.choice(phrases.SLACK_THANKS))
        return self._message(parent.channel, person, later, content, "chatter", rng)

    def _chatter(self, rng: Random, day: date) -> list[SlackMessage]:
        messages = []
        for _ in range(round(self.chatter_per_day * rng.uniform(0.6, 1.4))):
            person = rng.choice(self.in_slack)
            template = rng.choice(phrases.SLACK_CHATTER)
            moment = self._moment(day, time(8, 0), rng.randrange(13 * 3600))
            content = RichText().say(self._text(rng, template, person))
            message = self._message(CHATTER_CHANNEL, person, moment, content, "chatter", rng)
            message.is_question = "?" in template
            if rng.random() < 0.4:
                message.reactions = self._reactions(rng, rng.randrange(1, 3))
            for _ in range(rng.choice((0, 0, 0, 1, 2))):
                message.replies.append(self._thanks(rng, message))
            message.replies.sort(key=lambda reply: reply.sent_at)
            messages.append(message)
        return messages

    def _questions(self, rng: Random, day: date) -> list[SlackMessage]:
        messages = []
        for _ in range(round(self.chatter_per_day / 3)):
            person = rng.choice([one for one in self.in_slack if one.role == "student"])
            moment = self._moment(day, time(9, 30), rng.randrange(11 * 3600))
            content = RichText().say(self._text(rng, rng.choice(phrases.SLACK_QUESTIONS), person))
            message = self._message(QUESTIONS_CHANNEL, person, moment, content, "question", rng)
            message.is_question = True
            for _ in range(rng.choice((0, 1, 1, 2, 3))):
                message.replies.append(self._answer(rng, message))
            message.replies.sort(key=lambda reply: reply.sent_at)
            if rng.random() < 0.3:
                message.reactions = self._reactions(rng, 1)
            messages.append(message)
        return messages

    def _answer(self, rng: Random, question: SlackMessage) -> SlackMessage:
        helpful = rng.random() < 0.5
        person = self.generated.teacher if helpful else rng.choice(self.in_slack)
        template = (
            rng.choice(phrases.TEACHER_ANSWERS)
            if helpful
            else rng.choice(phrases.ANSWERS)[person.style.casual]
        )
        later = question.sent_at + timedelta(seconds=120 + int(rng.lognormvariate(0, 1) * 1_200))
        content = RichText().say(self._text(rng, template, person))
        return self._message(QUESTIONS_CHANNEL, person, later, content, "answer", rng)

    def _bot_reminder(self, rng: Random, day: date) -> SlackMessage:
        content = RichText().say("내일도 9시에 만나요! 출석 체크를 잊지 마세요")
        moment = self._moment(day, time(21, 0), rng.randrange(60))
        return SlackMessage(
            CHATTER_CHANNEL, self.bot_user, moment, content, "bot", subtype="bot_message", bot_id=self.bot_id
        )

    # Pieces

    def _message(
        self,
        channel: str,
        person: Person,
        sent_at: datetime,
        content: RichText,
        kind: str,
        rng: Random,
        recordings: tuple[int, ...] = (),
    ) -> SlackMessage:
        stamp = sent_at + timedelta(microseconds=rng.randrange(1_000_000))
        digits = f"{rng.getrandbits(128):032x}"
        uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        return SlackMessage(
            channel, person.slack_id, stamp, content, kind, client_msg_id=uuid, recordings=recordings
        )

    def _text(self, rng: Random, template: str, person: Person) -> str:
        topic = rng.choice(phrases.TOPICS)
        first, second = rng.sample(topic.terms, 2)
        values = particles("t", first) | particles("u", second) | particles("h", person.hobby)
        values |= {"n": str(rng.randrange(2, 12)), "e": rng.choice(topic.errors)}
        return person.style.apply(template.format_map(values), rng)

    def _reactions(self, rng: Random, number: int) -> list[SlackReaction]:
        reactions = []
        for name in rng.sample(phrases.SLACK_REACTIONS, number):
            people = rng.sample(self.in_slack, 1 + min(len(self.in_slack) - 1, int(rng.expovariate(0.3))))
            reactions.append(SlackReaction(name, [str(person.slack_id) for person in people]))
        return reactions

    def _moment(self, day: date, clock: time, seconds: int = 0) -> datetime:
        return datetime.combine(day, clock, self.generated.zone) + timedelta(seconds=seconds)

    def _members(self, rng: Random) -> list[dict[str, Any]]:
        """``members`` of ``users.list``: Slackbot, an app, everybody with an account, somebody who left."""
        zone = str(self.generated.zone)
        members = [
            _member("USLACKBOT", "slackbot", "Slackbot", "Slackbot", None, zone),
            _member(self.bot_user, "class_helper", "수업 알리미", "수업 알리미", None, zone, bot=self.bot_id),
        ]
        for person in self.generated.people:
            if person.slack_id:
                shown = self.generated.display_name(person, 0) if rng.random() < 0.7 else ""
                members.append(
                    _member(
                        person.slack_id,
                        person.slack_name,
                        person.real_name,
                        shown,
                        person.email,
                        zone,
                        admin=person.role == "staff",
                    )
                )
        gone = _member(f"U0{_word(rng, 9)}", "left", "나떠남", "나떠남", "left@class.example", zone)
        gone["deleted"] = True
        members.append(gone)
        return members


def _member(
    user_id: str,
    name: str,
    real_name: str,
    display_name: str,
    email: str | None,
    zone: str,
    *,
    admin: bool = False,
    bot: str | None = None,
) -> dict[str, Any]:
    """One entry of ``users.list``."""
    profile: dict[str, Any] = {"real_name": real_name, "display_name": display_name, "title": ""}
    if email:
        profile["email"] = email
    if bot:
        profile["bot_id"] = bot
    return {
        "id": user_id,
        "team_id": TEAM_ID,
        "name": name,
        "deleted": False,
        "real_name": real_name,
        "tz": zone,
        "tz_offset": 32400,
        "is_admin": admin,
        "is_owner": False,
        "is_bot": bot is not None,
        "is_app_user": False,
        "updated": 1_770_000_000,
        "profile": profile,
    }


def _part_name(part: str) -> str | None:
    return {"morning": "오전", "afternoon": "오후"}.get(part)


def _word(rng: Random, length: int) -> str:
    return "".join(rng.choices(ALPHABET, k=length))
