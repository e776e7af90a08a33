"""Several files of one meeting, as one sequence of records.

What belongs here: joining parts that were cut inside a record, and merging copies that overlap so that every
record counts once, whatever order the files are given in. What does not: reading files, finding targets.
"""

from __future__ import annotations

import hashlib
import heapq
import statistics
from collections import defaultdict
from collections.abc import Sequence

from chat_platform.sources.zoom.dialects import Dialect
from chat_platform.sources.zoom.scan import Record, ScannedFile

# Devices' clocks disagree: the end of one part and the start of the next may overlap by so many seconds.
_SKEW = 120.0
# The log of Zoom's client and the saved chat of the same meeting stamp a message up to 8 s apart.
_BETWEEN_DIALECTS = 8.0
# The chat window shows minutes only.
_MINUTES_ONLY = 60.0


def ranked(files: Sequence[ScannedFile]) -> list[ScannedFile]:
    """The files in the order of the meeting, the same for any order that they are given in."""
    return sorted(files, key=_rank)


def _rank(file: ScannedFile) -> tuple[float, float, str, str]:
    orders = [record.order for record in file.records if record.sent_at is not None]
    if not orders:
        return (0.0, 0.0, file.name, "")
    content = hashlib.sha256("\n".join(file.lines).encode("utf-8", "surrogatepass")).hexdigest()
    return (statistics.median(orders), orders[0], file.name, content)


def join_cut_files(files: Sequence[ScannedFile]) -> list[ScannedFile]:
    """Files of which one goes on in the middle of the other's last record, joined.

    Args:
        files: in the order of the meeting, with times.

    Returns:
        The files; a joined one has the lines of both and no records yet.
    """
    joined = [files[0]]
    for file in files[1:]:
        before = joined[-1]
        if before.records and _continues(before, file):
            joined[-1] = _joined(before, file)
        else:
            joined.append(file)
    return joined


def _continues(before: ScannedFile, file: ScannedFile) -> bool:
    if not file.has_preamble or before.dialect is not file.dialect:
        return False
    if before.has_preamble and before.records[0].text == file.records[0].text:
        return False
    times = [record.order for record in file.records[1:] if record.sent_at is not None]
    return bool(times) and times[0] >= before.records[-1].order - _SKEW


def _joined(before: ScannedFile, file: ScannedFile) -> ScannedFile:
    # A body line of V2 starts with a tab, so that a cut before it lay between lines even without a newline.
    if before.ends_with_newline or file.lines[0].startswith("\t"):
        lines = before.lines + file.lines
    else:
        lines = [*before.lines[:-1], before.lines[-1] + file.lines[0], *file.lines[1:]]
    return ScannedFile(before.name, before.encoding, lines, file.ends_with_newline)


def merge(files: Sequence[ScannedFile]) -> tuple[list[Record], list[Record]]:
    """Records of all files in order, each once, and the copies that were left out.

    A record that one file holds twice and another once is there twice: of each record the file with most copies
    counts.

    Args:
        files: in the order of the meeting, with times.
    """
    merged = list(files[0].records)
    copies: list[Record] = []
    seen_dialects = [files[0].dialect]
    for file in files[1:]:
        tolerance = max(_tolerance(file.dialect, other) for other in seen_dialects)
        pairs = _pairs(merged, file.records, tolerance)
        copies += [record for at, record in enumerate(file.records) if at in pairs]
        merged = _woven(merged, file.records, pairs)
        seen_dialects.append(file.dialect)
    return merged, copies


def _tolerance(one: Dialect, other: Dialect) -> float:
    if one is other:
        return 0.0
    return _MINUTES_ONLY if Dialect.G in (one, other) else _BETWEEN_DIALECTS


def _pairs(ours: Sequence[Record], theirs: Sequence[Record], tolerance: float) -> dict[int, int]:
    """Place of a copy in ``theirs`` → place of its record in ``ours``; each is used once."""
    waiting: dict[tuple[str, ...], list[tuple[float, int]]] = defaultdict(list)
    for at, record in enumerate(ours):
        waiting[record.key].append((_seconds(record), at))
    asked: dict[tuple[str, ...], list[tuple[float, int]]] = defaultdict(list)
    for at, record in enumerate(theirs):
        if (key := record.key) in waiting:
            asked[key].append((_seconds(record), at))
    pairs: dict[int, int] = {}
    for key, places in asked.items():
        candidates = sorted(waiting[key])
        cursor = 0
        for seconds, at in sorted(places):
            while cursor < len(candidates) and candidates[cursor][0] < seconds - tolerance:
                cursor += 1
            if cursor < len(candidates) and candidates[cursor][0] <= seconds + tolerance:
                pairs[at] = candidates[cursor][1]
                cursor += 1
    return pairs


def _seconds(record: Record) -> float:
    return record.sent_at.timestamp() if record.sent_at is not None else 0.0


def _woven(ours: Sequence[Record], theirs: Sequence[Record], pairs: dict[int, int]) -> list[Record]:
    """Both sequences in one, aligned at the records that they share; between those, by time."""
    woven: list[Record] = []
    begin = 0
    run: list[Record] = []
    for at, record in enumerate(theirs):
        place = pairs.get(at)
        if place is None:
            run.append(record)
        elif place >= begin:
            woven += _by_time(ours[begin:place], run, 0.0)
            woven.append(ours[place])
            begin, run = place + 1, []
    woven += _by_time(ours[begin:], run, 0.0 if pairs else _SKEW)
    return woven


def _by_time(ours: Sequence[Record], theirs: Sequence[Record], skew: float) -> list[Record]:
    if not ours or not theirs or theirs[0].order >= ours[-1].order - skew:
        return [*ours, *theirs]
    return list(heapq.merge(ours, theirs, key=lambda record: record.order))
