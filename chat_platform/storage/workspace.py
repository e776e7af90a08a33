"""Everything that a step needs to keep data, opened from the settings.

What belongs here: putting the storage parts together. What does not: work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy import Engine

from chat_platform.settings import Settings
from chat_platform.storage.app_database import BUSY_TIMEOUT_S, AppDatabase
from chat_platform.storage.decisions import DecisionLog, KnownIds
from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.erasures import ErasureList
from chat_platform.storage.lake import Lake
from chat_platform.storage.ledger import Ledger
from chat_platform.storage.payloads import PayloadVault
from chat_platform.storage.publication import Publication
from chat_platform.storage.warehouse import Warehouse
from chat_platform.tables.class_chat import IDENTITIES, PEOPLE


@dataclass(frozen=True)
class Workspace:
    """Lake, vault, ledger, decisions, warehouse and publication of one ``CHATP_HOME``; opened on first use.

    Attributes:
        busy_s: longest wait for a lock of the app database.
    """

    settings: Settings
    busy_s: float = BUSY_TIMEOUT_S

    @cached_property
    def lake(self) -> Lake:
        """Tables as files."""
        return Lake(self.settings.lake)

    @cached_property
    def vault(self) -> PayloadVault:
        """Raw payloads."""
        return PayloadVault(self.settings.lake)

    @cached_property
    def app_database(self) -> AppDatabase:
        """The app database, not opened yet."""
        return AppDatabase(self.settings.app_database, self.busy_s)

    @property
    def database(self) -> Engine:
        """The app database, brought up to date."""
        return self.app_database.engine

    @cached_property
    def ledger(self) -> Ledger:
        """States of conversations."""
        return Ledger(
            self.database,
            retry_wait=timedelta(minutes=self.settings.retry_minutes),
            max_attempts=self.settings.max_attempts,
        )

    @property
    def decisions(self) -> DecisionLog:
        """Identity decisions, about the identities and people that are known now."""
        known = KnownIds.of(self.lake.read(IDENTITIES).to_pylist(), self.lake.read(PEOPLE).to_pylist())
        return DecisionLog(self.database, known)

    @cached_property
    def erasures(self) -> ErasureList:
        """People who were erased."""
        return ErasureList(self.settings.home)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The build file."""
        return Warehouse(self.settings.warehouse)

    @cached_property
    def publication(self) -> Publication:
        """Published versions."""
        return Publication(self.settings.warehouse / "published", self.settings.published_versions)

    @cached_property
    def engine(self) -> LocalEngine:
        """Runs kernels over partitions."""
        return LocalEngine(self.settings.workers)
