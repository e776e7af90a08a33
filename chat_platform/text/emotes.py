"""Emotes: which pictures the viewers of a message saw, and how often each.

What belongs here: the kernel from chat to ``core.emote_uses``, its input, and which emote a word is. What does
not: fetching lists of emotes, formats of chat, counts by day or channel (sums over the one table made here).

Three kinds are counted:

* **native** emotes, as the platform marks them; never guessed from the text, because a word that its author may
  not use as an emote stays a word. Only where a source marks none at all (text files), the platform's codes are
  looked for like those below.
* **third-party** emotes (7TV, BTTV, FFZ): whole words between white space, upper and lower case apart, among the
  emotes that the channel had on that day.
* **emoji**, by grapheme cluster (``text.emoji``), wherever they stand.

Each place in a message is one use of one emote. What the platform marks is native, whatever else has the code.
Else an emote of the channel goes before a global one: 7TV's extension, Chatterino and BTTV (in its display of
7TV) all do so, as the channel chose it. Within either, 7TV goes before BTTV before FFZ. On this clients disagree;
streamers who keep several sets maintain 7TV's, and its extension replaces what others have drawn. Emotes of
unknown provider come last. An emote that lies over another (zero-width) is a use like any other.

White space is Unicode's. Texts and codes are compared in NFC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chat_platform.tables.streams import EMOTE_USES
from chat_platform.text.emoji import emoji_in, fold_emoji

EMOJI = "emoji"
NATIVE = "native"
PRECEDENCE = (NATIVE, "7tv", "bttv", "ffz")
"""Providers of one scope whose emotes share a code, the one that viewers see first. Others come after them."""

_HIT = pa.struct([("emote_id", pa.string()), ("code", pa.string()), ("uses", pa.int64())])
CHAT = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("platform", pa.string(), nullable=False),
        pa.field("channel_id", pa.string(), nullable=False),
        pa.field("identity_id", pa.string(), nullable=False),
        pa.field("sent_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("native", pa.list_(_HIT)),
    ]
)
"""What the kernel reads: messages with the platform's emotes in them. A null list: the source marks none."""

NATIVE_USES = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("emote_id", pa.string()),
        pa.field("code", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)
"""The platform's emotes in messages, as parsers give them."""

# Every character that makes an emoji possible is in here, and hardly another; Arrow finds it in compiled code.
_MAY_HOLD_EMOJI = (
    r"[\x{a9}\x{ae}\x{203c}\x{2049}\x{20e3}\x{2100}-\x{2bff}\x{3030}\x{303d}\x{3297}\x{3299}\x{fe0f}"
    r"\x{1f000}-\x{1faff}\x{1fc00}-\x{1fffd}]"
)
Ints = npt.NDArray[np.int64]
# Zones differ from UTC by whole quarters of an hour, so a quarter lies within one day of any zone.
_QUARTER_US = 15 * 60 * 1_000_000


@dataclass(frozen=True)
class _Uses:
    """How often which thing stands in which row; sorted by row, then by thing, each pair once."""

    row: Ints
    thing: Ints
    count: Ints


@dataclass(frozen=True)
class _Place:
    """What decides which emotes a message can hold."""

    platform: str
    channel_id: str
    day: date
    marked: bool


@dataclass(frozen=True)
class RepeatingChat:
    """Messages of which many say the same.

    Attributes:
        messages: the columns of ``CHAT`` but for those of ``said``; texts may be encoded by a dictionary.
        said: ``text`` and ``native`` as in ``CHAT``, of all that is said.
        said_of_message: the row of ``said`` of each message; every row is some message's.
    """

    messages: pa.Table
    said: pa.Table
    said_of_message: Ints


@dataclass(frozen=True)
class EmoteKernel:
    """``emote_uses`` as the kernel of a compute engine.

    Attributes:
        emotes: Parquet file of ``core.emotes``; other channels' emotes are skipped while reading.
        zone: time zone in whose days the validity of emotes counts.
    """

    emotes: Path
    zone: str

    def __call__(self, chat: pa.Table) -> pa.Table:
        """Chat → rows of ``core.emote_uses``."""
        channels = pc.unique(_column(chat, "channel_id"))
        usable = pc.field("channel_id").is_null() | pc.field("channel_id").isin(channels)
        return emote_uses(chat, pq.read_table(self.emotes, filters=usable), zone=self.zone)


