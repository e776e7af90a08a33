"""The weekly digest on the portal: subscribing, looking at a week, sending it by hand.

What belongs here: these pages. What does not: the digest (``digest``), who gets it (``storage.subscriptions``),
deliveries (``storage.digests``), the clock (the schedule of the graph).

Who has the link at the foot of a digest ends it without signing in. Mail programs do that by one POST from anywhere,
without cookie and token (RFC 8058), so that route alone asks for no form token: knowing the address is the proof. A
GET only shows the page, since scanners of mail open every link.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.exc import DBAPIError
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from chat_platform.digest import render
from chat_platform.digest.content import PublishedWeek, compose, published_week
from chat_platform.digest.pictures import names, picture
from chat_platform.digest.places import Place
from chat_platform.digest.sending import channels, confirm_address, send, waiting
from chat_platform.digest.weeks import Week, last_week, parse_week
from chat_platform.errors import ChatPlatformError, WebError
from chat_platform.storage.digests import MAIL, DeliveryKey, DeliveryLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.subscriptions import (
    Subscription,
    SubscriptionStore,
    checked_address,
    masked,
)
from chat_platform.web import access
from chat_platform.web.failures import STATUS, in_words

log = logging.getLogger(__name__)
router = APIRouter()

HOLDER = access.Rule("holder of the link", signed_in=False, check_form=False)
Holder = Annotated[access.Visit, Depends(HOLDER)]
Text = Annotated[str, Form(max_length=500)]

WEEKS_SHOWN = 12
HOUR_S, DAY_S = 3_600, 86_400
ASKED_PER_HOUR, ASKED_PER_ADDRESS = 5, 3
"""Confirming mails of one account in an hour, and to one address in a day."""

_WEEKS = """
select distinct cast(date_trunc('week', lecture_date) as date) as monday from marts.lectures
where lecture_date < ? order by monday desc limit ?
"""


@router.get("/c/{class_id}/digest")
def overview(visit: access.Member, before: date | None = None, asked: bool = False) -> Response:
    """One's own subscription; for staff the weeks that are over, newest first."""
    return _overview(visit, before=before, asked=asked)


@router.post("/c/{class_id}/digest/subscribe")
def subscribe(visit: access.Member, address: Text) -> Response:
    """Ask for the digest: the address gets a mail with a link first."""
    class_id, me, throttles = visit.room.class_id, visit.account, visit.services.throttles
    try:
        if MAIL not in channels(visit.services.settings, class_id):
            raise WebError("CP-WEB-050")
        address = checked_address(address)
        throttles.take(f"digest account {me.account_id}", ASKED_PER_HOUR, HOUR_S)
        throttles.take(f"digest address {address.lower()}", ASKED_PER_ADDRESS, DAY_S)
        token = _subscriptions(visit).ask(me.account_id, class_id, address)
        confirm_address(_place(visit), address, visit.language, token)
    except WebError as error:
        return _overview(visit, address=address, error=error)
    visit.audit("digest.asked")
    return RedirectResponse(f"/c/{class_id}/digest?asked=true", 303)


@router.post("/c/{class_id}/digest/end")
def end(visit: access.Member) -> Response:
    """End one's own digest."""
    _subscriptions(visit).end(visit.account.account_id, visit.room.class_id)
    visit.audit("digest.ended")
    return RedirectResponse(f"/c/{visit.room.class_id}/digest", 303)


@router.get("/c/{class_id}/digest/confirm/{token}")
def confirm_page(visit: access.Member, token: str) -> Response:
    """What the link in the confirming mail opens; the button on it confirms."""
    return visit.page("digest/confirm.html", token=token)


@router.post("/c/{class_id}/digest/confirm/{token}")
def confirm(visit: access.Member, token: str) -> Response:
    """The address is right."""
    _subscriptions(visit).confirm(visit.account.account_id, visit.room.class_id, token)
    visit.audit("digest.confirmed")
    return RedirectResponse(f"/c/{visit.room.class_id}/digest", 303)


@router.get("/c/{class_id}/digest/weeks/{week}")
def week_page(visit: access.Staff, week: str, started: bool = False) -> Response:
    """The digest of a week as it would go out now; for operators also what became of it."""
    found, place = _week(visit, week), _place(visit)
    k = place.settings.web.smallest_group
    published = _published(visit, found)
    root = f"/c/{place.class_id}/digest/weeks/{found}/pictures"
    drawn = {name: f"{root}/{name}.png?v={visit.published.version.number}" for name in names(published)}
    digest = compose(
        place.class_id, place.title, found, published, place.query, place.engine, place.labels,
        place.settings.zone, k,
    )  # fmt: skip
    return visit.page(
        "digest/week.html",
        week=found,
        subject=render.subject(digest, visit.language),
        body=render.part(digest, visit.language, place.links, drawn),
        text=render.plain_text(digest, visit.language, place.links, None),
        empty=digest.empty,
        channels=channels(place.settings, place.class_id),
        deliveries=_deliveries(visit, found) if visit.role == "operator" else [],
        waiting=_waiting(visit, found) if visit.role == "operator" else 0,
        started=started,
    )


@router.get("/c/{class_id}/digest/weeks/{week}/pictures/{name}.png")
def week_picture(visit: access.Staff, week: str, name: str) -> Response:
    """A picture of that page; drawing takes longer than all else, so the page does not wait for it."""
    found = _week(visit, week)
    published = _published(visit, found)
    if name not in names(published):
        raise WebError("CP-WEB-001")
    png = visit.published.kept(("digest picture", found, name), lambda: picture(published, name))
    return Response(png, media_type="image/png")


