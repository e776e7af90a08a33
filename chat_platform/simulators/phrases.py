"""Words and sentences of the simulated class. All of it is written for this project.

What belongs here: templates, topics, names, ways of writing. What does not: choosing among them (the
generators do that with their seeded random numbers).

A sentence is a pair (polite, casual). ``{t}`` is a term of the lecture, ``{u}`` another one, ``{h}`` the
speaker's hobby, ``{n}`` a number; particles follow the placeholder's last syllable: ``{t이가}``, ``{t은는}``,
``{t을를}``, ``{t으로}``, ``{t과와}``, ``{t이랑}`` (same for ``u`` and ``h``).
"""

# ruff: noqa: E501  (tables of sentences read better one group a line)
from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]

SURNAMES = (
    "김",
    "이",
    "박",
    "최",
    "정",
    "강",
    "조",
    "윤",
    "장",
    "임",
    "한",
    "오",
    "서",
    "신",
    "권",
    "황",
    "송",
    "류",
)
GIVEN_NAMES = (
    "가람", "나래", "다온", "라온", "마루", "바름", "새봄", "아름", "지음", "차솔", "하늘", "누리", "도담", "미르",
    "보람", "슬기", "온유", "은솔", "이든", "한결", "초롱", "해솔", "별하", "단비", "소담", "우솔", "윤슬", "다솜",
    "가온", "나린", "다흰", "라임", "모아", "벼리", "세찬", "여울", "자람", "찬솔", "큰별", "토리", "푸름", "한별",
)  # fmt: skip
ENGLISH_NAMES = ("Daniel Oh", "Grace Lim", "Minsoo Kang", "Hana Ryu")
DEVICE_NAMES = ("iPhone", "iPad", "Galaxy Tab", "내 노트북", "user")
EMAIL_SYLLABLES = ("ga", "na", "da", "ra", "ma", "ba", "sa", "ja", "cha", "ha")

HOBBIES = (
    "야구", "고양이", "커피", "등산", "게임", "러닝", "캠핑", "드라마", "기타", "축구", "강아지", "베이킹", "클라이밍", "영화",
    "자전거", "보드게임", "떡볶이", "마라탕", "헬스", "낚시", "웹툰", "뮤지컬", "수영", "식물",
)  # fmt: skip

EMOJI = ("👍", "❤️", "😂", "🙌", "👏", "🔥", "🎉", "👍🏻", "👏🏻", "😮", "🙏", "💯", "✅", "👨‍💻")
STYLE_EMOJI = ("😊", "🙌", "😂", "🥲", "✨", "🔥", "👍🏻", "🤔", "😭", "💪")
SLACK_REACTIONS = (
    "+1",
    "fire",
    "white_check_mark",
    "eyes",
    "pray",
    "heart",
    "tada",
    "clap::skin-tone-2",
    "욥",
)


@dataclass(frozen=True)
class Topic:
    """What a lecture is about.

    Attributes:
        terms: words that come up in questions and answers.
        snippets: code that somebody pastes, several lines each.
        errors: one-line error messages.
    """

    name: str
    terms: tuple[str, ...]
    snippets: tuple[str, ...]
    errors: tuple[str, ...]


