"""A small grammar of class chat, Korean and English: sentences that are labelled by how they are made.

What belongs here: predicates, endings and templates, and putting them together. What does not: the labelled set
that ships (``seed.tsv``; ``seed.py`` reads it), which is this grammar's output after somebody read it, with what
was wrong taken out, and sentences written by hand beside it.

The label follows the definition in ``docs/questions.md``: an ending makes a question or does not, whatever it is
put behind. Every predicate is put before endings of both kinds, so that no topic gives the label away.
"""

# ruff: noqa: E501  (tables of sentences read better one group a line)
from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import NamedTuple

Morphemes = tuple[tuple[str, str], ...]


class Labelled(NamedTuple):
    """A sentence of the grammar.

    Attributes:
        group: sentences of one predicate or template; they stay on one side of every split.
    """

    is_question: bool
    language: str
    group: str
    text: str


# Predicates: (words before, stem, tag). In the first list a wh-word asks; in the second nothing does yet.
_WH: tuple[tuple[str, str, str], ...] = (
    ("이 오류는 왜", "나", "VV"), ("여기서 왜 값이", "바뀌", "VV"), ("왜 저만 결과가", "다르", "VA"), ("제출은 어디에", "하", "VV"),
    ("자료는 어디서", "받", "VV"), ("시험 범위가 어디까지", "이", "VCP"), ("파일 경로는 어떻게", "설정하", "VV"), ("어떤 버전을", "쓰", "VV"),
    ("몇 번 문제를", "풀", "VV"), ("과제는 언제까지", "내", "VV"), ("뭘 먼저", "설치하", "VV"), ("누구한테", "보내", "VV"),
    ("학습은 얼마나", "걸리", "VV"), ("두 방법의 차이가 뭐", "이", "VCP"), ("이 함수는 무슨 역할을", "하", "VV"), ("어느 쪽이 더", "빠르", "VA"),
    ("쉬는 시간은 몇 분", "이", "VCP"), ("발표는 누가 먼저", "하", "VV"), ("괄호는 어디에서", "닫", "VV"), ("이 값은 어디서", "나오", "VV"),
    ("결측치는 어떻게", "처리하", "VV"), ("이 줄에서 뭐가", "잘못되", "VV"), ("어떤 강의를 먼저", "듣", "VV"), ("왜 꼭 정규화를", "하", "VV"),
    ("저장은 무슨 키로", "하", "VV"), ("출석은 어떻게", "확인하", "VV"), ("녹화본은 언제", "올라오", "VV"), ("데이터는 몇 개나", "필요하", "VA"),
    ("가상환경은 어떻게", "만들", "VV"), ("팀은 몇 명", "이", "VCP"), ("그 책 제목이 뭐", "이", "VCP"), ("어떤 기준으로", "나누", "VV"),
    ("이 변수는 어디에", "쓰이", "VV"), ("학습률은 보통 얼마로", "잡", "VV"), ("왜 소리가 자꾸", "끊기", "VV"), ("커밋은 언제", "하", "VV"),
    ("이 에러는 어떻게", "고치", "VV"), ("쿼리가 왜 이렇게", "느리", "VA"), ("몇 시에 다시", "시작하", "VV"), ("회의 링크는 어디", "있", "VA"),
    ("조건을 어떻게", "걸", "VV"), ("그래프 색은 어떻게", "바꾸", "VV"), ("다음 주에는 뭘", "배우", "VV"), ("이 부분은 왜", "빠지", "VV"),
)  # fmt: skip
_PLAIN: tuple[tuple[str, str, str], ...] = (
    ("코드를 다시", "실행하", "VV"), ("녹화본이", "올라오", "VV"), ("링크가", "열리", "VV"), ("이 값도 같이", "바뀌", "VV"),
    ("최신 버전에서도", "되", "VV"), ("파일이 너무", "크", "VA"), ("과제를 깃허브에", "올리", "VV"), ("커널을 다시", "켜", "VV"),
    ("결과가", "맞", "VV"), ("답이 두 개", "이", "VCP"), ("순서가", "중요하", "VA"), ("인덱스를 새로", "만들", "VV"),
    ("결측치를 먼저", "지우", "VV"), ("팀별로", "제출하", "VV"), ("맥에서도 똑같이", "나오", "VV"), ("노트북을", "쓰", "VV"),
    ("시험은 다음 주", "이", "VCP"), ("설명이 조금", "어렵", "VA"), ("라이브러리를 따로", "설치하", "VV"), ("화면이", "보이", "VV"),
    ("소리가 잘", "들리", "VV"), ("모델이", "수렴하", "VV"), ("정확도가 더", "높", "VA"), ("이 줄은", "지우", "VV"),
    ("조인을 두 번", "하", "VV"), ("데이터가 조금", "부족하", "VA"), ("변수 이름을", "바꾸", "VV"), ("테스트를 먼저", "돌리", "VV"),
    ("쉬는 시간이", "짧", "VA"), ("질문을 여기에", "쓰", "VV"), ("출석을 다시", "부르", "VV"), ("실습을 같이", "하", "VV"),
    ("예제랑 값이", "다르", "VA"), ("경로에 한글이", "있", "VA"), ("메모리가", "모자라", "VV"), ("로그를 먼저", "보", "VV"),
    ("강의 자료를", "받", "VV"), ("이 개념을 꼭", "외우", "VV"), ("오늘 배운 데까지", "읽", "VV"), ("비밀번호를 다시", "입력하", "VV"),
    ("저 방법이 더", "쉽", "VA"), ("마감이", "미뤄지", "VV"), ("숫자로", "바꾸", "VV"), ("차트가 안", "뜨", "VV"),
    ("괄호를 하나", "빼", "VV"), ("서버가", "죽", "VV"), ("발표 자료를 미리", "보내", "VV"), ("두 컬럼을", "합치", "VV"),
)  # fmt: skip