@router.post("/c/{class_id}/digest/weeks/{week}/send")
def send_now(visit: access.Operator, week: str, confirm: Text = "") -> Response:
    """Send what is left of a week's digest; the page shows what becomes of it."""
    found = _week(visit, week)
    if confirm != "yes":
        raise WebError("CP-WEB-006", "confirm")
    return _send(visit, found, "digest.sent")


@router.post("/c/{class_id}/digest/weeks/{week}/again")
def send_again(visit: access.Operator, week: str, channel: Text, recipient: Text) -> Response:
    """Send again what failed, or what nobody knows of: the operator has asked the recipient."""
    found = _week(visit, week)
    key = DeliveryKey(visit.room.class_id, str(found), channel, recipient)
    DeliveryLog(visit.services.database).release(key)
    return _send(visit, found, "digest.released", channel=channel, recipient=recipient)


@router.get("/unsubscribe/{token}")
def unsubscribe_page(visit: Holder, token: str) -> Response:
    """Asks whether the digest should end."""
    found = _subscriptions(visit).by_token(token)
    if found is None:
        raise WebError("CP-WEB-056")
    return visit.page("digest/unsubscribe.html", token=token, subscription=found, title=_title(visit, found))


@router.post("/unsubscribe/{token}")
def unsubscribe(visit: Holder, token: str) -> Response:
    """End the digest, by the page's button or by a mail program."""
    found = _subscriptions(visit).end_by_token(token)
    visit.services.audit.note(
        "digest.ended", account_id=found.account_id, class_id=found.class_id, detail={"by": "link"}
    )
    return visit.page("digest/unsubscribe.html", token=token, subscription=found, title=_title(visit, found))


def _overview(
    visit: access.Visit,
    *,
    before: date | None = None,
    asked: bool = False,
    address: str | None = None,
    error: WebError | None = None,
) -> Response:
    class_id, me = visit.room.class_id, visit.account
    mine = _subscriptions(visit).get(me.account_id, class_id)
    typed = mine.address if mine else me.login if "@" in me.login else ""
    weeks, older = _weeks(visit, before) if visit.is_staff else ([], None)
    return visit.page(
        "digest/overview.html",
        status=STATUS.get(error.code, 422) if error else 200,
        subscription=mine,
        address=typed if address is None else address,
        asked=asked,
        error=in_words(visit, error) if error else None,
        by_mail=MAIL in channels(visit.services.settings, class_id),
        sending=visit.services.settings.digest,
        weeks=weeks,
        older=older,
    )


def _weeks(visit: access.Visit, before: date | None) -> tuple[list[Week], Week | None]:
    """Weeks with lectures that are over, the last one in any case; and where older ones begin."""
    last = last_week(datetime.now(UTC), visit.services.settings.zone)
    until = min(before, last.sunday) if before else last.sunday
    rows = visit.published.query(_WEEKS, (until, WEEKS_SHOWN + 1))
    found = [Week(row["monday"]) for row in rows]
    shown = found[:WEEKS_SHOWN]
    if before is None and last not in shown:
        shown = [last, *shown]
    return shown, shown[-1] if len(found) > WEEKS_SHOWN else None


def _published(visit: access.Visit, week: Week) -> PublishedWeek:
    k = visit.services.settings.web.smallest_group
    return visit.published.kept(("digest", week, k), lambda: published_week(visit.published.query, week, k))


def _send(visit: access.Visit, week: Week, action: str, **detail: str) -> Response:
    place = _place(visit)
    if not channels(place.settings, place.class_id):
        raise WebError("CP-WEB-050")
    visit.audit(action, str(week), **detail)

    def work() -> None:
        try:
            send(place, week)
        except (ChatPlatformError, DBAPIError) as error:
            code = error.code if isinstance(error, ChatPlatformError) else type(error).__name__
            log.warning("the digest of %s could not be sent: %s", week, code)

    target = f"/c/{place.class_id}/digest/weeks/{week}?started=true"
    return RedirectResponse(target, 303, background=BackgroundTask(work))


def _deliveries(visit: access.Visit, week: Week) -> list[dict[str, object]]:
    """What became of the digest, addresses masked."""
    log_of, class_id = DeliveryLog(visit.services.database), visit.room.class_id
    log_of.close_left(class_id)
    addresses = {
        str(account_id): masked(one) for account_id, one in _subscriptions(visit).addresses(class_id).items()
    }
    return [
        {
            "channel": one.key.channel,
            "recipient": one.key.recipient,
            "shown": addresses.get(one.key.recipient, "–") if one.key.channel == MAIL else one.key.recipient,
            "state": one.state,
            "code": one.code,
            "comes_again": one.comes_again,
            "attempts": one.attempts,
            "at": one.sent_at or one.claimed_at,
        }
        for one in log_of.of_week(class_id, str(week))
    ]


def _waiting(visit: access.Visit, week: Week) -> int:
    return sum(waiting(_place(visit), week).values())


def _place(visit: access.Visit) -> Place:
    room = visit.room
    return Place(
        room.class_id,
        room.title,
        visit.services.settings,
        visit.services.database,
        LabelLog(room.workspace.database),
        visit.published.query,
    )


def _week(visit: access.Visit, text: str) -> Week:
    return parse_week(text, datetime.now(UTC), visit.services.settings.zone)


def _subscriptions(visit: access.Visit) -> SubscriptionStore:
    return SubscriptionStore(visit.services.database, visit.services.settings.home)


def _title(visit: access.Visit, subscription: Subscription) -> str:
    room = visit.services.classes.get(subscription.class_id)
    return room.title if room else ""