TOPICS = (
    Topic(
        "파이썬 기초",
        ("리스트 컴프리헨션", "딕셔너리", "제너레이터", "람다", "데코레이터", "튜플", "슬라이싱", "f-string", "클래스", "self"),
        (
            "def average(values):\n    total = 0\n    for value in values:\n        total += value\n    return total / len(values)",
            "scores = {'kim': 80, 'lee': 92}\nfor name, score in scores.items():\n    print(name, score)",
            "class Cart:\n    def __init__(self):\n        self.items = []\n\n    def add(self, item):\n        self.items.append(item)",
        ),
        ("IndentationError: unexpected indent", "TypeError: 'int' object is not iterable", "NameError: name 'x' is not defined"),
    ),
    Topic(
        "판다스",
        ("데이터프레임", "groupby", "merge", "결측치", "피벗 테이블", "인덱스", "apply", "시리즈", "loc", "astype"),
        (
            "df = df.dropna(subset=['price'])\ndf.groupby('city')['price'].mean()",
            "left.merge(\n    right,\n    on='id',\n    how='left',\n)",
            "df['month'] = df['date'].dt.month\ndf.pivot_table(index='month', values='sales', aggfunc='sum')",
        ),
        ("KeyError: 'price'", "ValueError: cannot reindex on an axis with duplicate labels", "SettingWithCopyWarning"),
    ),
    Topic(
        "SQL",
        ("조인", "서브쿼리", "윈도우 함수", "인덱스", "트랜잭션", "외래키", "GROUP BY", "HAVING", "정규화", "실행 계획"),
        (
            "SELECT city, count(*) AS n\nFROM orders\nGROUP BY city\nHAVING count(*) > 10;",
            "WITH daily AS (\n    SELECT day, sum(amount) AS total\n    FROM sales\n    GROUP BY day\n)\nSELECT * FROM daily ORDER BY total DESC;",
        ),
        ("syntax error at or near \"FROM\"", "column \"n\" does not exist", "ERROR 1064 (42000)"),
    ),
    Topic(
        "통계",
        ("표준편차", "p-value", "귀무가설", "신뢰구간", "정규분포", "상관계수", "중심극한정리", "표본", "분산", "베이즈 정리"),
        (
            "import numpy as np\nx = np.random.normal(0, 1, 1000)\nprint(x.mean(), x.std())",
            "from scipy import stats\nt, p = stats.ttest_ind(a, b)\nif p < 0.05:\n    print('차이 있음')",
        ),
        ("RuntimeWarning: invalid value encountered in divide", "NameError: name 'stats' is not defined"),
    ),
    Topic(
        "머신러닝",
        ("과적합", "교차 검증", "랜덤 포레스트", "정규화", "하이퍼파라미터", "경사하강법", "로지스틱 회귀", "정밀도", "재현율", "피처"),
        (
            "model = RandomForestClassifier(n_estimators=200)\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
            "for depth in range(2, 10):\n    tree = DecisionTreeClassifier(max_depth=depth)\n    print(depth, cross_val_score(tree, X, y).mean())",
        ),
        ("ValueError: Input contains NaN", "NotFittedError: this instance is not fitted yet"),
    ),
    Topic(
        "딥러닝",
        ("역전파", "활성화 함수", "학습률", "드롭아웃", "배치 정규화", "어텐션", "임베딩", "손실 함수", "옵티마이저", "에폭"),
        (
            "optimizer.zero_grad()\nloss = criterion(model(x), y)\nloss.backward()\noptimizer.step()",
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(784, 10)\n\n    def forward(self, x):\n        return self.fc(x)",
        ),
        ("RuntimeError: CUDA out of memory", "mat1 and mat2 shapes cannot be multiplied (32x784 and 10x784)"),
    ),
    Topic(
        "웹 크롤링",
        ("셀레니움", "BeautifulSoup", "XPath", "셀렉터", "세션", "쿠키", "robots.txt", "헤더", "스크롤", "파싱"),
        (
            "soup = BeautifulSoup(html, 'html.parser')\nfor row in soup.select('table tr'):\n    print(row.text)",
            "<ul id=\"menu\">\n  <li>홈</li>\n</ul>\n<script>alert('안녕')</script>",
            "res = requests.get(url, headers=headers)\nprint(res.status_code)\nprint(res.text[:200])",
        ),
        ("AttributeError: 'NoneType' object has no attribute 'text'", "NoSuchElementException", "403 Forbidden"),
    ),
    Topic(
        "도커와 에어플로우",
        ("컨테이너", "이미지", "볼륨", "DAG", "스케줄러", "오퍼레이터", "XCom", "포트", "멱등성", "백필"),
        (
            "docker run -d \\\n  -p 8080:8080 \\\n  -v ./dags:/dags \\\n  my-image",
            "with DAG('daily', schedule='@daily') as dag:\n    extract >> transform >> load",
        ),
        ("port is already allocated", "permission denied while trying to connect to the Docker daemon", "DAG not found"),
    ),
    Topic(
        "자연어 처리",
        ("토큰화", "형태소", "불용어", "TF-IDF", "워드투벡", "코사인 유사도", "트랜스포머", "파인튜닝", "말뭉치", "감성 분석"),
        (
            "tokens = tokenizer.tokenize(text)\ncounts = Counter(tokens)\nprint(counts.most_common(10))",
            "vec = TfidfVectorizer(ngram_range=(1, 2))\nX = vec.fit_transform(docs)\nprint(X.shape)",
        ),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte", "OSError: no model named 'ko'"),
    ),
    Topic(
        "깃과 협업",
        ("브랜치", "커밋", "리베이스", "충돌", "풀 리퀘스트", "스태시", "원격 저장소", "체리픽", "HEAD", "gitignore"),
        (
            "git switch -c feature/login\ngit add .\ngit commit -m \"로그인 추가\"\ngit push -u origin feature/login",
            "<<<<<<< HEAD\nname = 'kim'\n=======\nname = 'lee'\n>>>>>>> feature",
        ),
        ("fatal: not a git repository", "error: failed to push some refs", "CONFLICT (content): Merge conflict"),
    ),
)  # fmt: skip

