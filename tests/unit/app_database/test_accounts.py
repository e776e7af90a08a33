"""Accounts, sessions, roles, invitations and tokens of the portal, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from chat_platform.errors import WebError
from chat_platform.storage.accounts import AccountStore, NewAccount
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.invitations import InvitationStore
from chat_platform.storage.members import MemberStore
from chat_platform.storage.provider_accounts import ProviderAccounts
from chat_platform.storage.tokens import TokenStore

DAY = timedelta(days=1)


@pytest.fixture
def engine(database_url: str) -> Engine:
    upgrade(database_url)
    return open_database(database_url)


@pytest.fixture
def accounts(engine: Engine) -> AccountStore:
    return AccountStore(engine, idle=timedelta(hours=1), longest=timedelta(hours=3))


@pytest.fixture
def invitations(engine: Engine) -> InvitationStore:
    return InvitationStore(engine)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(WebError) as caught:
        action()
    return caught.value.code


def everything_stored(engine: Engine, table: str) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(f"select * from {table}")).all())


# --- Accounts and sessions --------------------------------------------------------------------------------------


def test_a_login_is_known_in_any_case_and_taken_once(accounts: AccountStore) -> None:
    number = accounts.create(" Kim@Example.com ", "김\r\n 민수\0")
    assert accounts.by_login("KIM@example.com ").account_id == number
    assert accounts.by_id(number).name == "김 민수"
    assert refusal(lambda: accounts.create("kim@example.com", "other")) == "CP-WEB-006"
    assert accounts.by_login("kim@example.com\0") is None


@pytest.mark.parametrize("login", ["", " ", "a b", "a\nb", "a\u200bb", "a\u202eb", "a\0b", "x" * 255])
def test_a_login_that_could_look_like_another_is_refused(accounts: AccountStore, login: str) -> None:
    assert refusal(lambda: accounts.create(login, "name")) == "CP-WEB-006"


def test_of_many_who_take_a_login_at_once_one_gets_it(accounts: AccountStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(accounts.create, "kim", str(i)) for i in range(8)]
    codes = [t.exception().code if t.exception() else None for t in tries]
    assert sorted(codes, key=str) == sorted([None] + ["CP-WEB-006"] * 7, key=str)


def test_a_session_ends_when_it_is_idle_and_when_it_is_old(accounts: AccountStore) -> None:
    secret = accounts.open_session(accounts.create("kim", "Kim"))
    now = utc_now()
    assert accounts.visitor(secret, now + timedelta(minutes=59)) is not None
    assert accounts.visitor(secret, now + timedelta(minutes=59 + 59)) is not None, "use keeps it alive"
    assert accounts.visitor(secret, now + timedelta(minutes=59 + 59 + 61)) is None, "idle for an hour"
    assert accounts.visitor(secret, now + timedelta(minutes=170)) is not None
    assert accounts.visitor(secret, now + timedelta(hours=3, seconds=1)) is None, (
        "three hours old, though used"
    )


def test_a_rotated_session_has_another_secret_and_form_token_and_the_same_end(accounts: AccountStore) -> None:
    number = accounts.create("kim", "Kim")
    old = accounts.open_session(number)
    before, ends = accounts.visitor(old), accounts.sessions(number)[0].expires_at
    new = accounts.rotate_session(before.session)
    after = accounts.visitor(new)
    assert accounts.visitor(old) is None
    assert after.account_id == number
    assert after.csrf_token != before.csrf_token
    assert [s.expires_at for s in accounts.sessions(number)] == [ends]
    assert refusal(lambda: accounts.rotate_session(before.session)) == "CP-WEB-002"


def test_no_secret_is_stored(engine: Engine, accounts: AccountStore, invitations: InvitationStore) -> None:
    number = accounts.create("kim", "Kim")
    session = accounts.open_session(number)
    invitation = invitations.invite("a", "student", by="kim", lasts=DAY)
    token = TokenStore(engine).create(number, "t", ["read:lectures"])
    stored = "".join(everything_stored(engine, t) for t in ("web_sessions", "invitations", "api_tokens"))
    assert number and not any(secret in stored for secret in (session, invitation, token, token[6:]))


def test_a_closed_account_opens_nothing(engine: Engine, accounts: AccountStore) -> None:
    number = accounts.create("kim", "Kim")
    accounts.set_role(number, "a", "student")
    session, tokens = accounts.open_session(number), TokenStore(engine)
    token = tokens.create(number, "t", ["read:lectures"])
    MemberStore(engine).disable(number, rights={"a"})
    later = accounts.open_session(number)
    assert accounts.visitor(session) is accounts.visitor(later) is tokens.visitor(token) is None
    MemberStore(engine).enable(number, rights={"a"})
    assert accounts.visitor(session) is None, "sessions of before do not come back"
    assert tokens.visitor(token) is not None


# --- Roles ------------------------------------------------------------------------------------------------------


def test_a_class_keeps_an_operator_who_can_sign_in(engine: Engine, accounts: AccountStore) -> None:
    first, second = accounts.create("a", "A"), accounts.create("b", "B")
    members = MemberStore(engine)
    accounts.set_role(first, "c", "operator")
    accounts.set_role(second, "c", "operator")
    accounts.set_role(second, "other", "operator")
    accounts.set_role(second, "c", "teacher")
    for leaving in (
        lambda: accounts.set_role(first, "c", "teacher"),
        lambda: members.remove("c", first),
        lambda: members.disable(first, rights={"c"}),
    ):
        assert refusal(leaving) == "CP-WEB-016"
    accounts.set_role(second, "c", "operator")
    accounts.set_role(first, "c", "student")
    assert {m.login: m.role for m in members.of("c")} == {"a": "student", "b": "operator"}


def test_two_operators_cannot_both_leave_at_once(engine: Engine, accounts: AccountStore) -> None:
    numbers = [accounts.create(login, login) for login in "abcd"]
    for number in numbers:
        accounts.set_role(number, "c", "operator")
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(accounts.set_role, number, "c", "student") for number in numbers]
    assert sorted(str(getattr(t.exception(), "code", None)) for t in tries) == ["CP-WEB-016"] + ["None"] * 3
    assert [m.role for m in MemberStore(engine).of("c")].count("operator") == 1


def test_an_account_of_further_classes_is_not_closed_by_an_operator_of_one(
    engine: Engine, accounts: AccountStore
) -> None:
    number = accounts.create("a", "A")
    accounts.set_role(number, "c", "student")
    accounts.set_role(number, "d", "student")
    assert refusal(lambda: MemberStore(engine).disable(number, rights={"c"})) == "CP-WEB-003"


def test_a_person_is_one_account_of_a_class(engine: Engine, accounts: AccountStore) -> None:
    first, second = accounts.create("a", "A"), accounts.create("b", "B")
    for number in (first, second):
        accounts.set_role(number, "c", "student")
    accounts.set_role(second, "d", "student")
    accounts.link_person(first, "c", "p1", proof="operator", by="op")
    assert refusal(lambda: accounts.link_person(second, "c", "p1", proof="slack", by="slack")) == "CP-WEB-006"
    accounts.link_person(second, "d", "p1", proof="slack", by="slack")
    member = MemberStore(engine).get("c", first)
    assert (member.person_id, member.proof, member.linked_by) == ("p1", "operator", "op")
    accounts.link_person(first, "c", None, proof="operator", by="op")
    member = MemberStore(engine).get("c", first)
    assert (member.person_id, member.proof, member.linked_by, member.linked_at) == (None,) * 4


# --- Invitations ------------------------------------------------------------------------------------------------


def test_a_new_set_up_link_replaces_the_old_one_and_works_once(
    accounts: AccountStore, invitations: InvitationStore
) -> None:
    old, new = invitations.set_up("c"), invitations.set_up("c")
    operator = NewAccount("op", "Op", "hash")
    assert refusal(lambda: invitations.accept_set_up(old, operator, ["c", "d"])) == "CP-WEB-014"
    number = invitations.accept_set_up(new, operator, ["c", "d"])
    assert {c: m.role for c, m in accounts.members(number).items()} == {"c": "operator", "d": "operator"}
    assert refusal(lambda: invitations.accept_set_up(new, NewAccount("x", "X"), ["c"])) == "CP-WEB-014"
    assert invitations.set_up("c") is None


def test_a_set_up_link_is_no_invitation_and_the_other_way_round(invitations: InvitationStore) -> None:
    link, invitation = (
        invitations.set_up("c"),
        invitations.invite("c", "student", by="op", lasts=DAY),
    )
    assert refusal(lambda: invitations.accept(link, NewAccount("x", "X"))) == "CP-WEB-014"
    assert refusal(lambda: invitations.accept_set_up(invitation, NewAccount("x", "X"), ["c"])) == "CP-WEB-014"


def test_of_many_who_use_a_link_at_once_one_comes_in(
    accounts: AccountStore, invitations: InvitationStore
) -> None:
    for use, secret in (
        (lambda s, i: invitations.accept_set_up(s, NewAccount(f"o{i}", "O"), ["c"]), invitations.set_up("c")),
        (
            lambda s, i: invitations.accept(s, NewAccount(f"s{i}", "S")),
            invitations.invite("c", "student", by="op", lasts=DAY),
        ),
    ):
        with ThreadPoolExecutor(6) as pool:
            tries = [pool.submit(use, secret, i) for i in range(6)]
        codes = [str(getattr(t.exception(), "code", None)) for t in tries]
        assert sorted(codes) == ["CP-WEB-014"] * 5 + ["None"]


def test_a_taken_login_does_not_use_the_invitation_up(
    accounts: AccountStore, invitations: InvitationStore
) -> None:
    accounts.create("kim", "Kim")
    secret = invitations.invite("c", "student", by="op", lasts=DAY)
    assert refusal(lambda: invitations.accept(secret, NewAccount("kim", "Kim"))) == "CP-WEB-006"
    assert invitations.find(secret, "invite").used_at is None
    invitations.accept(secret, NewAccount("kim2", "Kim"))
    assert refusal(lambda: invitations.find(secret, "invite")) == "CP-WEB-014"


def test_an_invitation_links_its_person_and_never_lowers_a_role(
    engine: Engine, accounts: AccountStore, invitations: InvitationStore
) -> None:
    number = accounts.create("kim", "Kim")
    accounts.set_role(number, "c", "teacher")
    secret = invitations.invite("c", "student", by="op", lasts=DAY, person_id="p1")
    invitations.join(secret, number)
    member = MemberStore(engine).get("c", number)
    assert (member.role, member.person_id, member.proof, member.linked_by) == (
        "teacher",
        "p1",
        "operator",
        "op",
    )
    invitations.join(invitations.invite("c", "operator", by="op", lasts=DAY), number)
    assert accounts.members(number)["c"].role == "operator"
    again = lambda: invitations.invite("c", "student", by="op", lasts=DAY, person_id="p1")  # noqa: E731
    assert refusal(again) == "CP-WEB-006", "somebody is this person already"


def test_over_and_revoked_invitations_open_nothing(invitations: InvitationStore) -> None:
    over = invitations.invite("c", "student", by="op", lasts=timedelta(0))
    revoked = invitations.invite("c", "student", by="op", lasts=DAY)
    number = invitations.of("c")[0].invitation_id
    assert refusal(lambda: invitations.revoke("d", number)) == "CP-WEB-001"
    assert refusal(lambda: invitations.revoke("c", number, by="somebody else")) == "CP-WEB-001"
    invitations.revoke("c", number, by="op")
    for secret in (over, revoked, "", "x" * 43):
        assert refusal(lambda s=secret: invitations.find(s, "invite")) == "CP-WEB-014"


# --- Providers and tokens ---------------------------------------------------------------------------------------


def test_a_subject_signs_into_one_account_and_the_last_way_in_stays(
    engine: Engine, accounts: AccountStore
) -> None:
    providers = ProviderAccounts(engine)
    number = providers.admit(NewAccount("slack:u1", "Kim", None, "iss", "u1"), {"c": "p1"}, by="slack")
    assert providers.account("iss", "u1").account_id == number
    assert providers.account("other", "u1") is None
    assert accounts.members(number)["c"].person_id == "p1"
    other = accounts.create("lee", "Lee", password_hash="hash")
    assert refusal(lambda: providers.connect("iss", "u1", other)) == "CP-WEB-006"
    assert refusal(lambda: providers.disconnect("iss", number)) == "CP-WEB-006"
    providers.connect("iss", "u2", other)
    assert providers.issuers(other) == {"iss"}
    providers.disconnect("iss", other)
    assert providers.issuers(other) == frozenset()


def test_a_token_is_narrowed_to_its_scopes_and_ends(engine: Engine, accounts: AccountStore) -> None:
    number, tokens = accounts.create("kim", "Kim"), TokenStore(engine)
    accounts.set_role(number, "c", "teacher")
    token = tokens.create(number, "script", ["read:tiles", "read:lectures"], lasts=timedelta(hours=1))
    found = tokens.visitor(token)
    assert (found.scopes, found.session) == ({"read:lectures", "read:tiles"}, None)
    assert found.members["c"].role == "teacher"
    assert tokens.of(number)[0].used_at is not None
    assert tokens.visitor(token, utc_now() + timedelta(hours=2)) is None
    assert tokens.visitor(token + "x") is None
    other = accounts.create("lee", "Lee")
    assert refusal(lambda: tokens.revoke(other, tokens.of(number)[0].token_id)) == "CP-WEB-001"
    tokens.revoke(number, tokens.of(number)[0].token_id)
    assert tokens.visitor(token) is None


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ["read:tiles"]), ("x", []), ("x", ["read:all"]), ("x" * 81, ["read:tiles"])]
)
def test_a_token_needs_a_name_and_known_scopes(
    engine: Engine, accounts: AccountStore, name: str, scopes: list[str]
) -> None:
    number = accounts.create("kim", "Kim")
    assert refusal(lambda: TokenStore(engine).create(number, name, scopes)) == "CP-WEB-006"
