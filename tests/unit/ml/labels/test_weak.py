"""What the rules say of a message."""

from __future__ import annotations

from typing import Any

import pytest

from chat_platform.ml.labels.weak import Opinion, opinions
from chat_platform.ml.messages import from_texts


def opinion(text: str, **context: Any) -> Opinion | None:
    return opinions(from_texts([text], **{name: [value] for name, value in context.items()}))[0]


ASKS = """
이거 왜 안 되나요
과제는 언제까지인가요
이렇게 하면 될까요
왜 저만 안 됩니까
어떻게 해요
뭐가 문제죠
왜 안 되는지 모르겠습니다
어디까지 했는지 궁금합니다
둘이 어떻게 다른지 알 수 있을지요
제출 방법 알려주실 수 있나요
마감일 알려주세요
이 함수 쓰면 되나여
안녕하세요 이거 어떻게 하나요
안녕하세요 강사님 언제 끝나요?
이거 맞죠?
그거 2번 아니냐
?
how do I open the notebook
is there homework
hi, does anyone have the link
good morning, when do we start
anyone know why it fails
what does this error mean
I was wondering if we could use R
the tests fail on my machine?
"""
TELLS = """
네 감사합니다
질문 있습니다
저는 잘 되네요
왜 그런지 알겠습니다
어디까지 했는지 찾았습니다
마이크 켜 주세요
도착하면 알려주세요
다시 한번 설명 부탁드립니다
안녕하세요 여러분
안녕하신가요
주말 잘 보내셨나요?
다들 점심 맛있게 드셨나요
그럼 시작해 볼까요
ㅋㅋㅋㅋ
😀😀
넵
good morning everyone
how are you all today
I know how to open it
thanks, it works now
you need to restart the kernel
"""
SILENT = """
3번이요
저는 됐어요
이거 맞죠
asdfjkl;
"""


def lines(block: str) -> list[str]:
    return block.strip().splitlines()


@pytest.mark.parametrize("text", lines(ASKS))
def test_questions_are_called_questions(text: str) -> None:
    found = opinion(text)
    assert found is not None
    assert found.is_question, found


@pytest.mark.parametrize("text", lines(TELLS))
def test_others_are_called_none(text: str) -> None:
    found = opinion(text)
    assert found is not None
    assert not found.is_question, found


@pytest.mark.parametrize("text", lines(SILENT))
def test_what_the_words_do_not_tell_stays_without_a_label(text: str) -> None:
    assert opinion(text) is None


def test_code_is_no_question_whatever_signs_it_holds() -> None:
    code = "```\nx = df[df.a == '?']\nprint(x)\n```"
    assert opinion(code) == Opinion(False, "code", 0.8)


def test_nothing_said_is_no_question() -> None:
    assert opinion("") == Opinion(False, "wordless", 0.8)


def test_who_was_answered_has_more_likely_asked() -> None:
    alone, answered = opinion("왜 안 되나요"), opinion("왜 안 되나요", has_reply=True)
    assert alone is not None
    assert answered is not None
    assert answered.weight == pytest.approx(alone.weight + 0.2)
    thanked, told = opinion("네 감사합니다", has_reply=True), opinion("네 감사합니다")
    assert thanked == told


def test_an_open_ending_of_a_student_who_was_answered_is_weakly_a_question() -> None:
    found = opinion("여기 이거요 이렇게 해요", role="student", has_reply=True)
    assert found is not None
    assert (found.is_question, found.rule) == (True, "was_answered")
    assert opinion("여기 이거요 이렇게 해요", role="teacher", has_reply=True) is None
    assert opinion("여기 이거요 이렇게 해요", role="student", has_reply=False) is None


def test_weights_are_shares() -> None:
    texts = lines(ASKS) + lines(TELLS)
    rows = from_texts(texts, has_reply=[True] * len(texts))
    assert all(0 < found.weight <= 1 for found in opinions(rows) if found is not None)


def test_rows_do_not_change_each_other() -> None:
    texts = lines(ASKS) + lines(TELLS) + lines(SILENT)
    assert opinions(from_texts(texts)) == [opinion(text) for text in texts]


def test_no_messages_no_opinions() -> None:
    assert opinions(from_texts([])) == []
