"""Tokens: places, lemmas, slang, any text."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_platform.text import tokenise as module
from chat_platform.text.normalise import clean
from chat_platform.text.tokenise import TOKENIZER, Token, Tokens, tokenise, tokenise_batch

# Tags of tokens whose form is what stands in the text …
AS_WRITTEN = {"SL", "SN", "SF", "SP", "SW", "EMOJI", "W_URL", "W_EMAIL", "W_MENTION"}
# … and of those whose last syllable may carry the next morpheme (저 + ㄴ in 전).
UNINFLECTED = {"NNG", "NNP", "MAG", "IC"}

chat_words = st.sampled_from(
    [
        "안녕하세요", "질문", "있어요", "안돼요ㅠㅠ", "넵", "됐어요", "했습니당", "몰겠어요", "Python", "df.head()",
        "👍🏽", "👨‍👩‍👧", "🇰🇷", "❤️", "𠮷", "𝐀", "⟨url⟩", "⟨url⟩를", "⟨user⟩님", "⟨email⟩", "\n", " ", " ",
        "12,000원", "가까워", "?", "!", "욥", "\u1112", "\u11ab", "é", "ﾡ", "あ", "1️⃣",
    ]
)  # fmt: skip
chat_text = st.lists(chat_words, max_size=12).map("".join)


def forms(text: str) -> list[str]:
    return [token.form for token in tokenise(text)]


def lemmas(text: str, *tags: str) -> list[str]:
    return [token.lemma for token in tokenise(text) if not tags or token.tag in tags]


def jamo(text: str) -> str:
    """Single letters, without the blanks that some names have in Kiwi's dictionary and not in the text."""
    return unicodedata.normalize("NFD", text.replace(" ", ""))


def check_places(text: str) -> None:
    for token in tokenise(text):
        assert token.start >= 0
        assert token.length >= (0 if token.tag[0] in "VX" else 1), token
        assert token.start + token.length <= len(text)
        surface = text[token.start : token.start + token.length]
        if token.tag in AS_WRITTEN:
            assert surface == token.form, token
        if token.tag in UNINFLECTED and token.form.isalpha() and token.form[0] >= "가":
            assert unicodedata.normalize("NFD", surface).startswith(
                unicodedata.normalize("NFD", token.form)
            ), token


@settings(max_examples=300, deadline=None)
@given(chat_text)
@example("😀안녕하세요👨‍👩‍👧 됐어요👍🏽넵")
@example("⟨url⟩를⟨user⟩님이 a⟨url⟩b⟨url⟩")
def test_places_are_characters_of_the_text_whatever_stands_before(text: str) -> None:
    check_places(clean(text))


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=40))
@example("\ud83d")
@example("\ud83d\ude00 안녕")
@example("\x00\x00")
@example("ᄏ" * 50)
@example("\u200d" * 5)
def test_any_text_gives_tokens_within_it(text: str) -> None:
    for token in tokenise(text):
        assert 0 <= token.start <= token.start + token.length <= len(text)
        assert token.form
        assert token.lemma
        token.form.encode("utf-8" if token.tag != "EMOJI" else "utf-16")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("도와주세요 고마워요", ["돕다", "고맙다"]),
        ("걸어 갔다", ["걷다", "가다"]),
        ("예뻐요", ["예쁘다"]),
        ("안 돼요", ["되다"]),
        ("공부했어요", ["하다"]),
        ("몰겠어요", ["모르다"]),
        ("뭔지 몰랐어요", ["모르다"]),
    ],
)
def test_verbs_and_adjectives_have_their_dictionary_form(text: str, expected: list[str]) -> None:
    found = [token.lemma for token in tokenise(text) if token.tag[0] == "V" or token.tag.startswith("XS")]
    assert [lemma for lemma in found if lemma not in ("이다", "주다")] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("넵", "네"),
        ("넵넵", "네"),
        ("넹", "네"),
        ("옙", "네"),
        ("굳굳", "굿"),
        ("오키", "오케이"),
        ("깃헙", "깃허브"),
        ("쌤", "선생님"),
    ],
)
def test_slang_of_the_class_is_one_token_with_its_standard_word(text: str, expected: str) -> None:
    assert lemmas(text) == [expected]
    assert tokenise(text)[0].length == len(text)


def test_slang_endings_and_typos_still_give_the_words() -> None:
    assert lemmas("감사합니당 쌤", "NNG") == ["감사", "선생님"]
    assert "하다" in lemmas("어케 하나욥??")
    assert lemmas("어케 하나욥??")[0] == "어떻게"
    assert lemmas("수고하셨습니다욥", "NNG") == ["수고"]
    assert "되다" in lemmas("안되욤")
    assert "어렵다" in lemmas("넘 어렵네여")
    assert "먹다" in lemmas("먹었엌")