GREETINGS: Pairs = (
    ("안녕하세요", "안녕"), ("안녕하세요!", "하이"), ("좋은 아침입니다", "굿모닝"), ("좋은 아침이에요~", "모닝"),
    ("안녕하세요 오늘도 화이팅입니다", "오늘도 화이팅"), ("반갑습니다", "ㅎㅇ"), ("출석합니다", "출석"),
    ("오늘 날씨가 좋네요", "오늘 날씨 좋다"), ("다들 주말 잘 보내셨나요?", "다들 주말 잘 보냈어?"), ("다들 식사하셨나요?", "밥 먹었어?"),
    ("안녕하세요 조금 늦었습니다", "조금 늦었다"), ("{h} 하다 늦게 잤더니 피곤하네요", "{h} 때문에 피곤하다"),
)  # fmt: skip
FAREWELLS: Pairs = (
    ("수고하셨습니다", "수고"), ("수고하셨습니다!", "수고했어"), ("감사합니다", "땡큐"), ("오늘도 감사합니다", "고마워"),
    ("고생하셨습니다", "고생했어"), ("내일 뵙겠습니다", "내일 봐"), ("수고 많으셨습니다 강사님", "다들 수고"),
    ("덕분에 {t을를} 이해했어요 감사합니다", "오늘 {t} 재밌었다"), ("좋은 저녁 보내세요", "잘 가"),
)  # fmt: skip
ACKNOWLEDGEMENTS: Pairs = (
    ("네", "응"), ("넵", "ㅇㅇ"), ("네네", "웅"), ("네 이해했습니다", "이해함"), ("아하 그렇군요", "아하"), ("확인했습니다", "확인"),
    ("네 잘 들립니다", "잘 들려"), ("됩니다", "됨"), ("저는 잘 돼요", "난 잘 됨"), ("완료했습니다", "완료"), ("네 보입니다", "보여"),
    ("감사합니다", "고마워"), ("오 신기하네요", "오 신기"), ("이제 알겠습니다", "이제 알겠다"), ("아 해결했습니다", "아 해결"),
    ("{t이가} 그런 뜻이었군요", "{t이가} 그런 거였구나"), ("{t은는} 이제 알겠어요", "{t} 이제 알겠다"), ("따라가고 있습니다", "따라가는 중"),
)  # fmt: skip
CHATTER: Pairs = (
    ("{t이가} 생각보다 어렵네요", "{t} 어렵다"), ("{t과와} {u이가} 헷갈려요", "{t이랑} {u} 헷갈려"), ("저는 {t으로} 했어요", "난 {t으로} 했어"),
    ("어제 {h} 하느라 복습을 못 했어요", "어제 {h} 하느라 복습 못 함"), ("오늘 점심은 김치찌개 먹을 거예요", "점심 김치찌개 가자"),
    ("{h} 얘기 나오니까 반갑네요", "{h} 얘기 나오니까 신난다"), ("{t} 예제가 재밌어요", "{t} 예제 재밌다"), ("졸려서 커피 사 왔어요", "졸려서 커피 사 옴"),
    ("과제 {n}번이 제일 어려웠어요", "과제 {n}번 개어려움"), ("주말에 {h} 하실 분 구합니다", "주말에 {h} 할 사람"), ("{u} 부분은 책 {n}쪽에 있어요", "{u} 책 {n}쪽에 있음"),
    ("노트북이 너무 느려요", "노트북 너무 느리다"), ("강의실이 조금 추워요", "강의실 추워"), ("{t을를} 실무에서 많이 쓴다고 해요", "{t} 실무에서 많이 쓴대"),
    ("저도 {h} 좋아해요", "나도 {h} 좋아함"), ("{h} 덕분에 버티고 있습니다", "{h} 덕에 버틴다"), ("복습하니까 {t이가} 보이네요", "복습하니까 {t} 보인다"),
    ("오늘 진도가 빠르네요", "진도 빠르다"), ("{t} 정리한 거 나중에 공유할게요", "{t} 정리한 거 나중에 공유함"), ("지하철이 늦게 와서 이제 왔어요", "지하철 때문에 지금 옴"),
    ("{n}분 뒤에 다시 켜볼게요", "{n}분 뒤에 다시 켜봄"), ("스터디에서 {t} 발표 맡았어요", "스터디 때 {t} 발표함"), ("어제 본 {h} 영상이 생각나요", "어제 본 {h} 영상 생각남"),
    ("{t} 쪽은 외우는 게 편하더라고요", "{t} 그냥 외움"), ("프로젝트 주제를 {h으로} 할까 고민 중이에요", "프로젝트 주제 {h으로} 할까 고민"),
)  # fmt: skip
QUESTIONS: Pairs = (
    ("{t이가} 정확히 뭔가요?", "{t이가} 뭐야?"), ("{t은는} 언제 쓰나요?", "{t} 언제 써?"), ("{t과와} {u의} 차이가 뭔가요?", "{t이랑} {u} 차이가 뭐야?"),
    ("{t} 대신 {u을를} 써도 되나요?", "{t} 대신 {u} 써도 돼?"), ("왜 {t을를} 먼저 하는 건가요?", "왜 {t} 먼저 해?"), ("이 부분에서 {n}을 넣으면 어떻게 되나요?", "여기 {n} 넣으면 어떻게 돼?"),
    ("{t} 코드에서 에러가 나는데 왜 그런가요?", "{t} 에러 나는데 왜 그래?"), ("{n}번 문제 답이 뭔가요?", "{n}번 답이 뭐야?"), ("과제 제출은 언제까지인가요?", "과제 언제까지야?"),
    ("쉬는 시간은 몇 시까지인가요?", "몇 시까지 쉬어?"), ("{t은는} 시험에 나오나요?", "{t} 시험에 나와?"), ("실무에서도 {t을를} 많이 쓰나요?", "실무에서도 {t} 많이 써?"),
    ("{t} 값이 음수가 나올 수도 있나요?", "{t} 음수 나올 수도 있어?"), ("교재 몇 쪽인가요?", "몇 쪽이야?"), ("방금 {u은는} 어떻게 만드신 건가요?", "방금 {u} 어떻게 만든 거야?"),
    ("{t} 버전이 다르면 결과도 달라지나요?", "{t} 버전 다르면 결과도 달라?"), ("{u이가} 없으면 {t은는} 못 쓰는 건가요?", "{u} 없으면 {t} 못 써?"), ("녹화본은 언제 올라오나요?", "녹화본 언제 올라와?"),
    ("혹시 저만 결과가 {n}으로 나오나요?", "나만 {n} 나와?"), ("{t} 설치는 어디에서 하나요?", "{t} 설치 어디서 해?"),
)  # fmt: skip
UNMARKED_QUESTIONS: Pairs = (
    ("{t은는} 언제 쓰나요", "{t} 언제 쓰지"), ("{t이가} 왜 안 되는 걸까요", "{t} 왜 안 되지"), ("{t이랑} {u} 같은 건가요", "{t이랑} {u} 같은 건가"),
    ("{n}번이 맞나요", "{n}번 맞나"), ("혹시 {t} 파일 어디에 있나요", "{t} 파일 어디 있음"), ("몇 페이지 보고 계신가요", "몇 페이지 보는 중"),
    ("{t} 에러 나는 분 계신가요", "{t} 에러 나는 사람"), ("이거 {t으로} 풀어도 되는 건가요", "이거 {t으로} 풀어도 되나"), ("오늘은 몇 시에 끝나나요", "오늘 몇 시에 끝나"),
    ("{u} 다음에 {t} 하는 거 맞죠", "{u} 다음에 {t} 맞지"),
)  # fmt: skip
INDIRECT_QUESTIONS: Pairs = (
    ("{t을를} 쓰는 이유가 궁금합니다", "{t} 왜 쓰는지 궁금"), ("{t과와} {u의} 차이를 잘 모르겠습니다", "{t이랑} {u} 차이를 모르겠어"), ("{t이가} 뭔지 알려주실 수 있나요", "{t이가} 뭔지 알려줄 사람"),
    ("{t} 결과가 왜 {n}인지 모르겠어요", "왜 {n} 나오는지 모르겠음"), ("{t} 설명을 한 번 더 듣고 싶습니다", "{t} 설명 다시 듣고 싶다"), ("혹시 {u} 부분 다시 설명해 주실 수 있나요?", "{u} 부분 다시 설명해 줄 수 있어?"),
    ("{t을를} 어디에 적용하는지 여쭤보고 싶습니다", "{t} 어디에 쓰는지 궁금해"), ("질문 있습니다 {t} 순서가 중요한지 궁금해요", "{t} 순서 중요한지 궁금"),
)  # fmt: skip
# Not questions although they look like some: requests for an action, rhetorical ones, set phrases.
LOOKALIKES: Pairs = (
    ("화면 조금만 키워주실 수 있나요?", "화면 좀 키워줘"), ("소리 조금만 키워주세요", "소리 좀 키워줘"), ("이걸 누가 바로 알겠어요?", "이걸 누가 알아?"), ("왜 이렇게 어려운 걸까요 하하", "왜 이렇게 어렵냐 진짜"),
    ("잠깐만 기다려 주시겠어요?", "잠깐만 기다려 줄래?"), ("{t} 파일 다시 올려주실 수 있을까요?", "{t} 파일 다시 올려줘"), ("다들 점심 맛있게 드셨죠?", "다들 점심 맛있게 먹었지?"),
    ("{t}만 세 시간이라니 이게 말이 되나요?", "{t}만 세 시간이라니 말이 돼?"),
)  # fmt: skip
TROUBLES: Pairs = (
    ("소리가 안 들려요", "소리 안 들림"), ("화면이 멈췄어요", "화면 멈춤"), ("화면 공유가 안 보입니다", "화면 안 보임"), ("튕겼다가 다시 들어왔습니다", "튕겨서 다시 옴"), ("마이크가 꺼져 있어요", "마이크 꺼져 있음"),
    ("{e} 라고 떠요", "{e} 뜸"), ("{t} 실행하면 {e} 나와요", "{t} 돌리면 {e} 나옴"),
)  # fmt: skip
ANSWERS: Pairs = (
    ("{t} 먼저 하고 {u} 하시면 됩니다", "{t} 먼저 하고 {u} 하면 돼"), ("저는 {n}번이라고 생각해요", "난 {n}번인 듯"), ("{t} 다시 설치하니까 됐어요", "{t} 다시 까니까 됨"), ("교재 {n}쪽에 나와 있어요", "책 {n}쪽에 있음"),
    ("저도 같은 에러였는데 재시작하니 돼요", "나도 그랬는데 껐다 켜니까 됨"), ("아마 {t} 버전 문제일 거예요", "{t} 버전 문제인 듯"), ("저도 안 돼요", "나도 안 됨"), ("네 맞아요", "맞아"),
    ("아니요 {u이가} 먼저예요", "아니 {u이가} 먼저"), ("검색해 보니 {t은는} 기본값이래요", "찾아보니 {t은는} 기본값이래"), ("감사합니다 해결됐어요", "고마워 해결됨"),
)  # fmt: skip
TEACHER_ANSWERS = (
    "네, {t은는} 그럴 때 쓰시면 됩니다.", "좋은 질문이에요. {t과와} {u은는} 목적이 다릅니다.", "{u을를} 먼저 이해하시면 {t이가} 쉬워집니다.", "그 부분은 {n}분 뒤에 다시 설명할게요.",
    "네 맞습니다.", "아니요, {u이가} 먼저입니다.", "에러 메시지 전체를 올려주시겠어요?", "{t} 버전을 확인해 보세요.", "실무에서는 {t을를} 더 자주 씁니다.", "쉬는 시간에 같이 볼게요.",
    "교재 {n}쪽 그림을 보시면 이해가 되실 거예요.", "시험에는 안 나옵니다 걱정 마세요.", "네, 결과가 {n}이면 맞게 하신 거예요.", "과제는 금요일까지입니다.", "녹화본은 저녁에 공유됩니다.",
)  # fmt: skip
TEACHER_REMARKS = (
    "지금부터 {t} 시작하겠습니다", "여기까지 질문 있으신가요?", "{t은는} 꼭 기억해 주세요", "코드 채팅에 올려드릴게요", "{n}분까지 쉬고 오겠습니다", "자 이제 {u으로} 넘어갈게요",
    "오늘 배운 {t} 복습 꼭 하세요", "실습 파일은 {n}번 폴더에 있습니다", "{t과와} {u을를} 비교해 봅시다", "이 부분이 오늘의 핵심입니다", "화면 잘 보이시나요?",
)  # fmt: skip
STAFF_NOTICES = (
    "출석 체크 부탁드립니다", "오늘 설문 링크는 슬랙에 올렸습니다", "점심시간은 1시간입니다", "오프라인 수강생분들은 강의실 정리 부탁드립니다", "녹화는 저녁에 공유드리겠습니다", "비대면 수강생분들 카메라 켜주세요",
    "내일은 {t} 특강이 있습니다", "퇴실 체크 잊지 마세요",
)  # fmt: skip
QUIZ_PROMPTS = (
    "{t} 문제입니다 정답은 몇 번일까요? 채팅에 올려주세요",
    "다음 중 {t이가} 아닌 것은? 번호를 적어주세요",
    "{u의} 결과는 몇일까요? 채팅으로 답해 주세요",
)
QUIZ_ANSWERS: Pairs = (
    ("{a}번이요", "{a}번"), ("{a}번입니다", "{a}"), ("{a}", "{a}!!"), ("저는 {b}번이요", "{b}번"), ("{a}번 같아요", "{a}번 아님?"), ("{b}번이요", "{b}"), ("어렵네요 {b}번", "모르겠다 {b}번"),
)  # fmt: skip
CHECK_PROMPTS = (
    "여기까지 되신 분은 1을 올려주세요",
    "소리 잘 들리면 채팅에 1 남겨주세요",
    "설치 끝나신 분 1 부탁드려요",
)
CHECK_ANSWERS: Pairs = (
    ("1", "1"),
    ("1", "1"),
    ("1이요", "11"),
    ("11", "1"),
    ("1 됐어요", "1ㅋ"),
    ("저는 아직이요", "난 아직"),
)
JOKES: Pairs = (
    ("아 너무 웃겨요", "아 웃겨"), ("강사님 최고예요", "쌤 최고"), ("빵 터졌어요", "빵 터짐"), ("오늘의 명언이네요", "명언이다"), ("하하하 저만 웃긴가요", "나만 웃기냐"), ("박수 드립니다", "짝짝짝"), ("대박이에요", "대박"),
)  # fmt: skip
ERROR_STORM: Pairs = (
    ("저도 {e} 나와요", "나도 {e}"), ("저도 같은 에러예요", "나도 같은 에러"), ("{e} 뜨는데 저만 그런가요?", "{e} 뜨는데 나만 그래?"), ("설치가 안 돼요", "설치 안 됨"), ("저도요", "나도"), ("저는 돼요", "난 됨"),
    ("재부팅해도 똑같아요", "재부팅해도 똑같음"), ("어떻게 해결하나요?", "어떻게 해결해?"),
)  # fmt: skip
AUDIO_STORM: Pairs = (
    ("소리가 안 들려요", "소리 안 들림"), ("강사님 마이크 꺼졌어요", "쌤 마이크"), ("저도 안 들립니다", "나도 안 들려"), ("안 들려요!!", "안들려"), ("저만 안 들리나요?", "나만 안 들려?"), ("이제 들려요", "이제 들린다"), ("끊겨요", "끊김"),
)  # fmt: skip
DIRECT_MESSAGES: Pairs = (
    ("강사님 저 오늘 병원 때문에 조금 일찍 나가야 합니다", "나 오늘 일찍 나감"), ("죄송한데 출석 체크 확인 부탁드려요", "출석 됐는지 봐줘"), ("개인적으로 질문드려도 될까요?", "이거 뭐라고 하신 거야?"), ("과제 늦게 내도 되나요?", "과제 했어?"),
    ("끝나고 {h} 같이 하실래요?", "끝나고 {h} 갈래?"), ("화면에 알림이 보이세요", "너 화면에 알림 보임"),
)  # fmt: skip
ENGLISH_LINES = (
    "Thanks!", "got it", "I think it's {n}", "same error here", "{t} makes sense now", "haha nice one", "works for me", "sorry I was late", "{t} is harder than {h}",
)  # fmt: skip
ENGLISH_QUESTIONS = (
    "could you explain {t} again?", "what is the difference between {t} and {u}", "is {t} on the exam?", "why do we need {t} here?", "how many pages is the homework",
)  # fmt: skip
ENGLISH_GREETINGS = ("good morning everyone", "hello", "Hi all!")
ENGLISH_FAREWELLS = ("see you tomorrow", "thank you so much", "Thanks everyone!")
ENGLISH_WORDS = (
    ("감사합니다", "thank you"), ("에러", "error"), ("코드", "code"), ("질문", "question"), ("안녕하세요", "hello"), ("이해했", "understand했"), ("설치", "install"), ("결과", "result"), ("파일", "file"), ("화면", "screen"),
)  # fmt: skip
TYPOS = (
    ("안 돼", "안되"), ("어떻게", "어떻해"), ("됐", "됬"), ("뭔가요", "먼가요"), ("왜 ", "외 "), ("맞아", "마자"), ("감사합니다", "감사함니다"), ("했어요", "햇어요"), ("있나요", "잇나요"), ("같아요", "같에요"), ("습니다", "슴니다"), ("이에요", "이예요"),
)  # fmt: skip

