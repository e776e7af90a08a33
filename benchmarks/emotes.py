"""Emote counting: TwitchDownloader JSON to ``core.emote_uses`` and daily counts, beside other ways.

What belongs here: times, ratios, memory and slope, measured in one run on one machine. What does not: whether
counts are right (``tests/unit/streams_text``); only that the ways agree with each other is checked.

    python benchmarks/emotes.py [--messages 340000] [--file-messages 85000] [--turns 2] [--folder FOLDER]

Files are generated: one a stream day, as JSON and as text. About half of the texts of a file are different; a third
are the channel's own emotes only, a quarter third-party emotes, the rest words with emotes between them. Full run:
``--messages 10000000`` (9 GB of disk). Every way runs in a process of its own, the best of the turns counts.

A file has 85,000 messages, as the one whole chat of a large channel that is at hand has (a real day of 84,669, in
``shared/data/twitch-hasanabi``). That a third of the texts are the channel's own emotes is the fourth seed's case, a
channel whose viewers write little else; in that real chat hardly any are. Both decide what ``S4`` costs (see below)
and little of what the others cost: with shorter days, or fewer own emotes, the ratio to it is smaller.

* ``S4`` — how the fourth seed counts a day: its text file line by line, every word with the channel's prefix found
  by a regular expression, lists joined by ``sum``, looked up in a list of known emotes, counted in a dictionary. It
  sees the channel's own emotes only. Joining by ``sum`` is quadratic in the emotes of a day, so a message costs more
  the more there are in a file, and the ratio to ours depends on ``--file-messages``.
* ``S4 mended`` — a loop over the text that looks every word up in a dictionary of all emotes; linear.
* ``DuckDB`` — DuckDB alone, on all cores, reading from the same JSON what counting needs: the floor.
* ``reading`` — our reader alone, on one core: what of our time is JSON, before anything is counted.
* ``ours`` — ``ingestion.emote_files.count_files`` into a lake, then counts by day, channel and emote from its files.
  Its processes are begun within the time: about a second, which small runs feel and ten million messages do not.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PREFIX = "mok"
CHANNEL = 12345678
SECONDS = 4 * 3600
VIEWERS = 20_000
REQUIRED = {"S4": 20.0, "DuckDB": 0.5}
GIB = 1 << 30


def vocabulary() -> tuple[list[str], list[str], list[str]]:
    """Invented words, codes of the channel's own emotes, codes of third-party emotes."""
    chance = random.Random(7)
    parts = ("ka", "lo", "mi", "ru", "ta", "ne", "so", "vi", "pe", "do", "chu", "han", "gul", "ra", "bi")
    words = ["".join(chance.choices(parts, k=chance.randint(1, 4))) for _ in range(8_000)]
    own = sorted({PREFIX + word.capitalize() for word in words[:90]})
    third = sorted({"kero" + word.capitalize() for word in words[100:500]})
    korean = [
        "진짜",
        "오늘",
        "방송",
        "대박",
        "와",
        "ㅋㅋㅋㅋ",
        "가자",
        "좋다",
        "뭐야",
        "아니",
        "그거",
        "이제",
    ]
    return words + korean * 200, own, third


def texts(chance: random.Random, number: int) -> list[list[str]]:
    """Words of that many messages."""
    words, own, third = vocabulary()
    found = []
    for _ in range(number):
        kind = chance.random()
        if kind < 0.35:
            said = [chance.choice(own)] * chance.randint(1, 4)
        elif kind < 0.6:
            said = chance.choices(third, k=chance.randint(1, 2))
        else:
            said = [words[int(len(words) * chance.random() ** 3)] for _ in range(chance.randint(1, 9))]
            for emotes, share in ((own, 0.15), (third, 0.15), (["😂", "👍🏽", "❤️", "🇰🇷"], 0.04)):
                if chance.random() < share:
                    said.insert(chance.randint(0, len(said)), chance.choice(emotes))
        found.append(said)
    return found


