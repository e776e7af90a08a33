"""What is code, and what a message is written in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.text.code import code_share, segments
from chat_platform.text.language import detect
from chat_platform.text.normalise import clean

CODE = [
    "import pandas as pd\ndf = pd.read_csv('a.csv')\ndf.head()",
    "def add(a, b):\n    # 더하기\n    return a + b\n\nadd(1, 2)",
    'print("안녕하세요") # 출력',
    "for i in range(10):\n    total += i\nelse:\n    pass",
    "const x = await fetch(url);\nif (x.ok) {\n  console.log(x);\n}",
    "SELECT name, count(*) FROM people GROUP BY name",
    "select * from core.messages limit 5;",
    "pip install kiwipiepy",
    "git commit -m 'first'",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nKeyError: 'b'",
    "ModuleNotFoundError: No module named 'pandas'",
    '<div class="chat">\n  <p>hi</p>\n</div>',
    '{"name": "나래",\n "count": 3}',
    "```\n무엇이든 여기는\n```",
    "@app.get('/')\nasync def root():\n    return {}",
    "#include <stdio.h>\nint main() {\n  return 0;\n}",
    "model = LinearRegression()\nmodel.fit(X_train, y_train)",
]
PROSE = [
    "print(x) 왜 안돼요?",
    "df.head() 치면 뭐가 나오나요",
    "from now on we import cars",
    "if you want: call me",
    "git push 하면 되나요",
    "네 알겠습니다 (웃음)",
    "ㅠㅠ;; 아니에요",
    "return to work",
    "thanks (really)",
    'I said "hi" to him',
    "select one from the list",
    ">_< ^^;",
    "@나래 안녕하세요",
    "3:30 = 쉬는 시간",
    "1. 설치\n2. 실행\n3. 제출",
    "Q) 과제는 언제까지인가요?",
    "[공지] 내일은 10시에 시작합니다",
    "<공지> 내일 쉽니다",
    "class starts at 9",
    "it's fine (see page 3); ok",
]


@pytest.mark.parametrize("text", CODE)
def test_pasted_and_fenced_code_is_code(text: str) -> None:
    assert code_share(text) == 1.0
    assert detect(clean(text)) == "code"
    assert clean(text) == text


@pytest.mark.parametrize("text", PROSE)
def test_words_about_code_are_not_code(text: str) -> None:
    assert code_share(text) == 0.0
    assert detect(clean(text)) != "code"


def test_code_within_a_question_is_found_and_the_question_gives_the_language() -> None:
    text = "이 부분 질문있습니다\nfor i in range(3):\n    print(i)\n왜 안 나오나요?"
    assert [part.text for part in segments(text) if part.is_code] == ["for i in range(3):\n    print(i)\n"]
    assert detect(text) == "ko"
    assert [part.text for part in segments("`df.head()` 치면 되나요") if part.is_code] == ["`df.head()`"]
    assert detect("`df.head()` 치면 되나요") == "ko"
    assert detect("이거요\nfor i in range(3):\n    print(i)") == "code"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*CODE, *PROSE, "\n", "\n\n", "```", "`", " ", "    x"]), max_size=6).map(
        "".join
    )
)
def test_segments_joined_are_the_text(text: str) -> None:
    assert "".join(part.text for part in segments(text)) == text
    assert 0.0 <= code_share(text) <= 1.0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("안녕하세요!", "ko"),
        ("ㅋㅋㅋ", "ko"),
        ("ㅠㅠ 👍", "ko"),
        ("12시에 시작해요", "ko"),
        ("LM님 감사합니다", "ko"),
        ("네 https://example.org/very/long/address?x=1", "ko"),
        ("Good morning everyone", "en"),
        ("ok", "en"),
        ("café", "en"),
        ("jupyter notebook 안돼요", "mixed"),
        ("ㅇㅋ okay", "mixed"),
        ("👍", "emoji"),
        ("❤️ 👏👏", "emoji"),
        ("👍!! 100", "emoji"),
        ("12:30", "other"),
        ("???", "other"),
        ("", "other"),
        ("https://example.org", "other"),
        ("привет", "other"),
        ("こんにちは", "other"),
    ],
)
def test_language_follows_the_shares_of_scripts(text: str, language: str) -> None:
    assert detect(clean(text)) == language


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_has_a_language(text: str) -> None:
    assert detect(text) in ("ko", "en", "mixed", "code", "emoji", "other")