# What happens by itself is not asked of anybody.
_UNWILLED = frozenset(
    "나 바뀌 걸리 올라오 열리 되 맞 나오 보이 들리 수렴하 미뤄지 뜨 죽 모자라 끊기 빠지 잘못되 쓰이".split()
)
_N, _L = "ᆫ", "ᆯ"
# Endings by name (`_conjugated`), and what stands behind them.
_ASKING: tuple[tuple[str, str], ...] = (
    ("NYO", ""), ("NYO", ""), ("NYO", ""), ("SEUPNIKKA", ""), ("LKKAYO", ""), ("LKKAYO", ""), ("NJI", "요"), ("GEON", "가요"), ("GEO", "죠"), ("GEO", "예요"),
    ("PASTNYO", ""), ("PASTNYO", ""), ("LSU", " 있나요"), ("LSU", " 있을까요"), ("AYA", " 하나요"), ("AYA", " 되나요"), ("ADO", " 되나요"), ("ADO", " 될까요"), ("MYEON", " 되나요"), ("MYEON", " 될까요"),
    ("NJI", " 궁금합니다"), ("NJI", " 궁금해요"), ("NJI", " 알 수 있을까요"), ("NJI", " 알려주실 수 있나요"), ("NJI", " 알려주세요"), ("NJI", " 여쭤봐도 될까요"), ("NJI", " 질문드립니다"),
    ("NJI", " 알고 싶습니다"), ("NJI", " 아시는 분 계신가요"), ("NJI", " 아시는 분"), ("NJI", " 혹시 아시나요"), ("NEUNGE", " 맞나요"), ("NEUNGE", " 맞을까요"), ("NEUNGE", " 좋을까요"), ("NEUNGE", " 맞는지요"),
    ("NYA", ""), ("NI", ""), ("GEO", "야"), ("LKKA", ""), ("JIANHNA", ""), ("GIN", " 하나요"), ("NEUNDE", " 왜 그런가요"), ("NEUNDE", " 괜찮은가요"), ("NEUNDE", " 이유가 뭘까요"),
)  # fmt: skip
_TELLING_PLAIN: tuple[tuple[str, str], ...] = (
    ("SEUPNIDA", ""), ("SEUPNIDA", ""), ("AYO", ""), ("AYO", ""), ("NEYO", ""), ("NEYO", ""), ("NEUNGUNYO", ""), ("LGEYO", ""), ("GESSSEUPNIDA", ""), ("NEUNGEOT", " 같아요"), ("NEUNGEOT", " 같습니다"), ("DEORAGOYO", ""),
    ("GEODEUNYO", ""), ("PASTAYO", ""), ("PASTSEUPNIDA", ""), ("PASTSEUPNIDA", ""), ("MYEON", " 됩니다"), ("MYEON", " 돼요"), ("AYA", " 합니다"), ("AYA", " 해요"), ("LSU", " 있습니다"), ("LSU", " 있어요"), ("LSU", " 있네요"), ("ADO", " 됩니다"),
    ("DA", ""), ("EUM", ""), ("LGEOYEYO", ""), ("NEUNGEO", "예요 제가 해 봤어요"), ("NDAGO", " 합니다"), ("NDAGO", " 하네요"), ("NIKKA", " 되네요"), ("NEUNDE", " 저는 됐어요"), ("NEUNDE", " 안 되네요"), ("GO", " 있습니다"), ("GO", " 있어요"), ("PAST", "네요"),
    ("NJI", " 확인했습니다"), ("NJI", " 알겠습니다"), ("NJI", " 이해했습니다"), ("NJI", " 찾아보겠습니다"), ("NJI", " 공지에 있습니다"), ("NJI", " 설명드리겠습니다"), ("JU", "세요"), ("JU", "시면 됩니다"), ("JU", "시기 바랍니다"), ("JU", "시면 감사하겠습니다"), ("JIMA", "세요"),
)  # fmt: skip
# Behind a wh-word, endings ask that tell elsewhere.
_ASKING_WH: tuple[tuple[str, str], ...] = (
    ("AYO", ""), ("AYO", ""), ("AYO", ""), ("PASTAYO", ""), ("EO", ""), ("PASTEO", ""), ("SEYO", ""), ("EUM", ""), ("JYO", ""), ("PASTJYO", ""), ("NJI", ""), ("LJI", " 모르겠어요"), ("LJI", ""),
    ("NJI", " 잘 모르겠습니다"), ("NJI", " 모르겠어요"), ("NJI", " 이해가 안 됩니다"), ("NJI", " 이해가 안 가요"), ("NJI", " 헷갈립니다"), ("NJI", " 감이 안 오네요"), ("NJI", " 잘 안 보이는데 다시 말씀해 주실 수 있나요"),
)  # fmt: skip
# Endings that ask behind a predicate without a wh-word too, mark or no mark.
_ASKING_PLAIN: tuple[tuple[str, str], ...] = (
    ("JYO", ""), ("JYO", ""), ("PASTJYO", ""), ("ADO", " 되죠"), ("ADO", " 되겠죠"), ("MYEON", " 되는 거죠"), ("NEUNGE", " 맞죠"), ("NEUNGE", " 아닌가요"), ("GEO", " 아닌가요"), ("GEO", " 아니에요"), ("GEO", " 아니죠"), ("AYA", " 하는지 말아야 하는지 모르겠어요"),
)  # fmt: skip
# A wh-word with a plain ending is read as a question, so those only get endings that close it inside.
_TELLING_WH: tuple[tuple[str, str], ...] = (
    ("NJI", " 알겠습니다"), ("NJI", " 이제 알았어요"), ("NJI", " 이해했습니다"), ("NJI", " 찾았습니다"), ("NJI", " 찾아보겠습니다"), ("NJI", " 공지에 있습니다"), ("NJI", " 슬라이드에 나와 있어요"), ("NJI", " 곧 설명드리겠습니다"), ("NJI", " 확인했습니다"), ("NJI", " 적어 두었어요"),
    ("NJI", " 봤는데 잘 되네요"), ("NJI", " 같이 보겠습니다"), ("NJI", "는 중요하지 않아요"), ("NJI", " 정리해서 올렸습니다"), ("NJI", " 써 주세요"), ("NJI", " 적어서 제출해 주세요"), ("NJI", " 생각해 보세요"), ("NJI", " 한번 찾아보세요"),
)  # fmt: skip