def message(words: list[str], own: set[str]) -> str:
    """The ``message`` object of a comment, as JSON."""
    fragments: list[dict[str, Any]] = []
    plain = ""
    for number, word in enumerate(words):
        plain += " " if number else ""
        if word in own:
            fragments += [{"text": plain, "emoticon": None}] if plain else []
            fragments.append({"text": word, "emoticon": {"emoticon_id": f"emotesv2_{word}"}})
            plain = ""
        else:
            plain += word
    fragments += [{"text": plain, "emoticon": None}] if plain else []
    marks = [{"_id": f"emotesv2_{word}", "begin": 0, "end": len(word) + 1} for word in words if word in own]
    value = {
        "body": " ".join(words),
        "bits_spent": 0,
        "fragments": fragments,
        "user_badges": [{"_id": "subscriber", "version": "12"}],
        "user_color": "#1E90FF",
        "emoticons": marks,
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_day(folder: Path, number: int, messages: int, pool: list[tuple[str, str]]) -> None:
    """One stream day as JSON and as text, with the same messages."""
    chance = random.Random(number)
    day = f"2024-{1 + number // 28 % 12:02}-{1 + number % 28:02}"
    head = {
        "FileInfo": {"Version": {"Major": 1, "Minor": 4, "Patch": 0}, "CreatedAt": f"{day}T23:00:00Z"},
        "streamer": {"name": "가나다", "login": "ganada", "id": CHANNEL},
        "video": {"title": "…", "id": str(number), "created_at": f"{day}T03:00:00Z", "length": SECONDS},
    }
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1] + ',"comments":['
    with (
        (folder / f"{number:05}.json").open("w", encoding="utf-8") as as_json,
        (folder / f"{number:05}.txt").open("w", encoding="utf-8") as as_text,
    ):
        as_json.write(start)
        for place in range(messages):
            body, value = pool[int(len(pool) * chance.random() ** 1.5)]
            viewer, second = chance.randrange(VIEWERS), place * SECONDS // messages
            clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            comment_id = uuid.UUID(int=chance.getrandbits(128))
            as_json.write(
                f'{"," if place else ""}{{"_id":"{comment_id}","created_at":"{day}T{clock}.{place % 1000:03}Z",'
                f'"channel_id":"{CHANNEL}","content_type":"video","content_id":"{number}",'
                f'"content_offset_seconds":{second}.0,"commenter":{{"display_name":"viewer{viewer}",'
                f'"_id":"{1000 + viewer}","name":"viewer{viewer}","bio":null,"created_at":"2019-01-01T00:00:00Z",'
                f'"updated_at":"2022-04-01T00:00:00Z",'
                f'"logo":"https://pictures.example/{viewer:032x}-profile_image-300x300.png"}},"message":{value}}}'
            )
            as_text.write(f"[{int(clock[:2])}{clock[2:]}] viewer{viewer}: {body}\n")
        as_json.write('],"embeddedData":{"thirdParty":[],"firstParty":[],"twitchBadges":[],"twitchBits":[]}}')


def write_files(folder: Path, messages: int, file_messages: int) -> None:
    """All stream days."""
    own = set(vocabulary()[1])
    pool = [(" ".join(words), message(words, own)) for words in texts(random.Random(11), 60_000)]
    for number, first in enumerate(range(0, messages, file_messages)):
        write_day(folder, number, min(file_messages, messages - first), pool)


# --- the ways, each in a process of its own ----------------------------------------------------------------


def as_the_seed(folder: Path, files: int) -> dict[str, int]:
    """Own emotes of every day by the fourth seed's steps; the days added up."""
    known = vocabulary()[1]
    total: dict[str, int] = {}
    for path in sorted(folder.glob("*.txt"))[:files]:
        lines = path.read_text(encoding="utf-8").splitlines()
        pattern = re.compile(f"{PREFIX}[a-zA-Z0-9]*")
        found = []
        for line in lines:
            hits = pattern.findall(line)
            if len(hits) > 0:
                found.append(hits)
        words = [word.split()[0] for word in sum(found, [])]
        for word in [word for word in words if word in known]:
            total[word] = total.get(word, 0) + 1
    return total


