"""Weak labels: what rules say of a message before anybody has labelled anything.

What belongs here: the rules and which of them speaks. What does not: models; the rules are a candidate among
others by way of ``questions.rules``.

A rule looks at Kiwi's tags, at ``?``, at wh-words and at who replied. The first that fits speaks, in the order
of ``RULES``; where none does, the message stays without a label. The definition of a question is in
``docs/questions.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

# Final endings that only ask. 죠, 어요, 지, 음 ask and tell: they need a wh-word or a mark.
ASKING_ENDINGS = frozenset(
    """나요 ㄴ가요 은가요 는가요 던가요 ㄹ까요 을까요 ㄹ까 을까 습니까 ㅂ니까 ㄴ지요 은지요 는지요 을는지요 ㄹ지요 을지요
    냐 으냐 느냐 냐고 니 으니 나 ㄴ가 은가 는가 던가 ㄹ래요 을래요 ㄴ대요 을런지요 는지여 나여 ㄴ가여 은가여 나욤""".split()  # noqa: SIM905
)
TELLING_ENDINGS = frozenset(
    """습니다 ㅂ니다 네요 네 군요 는군요 구나 는구나 거든요 거든 ㄹ게요 을게요 ㄹ게 을게 더라고요 더라구요 더라 다 ㄴ다 는다 라
    ㅂ시다 읍시다 자 으마 ㄹ걸요 을걸요 ㄹ걸 답니다 랍니다 습니당 어라""".split()  # noqa: SIM905
)
OPEN_ENDINGS = frozenset(
    "어요 아요 에요 예요 여요 어 아 야 죠 지요 지 음 ㅁ 세요 으세요 셔요 래요 대요 ㄴ대 는데요 ㄴ데요 은데요".split()
)
WH_WORDS = frozenset(
    "왜 뭐 무엇 무슨 뭘 어디 어느 언제 누구 누가 어떻게 어떻 어떤 얼마 얼마나 몇 며칠 어쩌 웬 어케".split()
)
INDIRECT_ENDINGS = frozenset("는지 ㄴ지 은지 ㄹ지 을지 던지 는건지".split())
WONDERING = frozenset("궁금하 궁금 알 여쭙 여쭈 묻 질문 문의 모르 헷갈리 이해 알리".split())
_FOUND = re.compile(r"알겠|알았|찾|확인했|이해했|설명드리|공지에|나와 ?있|적어|정리해")
_GREETING = re.compile(
    r"안녕(하세요|하신가요|하십니까|하신지요|하셨나요)?|반갑(습니다|죠|네요)|(잘|편히) (지내|쉬)(셨|시)\w*|주말 \w*잘 \w+"
    r"|(아침|점심|저녁|식사|밥)[은는도을]? ?(맛있게 |잘 )?(드|하|먹으)셨\w*|오랜만\w*|\bgood (morning|evening|afternoon)\b"
    r"|\bhow (are you|is everyone|is everybody)( doing)?\b|\bhow's (it going|everyone)\b",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(
    r"여러분|다들|모두|강사님|선생님|교수님|쌤|혹시|오늘도?|\b(all|everyone|everybody|guys|there|today|hi|hello|hey|doing)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_TELL_US = re.compile(r"(알려|가르쳐) ?(주세요|주십시오|주실래요|줘|줘요|줄래요?|주세여)\W*$")
_CONDITIONS = frozenset("면 으면 거든 자마자".split())
_SHALL_WE = re.compile(
    r"(시작|넘어가|해|가|쉬어|쉬었다|들어가|봐|볼)\s*(볼까요|할까요|갈까요|봅시다)\W*$|^\W*(한번|같이) \S+까요\W*$"
)
REQUEST = re.compile(
    r"(주세요|주십시오|주시기 바랍니다|부탁드립니다|부탁드려요|부탁해요|하세요|보세요|으세요)\W*$"
)
ENGLISH_ASKS = re.compile(
    r"^\W*(?:(?:hi|hey|hello|good (?:morning|evening|afternoon)|so|ok|okay|yeah|thanks|and|but|or|um|uh|hmm|well|now|then|also|sorry|wait|btw|please|guys|all|everyone)\W+)*"
    r"(?:(?:how|why|where|when|who|what|which|whose)(?:'s|s)?\s+(?:\w+\s+){0,3}?"
    r"(?:do|does|did|is|are|was|were|can|could|should|would|will|has|have|am|if|come|about|long|many|much)\b"
    r"|(?:do|does|did|is|are|was|were|can|could|should|would|will|has|have|am|may|isn't|aren't|don't|doesn't|didn't"
    r"|can't|couldn't|shouldn't|wouldn't|won't)\s+(?:i|you|we|they|he|she|it|this|that|there|the|anyone|anybody"
    r"|someone|somebody|everyone|any|my|our|your)\b"
    r"|any(?:one|body)\s+(?:know|here|else|have|got|tried)|any\s+(?:idea|ideas|thoughts|tips|chance|suggestions)"
    r"|wh(?:at|ere|en|y|o)'?s\b)"
    r"|\b(?:i\s*(?:'m|am|was)?\s*(?:wonder|wondering|curious)\b|does any(?:one|body)|can (?:some|any)(?:one|body)|how (?:do|can|should) (?:i|we|you))\b",
    re.IGNORECASE,
)
_ASCII_LETTERS = re.compile(r"[A-Za-z]{2,}")
_MARK = re.compile(r"[?？]")
_ONLY_MARKS = re.compile(r"^\W*$")
_ANSWER_TAGS = frozenset(
    {"IC", "SF", "SP", "SE", "SO", "SW", "EMOJI", "SN", "SL", "Z_CODA", "SSO", "SSC", "NR"}
)


class Opinion(NamedTuple):
    """What a rule says: question or not, its name, and what the label weighs in training."""

    is_question: bool
    rule: str
    weight: float


@dataclass(frozen=True)
class _Message:
    text: str
    forms: Sequence[str]
    tags: Sequence[str]
    language: str | None
    role: str | None
    has_reply: bool

    @property
    def last(self) -> str | None:
        """The last ending, 요 behind a bare one joined to it."""
        for place in range(len(self.tags) - 1, -1, -1):
            tag, form = self.tags[place], self.forms[place]
            if tag == "EF" or (
                tag == "EC" and all(t[0] in "SJZE" or t in ("EMOJI",) for t in self.tags[place + 1 :])
            ):
                return form
        return None

    @property
    def asks_by_word(self) -> bool:
        return any(
            form in WH_WORDS and tag[0] in "MNVI" for form, tag in zip(self.forms, self.tags, strict=True)
        )


def opinions(messages: pa.Table) -> list[Opinion | None]:
    """What the rules say of each message; ``None`` where none of them fits.

    Args:
        messages: of ``ml.messages.SCHEMA``.
    """
    columns = ("text", "forms", "tags", "language", "role", "has_reply")
    rows = zip(*(messages[name].to_pylist() for name in columns), strict=True)
    return [_opinion(_Message(t, f or [], g or [], lang, role, bool(r))) for t, f, g, lang, role, r in rows]


def _opinion(message: _Message) -> Opinion | None:
    for rule in RULES:
        found = rule(message)
        if found is not None:
            # Somebody who is answered has more often asked.
            bonus = 0.2 if found.is_question and message.has_reply else 0.0
            return found._replace(weight=min(1.0, found.weight + bonus))
    return None


def _code(message: _Message) -> Opinion | None:
    return Opinion(False, "code", 0.8) if message.language == "code" else None


def _wordless(message: _Message) -> Opinion | None:
    if _ONLY_MARKS.match(message.text):
        return None if _MARK.search(message.text) else Opinion(False, "wordless", 0.8)
    return None


def _greeting(message: _Message) -> Opinion | None:
    if len(message.text) > 40:
        return None
    rest, greetings = _GREETING.subn(" ", message.text)
    # 안녕하세요 in front of a question is no reason to call it a greeting.
    is_all = greetings > 0 and not _WORD.search(_ADDRESSED.sub(" ", rest))
    if is_all or _SHALL_WE.search(message.text):
        return Opinion(False, "greeting", 0.7)
    return None


def _question_mark(message: _Message) -> Opinion | None:
    return Opinion(True, "question_mark", 0.8) if _MARK.search(message.text) else None


def _indirect(message: _Message) -> Opinion | None:
    for place, (form, tag) in enumerate(zip(message.forms, message.tags, strict=True)):
        if tag == "EC" and form in INDIRECT_ENDINGS:
            if _FOUND.search(message.text):
                return Opinion(False, "found_out", 0.6)
            if any(later in WONDERING for later in message.forms[place + 1 : place + 8]):
                return Opinion(True, "indirect", 0.6)
    return None


def _asking_ending(message: _Message) -> Opinion | None:
    last = message.last
    return Opinion(True, f"ending:{last}", 0.7) if last in ASKING_ENDINGS else None


def _wh_and_open_ending(message: _Message) -> Opinion | None:
    if message.asks_by_word and message.last in OPEN_ENDINGS and not REQUEST.search(message.text):
        return Opinion(True, "wh_word", 0.5)
    return None


def _tell_us(message: _Message) -> Opinion | None:
    """알려 주세요 wants words for an answer, unless it is to come when something has happened."""
    conditional = any(
        tag == "EC" and form in _CONDITIONS for form, tag in zip(message.forms, message.tags, strict=True)
    )
    if _TELL_US.search(message.text) and not conditional:
        return Opinion(True, "tell_us", 0.5)
    return None


def _request(message: _Message) -> Opinion | None:
    return Opinion(False, "request", 0.6) if REQUEST.search(message.text) else None


def _telling_ending(message: _Message) -> Opinion | None:
    last = message.last
    if last in TELLING_ENDINGS and not message.asks_by_word:
        return Opinion(False, f"ending:{last}", 0.7)
    return None


def _answer(message: _Message) -> Opinion | None:
    if message.tags and len(message.text) <= 12 and all(tag in _ANSWER_TAGS for tag in message.tags):
        return Opinion(False, "answer", 0.6) if message.language not in ("en", "mixed") else None
    return None


def _english(message: _Message) -> Opinion | None:
    if message.language not in ("en", "mixed"):
        return None
    if ENGLISH_ASKS.search(message.text):
        return Opinion(True, "english_order", 0.6)
    if message.language == "en" and len(_ASCII_LETTERS.findall(message.text)) >= 3:
        return Opinion(False, "english_statement", 0.4)
    return None


def _teacher_replied(message: _Message) -> Opinion | None:
    if message.has_reply and message.role == "student" and message.last in OPEN_ENDINGS:
        return Opinion(True, "was_answered", 0.2)
    return None


RULES: tuple[Callable[[_Message], Opinion | None], ...] = (
    _code,
    _wordless,
    _greeting,
    _question_mark,
    _indirect,
    _asking_ending,
    _wh_and_open_ending,
    _tell_us,
    _request,
    _telling_ending,
    _answer,
    _english,
    _teacher_replied,
)