_SPOKEN: dict[str, tuple[str, ...]] = {
    # Short messages that ask.
    "ask_short": (
        "5번 답 3번 아닌가요", "이건 거짓 아니에요", "그거 반대 아닌가요", "이거 버그 아니에요", "오늘 휴강 아니죠", "다음 주까지죠", "내일까지 제출이죠", "이거 외우는 거죠", "맞죠", "아니죠", "지금 녹화되죠", "로컬에서 해도 되죠", "방금 뭐라고 하셨죠", "뭐라고 하셨어요", "다들 뭐 쓰세요", "다들 어떻게 하셨어요", "몇 번 하셨어요", "다들 어디까지 하셨어요", "이거 왜 안됨", "왜 나만 안됨", "뭐가 문제임", "이거 어디 있음", "시험 언제임", "어떻게 해야 할지", "어떤 식으로 풀어야 할지", "뭐가 문제인지", "어디서부터 봐야 할지 모르겠어요", "이 부분이 이해가 안 됩니다 왜 이렇게 되는지", "왜 2로 나누는지 이해가 안 가요", "self를 왜 쓰는지 잘 모르겠습니다", "무슨 차이인지 모르겠어요", "혹시 힌트 주실 수 있나요", "확인 가능할까요", "공유 가능한가요", "참고할 만한 자료 있을까요", "기준이 있을까요", "평가 기준이 어떻게 되나요", "순서가 어떻게 되나요", "장소가 어떻게 되나요", "비번 뭐였죠", "파일명이 뭐였더라요", "그거 이름이 뭐더라", "제가 맞게 이해한 건가요", "이렇게 하는 거 맞나요", "이게 맞는 건지 봐주실 수 있나요", "두 개 중에 뭐가 나은가요", "필수인가요 선택인가요", "시험 보나요 아니면 과제인가요", "된 건가요 안 된 건가요",
        "왜요", "어디요", "언제요", "누가요", "얼마나요", "몇 번이요", "몇 페이지요", "어떤 거요", "무슨 뜻이에요", "무슨 말이에요", "이거 맞나요", "맞나요", "맞을까요", "되나요", "될까요", "가능한가요", "가능할까요", "괜찮을까요",
        "질문이 있는데 해도 될까요", "여기까지인가요", "끝난 건가요", "지금 하나요", "저만 그런가요", "저만 안 되나요", "다들 되시나요", "다른 분들도 그러신가요", "혹시 저만 그런 건가요", "이유가 뭔가요", "이유가 있나요", "차이가 뭔가요", "방법이 있나요", "방법이 있을까요",
        "예시 있나요", "자료 있나요", "숙제 있나요", "과제는 뭔가요", "마감이 언제인가요", "몇 시까지예요", "어디까지 했나요", "어디 보면 되나요", "뭐가 다른 거죠", "왜 그런 거죠", "이게 뭐죠", "그럼 어떻게 되나요", "그러면 어떻게 하죠", "어떻게 해요", "어떻게 하나요", "어케 해요", "어케 하나요", "뭐 쓰세요", "뭐 쓰셨어요",
        "몇 분 쉬나요", "몇 시에 시작해요", "언제 끝나요", "화면 보이시나요", "제 목소리 들리시나요", "소리 들리나요", "다들 들어오셨나요", "질문 있으신 분 계신가요", "여기까지 이해되셨나요", "다 하셨나요", "혹시 녹화 중인가요", "자료 어디 있나요", "링크 다시 주실 수 있나요",
        "강사님 혹시 이 부분 한 번 더 설명해주실 수 있을까요", "선생님 방금 그 단축키가 뭐였죠", "조금 전 코드 어디서 볼 수 있을까요", "이게 왜 이렇게 되는지 궁금합니다", "왜 그런지 궁금해요", "둘의 차이가 궁금합니다", "혹시 이유를 알 수 있을까요", "답변 부탁드립니다 왜 안 되는지",
        "그 부분이 이해가 안 가는데 다시 설명해 주실 수 있나요", "무엇이 문제인지 모르겠는데 봐주실 수 있나요", "뭐가 문제일까요", "뭐가 잘못된 걸까요", "어디가 틀렸을까요", "이 에러 보신 분 계신가요", "해결하신 분 있나요", "아시는 분 계실까요", "혹시 아시는 분", "추천해 주실 만한 책 있을까요", "시험에 나오나요",
        "이거 외워야 하나요", "꼭 해야 되나요", "안 하면 어떻게 되나요", "따로 제출하나요", "팀으로 하나요", "개인 과제인가요", "이메일로 보내면 되나요", "이름은 뭘로 하면 될까요", "그게 무슨 차이가 있죠", "이건 언제 쓰는 거예요", "그럼 저건 왜 안 써요", "이걸 왜 쓰는 거예요", "더 쉬운 방법은 없나요",
        "녹화본은 언제쯤 볼 수 있을까요", "오늘 몇 시까지 하나요", "쉬는 시간 언제예요", "다음 시간 준비물 있나요", "윈도우에서도 되나요", "맥은 어떻게 해야 하나요", "버전이 달라도 괜찮나요", "그냥 넘어가도 되나요", "다시 설치해야 할까요", "재부팅하면 될까요", "어떤 걸 골라야 할까요", "뭘 눌러야 돼요", "어디를 눌러야 하나요",
        "근데 이거 왜 돼", "이거 왜 안 돼", "뭐야 이거 어떻게 해", "어디까지 했어", "너 했어", "과제 했어", "몇 번까지 풀었어", "지금 뭐 하는 거야", "이거 나만 안 돼", "혹시 필기한 사람 있어", "누구 필기 있는 사람", "이거 아는 사람", "다음 수업 몇 시야", "시험 언제야", "왜 안 되지", "이게 왜 되지", "뭐가 틀린 거지", "어디서 틀렸지",
    ),
    # Short messages that do not.
    "tell_short": (
        "네", "넵", "네네", "넹", "예", "아니요", "아뇨", "아니오", "응", "ㅇㅇ", "ㄴㄴ", "ㅇㅋ", "오케이", "저요", "저도요", "저두요", "저도 그래요", "저도 안 돼요", "저는 돼요", "전 됩니다", "됩니다", "돼요", "됐어요", "됐습니다", "해결했습니다", "해결됐어요", "확인했습니다", "확인", "확인했어요", "완료", "완료했습니다", "다 했습니다",
        "제출했습니다", "제출 완료", "감사합니다", "감사합니다 강사님", "고맙습니다", "고마워요", "수고하셨습니다", "고생하셨습니다", "수고 많으셨습니다", "잘 들었습니다", "잘 들립니다", "잘 보여요", "들려요", "보여요", "안 들려요", "안 보여요", "소리가 안 나요", "화면이 멈췄어요", "소리가 끊겨요", "화면이 안 넘어가요", "튕겼어요", "들어왔습니다",
        "안녕하세요", "반갑습니다", "출석합니다", "1", "2", "3번", "3번이요", "1번입니다", "답은 2번", "o", "x", "오", "와", "와 신기하네요", "대박", "아하", "아하 그렇군요", "그렇군요", "그러네요", "그렇네요", "이해했습니다", "이해됐습니다", "이해했어요", "아 이제 알겠어요", "맞아요", "맞습니다", "맞네요", "아닌 것 같아요", "아마 그럴걸요", "제 생각엔 그래요",
        "질문 있습니다", "질문 있어요", "질문 하나 있습니다", "어렵네요", "너무 어려워요", "재밌네요", "신기해요", "배고파요", "졸려요", "점심 먹고 올게요", "잠시만요", "잠깐만요", "잠시 자리 비웁니다", "다녀오겠습니다", "금방 올게요", "늦어서 죄송합니다", "죄송합니다", "괜찮습니다", "괜찮아요", "좋아요", "좋습니다", "굿", "최고예요",
        "다시 한번 설명해 주세요", "조금만 천천히 해주세요", "화면 좀 키워주세요", "글씨 크게 해주세요", "마이크 켜주세요", "링크 올려주세요", "자료 공유 부탁드립니다", "다시 보여주세요", "잠깐 멈춰주세요", "이름 바꿔주세요", "여기에 적어주세요", "다들 따라 해보세요", "10분 쉬겠습니다", "시작하겠습니다", "다시 시작할게요", "오늘은 여기까지입니다",
        "저는 오류 나요", "에러 나요", "에러가 나네요", "실행이 안 돼요", "설치가 안 됩니다", "똑같은 오류예요", "경로 문제였어요", "오타였어요", "버전 문제네요", "재설치하니까 돼요", "껐다 켜니까 됐어요", "커널 재시작하면 돼요", "import 빠졌어요", "괄호 하나 빠졌어요", "따옴표 문제였네요", "그거 공지에 있어요", "슬랙에 올렸습니다", "깃허브에 있어요", "링크 여기요", "아까 말씀하셨어요",
        "그렇죠", "그럼요 그렇죠", "당연하죠", "물론이죠", "해야죠", "그래야죠", "되겠죠", "괜찮겠죠", "그렇겠죠", "아마 되겠죠", "제가 해야죠", "천천히 하면 되죠", "다시 하면 되죠 뭐", "어쩔 수 없죠",
        "왜냐면 그게 더 빨라서요", "왜냐하면 비어 있어서요", "왜냐면 제가 어제 지웠거든요", "몇 분 계시네요", "몇 명 안 왔네요", "몇 개는 맞았어요", "몇 줄 안 돼요", "며칠 걸렸어요", "얼마 안 걸려요", "어느 정도 했어요", "누구나 할 수 있어요", "누가 대신 해줬으면 좋겠다", "누가 답 좀 올려줘요", "뭐든 좋아요", "뭐라도 적어 보세요", "뭔 말인지 하나도 모르겠다", "어딘가에 있을 거예요", "어디서 본 것 같아요", "언제든 오세요", "어떤 분이 올려주셨어요", "무슨 말인지 알겠어요", "잘 모르겠습니다", "저도 잘 모르겠어요", "그건 저도 몰라요", "하나도 모르겠어요", "저도 궁금했어요", "저도 그 부분이 궁금했는데 감사합니다", "저도 같은 질문이었어요", "2번 문제 질문 있습니다", "왜 그런지 찾아보니 버전 때문이래요",
        "왜 안 되는지 알았어요", "이유를 찾았습니다", "어떻게 하는지 알겠어요", "뭐가 문제인지 찾았어요", "언제까지인지 공지에 있어요", "누가 좀 도와주세요", "아무거나 쓰셔도 됩니다", "언제든지 질문하세요", "궁금한 점은 슬랙에 남겨주세요", "모르는 게 있으면 물어보세요", "질문은 채팅으로 받겠습니다", "질문 감사합니다", "좋은 질문이에요", "어디든 상관없어요", "몇 번 해봤는데 안 돼요", "몇 번 하다 보니 되네요", "뭔가 이상해요", "뭔가 잘못됐네요", "어쩐지 안 되더라", "언젠가 되겠죠", "왠지 될 것 같아요", "누군가 지운 것 같아요", "어떻게든 해볼게요", "어떻게든 되겠죠 뭐", "그래서 그런 거였군요", "왜냐하면 순서가 바뀌었거든요", "제가 왜 그랬는지 모르겠네요 하하",
    ),
    # A greeting or courtesy in the form of a question.
    "greeting": (
        "안녕하세요", "다들 안녕하신가요", "잘 지내셨나요", "잘 지내셨죠", "주말 잘 보내셨나요", "점심 맛있게 드셨나요", "식사하셨어요", "다들 식사는 하셨나요", "오늘도 힘내볼까요", "그럼 시작해 볼까요", "시작할까요", "같이 해볼까요", "한번 볼까요", "다음으로 넘어가 볼까요", "잠깐 쉬었다 할까요", "다들 파이팅 하실 거죠", "오랜만이죠", "반갑죠", "날씨 좋죠",
    ),
    # Rhetorical: nobody is expected to answer.
    "rhetorical": (
        "이걸 누가 다 외워요", "이걸 어떻게 한 시간에 끝내요", "세상에 이런 게 어디 있어요", "누가 알았겠어요", "제가 어떻게 알겠어요", "이게 말이 됩니까", "이렇게 쉬운 걸 왜 몰랐을까", "나는 왜 이 모양일까", "인생이 뭘까", "코딩이 이렇게 재밌을 일인가", "내가 뭐라고", "왜 이렇게 졸리지", "언제 다 하지 이걸", "그럼 그렇지 되겠냐", "어느 세월에 다 하냐", "이 정도면 천재 아닌가", "이런 건 처음 보네 뭐지", "어쩌겠어요 해야죠", "안 될 게 뭐 있겠어요",
    ),
}  # fmt: skip

