"""What Zoom's ``play/info`` says about a generated recording.

What belongs here: the shape of the answer, one a clip, and what faults and later changes do to it. What does not:
who may see it (``zoom_server``).

Shapes: ``xmppList`` with ``comments`` and ``chatEmojiDetailMap`` for recordings of today, ``meetingChatList`` (name,
offset, text) for those of era ``list``. Direct messages are not in a cloud recording's chat. Emoji are keys as they
are, in every fifth recording base64 of their UTF-8. A message sent while the recording was paused belongs to the
clip before; each further clip begins with a copy of the last message of the clip before.

A recording that is still being processed is our assumption: ``transcribing: true``, ``duration: 0``,
``recording.status`` ``PROCESSING`` and no chat field at all.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chat_platform.simulators.faults import Fault
from chat_platform.simulators.truth import Clip, GeneratedRecording, RecordingInfo, Utterance

Payload = dict[str, Any]

BASE64_EVERY = 5
REPEATED_ROWS = 5


def play_info(recording: GeneratedRecording, clip: int, zone: ZoneInfo) -> Payload:
    """The whole answer for clip ``clip`` (from 1) of a recording."""
    result = _about(recording.info, recording.info.clips[clip - 1], zone)
    if recording.info.era == "list":
        result["meetingChatList"] = [_listed(said) for said in recording.public]
    else:
        result["xmppList"] = _xmpp_list(recording, clip)
    return {"status": True, "errorCode": 0, "errorMessage": None, "result": result}


def play_infos(recording: GeneratedRecording, zone: ZoneInfo) -> list[Payload]:
    """The answers for all clips, in order: what a complete fetch brings home."""
    return [play_info(recording, clip.number, zone) for clip in recording.info.clips]


def processing(info: RecordingInfo, zone: ZoneInfo) -> Payload:
    """The answer while the recording is being processed."""
    result = _about(info, info.clips[0], zone)
    result |= {"transcribing": True, "duration": 0, "totalClips": 1, "nextClipStartTime": -1}
    result["recording"] |= {"status": "PROCESSING", "fileSizeInMB": "0 MB"}
    return {"status": True, "errorCode": 0, "errorMessage": None, "result": result}


def with_fault(answer: Payload, fault: Fault) -> Payload:
    """The answer as ``duplicate_page``, ``clock_skew`` or ``odd_rows`` change it; others change nothing here."""
    result = answer["result"]
    name = "xmppList" if "xmppList" in result else "meetingChatList"
    rows: list[Any] = list(result.get(name, []))
    if fault.kind == "duplicate_page":
        rows += rows[-REPEATED_ROWS:]
    elif fault.kind == "odd_rows":
        rows += [_odd_row(number) for number in range(fault.parameters.get("rows", 3))]
    elif fault.kind == "clock_skew" and name == "xmppList":
        skew = int(fault.parameters.get("seconds", 120) * 1000)
        rows = [{**row, "time": row["time"] + skew} if _odd_sender(row) else row for row in rows]
    return {**answer, "result": {**result, name: rows}}


def with_change(answer: Payload, kind: str, message_id: str, text: str) -> Payload:
    """The answer after a ``late_reply``, an edit (``edited``) or a deletion (``deleted``) of a message."""
    result = answer["result"]
    rows = [
        _changed(row, kind, text, number) if row["id"] == message_id else row
        for number, row in enumerate(result.get("xmppList", []))
    ]
    return {**answer, "result": {**result, "xmppList": rows}} if rows else answer


def _about(info: RecordingInfo, clip: Clip, zone: ZoneInfo) -> Payload:
    """Everything but the chat."""
    last = clip.number == len(info.clips)
    following = None if last else info.clips[clip.number]
    return {
        "meet": {
            "topic": info.title,
            "meetingStartTimeStr": f"{info.started_at.astimezone(zone):%b %-d, %Y %I:%M %p}",
        },
        "duration": (clip.end_ms - clip.start_ms) // 1000,
        "fileStartTime": _epoch_ms(info, clip.start_ms),
        "totalClips": len(info.clips),
        "currentClip": clip.number,
        "nextClipStartTime": -1 if following is None else _epoch_ms(info, following.start_ms),
        "recording": {
            "id": f"r{info.index}",
            "playId": f"p{info.index}-{clip.number}",
            "fileSizeInMB": f"{(clip.end_ms - clip.start_ms) // 13_000} MB",
            "displayFileName": "Shared screen",
        },
        "viewResolvtions": [1920, 1080],
        "shareResolvtions": [1920, 1080],
        "transcriptList": [],
        "transcribing": False,
        "translating": False,
        "trimming": False,
        "useFakeTrim": False,
        "transcriptByKites": False,
        "ts": 0,
    }


def _epoch_ms(info: RecordingInfo, offset_ms: int) -> int:
    return int(info.started_at.timestamp() * 1000) + offset_ms


def _listed(said: Utterance) -> Payload:
    return {"userName": said.sender_name, "time": _clock(said.offset_ms), "content": said.text}


def _clock(offset_ms: int) -> str:
    seconds = offset_ms // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _xmpp_list(recording: GeneratedRecording, number: int) -> list[Payload]:
    info = recording.info
    replies: dict[str, list[Utterance]] = defaultdict(list)
    for said in recording.public:
        if said.parent_id is not None:
            replies[said.parent_id].append(said)
    top = [said for said in recording.public if said.parent_id is None]
    # Clip number → its messages; one that was sent during a pause belongs to the clip before.
    by_clip: dict[int, list[Utterance]] = defaultdict(list)
    for said in top:
        clip = max((c.number for c in info.clips if c.start_ms <= said.offset_ms), default=1)
        by_clip[clip].append(said)
    rows = [_row(info, number, said, replies[said.message_id]) for said in by_clip[number]]
    if number > 1 and by_clip[number - 1]:
        last = by_clip[number - 1][-1]
        rows.insert(0, _row(info, number - 1, last, replies[last.message_id]))
    return rows


def _row(info: RecordingInfo, clip: int, said: Utterance, replies: list[Utterance]) -> Payload:
    start_ms = info.clips[clip - 1].start_ms
    started = info.started_at + timedelta(milliseconds=start_ms)
    row: Payload = {
        "id": said.message_id,
        "timeFromMeetingStart": _clock(said.offset_ms - start_ms),
        "time": _epoch_ms(info, said.offset_ms),
        "recordingClipTimeStr": f"{started:%Y%m%d-%H%M%S}",
        "notRecord": False,
        "messageType": "1",
        "senderName": said.sender_name,
        "content": said.text,
        "xmppData": f'<message xmlns="jabber:client" type="groupchat" id="{said.message_id}"/>',
        "commentTotal": len(replies),
        "sub": False,
        "deleted": said.deleted,
        "edited": said.edited,
        "xmpp": True,
    }
    if replies:
        row["comments"] = [_comment(info, reply) for reply in replies]
    _add_reactions(row, info, said)
    return row


def _comment(info: RecordingInfo, said: Utterance) -> Payload:
    comment: Payload = {
        "id": said.message_id,
        "senderName": said.sender_name,
        "time": _epoch_ms(info, said.offset_ms),
        "content": said.text,
    }
    _add_reactions(comment, info, said)
    return comment


def _add_reactions(row: Payload, info: RecordingInfo, said: Utterance) -> None:
    counts = said.reaction_counts()
    if counts:
        encode = info.index % BASE64_EVERY == BASE64_EVERY - 1
        row["chatEmojiDetailMap"] = {
            _base64(emoji) if encode else emoji: {"count": count} for emoji, count in counts.items()
        }


def _base64(emoji: str) -> str:
    return base64.b64encode(emoji.encode("utf-8")).decode("ascii")


def _odd_sender(row: Payload) -> bool:
    return int(row["id"].split("-", 1)[0]) % 2 == 1


def _odd_row(number: int) -> Any:
    """Something that is no message: an empty one, one without sender, not even an object."""
    empty = {"id": f"{number}-EMPTY", "time": 0, "senderName": "user", "content": "", "commentTotal": 0}
    nameless = {"id": f"{number}-NONAME", "time": 0, "senderName": None, "content": "…", "commentTotal": 0}
    return (empty, nameless, "not a message")[number % 3]


def _changed(row: Payload, kind: str, text: str, number: int) -> Payload:
    if kind == "edited":
        return {**row, "content": text, "edited": True}
    if kind == "deleted":
        return {**row, "deleted": True}
    late = {
        "id": f"99-{number:08X}-0000-4000-8000-{len(row.get('comments', [])):012X}",
        "senderName": row["senderName"],
        "time": row["time"] + 3_600_000,
        "content": text,
    }
    comments = [*row.get("comments", []), late]
    return {**row, "comments": comments, "commentTotal": len(comments)}