def chat_of(messages: pa.Table, native: pa.Table | None, *, platform: str, channel_id: str) -> pa.Table:
    """The kernel's input for conversations of one channel.

    Args:
        messages: rows of ``core.messages``.
        native: the platform's emotes in them, of the schema ``NATIVE_USES``; ``None``: the source marks none.
        platform: short name of the platform.
        channel_id: the channel.

    Returns:
        A table of the schema ``CHAT``, in the order of ``messages``.
    """
    rows = messages.num_rows
    added = {
        "platform": pa.repeat(pa.scalar(platform, pa.string()), rows),
        "channel_id": pa.repeat(pa.scalar(channel_id, pa.string()), rows),
        "native": pa.nulls(rows, pa.list_(_HIT)) if native is None else _lists(messages, native),
    }
    columns = [added[name] if name in added else messages[name] for name in CHAT.names]
    return pa.Table.from_arrays(columns, schema=CHAT)


def emote_uses(chat: pa.Table, emotes: pa.Table, *, zone: str) -> pa.Table:
    """Count the emotes and emoji of each message.

    Args:
        chat: of the schema ``CHAT``.
        emotes: rows of ``core.emotes``; those of other channels and days are not used.
        zone: time zone in whose days the validity of emotes counts.

    Returns:
        Rows of ``core.emote_uses``, in the order of the messages.
    """
    return _table(chat, *_found(chat, emotes, ZoneInfo(zone))).cast(EMOTE_USES.arrow_schema())


def repeated_emote_uses(chat: RepeatingChat, emotes: pa.Table, *, zone: str) -> pa.Table:
    """Count the emotes and emoji of messages of one channel; what is said again on a day is not looked at again.

    Args:
        chat: messages of one channel.
        emotes: rows of ``core.emotes``; those of other channels and days are not used.
        zone: time zone in whose days the validity of emotes counts.

    Returns:
        What ``emote_uses`` gives for these messages.
    """
    days, day = _days(np.asarray(_column(chat.messages, "sent_at").cast(pa.int64())), ZoneInfo(zone))
    said, of_message = chat.said, chat.said_of_message
    if len(days) != 1:
        _, first, of_message = np.unique(of_message * len(days) + day, return_index=True, return_inverse=True)
    else:
        first = np.empty(said.num_rows, dtype=np.int64)
        first[of_message[::-1]] = np.arange(len(of_message))[::-1]
    columns = {name: chat.messages[name].take(pa.array(first)) for name in chat.messages.column_names}
    columns |= {name: said[name].take(pa.array(chat.said_of_message[first])) for name in said.column_names}
    distinct = pa.table({name: columns[name] for name in CHAT.names}).cast(CHAT)
    uses, things = _found(distinct, emotes, ZoneInfo(zone))
    return _table(chat.messages, _spread(uses, of_message, distinct.num_rows), things)


def _found(chat: pa.Table, emotes: pa.Table, zone: ZoneInfo) -> tuple[_Uses, pa.Table]:
    """What stands in which row of ``CHAT``, and what it is."""
    encoded = _column(chat, "text").dictionary_encode()
    texts, text_of_row = _nfc(encoded.dictionary), np.asarray(encoded.indices, dtype=np.int64)
    emotes = emotes.select(
        ["provider", "emote_id", "code", "platform", "channel_id", "valid_from", "valid_to"]
    )
    native, native_things = _native(chat)
    words, codes = _words(texts, text_of_row, _column(emotes, "code"))
    words = _less(words, _renamed(native, native_things["code"], codes), len(codes))
    words = _resolved(words, codes, chat, emotes, zone)
    emoji, emoji_things = _emoji(texts, text_of_row)
    for uses, things in ((native, native_things), (words, emotes)):
        within = _emoji_of_codes(uses, things["code"], emoji_things["code"])
        emoji = _less(emoji, within, emoji_things.num_rows)
    return _together([(native, native_things), (words, emotes), (emoji, emoji_things)])


