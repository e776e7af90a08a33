"""Who would say this? Asking the author model, and the quiz.

What belongs here: the routes, how often somebody may ask, who may be named. What does not: the model (``guessing``),
which messages are fit for the quiz (``quiz_messages``), rounds and scores (``storage.quiz``).

Scores are one's own. There is no list of the best: whoever guesses well knows how the others write, which is nobody's
business. A player sees the model's score on the same rounds, and, as with every comparison, their band of the class
(``bands``) by the end of last week.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.ml.authors.reasons import HOW_OMITTED, why_unknown
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.quiz import QuizStore, Round
from chat_platform.web import access, quiz_messages
from chat_platform.web.bands import Bands, cohort, cut, whole_weeks_until

router = APIRouter()

GUESSES, GUESSES_PER_S = 30, 300.0
"""So many guesses in so many seconds: enough to play, too few to search for the words of somebody."""
ROUNDS, ROUNDS_PER_S = 60, 3600.0
LONGEST = 2_000
TOP = 5

_NAMES = "select person_id, name from core.people where person_id in (select unnest($people))"


@router.get("/c/{class_id}/who")
def who(visit: access.Member) -> Response:
    """A sentence, please."""
    version = visit.room.guesser.prepare()
    return visit.page("who/ask.html", version=version, agreed=len(_agreed(visit)), text="", found=None)


@router.post("/c/{class_id}/who")
def guess(visit: access.Member, text: Annotated[str, Form(max_length=LONGEST)] = "") -> Response:
    """Who would say it; what was typed is not stored.

    Raises:
        WebError: CP-WEB-007 when asked too often, CP-WEB-032 while the model is being loaded.
        ModelError: CP-ML-025 when none serves, CP-ML-037 when somebody whom it knows has withdrawn.
    """
    visit.services.throttles.take(f"who:{visit.account.account_id}", GUESSES, GUESSES_PER_S)
    answer = visit.room.guesser.guess(text, TOP)
    names = _names(visit, [one.person_id for one in answer.guess.candidates])
    found = {
        "version": answer.version,
        "candidates": [
            {"name": names.get(one.person_id, one.person_id), "one": one} for one in answer.guess.candidates
        ],
        "unknown": why_unknown(answer.guess),
        "how": HOW_OMITTED if answer.guess.by_omission else None,
    }
    template = "who/answer.html" if visit.request.headers.get("hx-request") else "who/ask.html"
    return visit.page(template, version=answer.version, agreed=len(_agreed(visit)), text=text, found=found)


@router.get("/c/{class_id}/quiz")
def quiz(visit: access.Member, done: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None) -> Response:
    """The open round, the result of the last one, the score."""
    store, account = QuizStore(visit.services.database), visit.account.account_id
    agreed = _agreed(visit)
    messages = _messages(visit)
    ended = store.round_of(account, visit.room.class_id, done) if done else None
    return visit.page(
        "who/quiz.html",
        question=_question(visit, store, messages, agreed),
        result=_result(visit, ended, messages, agreed),
        score=store.score(account, visit.room.class_id),
        bands=_players(visit, store),
        agreed=len(agreed),
        fewest=quiz_messages.FEWEST_PEOPLE,
        any_message=bool(messages),
    )


@router.post("/c/{class_id}/quiz")
def start(visit: access.Member) -> Response:
    """Another round, unless one is open.

    Raises:
        WebError: CP-WEB-033 when nothing is left to ask, CP-WEB-007 when asked too often.
    """
    store, account, here = (
        QuizStore(visit.services.database),
        visit.account.account_id,
        visit.room.class_id,
    )
    agreed, messages = _agreed(visit), _messages(visit)
    if _question(visit, store, messages, agreed) is None:
        visit.services.throttles.take(f"quiz:{account}", ROUNDS, ROUNDS_PER_S)
        of_others = [one for one in messages.values() if one.person_id != visit.person_id]
        drawn = quiz_messages.draw(of_others, agreed, store.asked(account, here))
        if drawn is None:
            raise WebError("CP-WEB-033")
        store.start(
            account,
            here,
            message_id=drawn.message.message_id,
            options=drawn.options,
            model_choice=drawn.model_choice,
        )
    return RedirectResponse(f"/c/{here}/quiz", 303)


@router.post("/c/{class_id}/quiz/{round_id}")
def answer(
    visit: access.Member, round_id: int, choice: Annotated[str, Form(min_length=1, max_length=100)]
) -> Response:
    """The player's answer to their open round.

    Raises:
        WebError: CP-WEB-031 when the round is not open (any more), CP-WEB-006 for somebody who was not offered.
    """
    store, account, here = (
        QuizStore(visit.services.database),
        visit.account.account_id,
        visit.room.class_id,
    )
    messages = _messages(visit)
    opened = _still_open(visit, store, messages, _agreed(visit))
    if opened is None or opened.round_id != round_id:
        raise WebError("CP-WEB-031")
    author = messages[opened.message_id].person_id
    store.answer(account, here, round_id, choice=choice, author=author)
    return RedirectResponse(f"/c/{here}/quiz?done={round_id}", 303)


def _agreed(visit: access.Visit) -> frozenset[str]:
    """People who agree at this moment and are not programs."""
    return ConsentLog(visit.room.workspace.database).active(AUTHOR_MODEL)


def _messages(visit: access.Visit) -> dict[str, quiz_messages.HeldOut]:
    """Messages that may be asked about; a question whose asker hides is none, whoever plays."""
    hidden = AskedStore(visit.services.database, visit.room.class_id).hidden()
    found = quiz_messages.held_out(visit.published)
    return {message_id: one for message_id, one in found.items() if message_id not in hidden}


def _names(visit: access.Visit, people: Collection[str]) -> dict[str, str]:
    rows = visit.published.query(_NAMES, {"people": list(people)})
    return {row["person_id"]: row["name"] for row in rows}


def _still_open(
    visit: access.Visit,
    store: QuizStore,
    messages: Mapping[str, quiz_messages.HeldOut],
    agreed: Collection[str],
) -> Round | None:
    """The open round; one with somebody who does not agree any more, or without its message, ends here."""
    account, here = visit.account.account_id, visit.room.class_id
    opened = store.open_round(account, here)
    if opened is None:
        return None
    message = messages.get(opened.message_id)
    if message is None or message.person_id not in opened.options or not set(opened.options) <= set(agreed):
        store.end(account, here, opened.round_id)
        return None
    return opened


def _question(
    visit: access.Visit,
    store: QuizStore,
    messages: Mapping[str, quiz_messages.HeldOut],
    agreed: Collection[str],
) -> dict[str, Any] | None:
    """What is asked: nothing that tells the answer."""
    opened = _still_open(visit, store, messages, agreed)
    if opened is None:
        return None
    names = _names(visit, opened.options)
    return {
        "round_id": opened.round_id,
        "text": messages[opened.message_id].text,
        "options": [{"person_id": one, "name": names.get(one, one)} for one in opened.options],
    }


def _result(
    visit: access.Visit,
    ended: Round | None,
    messages: Mapping[str, quiz_messages.HeldOut],
    agreed: Collection[str],
) -> dict[str, Any] | None:
    """What became of a round that was answered; nobody is named who does not agree now."""
    if ended is None or ended.is_right is None:
        return None
    message = messages.get(ended.message_id)
    shown = message if message is not None and message.person_id in agreed else None
    people = {
        "author": shown.person_id if shown else None,
        "choice": ended.choice,
        "model": ended.model_choice,
    }
    names = _names(visit, [one for one in people.values() if one is not None and one in agreed])
    return {
        "is_right": ended.is_right,
        "model_is_right": ended.model_is_right,
        "text": shown.text if shown else None,
        **{role: names.get(one) if one else None for role, one in people.items()},
    }


def _players(visit: access.Visit, store: QuizStore) -> Bands:
    """Players in bands by their share of right answers until the end of last week."""
    settings = visit.services.settings
    until = whole_weeks_until(datetime.now(settings.zone).date())
    moment = datetime.combine(until, time(), settings.zone).astimezone(UTC)
    players = store.players(visit.room.class_id, moment)
    least = settings.web.smallest_group
    compared = cohort(
        {str(account): first.astimezone(settings.zone).date() for account, (first, _) in players.items()},
        least,
    )
    return cut(
        {str(account): share * 100 for account, (_, share) in players.items() if str(account) in compared},
        least,
    )