def test_latin_words_are_lower_case_in_the_lemma_and_as_written_in_the_form() -> None:
    assert tokenise("Python을 써요")[0] == Token("Python", "python", "SL", 0, 6)


def test_emoji_are_tokens_by_cluster_and_grouped_by_lemma() -> None:
    found = [token for token in tokenise("네👍🏽👍 ❤️🇰🇷") if token.tag == "EMOJI"]
    assert found == [
        Token("👍🏽", "👍", "EMOJI", 1, 2),
        Token("👍", "👍", "EMOJI", 3, 1),
        Token("❤️", "❤", "EMOJI", 5, 2),
        Token("🇰🇷", "🇰🇷", "EMOJI", 7, 2),
    ]


def test_placeholders_are_one_token_and_no_word_and_their_particle_is_one() -> None:
    assert [(t.form, t.tag) for t in tokenise("⟨url⟩를 봐")][:2] == [("⟨url⟩", "W_URL"), ("를", "JKO")]
    assert [t.tag for t in tokenise("⟨email⟩ ⟨user⟩")] == ["W_EMAIL", "W_MENTION"]


def test_jamo_are_the_letters_that_keyboards_type() -> None:
    assert "ㅂ니다" in forms("합니다")
    assert forms("하나욥")[-1] == "ㅂ"


def test_a_batch_gives_what_each_text_gives_alone_in_order_and_repeated() -> None:
    texts = ["질문 있어요", "", "넵 👍", "질문 있어요", "   ", "did it work?"]
    assert tokenise_batch(texts) == [tokenise_batch([text])[0] for text in texts]
    assert tokenise_batch(texts)[1] == Tokens((), (), (), (), ())
    assert tokenise_batch([]) == []


def test_long_texts_are_analysed_in_pieces_with_places_in_the_whole() -> None:
    text = "오늘 수업 정말 재미있었어요 👍 " * 300
    found = tokenise(text)
    assert [t.lemma for t in found if t.tag == "NNG"] == ["오늘", "수업"] * 300 or lemmas(text, "NNG").count(
        "수업"
    ) == 300
    assert sum(t.tag == "EMOJI" for t in found) == 300
    check_places(text)
    word = "a" * 50_000
    assert "".join(t.form for t in tokenise(word)) == word


def test_a_text_that_the_analyser_cannot_take_is_kept_and_costs_the_others_nothing(monkeypatch) -> None:
    real = module._tokenizer()

    class Fragile:
        def tokenize(self, texts, **options):
            if any("금지" in text for text in ([texts] if isinstance(texts, str) else texts)):
                raise RuntimeError("cannot")
            return real.tokenize(texts, **options)

    monkeypatch.setattr(module, "_kiwi", Fragile())
    monkeypatch.setattr(module, "_recent", module._Recent(1000))
    bad, good = tokenise_batch(["금지된 글", "좋은 수업"])
    assert list(zip(*bad, strict=True)) == [("금지된 글", "금지된 글", "UN", 0, 5)]
    assert good.forms[-1] == "수업"


def test_the_cache_forgets_the_oldest_and_stays_within_its_bound() -> None:
    recent = module._Recent(30)
    tokens = Tokens(*[(1,) * 9] * 5)  # type: ignore[arg-type]
    for text in ("a", "b", "c"):
        recent.put(text, tokens)
    assert recent.get("a") == tokens
    recent.put("d", tokens)
    assert [text for text in "abcd" if recent.get(text)] == ["a", "c", "d"]
    recent.put("x" * 1000, tokens)
    assert recent.get("x" * 1000) is None


def test_each_text_is_analysed_once(monkeypatch) -> None:
    seen: list[str] = []
    real = module._analyse
    monkeypatch.setattr(module, "_analyse", lambda texts: (seen.extend(texts), real(texts))[1])
    monkeypatch.setattr(module, "_recent", module._Recent(10_000))
    tokenise_batch(["한 번만", "한 번만", "다른 글"])
    tokenise_batch(["다른 글", "한 번만"])
    assert seen == ["한 번만", "다른 글"]


def test_the_tokenizer_says_its_versions() -> None:
    assert TOKENIZER == "kiwipiepy 0.24.1, kiwipiepy-model 0.24.0, rules 1"


def test_importing_loads_no_model() -> None:
    script = "import sys, chat_platform.text.kernels; print('kiwipiepy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