def as_the_seed_mended(folder: Path, files: int) -> dict[str, int]:
    """All emotes, by a loop that does each thing once."""
    _, own, third = vocabulary()
    total = dict.fromkeys([*own, *third], 0)
    for path in sorted(folder.glob("*.txt"))[:files]:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                for word in line.split(": ", 1)[1].split():
                    if word in total:
                        total[word] += 1
    return {code: uses for code, uses in total.items() if uses}


def by_duckdb_alone(folder: Path, files: int) -> dict[str, int]:
    """Read what counting needs, and count nothing but rows."""
    import duckdb

    paths = [str(path) for path in sorted(folder.glob("*.json"))[:files]]
    size = max(Path(path).stat().st_size for path in paths) + 1
    columns = """{comments: 'struct(_id varchar, created_at varchar, commenter struct(_id varchar),
        message struct(body varchar, fragments struct("text" varchar, emoticon struct(emoticon_id varchar))[]))[]'}"""
    query = f"""
        select count(*), max(c._id), max(c.created_at), max(c.commenter._id), sum(length(c.message.body)),
            sum(len(c.message.fragments))
        from (select unnest(comments) as c
              from read_json(?, columns = {columns}, format = 'unstructured', maximum_object_size = {size}))"""
    row = duckdb.connect().execute(query, [paths]).fetchone()
    return {"messages": row[0] if row else 0}


def by_our_reader(folder: Path, files: int) -> dict[str, int]:
    """Read everything that counting needs."""
    from chat_platform.ingestion.emote_files import read_chat

    paths = sorted(folder.glob("*.json"))[:files]
    return {"messages": sum(read_chat(path)[1].messages.num_rows for path in paths)}


def ours(folder: Path, files: int) -> dict[str, int]:
    """The way of the platform, then daily counts."""
    import duckdb

    from chat_platform.ingestion.emote_files import count_files
    from chat_platform.storage.lake import Lake
    from chat_platform.tables.streams import EMOTE_USES, EMOTES

    emotes = EMOTES.table(
        {
            "platform": "twitch",
            "provider": "7tv",
            "emote_id": f"id of {code}",
            "code": code,
            "scope": "channel",
            "channel_id": str(CHANNEL),
        }
        for code in vocabulary()[2]
    )
    with tempfile.TemporaryDirectory(dir=folder) as target:
        lake = Lake(target)
        paths = sorted(folder.glob("*.json"))[:files]
        outcomes = count_files(paths, emotes, lake, zone="Asia/Seoul", workers=os.cpu_count() or 1)
        failed = [outcome.error for outcome in outcomes.values() if outcome.error]
        if failed:
            sys.exit(f"{len(failed)} files failed: {failed[0]}")
        rows = (
            duckdb.connect()
            .execute(
                # Days in Seoul, nine hours before UTC's.
                """
            select
                make_date(((epoch_us(sent_at) + 9 * 3_600_000_000) // 86_400_000_000)::int) as day,
                channel_id, provider, emote_id, code,
                sum(uses)::bigint as uses, count(*) as messages, approx_count_distinct(identity_id) as users
            from read_parquet(?) group by all""",
                [[lake.path(EMOTE_USES, outcome.conversation_id) for outcome in outcomes.values()]],
            )
            .fetchall()
        )
    total: dict[str, int] = {}
    for row in rows:
        if row[2] != "emoji":
            total[row[4]] = total.get(row[4], 0) + row[5]
    return total


WAYS: dict[str, Callable[[Path, int], dict[str, int]]] = {
    "S4": as_the_seed,
    "S4 mended": as_the_seed_mended,
    "DuckDB": by_duckdb_alone,
    "reading": by_our_reader,
    "ours": ours,
}


