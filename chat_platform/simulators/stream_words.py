"""Words, names and emotes of the simulated streams. All of it is written for this project.

What belongs here: tables of texts. What does not: choosing among them (``stream_generator``).

``{n}`` is a native emote of the channel, ``{e}`` one of a third party, ``{j}`` an emoji, ``{k}`` a number.
"""

# ruff: noqa: E501  (tables of sentences read better one group a line)
from __future__ import annotations

NAME_HEADS = (
    "달빛",
    "호랑",
    "민트",
    "구름",
    "감자",
    "별똥",
    "노을",
    "바다",
    "두부",
    "솜이",
    "율무",
    "자몽",
    "다람",
    "하루",
    "오로라",
)
NAME_TAILS = ("냥", "곰", "토끼", "요정", "기사", "박사", "여우", "왕", "단", "콩")
LOGIN_HEADS = (
    "dalbit",
    "horang",
    "mint",
    "gureum",
    "gamja",
    "byeol",
    "noeul",
    "bada",
    "dubu",
    "somi",
    "yulmu",
    "jamong",
    "daram",
    "haru",
    "aurora",
)
LOGIN_TAILS = ("nyang", "gom", "tokki", "fairy", "knight", "doctor", "fox", "king", "dan", "kong")
VIEWER_HEADS = ("졸린", "배고픈", "신난", "조용한", "빠른", "느긋한", "동네", "새벽", "주말", "익명의")
VIEWER_TAILS = ("펭귄", "고등어", "부엉이", "시청자", "달팽이", "참새", "수달", "고양이", "북극곰", "라면")

NATIVE_NAMES = ("Hi", "GG", "Cry", "Love", "Dance", "Nod", "Sleep", "Wow")
"""Names of a channel's emotes, behind its prefix."""
GLOBAL_NATIVE = ("HeyMoon", "TofuCool", "GoodNap", "RiceBall", "OneMore")
BTTV_GLOBAL = ("bearDance", "catNod", "tofuSpin")
FFZ_GLOBAL = ("YogiWow", "LazyDay")
SEVEN_TV_GLOBAL = ("KeroKero", "snowFall")
CHANNEL_EMOTES = (
    "bongoBear",
    "dduddu",
    "jjapGuri",
    "mongMong",
    "ggyak",
    "hoHoHo",
    "zzz5",
    "popoPop",
    "clapBear",
    "nekoNod",
)
MEMES = ("doriDori", "muhaMuha", "gwiYeopTa")
"""Codes that spread from channel to channel."""
SHARED_CODE = "tofuSpin2"
"""A code that BTTV and 7TV both have in some channels."""

TITLES = (
    "오늘은 가볍게 수다", "랭크 올리는 밤", "새 게임 처음 해봅니다", "보드게임 같이 해요", "요리하다 망하는 방송", "노래 몇 곡 부르고 갑니다",
    "chill drawing night", "first playthrough", "speedrun practice",
)  # fmt: skip

KOREAN = (
    "안녕하세요 {n}", "왔다 {n} {n}", "ㅋㅋㅋㅋㅋㅋ {e}", "방금 그거 뭐야 {e} {e}", "오늘 몇 시까지 해요?", "이거 깨면 치킨 산다 {j}",
    "와 미쳤다 {e}", "{n} {n} {n}", "아까 그 장면 다시 보고 싶다", "소리 조금만 키워 주세요", "노래 제목이 뭐예요?", "오늘 컨디션 좋아 보이네요 {j}",
    "ㅠㅠㅠㅠ 아깝다 {n}", "{k}번째 도전 가자", "저녁 먹고 왔어요 {j}", "이 판은 이긴다 {e}", "감독님 연기 대상 {e}", "그 아이템 버리면 안 돼요",
    "아니 왜 거기로 가", "{j}{j}{j}", "구독 {k}개월째입니다 {n}", "내일 방송 있나요?", "화면이 멈췄어요", "처음 왔는데 재밌네요", "퇴근하고 바로 켰다 {n}",
    "{e} {e} {e} {e}", "천천히 해도 돼요", "지금 온 사람 손 {j}", "점수 {k}점 실화냐", "오늘도 수고하셨습니다 {n} {j}",
)  # fmt: skip
ENGLISH = (
    "hello from {k} timezones away {n}", "what song is this?", "{e} no way", "clip that {e}", "that was close {j}", "first time here, hi {n}",
    "try the left door", "is this the final boss?", "{n} {n} well played", "take your time {j}", "brb getting noodles", "{e} {e}",
)  # fmt: skip
EMOJI = ("😂", "🔥", "👍🏻", "👏🏽", "🇰🇷", "👨‍👩‍👧", "❤️", "😭", "🎉", "1️⃣", "🏳️‍🌈", "🥲")
