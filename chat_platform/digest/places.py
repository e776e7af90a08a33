"""Where a digest comes from and goes out: a class, its published tables, the portal's app database.

What belongs here: finding them from the settings, making the digest of a week. What does not: what it says
(``content``), sending (``sending``). The portal brings its own open tables; everybody else opens them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from chat_platform.digest.content import Digest, Query, compose, published_week
from chat_platform.digest.render import Links
from chat_platform.digest.weeks import Week
from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.publication import Publication
from chat_platform.storage.workspace import Workspace


@dataclass(frozen=True)
class Place:
    """A class of the portal.

    Attributes:
        settings: of the portal: mail, addresses, rules.
        engine: the portal's app database, with accounts, answers and deliveries.
        labels: of the class's home.
        query: asks its published tables.
    """

    class_id: str
    title: str
    settings: Settings
    engine: Engine
    labels: LabelLog
    query: Query

    @property
    def links(self) -> Links:
        """Addresses of the portal's pages about it."""
        return Links(base_url(self.settings), self.class_id)

    def digest(self, week: Week) -> Digest:
        """What there is to say of a week, now."""
        k = self.settings.web.smallest_group
        published = published_week(self.query, week, k)
        return compose(
            self.class_id,
            self.title,
            week,
            published,
            self.query,
            self.engine,
            self.labels,
            self.settings.zone,
            k,
        )


def base_url(settings: Settings) -> str:
    """Address of the portal that people type, without a slash at its end."""
    web = settings.web
    return (web.base_url or f"http://{web.host}:{web.port}").rstrip("/")


def class_ids(settings: Settings) -> tuple[str, ...]:
    """Classes of the portal, the one of this home first."""
    return (settings.web.class_id, *settings.web.classes)


@contextmanager
def open_place(home: Workspace, class_id: str) -> Iterator[Place]:
    """A class of the portal of a home, of one published version as long as it is open.

    Raises:
        WebError: CP-WEB-001 for a class that the portal does not have.
        StorageError: CP-STORE-005 when nothing was published.
    """
    settings = home.settings
    if class_id == settings.web.class_id:
        own, title = home, settings.web.class_title
    elif class_id in settings.web.classes:
        own, title = Workspace(settings.model_copy(update={"home": settings.web.classes[class_id]})), class_id
    else:
        raise WebError("CP-WEB-001", class_id)
    with _query(own.publication) as query:
        yield Place(class_id, title, settings, home.database, LabelLog(own.database), query)


@contextmanager
def _query(publication: Publication) -> Iterator[Query]:
    with publication.read() as connection:

        def query(sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
            found = connection.execute(sql, parameters)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        yield query
