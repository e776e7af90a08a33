"""Everything that the platform holds of somebody, as one archive for themself.

What belongs here: reading it and putting it into an archive, piece by piece. What does not: what is theirs
(``own_tables``), who may have it (``pages.people``: the person, from their own session), deleting it
(``people.erasure``).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from chat_platform.people.accounts import account_person_id
from chat_platform.storage.csv_text import csv_file
from chat_platform.web.access import Visit
from chat_platform.web.own_tables import BY_CONVERSATION, IN_CLASS, ON_PORTAL, PUBLISHED, Held, Owner
from chat_platform.web.published import PinnedReader

Row = dict[str, Any]
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Part:
    """A table of the archive.

    Attributes:
        name: of its files.
        rows: makes the rows, again at each call.
    """

    name: str
    rows: Callable[[], Iterable[Row]]


README = """\
내 데이터 / My data
===================

만든 때(UTC) / made at: {made_at}
수업 / class: {title} ({class_id})
공개 버전 / published version: {version}
계정 / account: {login}

이 파일에는 이 플랫폼이 나에 대해 갖고 있는 것이 들어 있습니다. 표마다 CSV와 JSON이 하나씩 있고 내용은 같습니다.
시각은 UTC입니다. 빈 표는 해당하는 기록이 없다는 뜻입니다. CSV에서 수식처럼 시작하는 칸은 앞에 '를 붙였습니다.
다른 사람이 쓴 글, 반응한 사람, 비밀 값(비밀번호·세션·토큰의 해시)은 들어 있지 않습니다.
나에게 온 것이 아니라 내가 보낸 다이렉트 메시지와 지워진 메시지는 포털의 어느 화면에도 보이지 않으므로 글 없이
목록만 있습니다(messages_not_shown). 내용이 필요하면 수업 운영자에게 요청하세요.
포털의 기록은 내 계정의 모든 수업, 채팅의 기록은 위 수업의 것입니다.

This archive holds what the platform has about you. Each table is there as CSV and as JSON with the same content.
Times are UTC. An empty table means that there is nothing. In CSV a ' stands before a cell that begins like a formula.
What others wrote, who reacted, and secrets (hashes of passwords, sessions, tokens) are not in it.
Direct messages that you sent and messages that were removed are shown nowhere on the portal: they are listed without
their text (messages_not_shown). Ask an operator of the class for the text.
What you did on the portal is there for every class of your account; what you did in chats for the class above.

{tables}
"""


def archive(visit: Visit) -> Iterator[bytes]:
    """The archive of who asks, piece by piece.

    What is in the app databases is read before the first piece, so that a database that does not answer is an error
    page and no broken file.

    Raises:
        WebError, StorageError: as ``PublishedReader.query``.
    """
    owner = Owner(visit.account.account_id, visit.account.login, visit.room.class_id, visit.person_id)
    parts = [
        *_held(visit.services.database, ON_PORTAL, owner),
        *_held(visit.room.workspace.database, IN_CLASS, owner),
        *_published(visit.published, owner),
    ]
    readme = README.format(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        title=visit.room.title,
        class_id=owner.class_id,
        version=visit.published.version.number,
        login=owner.login,
        tables="\n".join(f"- {part.name}" for part in parts),
    )
    return _zipped(readme, parts)


def _held(engine: Engine, tables: Iterable[Held], owner: Owner) -> Iterator[Part]:
    with Session(engine) as session:
        for held in tables:
            columns = [c for c in held.model.__table__.columns if c.name not in held.left_out]
            query = select(*columns).where(held.whose(owner)).order_by(*held.model.__table__.primary_key)
            yield Part(held.name, _again([dict(row) for row in session.execute(query).mappings()]))


def _again(rows: list[Row]) -> Callable[[], Iterable[Row]]:
    return lambda: rows


def _published(published: PinnedReader, owner: Owner) -> Iterator[Part]:
    if owner.person_id is None:
        return
    about = {"person_id": owner.person_id}

    def whole(sql: str) -> Callable[[], Iterable[Row]]:
        return lambda: published.query(sql, about)

    def long(sql: str) -> Callable[[], Iterable[Row]]:
        return lambda: (
            row
            for conversation_id in conversations
            for row in published.query(sql, {**about, "conversation_id": conversation_id})
        )

    here = published.query(PUBLISHED["conversations"], about)
    conversations = list(dict.fromkeys(row["conversation_id"] for row in here))
    for name, sql in PUBLISHED.items():
        yield Part(name, whole(sql))
    yield Part("class_list", lambda: _in_class_list(published, owner.person_id))
    for name, sql in BY_CONVERSATION.items():
        yield Part(name, long(sql))


def _in_class_list(published: PinnedReader, person_id: str | None) -> list[Row]:
    """Rows of the class list that are about a person; the list knows members, not people."""
    listed = published.query("select * from core.class_list order by member_id")
    return [
        row
        for row in listed
        if person_id in {account_person_id(system, row["member_id"]) for system in ("slack", "list")}
    ]


class _Pieces(io.RawIOBase):
    """What a zip file is written to: kept until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last call."""
        held = bytes(self._held)
        self._held.clear()
        return held

    def __len__(self) -> int:
        return len(self._held)


def _zipped(readme: str, parts: list[Part]) -> Iterator[bytes]:
    pieces = _Pieces()
    now = datetime.now(UTC).timetuple()[:6]
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_DEFLATED) as file:
        for name, chunks in _files(readme, parts):
            entry = zipfile.ZipInfo(name, now)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            with file.open(entry, "w") as member:
                for chunk in chunks:
                    member.write(chunk)
                    if len(pieces) >= _CHUNK:
                        yield pieces.taken()
    yield pieces.taken()


def _files(readme: str, parts: list[Part]) -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "README.txt", [readme.encode()]
    for part in parts:
        yield f"{part.name}.csv", _as_csv(part.rows())
        yield f"{part.name}.json", _as_json(part.rows())


def _as_json(rows: Iterable[Row]) -> Iterator[bytes]:
    before = "["
    for row in rows:
        yield f"{before}\n{json.dumps(_plain(row), ensure_ascii=False)}".encode()
        before = ","
    yield b"[]\n" if before == "[" else b"\n]\n"


def _as_csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """The same as CSV; a table without rows has no header either."""
    left = iter(rows)
    first = next(left, None)
    if first is not None:
        yield from csv_file(first, (list(row.values()) for row in chain([first], left)))


def _plain(row: Row) -> Row:
    """Moments and dates in ISO 8601."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