_EN: dict[str, tuple[str, ...]] = {
    "ask": (
        "how do I {v} {o}", "how do you {v} {o}", "how can we {v} {o}", "how would you {v} {o}", "how should I {v} {o}", "why does it {v} {o}", "why can't I {v} {o}", "why do we need to {v} {o}", "where do I {v} {o}", "where can I {v} {o}", "when do we {v} {o}", "when should we {v} {o}", "what happens if I {v} {o}", "what is the best way to {v} {o}", "which one should I {v}",
        "do I have to {v} {o}", "do we need to {v} {o}", "does it {v} {o}", "did you {v} {o}", "did anyone {v} {o}", "can I {v} {o}", "can we {v} {o}", "could I {v} {o}", "should I {v} {o}", "should we {v} {o}", "is it ok to {v} {o}", "is it possible to {v} {o}", "is there a way to {v} {o}", "is there any way to {v} {o}", "are we supposed to {v} {o}", "will it {v} {o}", "would it {v} {o}", "has anyone tried to {v} {o}", "have you tried to {v} {o}", "was I supposed to {v} {o}",
        "any idea how to {v} {o}", "any tips to {v} {o}", "anyone know how to {v} {o}", "anybody know why I can't {v} {o}", "does anyone know how to {v} {o}", "does anybody know where to {v} {o}", "do you know how to {v} {o}", "can someone explain how to {v} {o}", "could you explain how to {v} {o}", "can you tell me how to {v} {o}", "could you tell us where to {v} {o}", "I was wondering how to {v} {o}", "I wonder if we can {v} {o}", "I'm curious how you {v} {o}", "just curious why we {v} {o}", "not sure how to {v} {o}, any ideas", "so I just {v} {o}, right", "so we {v} {o} first, correct", "you {v} {o} before that, no", "wait so do we {v} {o}", "sorry, how do you {v} {o} again", "hi, how do i {v} {o}", "um do we {v} {o} now", "quick question: how do I {v} {o}", "ok but why would you {v} {o}", "and if I {v} {o} what happens", "or should I {v} {o} instead", "what if I {v} {o}", "how come I can't {v} {o}", "what do you mean by {v} {o}", "how long does it take to {v} {o}", "how many times should I {v} {o}", "whats the command to {v} {o}", "what's the difference if I {v} {o}",
    ),
    "tell": (
        "you can {v} {o}", "you should {v} {o}", "you have to {v} {o}", "you need to {v} {o}", "I will {v} {o}", "I'll {v} {o}", "I can {v} {o} now", "I could {v} {o}", "I did {v} {o}", "I had to {v} {o}", "I tried to {v} {o}", "I just {v} {o}", "I can't {v} {o}", "it won't {v} {o}", "it does not {v} {o}", "it should {v} {o}", "we do not need to {v} {o}", "we have to {v} {o}", "we can {v} {o} later", "let's {v} {o}", "let me {v} {o}", "please {v} {o}", "just {v} {o}", "don't {v} {o}", "then {v} {o}", "first {v} {o}", "now {v} {o} and wait", "try to {v} {o}", "make sure you {v} {o}", "remember to {v} {o}",
        "that's how you {v} {o}", "this is how I {v} {o}", "I know how to {v} {o}", "I figured out how to {v} {o}", "here is how to {v} {o}", "that's why I {v} {o}", "when I {v} {o} it works", "when you {v} {o} it will fail", "what I did was {v} {o}", "what you need is to {v} {o}", "where I {v} {o} doesn't matter", "if you {v} {o} it works", "the docs explain how to {v} {o}", "the slides show where to {v} {o}", "someone told me to {v} {o}", "which is why we {v} {o}", "whenever I {v} {o} it crashes", "you could {v} {o} instead", "I would {v} {o}", "I think we {v} {o}", "I guess I {v} {o}", "sure, {v} {o}", "yes you can {v} {o}", "no need to {v} {o}", "I don't know how to {v} {o}", "he said we {v} {o}", "and then I {v} {o}", "so I {v} {o}", "because I {v} {o}", "looks like we {v} {o}", "it works if you {v} {o}", "I asked how to {v} {o} yesterday", "thanks, I can {v} {o} now", "maybe {v} {o}", "it lets you {v} {o}", "do not {v} {o} yet", "do {v} {o} first", "have a look and {v} {o}", "can do, I {v} {o}",
    ),
    "ask_short": (
        "why", "why not", "how", "how so", "how come", "where", "when", "who", "which one", "what", "what time", "what page", "really, how", "is that right", "is this correct", "is it working", "is it just me", "am I the only one", "are you there", "are we done", "are we starting", "did it work", "does that make sense", "does it matter", "can you hear me", "can you see my screen", "can everyone hear me", "what does that mean", "what do you mean", "what is this", "what's that", "what was that", "what's next", "what's the difference", "what's the point of this", "where is the link", "where is it", "where's the file", "when is it due", "when is the deadline", "who is next", "who is presenting", "how does it work", "how do you do that", "how long is the break", "how much time do we have", "how many are there", "which version", "which file is it", "any questions", "any ideas", "any thoughts", "anyone else", "anyone getting this error", "is there homework", "is there an example", "is this on the exam", "is it recorded", "will this be recorded", "will the slides be shared", "do we have class tomorrow", "do you have an example", "do you see it", "should it be in quotes", "shouldn't it be a list", "isn't it the same", "isn't that slower", "wasn't it due yesterday", "don't we need a comma", "don't you need sudo", "didn't we already do this", "so it's a list, right", "you mean the first one", "like this", "same as before or different", "left or right join", "python 2 or 3", "tabs or spaces", "would that work", "could it be a typo", "has it started", "have you tried restarting", "was it answered", "whats wrong with it", "whats the link", "hows it going with the install", "wdym", "got a link", "got an example", "see the error", "know why", "ready", "thoughts on this", "and the second one", "then what", "what about the last one", "how about this one", "ok so now what", "where are we", "what are we doing now", "what did I miss", "did I miss something", "may I ask a question", "can I ask something", "can you repeat that", "could you say that again", "could you go over that again", "can you explain the last part",
    ),
    "tell_short": (
        "yes", "no", "yeah", "yep", "nope", "ok", "okay", "sure", "right", "right, got it", "correct", "that's right", "thanks", "thank you", "thanks a lot", "ty", "np", "you're welcome", "hi", "hello", "hi all", "hello everyone", "good morning", "bye", "see you", "got it", "I see", "makes sense", "that makes sense", "it works", "it works now", "works for me", "same here", "me too", "me neither", "done", "fixed", "fixed it", "never mind", "nvm found it", "oh I see what happened", "that's what I thought", "what a nice plot", "how nice", "how interesting", "wow", "cool", "nice", "great", "lol", "haha", "exactly", "agreed", "I agree", "I think so", "I don't think so", "not yet", "not really", "I'm not sure", "no idea", "I don't know", "I have a question", "question", "good question", "great question", "here is the link", "here you go", "link above", "see above", "see the docs", "it's in the docs", "it's on slide 4", "check your path", "restart the kernel", "try again", "wait", "one sec", "brb", "back", "sorry", "my bad", "sorry I'm late", "I'm lost", "I'm confused", "I can't hear you", "I can't see it", "no sound", "your mic is off", "screen is frozen", "it froze", "it crashed", "same error", "mine fails", "it says file not found", "I get a syntax error", "it was a typo", "missing comma", "wrong folder", "what you said worked", "that is where I got stuck", "who cares", "whatever works", "whoever is next can start", "where there is a will", "when in doubt restart", "how time flies", "please share your screen", "please speak up", "please mute", "mute yourself", "let's take a break", "let's start", "we start in five minutes", "back in ten", "5 minutes left", "recording now", "the recording is on", "I'll share the slides", "slides are in the channel", "feel free to ask", "ask anything", "let me know if you have questions", "I was asked why it fails and explained it", "do it again", "did it", "did that already", "do your best", "is fine", "is what it is", "can confirm", "will do", "would be nice", "should be fine", "could be", "might be", "has to be a typo", "have fun", "am here", "are in the same folder",
    ),
}  # fmt: skip
_VERBS = (
    ("install", "the package"), ("run", "the tests"), ("open", "the notebook"), ("join", "two tables"), ("submit", "the homework"), ("use", "a loop here"), ("import", "the data"), ("restart", "the kernel"), ("merge", "the branch"), ("plot", "the results"), ("save", "the file"), ("delete", "the first row"), ("update", "python"), ("set", "the path"), ("read", "the csv"), ("change", "the color"), ("share", "the screen"), ("find", "the slides"), ("fix", "this error"), ("log in", "to the server"), ("mount", "the drive"), ("compile", "the kernel module"), ("upgrade", "to the new release"), ("configure", "the network"), ("get", "sound working"), ("switch", "to dark mode"), ("make", "a backup"), ("sort", "by date"), ("use", "sudo for that"), ("clone", "the repo"),
)  # fmt: skip