def _native(chat: pa.Table) -> tuple[_Uses, pa.Table]:
    """What the platform marks, and the emotes that it names."""
    lists = _column(chat, "native")
    ids, codes, counts = lists.flatten().flatten()
    ids = pc.coalesce(ids, codes).dictionary_encode()
    codes = codes.dictionary_encode()
    # Codes that are one in NFC become one: each distinct code is normalised once.
    spelled = _nfc(codes.dictionary).dictionary_encode()
    code = np.asarray(spelled.indices, dtype=np.int64)[np.asarray(codes.indices)]
    key = np.asarray(ids.indices, dtype=np.int64) * len(spelled.dictionary) + code
    keys, thing = np.unique(key, return_inverse=True)
    id_index, code_index = np.divmod(keys, max(1, len(spelled.dictionary)))
    things = _things(
        NATIVE, ids.dictionary.take(pa.array(id_index)), spelled.dictionary.take(pa.array(code_index))
    )
    row = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    return _counted(row, thing, np.asarray(counts, dtype=np.int64), len(keys)), things


def _words(texts: pa.Array, text_of_row: Ints, codes: pa.Array) -> tuple[_Uses, pa.Array]:
    """Words that are some emote's code anywhere, and the codes, each once."""
    distinct = pc.unique(codes)
    words = pc.utf8_split_whitespace(texts)
    code = np.asarray(pc.index_in(words.flatten(), value_set=distinct).fill_null(-1), dtype=np.int64)
    text = np.asarray(pc.list_parent_indices(words), dtype=np.int64)
    found = code >= 0
    in_text = _counted(text[found], code[found], np.ones(int(found.sum()), dtype=np.int64), len(distinct))
    return _spread(in_text, text_of_row, len(texts)), distinct


def _emoji(texts: pa.Array, text_of_row: Ints) -> tuple[_Uses, pa.Table]:
    """Emoji, and the variants of them that occur."""
    index: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    holding = np.flatnonzero(np.asarray(pc.match_substring_regex(texts, _MAY_HOLD_EMOJI)))
    for text, value in zip(holding.tolist(), texts.take(pa.array(holding)).to_pylist(), strict=True):
        found += [(text, index.setdefault(cluster, len(index))) for cluster in emoji_in(value)]
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    in_text = _counted(pairs[:, 0], pairs[:, 1], np.ones(len(pairs), dtype=np.int64), len(index))
    folded = pa.array([fold_emoji(cluster) for cluster in index], pa.string())
    return _spread(in_text, text_of_row, len(texts)), _things(EMOJI, folded, pa.array(index, pa.string()))


def _emoji_of_codes(uses: _Uses, codes: pa.ChunkedArray, emoji: pa.ChunkedArray) -> _Uses:
    """Emoji that stand in the codes of emotes: who uses such an emote uses no emoji."""
    index = {cluster: number for number, cluster in enumerate(emoji.to_pylist())}
    used = np.unique(uses.thing)
    spelled = zip(used.tolist(), codes.take(pa.array(used)).to_pylist(), strict=True)
    rows, things, counts = ([np.empty(0, dtype=np.int64)] for _ in range(3))
    holding = ((thing, found) for thing, code in spelled if (found := emoji_in(code)))
    for thing, found in holding:
        for cluster, times in Counter(found).items():
            if cluster not in index:
                continue
            hit = uses.thing == thing
            rows.append(uses.row[hit])
            things.append(np.full(int(hit.sum()), index[cluster]))
            counts.append(uses.count[hit] * times)
    return _counted(np.concatenate(rows), np.concatenate(things), np.concatenate(counts), len(index))


def _renamed(uses: _Uses, codes: pa.ChunkedArray, names: pa.Array) -> _Uses:
    """The same uses with things counted in ``names``; what is not among them is left out."""
    index = np.asarray(pc.index_in(codes.combine_chunks(), value_set=names).fill_null(-1), dtype=np.int64)
    thing = index[uses.thing]
    known = thing >= 0
    return _counted(uses.row[known], thing[known], uses.count[known], len(names))


def _resolved(words: _Uses, codes: pa.Array, chat: pa.Table, emotes: pa.Table, zone: ZoneInfo) -> _Uses:
    """From codes to rows of ``emotes``; a word that is no emote where and when it was written is left out."""
    places, place_of_row = _places(chat, zone)
    code_of_emote = np.asarray(pc.index_in(_column(emotes, "code"), value_set=codes), dtype=np.int64)
    shown = np.full((len(places), len(codes)), -1, dtype=np.int64)
    for number, place in enumerate(places):
        order = _usable(emotes, place)[::-1]
        shown[number, code_of_emote[order]] = order
    emote = shown[place_of_row[words.row], words.thing]
    known = emote >= 0
    return _Uses(words.row[known], emote[known], words.count[known])