SLACK_CHATTER = (
    "오늘 점심 같이 드실 분 계신가요?", "{t} 정리한 글 공유합니다", "스터디 이번 주는 {n}시에 할게요", "{h} 좋아하시는 분 모여요", "어제 과제 다 하셨어요?", "오늘 강의실 에어컨이 너무 세요", "{t} 책 좋은 거 찾았어요",
    "프로젝트 팀원 구합니다 {h} 주제예요", "내일 비 온다니까 우산 챙기세요", "카페 자리 {n}개 남았어요", "{u} 자료 찾았는데 정말 좋네요", "다들 힘내세요 이번 주만 버티면 됩니다",
)  # fmt: skip
SLACK_QUESTIONS = (
    "{t} 과제 {n}번에서 막혔는데 힌트 부탁드려도 될까요?", "{t이가} 잘 이해가 안 됩니다 설명해 주실 분 계신가요", "로컬에서 {e} 에러가 나는데 어떻게 해결하나요?", "{t과와} {u의} 차이가 궁금합니다", "{u} 실습 파일 어디서 받나요?",
    "면접에서 {t을를} 물어본다는데 어떻게 답하면 좋을까요?", "{t} 버전을 몇으로 맞춰야 하나요",
)  # fmt: skip
SLACK_THANKS = (
    "공유 감사합니다!",
    "감사합니다 🙏",
    "확인했습니다",
    "오늘도 고생 많으셨습니다",
    "링크 잘 열립니다",
    "넵 감사합니다",
)
SLACK_LATE_REPLIES = (
    "늦었지만 저도 같은 문제였는데 {t} 다시 설치하니 됐어요",
    "이제 봤네요 {u} 먼저 해보세요",
    "혹시 해결하셨나요?",
)