_CODE = (
    "df.head()", "print(x)", "for i in range(10):", "import pandas as pd", "SELECT * FROM users WHERE id = ?", "x = 3 if y else 4", "pip install numpy", "git push origin main", "np.zeros((3, 3))", "def f(x): return x + 1", "cond ? a : b", "re.findall('a?b', s)", "if (a != b) { return; }", "TypeError: 'int' object is not iterable", "KeyError: 'price'", "while True: pass", "const x = y ?? z;", "console.log(what)", "where x > 3 and when = 'now'", "df.isna().sum()", "is_valid = True", "do_work(why='test')",
)  # fmt: skip


def sentences(seed: int = 11, endings: int = 14) -> Iterator[Labelled]:
    """All sentences, in a fixed order.

    Args:
        seed: of the choice of endings.
        endings: chosen for each Korean predicate and each label.
    """
    rng = Random(seed)
    yield from _korean(rng, endings)
    yield from _english(rng)
    for kind, label in (
        ("ask_short", True),
        ("tell_short", False),
        ("greeting", False),
        ("rhetorical", False),
    ):
        for text in _SPOKEN[kind]:
            yield Labelled(label, "ko", f"ko:{kind}:{text}", text)
    for text in _CODE:
        yield Labelled(False, "code", f"code:{text}", text)