def _usable(emotes: pa.Table, place: _Place) -> Ints:
    """Rows of ``emotes`` that may be used in a place, those that viewers see first in front."""
    day = pa.scalar(place.day, pa.date32())
    own, valid_from, valid_to = emotes["channel_id"], emotes["valid_from"], emotes["valid_to"]
    usable = pc.equal(emotes["platform"], place.platform)
    usable = pc.and_(usable, pc.or_(pc.is_null(own), pc.fill_null(pc.equal(own, place.channel_id), False)))
    usable = pc.and_(usable, pc.fill_null(pc.less_equal(valid_from, day), True))
    usable = pc.and_(usable, pc.fill_null(pc.greater(valid_to, day), True))
    if place.marked:
        usable = pc.and_(usable, pc.not_equal(emotes["provider"], NATIVE))
    rows = np.flatnonzero(np.asarray(usable))
    found = emotes.take(pa.array(rows))
    ranks = [
        (channel is None, PRECEDENCE.index(provider) if provider in PRECEDENCE else len(PRECEDENCE), emote_id)
        for channel, provider, emote_id in zip(
            *(found[name].to_pylist() for name in ("channel_id", "provider", "emote_id")), strict=True
        )
    ]
    return rows[sorted(range(len(rows)), key=ranks.__getitem__)]


def _places(chat: pa.Table, zone: ZoneInfo) -> tuple[list[_Place], Ints]:
    """The places of the messages, and the place of each."""
    platform = _column(chat, "platform").dictionary_encode()
    channel = _column(chat, "channel_id").dictionary_encode()
    days, day = _days(np.asarray(_column(chat, "sent_at").cast(pa.int64())), zone)
    shape = (max(1, len(platform.dictionary)), max(1, len(channel.dictionary)), max(1, len(days)), 2)
    marked = np.asarray(pc.is_valid(_column(chat, "native")))
    parts = (np.asarray(platform.indices), np.asarray(channel.indices), day, marked.astype(np.int64))
    keys, place_of_row = np.unique(np.ravel_multi_index(parts, shape), return_inverse=True)
    places = [
        _Place(platform.dictionary[p].as_py(), channel.dictionary[c].as_py(), days[d], bool(m))
        for p, c, d, m in zip(*np.unravel_index(keys, shape), strict=True)
    ]
    return places, place_of_row