def measure(way: str, folder: Path, files: int) -> dict[str, Any]:
    """Seconds of one way in a fresh process (imports not counted), its processor seconds, peak memory and totals.

    Other processes that it begins are counted with it.
    """
    command = [sys.executable, __file__, "--child", way, "--folder", str(folder), "--files", str(files)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            try:
                began = psutil.Process(process.pid)
                memory = [one.memory_info() for one in (began, *began.children(recursive=True))]
            except psutil.NoSuchProcess:
                continue
            # Mapped files are counted by the system as long as it likes to keep them; they are no cost.
            peak = max(peak, sum(one.rss - one.shared for one in memory))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    answer, _ = process.communicate()
    watcher.join()
    if process.returncode:
        sys.exit(f"{way} failed")
    return {**json.loads(answer), "peak": peak}


def child(way: str, folder: Path, files: int) -> None:
    """Run one way and print what ``measure`` reads."""
    if not way.startswith("S4"):
        import duckdb  # noqa: F401

        import chat_platform.ingestion.emote_files  # noqa: F401
    started, before = time.perf_counter(), processor_seconds()
    total = WAYS[way](folder, files)
    seconds, cpu = time.perf_counter() - started, processor_seconds() - before
    print(json.dumps({"seconds": seconds, "cpu": cpu, "total": total}))


def processor_seconds() -> float:
    """Of this process and of all that it began."""
    this = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (this, *this.children(recursive=True)))


def report(folder: Path, messages: int, file_messages: int, turns: int) -> bool:
    """Measure and print; whether everything that must hold holds."""
    files = math.ceil(messages / file_messages)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    # Turn by turn: a machine that grows slower or quicker meanwhile does so for every way.
    for _ in range(turns):
        for way in WAYS:
            runs[way].append(measure(way, folder, files))
    best = {way: min(found, key=lambda run: run["seconds"]) for way, found in runs.items()}
    size = sum(path.stat().st_size for path in folder.glob("*.json"))
    print(
        f"{messages:,} messages, {files} files of {file_messages:,}, {size / GIB:.2f} GiB of JSON, "
        f"{os.cpu_count()} cores"
    )
    for way, run in best.items():
        print(
            f"  {way:10} {messages / run['seconds']:>10,.0f} messages/s  {run['seconds']:8.2f} s  "
            f"{run['cpu'] / messages * 1e6:6.2f} µs of processor a message  {run['peak'] / 2**20:6,.0f} MiB"
        )
    mine, mended, seed = (best[way]["total"] for way in ("ours", "S4 mended", "S4"))
    own = {code: uses for code, uses in mine.items() if code.startswith(PREFIX)}
    agree = mine == mended and own == seed
    print(f"  counts agree: {agree}")
    holds = agree and best["ours"]["peak"] <= 4 * GIB
    for way in (way for way in WAYS if way != "ours"):
        ratio = best[way]["seconds"] / best["ours"]["seconds"]
        cpu = best[way]["cpu"] / best["ours"]["cpu"]
        limit = REQUIRED.get(way)
        print(
            f"  ours is {ratio:.2f} x {way} ({cpu:.2f} x by processor time)"
            + (f", must be >= {limit}" if limit else "")
        )
        holds &= limit is None or ratio >= limit
    if files >= 4:
        quarter = min(measure("ours", folder, files // 4)["cpu"] for _ in range(turns))
        whole = min(run["cpu"] for run in runs["ours"])
        slope = math.log(whole / quarter) / math.log(files / (files // 4))
        print(f"  slope of processor time from a quarter to all: {slope:.2f}")
    return holds


def main() -> int:
    """Print everything; exit code 1 when something that must hold does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=340_000)
    parser.add_argument("--file-messages", type=int, default=85_000)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument(
        "--folder", type=Path, help="where the generated files go; default: a temporary folder"
    )
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--files", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.folder, arguments.files)
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        write_files(Path(folder), arguments.messages, arguments.file_messages)
        holds = report(Path(folder), arguments.messages, arguments.file_messages, arguments.turns)
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
