"""Messages and identities for tests of the author model."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from chat_platform.simulators.class_generator import GeneratedClass


def message_table(rows: list[dict]) -> pa.Table:
    """The columns of ``core.messages`` that are read, from rows that name what matters."""
    usual = {"visibility": "everyone", "removed": False, "language": "ko"}
    names = ["message_id", "identity_id", "text", "sent_at", "conversation_id", *usual]
    types = [pa.string()] * 3 + [pa.timestamp("us", "UTC"), pa.string(), pa.string(), pa.bool_(), pa.string()]
    filled = [usual | {"message_id": str(number)} | row for number, row in enumerate(rows)]
    return pa.table({n: pa.array([row[n] for row in filled], t) for n, t in zip(names, types, strict=True)})


def identity_table(person_of: dict[str, str | None]) -> pa.Table:
    return pa.table(
        {
            "identity_id": pa.array(list(person_of), pa.string()),
            "person_id": pa.array(list(person_of.values()), pa.string()),
        }
    )


def class_messages(room: GeneratedClass) -> tuple[pa.Table, pa.Table]:
    """Messages of a class; every display name of a person is an identity of theirs."""
    rows, person_of = [], {}
    for recording in room:
        for said in recording.public:
            person_of[said.sender_name + said.person_id] = said.person_id
            rows.append(
                {
                    "identity_id": said.sender_name + said.person_id,
                    "text": said.text,
                    "sent_at": said.sent_at,
                    "conversation_id": recording.info.token,
                    "language": "code" if said.category == "code" else "ko",
                }
            )
    return message_table(rows), identity_table(person_of)


def moment(hour: int) -> datetime:
    """An hour after the start of a week."""
    return datetime.fromisoformat("2026-03-02T00:00:00+00:00").replace(day=2 + hour // 24, hour=hour % 24)
