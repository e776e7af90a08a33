"""What every request needs, opened once per process.

What belongs here: putting settings, app database, classes and templates together. What does not: work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlsplit

from sqlalchemy import Engine

from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.audit import AuditLog
from chat_platform.storage.invitations import InvitationStore
from chat_platform.storage.members import MemberStore
from chat_platform.storage.provider_accounts import ProviderAccounts
from chat_platform.storage.throttles import Throttles
from chat_platform.storage.tokens import TokenStore
from chat_platform.web.classes import Classroom, classrooms
from chat_platform.web.oidc import Provider
from chat_platform.web.passwords import Passwords
from chat_platform.web.published import PinnedReader
from chat_platform.web.request_limits import RequestLimits

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Services:
    """Opened on first use: a database that is missing now is opened by the first request after it is back.

    Attributes:
        prepare: called with each published version that is opened; see ``PublishedReader``.
    """

    settings: Settings
    passwords: Passwords = field(default_factory=Passwords)
    prepare: Callable[[PinnedReader], None] | None = None

    @cached_property
    def classes(self) -> dict[str, Classroom]:
        """Classes by their short name."""
        return classrooms(self.settings, self.prepare)

    @property
    def database(self) -> Engine:
        """The app database of the portal."""
        return self.classes[self.settings.web.class_id].workspace.database

    @cached_property
    def accounts(self) -> AccountStore:
        """Accounts, roles and sessions."""
        web = self.settings.web
        return AccountStore(
            self.database,
            idle=timedelta(minutes=web.session_idle_minutes),
            longest=timedelta(days=web.session_days),
        )

    @cached_property
    def audit(self) -> AuditLog:
        """What must be known later."""
        return AuditLog(self.database)

    @cached_property
    def throttles(self) -> Throttles:
        """How often something may be tried."""
        return Throttles(self.database)

    @cached_property
    def members(self) -> MemberStore:
        """Who is in a class."""
        return MemberStore(self.database)

    @cached_property
    def invitations(self) -> InvitationStore:
        """Links into a class."""
        return InvitationStore(self.database)

    @cached_property
    def provider_accounts(self) -> ProviderAccounts:
        """Accounts at OpenID providers."""
        return ProviderAccounts(self.database)

    @cached_property
    def providers(self) -> dict[str, Provider]:
        """OpenID providers by their names in the settings."""
        found = self.settings.web.oidc
        return {name: Provider(p, self.settings.oidc_secrets.get(name)) for name, p in found.items()}

    @cached_property
    def tokens(self) -> TokenStore:
        """Tokens for programs."""
        return TokenStore(self.database)

    @cached_property
    def api_limits(self) -> RequestLimits:
        """How often programs may ask."""
        return RequestLimits(self.settings.web.api_requests_per_minute)

    @property
    def base_url(self) -> str:
        """Address that people type, without a slash at its end."""
        web = self.settings.web
        return (web.base_url or f"http://{web.host}:{web.port}").rstrip("/")

    @property
    def host_names(self) -> list[str]:
        """Names by which browsers may call the portal: that of its address, and this machine's own."""
        return sorted({urlsplit(self.base_url).hostname or "", *LOOPBACK_NAMES} - {""})