def _days(sent_at: Ints, zone: ZoneInfo) -> tuple[list[date], Ints]:
    """The days of moments (microseconds since 1970) in a zone, ascending, and the day of each."""
    quarters, quarter = np.unique(sent_at // _QUARTER_US, return_inverse=True)
    of_quarter = [
        datetime.fromtimestamp(q * _QUARTER_US // 1_000_000, zone).date() for q in quarters.tolist()
    ]
    days = sorted(set(of_quarter))
    index = np.array([days.index(day) for day in of_quarter], dtype=np.int64)
    return days, index[quarter]


def _counted(row: Ints, thing: Ints, count: Ints, things: int) -> _Uses:
    """Pairs of row and thing, sorted, each once, with their counts added up."""
    keys, where = np.unique(row * things + thing, return_inverse=True)
    rows, found = np.divmod(keys, max(1, things))
    total = np.zeros(len(keys), dtype=np.int64)
    np.add.at(total, where, count)
    return _Uses(rows, found, total)


def _spread(in_text: _Uses, text_of_row: Ints, texts: int) -> _Uses:
    """From uses in distinct texts to uses in the messages that have these texts."""
    per_text = np.bincount(in_text.row, minlength=texts)
    first_of_text = np.cumsum(per_text) - per_text
    lengths = per_text[text_of_row]
    row = np.repeat(np.arange(len(text_of_row)), lengths)
    first_of_row = np.cumsum(lengths) - lengths
    chosen = np.arange(len(row)) + np.repeat(first_of_text[text_of_row] - first_of_row, lengths)
    return _Uses(row, in_text.thing[chosen], in_text.count[chosen])


def _less(uses: _Uses, others: _Uses, things: int) -> _Uses:
    """``uses`` without as many of the same thing in the same row as ``others`` has."""
    keys = uses.row * things + uses.thing
    other_keys = others.row * things + others.thing
    place = np.searchsorted(keys, other_keys)
    place[place == len(keys)] = 0
    same = keys[place] == other_keys if len(keys) else np.zeros(len(place), dtype=bool)
    left = uses.count.copy()
    left[place[same]] -= others.count[same]
    kept = left > 0
    return _Uses(uses.row[kept], uses.thing[kept], left[kept])


def _things(provider: str, ids: pa.Array, codes: pa.Array) -> pa.Table:
    providers = pa.repeat(pa.scalar(provider, pa.string()), len(codes))
    return pa.table({"provider": providers, "emote_id": ids, "code": codes})


def _together(parts: Sequence[tuple[_Uses, pa.Table]]) -> tuple[_Uses, pa.Table]:
    """All uses sorted by row, those of one row in the order of ``parts``."""
    row = np.concatenate([uses.row for uses, _ in parts])
    order = np.argsort(row, kind="stable")
    first = np.cumsum([0, *(things.num_rows for _, things in parts)])
    thing = np.concatenate([uses.thing + begin for (uses, _), begin in zip(parts, first, strict=False)])
    count = np.concatenate([uses.count for uses, _ in parts])
    things = {
        name: pa.concat_arrays([_column(things, name) for _, things in parts])
        for name in ("provider", "emote_id", "code")
    }
    return _Uses(row[order], thing[order], count[order]), pa.table(things)


def _table(chat: pa.Table, uses: _Uses, things: pa.Table) -> pa.Table:
    """Rows of ``core.emote_uses``, in the order of the messages; what repeats is encoded by a dictionary."""
    columns: dict[str, pa.Array] = {"uses": pa.array(uses.count)}
    for name in EMOTE_USES.column_names:
        if name in things.column_names:
            columns[name] = _encoded(_column(things, name), uses.thing)
        elif name in chat.column_names:
            column = _column(chat, name)
            if pa.types.is_dictionary(column.type):
                columns[name] = _encoded(column.dictionary, np.asarray(column.indices)[uses.row])
            else:
                columns[name] = column.take(pa.array(uses.row))
    return pa.table({name: columns[name] for name in EMOTE_USES.column_names})


def _encoded(values: pa.Array, place: Ints) -> pa.DictionaryArray:
    """The values at these places; the dictionary holds no others, and each once."""
    used = np.zeros(len(values), dtype=bool)
    used[place] = True
    distinct = values.take(pa.array(np.flatnonzero(used))).dictionary_encode()
    number = np.asarray(distinct.indices, dtype=np.int32)[(np.cumsum(used) - 1)[place]]
    return pa.DictionaryArray.from_arrays(pa.array(number), distinct.dictionary)


def _lists(messages: pa.Table, native: pa.Table) -> pa.Array:
    """Rows of ``NATIVE_USES`` as a list a message; those of unknown messages are left out."""
    ids = _column(messages, "message_id")
    row = np.asarray(pc.index_in(_column(native, "message_id"), value_set=ids).fill_null(-1), dtype=np.int64)
    order = np.argsort(row, kind="stable")
    order = order[np.searchsorted(row[order], 0) :]
    hits = native.take(pa.array(order))
    struct = pa.StructArray.from_arrays(
        [_column(hits, name) for name in ("emote_id", "code", "count")], fields=list(_HIT)
    )
    offsets = np.concatenate(([0], np.cumsum(np.bincount(row[order], minlength=messages.num_rows))))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct, type=pa.list_(_HIT))


def _nfc(texts: pa.Array) -> pa.Array:
    """Much of chat is ASCII and stays as it is."""
    others = pc.invert(pc.string_is_ascii(texts))
    if not pc.any(others).as_py():
        return texts
    return pc.replace_with_mask(texts, others, pc.utf8_normalize(texts.filter(others), form="NFC"))


def _column(table: pa.Table, name: str) -> pa.Array:
    """A column as one array, also when the table has no or several chunks; copied only when it must be."""
    chunks = table[name].chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays([pa.array([], table[name].type), *chunks])
