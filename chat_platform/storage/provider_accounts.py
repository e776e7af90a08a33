"""Accounts at OpenID providers that sign into accounts of ours.

What belongs here: which subject of which issuer is which account. What does not: talking to a provider
(``web.oidc``).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import NewAccount, add_account, link
from chat_platform.storage.app_database import write_session
from chat_platform.storage.portal_models import Account, AccountIdentity, Membership


class ProviderAccounts:
    """Links in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def account(self, issuer: str, subject: str) -> Account | None:
        """The account that a subject signs into; closed ones too."""
        with Session(self._engine) as session:
            row = session.get(AccountIdentity, (issuer, subject))
            return session.get(Account, row.account_id) if row else None

    def connect(self, issuer: str, subject: str, account_id: int) -> None:
        """Let a subject sign into an account; once more changes nothing.

        Raises:
            WebError: CP-WEB-006 when it signs into another account already.
        """
        with write_session(self._engine) as session:
            connect(session, issuer, subject, account_id)

    def admit(self, new: NewAccount, people: Mapping[str, str], *, by: str) -> int:
        """Make an account for somebody whom a provider proves to be a person of classes, as student of each.

        Args:
            new: with issuer and subject.
            people: class id → person.
            by: name of the provider.

        Returns:
            Its number.

        Raises:
            WebError: CP-WEB-006 when another account is one of the people, or something cannot be used.
        """
        with write_session(self._engine) as session:
            account = add_account(session, new.login, new.name, None)
            connect_new(session, new, account.account_id)
            for class_id, person_id in people.items():
                member = Membership(account_id=account.account_id, class_id=class_id, role="student")
                session.add(member)
                session.flush()
                link(session, member, person_id, proof="slack", by=by)
            return account.account_id

    def disconnect(self, issuer: str, account_id: int) -> None:
        """Take the way by this issuer away from an account.

        Raises:
            WebError: CP-WEB-006 when the account could not sign in any more.
        """
        with write_session(self._engine) as session:
            rows = list(session.scalars(_of(account_id)))
            account = session.get(Account, account_id)
            left = [row for row in rows if row.issuer != issuer]
            if account is None or (account.password_hash is None and not left):
                raise WebError("CP-WEB-006", "password")
            for row in rows:
                if row.issuer == issuer:
                    session.delete(row)

    def issuers(self, account_id: int) -> frozenset[str]:
        """Issuers by which an account can sign in."""
        with Session(self._engine) as session:
            return frozenset(row.issuer for row in session.scalars(_of(account_id)))


def connect(session: Session, issuer: str, subject: str, account_id: int) -> None:
    """As ``ProviderAccounts.connect``, in a transaction that writes."""
    row = session.get(AccountIdentity, (issuer, subject))
    if row is None:
        session.add(AccountIdentity(issuer=issuer, subject=subject, account_id=account_id))
    elif row.account_id != account_id:
        raise WebError("CP-WEB-006", "another account uses it")


def connect_new(session: Session, new: NewAccount, account_id: int) -> None:
    """Let the subject by whom somebody new came sign into the account, in a transaction that writes."""
    if new.issuer is not None and new.subject is not None:
        connect(session, new.issuer, new.subject, account_id)


def _of(account_id: int) -> Select[tuple[AccountIdentity]]:
    return select(AccountIdentity).where(AccountIdentity.account_id == account_id)