def _korean(rng: Random, endings: int) -> Iterator[Labelled]:
    from kiwipiepy import Kiwi

    kiwi = Kiwi()
    for number, predicate in enumerate((*_WH, *_PLAIN)):
        is_wh = number < len(_WH)
        telling = _TELLING_WH if is_wh else _TELLING_PLAIN
        asking = [*_ASKING, *_ASKING_PLAIN]
        if is_wh:
            asking = [e for e in _ASKING if e[0] not in ("JIANHNA", "GIN", "NEUNDE")] + [*_ASKING_WH]
        for label, choices in ((True, asking), (False, list(telling))):
            for ending, behind in rng.sample(choices, min(endings, len(choices))):
                morphemes = _conjugated(predicate[1], predicate[2], ending)
                if morphemes is not None:
                    blank = "" if predicate[2] == "VCP" else " "
                    text = f"{predicate[0]}{blank}{kiwi.join(morphemes)}{behind}"
                    yield Labelled(label, "ko", f"ko:{predicate[0]} {predicate[1]}", text)


def _conjugated(stem: str, tag: str, ending: str) -> Morphemes | None:
    """Morphemes of stem and ending; ``None`` where the ending does not follow this class of stem."""
    verb = tag == "VV" or stem == "있"
    copula = tag == "VCP"
    willed = tag == "VV" and stem not in _UNWILLED
    head: Morphemes = ((stem, tag),)
    now = (("는", "ETM"),) if verb else ((_N, "ETM"),)
    past = (("었", "EP"),)
    table: dict[str, Morphemes | None] = {
        "NYO": (("나요", "EF"),) if verb else ((f"{_N}가요", "EF"),),
        "NJI": (("는지", "EC"),) if verb else ((f"{_N}지", "EC"),),
        "SEUPNIKKA": (("습니까", "EF"),),
        "SEUPNIDA": (("습니다", "EF"),),
        "LKKAYO": ((f"{_L}까요", "EF"),),
        "LKKA": ((f"{_L}까", "EF"),),
        "GEON": (*now, ("건", "NNB")),
        "GEO": (*now, ("거", "NNB")),
        "NEUNGEO": (*now, ("거", "NNB")),
        "NEUNGE": (*now, ("게", "NNB")),
        "NEUNGEOT": (*now, ("것", "NNB")),
        "PASTNYO": (*past, ("나요", "EF")),
        "PASTAYO": (*past, ("어요", "EF")),
        "PASTSEUPNIDA": (*past, ("습니다", "EF")),
        "PAST": past,
        "LSU": None if copula else ((_L, "ETM"), ("수", "NNB")),
        "AYA": (("어야", "EC"),),
        "ADO": (("어도", "EC"),),
        "MYEON": (("면", "EC"),),
        "NYA": (("냐", "EF"),),
        "NI": (("니", "EF"),),
        "JIANHNA": (("지", "EC"), ("않", "VX"), ("나요", "EF")),
        "GIN": None if copula else (("긴", "EC"),),
        "NEUNDE": (("는데", "EC"),) if verb else ((f"{_N}데", "EC"),),
        "AYO": (("어요", "EF"),) if not copula else (("에요", "EF"),),
        "EO": (("어", "EF"),) if not copula else (("야", "EF"),),
        "PASTEO": (*past, ("어", "EF")),
        "SEYO": (("세요", "EF"),) if willed else None,
        "JYO": (("죠", "EF"),),
        "PASTJYO": (*past, ("죠", "EF")),
        "LJI": (("어야", "EC"), ("하", "VX"), (f"{_L}지", "EC")),
        "NEYO": (("네요", "EF"),),
        "NEUNGUNYO": (("는군요", "EF"),) if verb else (("군요", "EF"),),
        "LGEYO": ((f"{_L}게요", "EF"),) if willed else None,
        "LGEOYEYO": ((_L, "ETM"), ("거", "NNB"), ("예요", "EF")),
        "GESSSEUPNIDA": (("겠", "EP"), ("습니다", "EF")),
        "DEORAGOYO": (("더라고요", "EF"),),
        "GEODEUNYO": (("거든요", "EF"),),
        "DA": ((f"{_N}다", "EF"),) if verb and stem != "있" else (("다", "EF"),),
        "EUM": (("음", "EF"),) if stem[-1] in "있없" else (("ᆷ", "ETN"),),
        "NDAGO": ((f"{_N}다고", "EC"),)
        if verb and stem != "있"
        else (("다고", "EC"),)
        if not copula
        else (("라고", "EC"),),
        "NIKKA": (("니까", "EC"),),
        "GO": (("고", "EC"),) if tag == "VV" else None,
        "JU": (("어", "EC"), ("주", "VX")) if willed else None,
        "JIMA": (("지", "EC"), ("말", "VX")) if willed else None,
    }
    tail = table[ending]
    return None if tail is None else (*head, *tail)


def _english(rng: Random) -> Iterator[Labelled]:
    for kind, label in (("ask", True), ("tell", False)):
        for template, (verb, thing) in product(_EN[kind], rng.sample(_VERBS, 9)):
            text = template.format(v=verb, o=thing)
            yield Labelled(label, "en", f"en:{template}", text)
    for kind, label in (("ask_short", True), ("tell_short", False)):
        for text in _EN[kind]:
            yield Labelled(label, "en", f"en:{kind}:{text}", text)
