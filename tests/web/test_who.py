"""Who would say this? Only people who agree at this very moment are named, and often nobody is."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from chat_platform.errors import ModelError, WebError
from chat_platform.ingestion import author_training
from chat_platform.ml.authors.model import FILE, AuthorModel
from chat_platform.settings import Settings
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.web.guessing import Guesser
from chat_platform.web.pages.who import GUESSES
from tests.homes import copied
from tests.web.conftest import SignIn

LOW = {"floor": 0, "min_rows": 1, "min_each_class": 1, "max_calibration_error": 1}
SAID = "안녕하세요 오늘 과제 어디까지 하셨나요 ㅋㅋㅋ"


@pytest.fixture
def home(playing_home: Path, tmp_path: Path) -> Path:
    return copied(playing_home, tmp_path)


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    low = {"web": settings.web, "authors": {"min_messages": 10}, "promotion": {"author": LOW}}
    return Workspace(Settings(home=settings.home, **low))


@pytest.fixture
def model(workspace: Workspace) -> AuthorModel:
    return author_training.load_author_champion(workspace).model


def names_of(workspace: Workspace, people: tuple[str, ...] | frozenset[str]) -> set[str]:
    return set(author_training.author_names(workspace, sorted(people)).values())


def named(page: str) -> list[str]:
    return re.findall(r'<tr><th scope="row">(.*?)</th><td class="number">\d+ %</td>', page)


def ask(client: TestClient, text: str = SAID) -> str:
    answer = client.post("/c/class/who", data={"text": text})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_answer_is_the_models_with_what_spoke_for_it(
    sign_in: SignIn, model: AuthorModel, workspace: Workspace
) -> None:
    from chat_platform.ml.authors.model import NamedText

    page = unescape(ask(sign_in("student")))
    guess = model.guess([NamedText(SAID)], 5)
    names = author_training.author_names(workspace, model.persons)
    assert named(page) == [names[one.person_id] for one in guess.candidates]
    for one in guess.candidates:
        assert f"{one.probability * 100:.0f} %" in page
        for part in one.evidence[:3]:
            assert f"<q>{part.text}</q> {part.share * 100:.0f} %" in page
    assert ("모름" in page) == guess.unknown


def test_nobody_is_named_for_what_says_nothing(sign_in: SignIn) -> None:
    page = ask(sign_in("student"), "😀")
    assert "<strong>모름</strong>: 글이 너무 짧습니다" in page
    assert named(page) == []


@pytest.mark.parametrize(
    "text", ["", "a" * 2_001, "\ud7ff\x00 안녕하세요", "<script>alert(1)</script> 안녕하세요"]
)
def test_any_text_is_answered_or_refused_and_shown_as_text(sign_in: SignIn, text: str) -> None:
    answer = sign_in("student").post("/c/class/who", data={"text": text})
    assert answer.status_code == (422 if len(text) > 2_000 else 200)
    assert "<script>alert" not in answer.text


def test_what_was_typed_is_not_stored(sign_in: SignIn, home: Path) -> None:
    client = sign_in("student")
    ask(client, "도대체 누가 이런 말을 적어 두겠어요")
    for file in home.glob("app.sqlite*"):
        assert "이런 말을 적어".encode() not in file.read_bytes()


def test_who_withdraws_is_named_no_more_from_that_moment(
    sign_in: SignIn, model: AuthorModel, workspace: Workspace
) -> None:
    """The model that knows them is in memory and stays champion until it was trained again: it says nothing."""
    player, gone = sign_in("student"), model.persons[0]
    ask(player)
    own = sign_in("student", "own@example.com", person_id=gone)
    assert own.post("/c/class/consents", data={"action": "withdraw"}).status_code == 303
    for _ in range(2):
        answer = player.post("/c/class/who", data={"text": SAID})
        assert answer.status_code == 503
        assert "CP-ML-037" in answer.text
        assert named(answer.text) == []
    # Trained again, without them: the portal takes the new version without a restart, and they are not in it.
    author_training.train_candidate(workspace)
    assert author_training.settle(workspace, by="test")[2]
    page = unescape(ask(player))
    assert names_of(workspace, frozenset({gone})).isdisjoint(named(page))
    assert len(named(page)) == min(5, len(model.persons) - 1)


def test_what_was_asked_anonymously_is_not_learnt(
    sign_in: SignIn, workspace: Workspace, model: AuthorModel
) -> None:
    with workspace.publication.read() as connection:
        (asked,) = connection.execute(
            "select message_id from core.messages inner join core.identities using (identity_id) "
            "where identities.person_id = ? and visibility = 'everyone' and not removed "
            "order by length(text) desc, message_id limit 1",
            [model.persons[0]],
        ).fetchone()
    sign_in("student", person_id=model.persons[0])
    before = author_training.train_candidate(workspace)
    assert "anonymous" not in before.excluded
    AskedStore(workspace.database, workspace.settings.web.class_id).set_hidden(asked, 1, hidden=True)
    after = author_training.train_candidate(workspace)
    assert after.excluded["anonymous"] == 1
    assert after.model.version != before.model.version


def test_who_withdraws_while_the_model_answers_is_not_named(
    workspace: Workspace, model: AuthorModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    guesser = Guesser(workspace)
    assert guesser.guess(SAID).guess.candidates
    answered = AuthorModel.guess

    def slow(self: AuthorModel, *arguments: object) -> object:
        found = answered(self, *arguments)  # type: ignore[arg-type]
        ConsentLog(workspace.database).withdraw(model.persons[0], AUTHOR_MODEL, by="test")
        return found

    monkeypatch.setattr(AuthorModel, "guess", slow)
    with pytest.raises(ModelError) as error:
        guesser.guess(SAID)
    assert error.value.code == "CP-ML-037"


def test_a_model_is_loaded_once_for_many(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    real: Callable[[Workspace], object] = author_training.load_author_champion

    def counted(home: Workspace) -> object:
        loaded.append(1)
        return real(home)

    monkeypatch.setattr(author_training, "load_author_champion", counted)
    guesser = Guesser(workspace)
    with ThreadPoolExecutor(8) as pool:
        versions = set(pool.map(lambda _: guesser.guess(SAID).version, range(16)))
    assert (len(versions), len(loaded)) == (1, 1)


def test_while_it_is_loaded_people_are_told_to_wait(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    may_load = threading.Event()
    real = author_training.load_author_champion

    def held(home: Workspace) -> object:
        may_load.wait(30)
        return real(home)

    monkeypatch.setattr(author_training, "load_author_champion", held)
    guesser = Guesser(workspace)
    with pytest.raises(WebError) as error:
        guesser.guess(SAID, wait_s=0.05)
    assert error.value.code == "CP-WEB-032"
    may_load.set()
    assert guesser.guess(SAID, wait_s=30).guess.candidates


def test_a_damaged_model_is_a_coded_error_and_mended_it_serves(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = PromotionLog(workspace.database).champion("author")
    file = Path(workspace.lake.url) / "models" / "author" / str(version) / FILE
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    guesser = Guesser(workspace)
    with pytest.raises(ModelError) as error:
        guesser.guess(SAID)
    assert error.value.code == "CP-ML-025"
    file.write_bytes(whole)
    monkeypatch.setattr("chat_platform.web.guessing.RETRY_S", 0.0)
    assert guesser.guess(SAID).guess.candidates


def test_an_account_asks_so_often_and_others_go_on(sign_in: SignIn) -> None:
    one, other = sign_in("student"), sign_in("student", "other@example.com")
    codes = [one.post("/c/class/who", data={"text": "넵"}).status_code for _ in range(GUESSES + 2)]
    assert codes == [200] * GUESSES + [429, 429]
    assert other.post("/c/class/who", data={"text": "넵"}).status_code == 200


def test_htmx_gets_the_answer_alone(sign_in: SignIn) -> None:
    answer = sign_in("student").post("/c/class/who", data={"text": SAID}, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<section id="answer"')


class TestWithoutAModel:
    """A class in which nobody agreed."""

    @pytest.fixture
    def home(self, taught_home: Path, tmp_path: Path) -> Path:
        return copied(taught_home, tmp_path)

    def test_the_page_says_which_asset_has_not_run(self, sign_in: SignIn) -> None:
        page = sign_in("student").get("/c/class/who").text
        assert "models/author/champion" in page
        assert "<textarea" not in page
        assert "ml/author_predictions" in sign_in("student").get("/c/class/quiz").text

    def test_asking_all_the_same_is_a_coded_error(self, sign_in: SignIn) -> None:
        answer = sign_in("student").post("/c/class/who", data={"text": SAID})
        assert answer.status_code == 503
        assert "CP-ML-025" in answer.text
