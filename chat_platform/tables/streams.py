"""Tables of streams: channels and their figures, videos, emotes and their uses, rise and fall.

What belongs here: TableSpecs. What does not: code that fills them. The chat of a video is a conversation like
any other: its messages, participants and tokens are in the tables of ``class_chat``. Who writes there is nobody of
the class: such accounts are in core.participants, and not in core.identities and core.people.

A figure that a platform does not have, or did not say, is null; zero means that it said zero. A day without a
snapshot has no row. Where a column holds a channel's id, ``platform`` beside it says whose id it is.
"""

from __future__ import annotations

from chat_platform.tables.spec import Column, TableSpec

_PLATFORM = Column("platform", "string", "`twitch`, `chzzk`, …", nullable=False)
_CHANNEL_ID = Column(
    "channel_id", "string", "Channel, by the platform's id, which no rename changes.", nullable=False
)

CHANNELS = TableSpec(
    schema="core",
    name="channels",
    description="A streamer's channel, as the platform last showed it; one that left the list stays.",
    primary_key=("platform", "channel_id"),
    columns=(
        _PLATFORM,
        _CHANNEL_ID,
        Column(
            "identity_id",
            "string",
            "The streamer's account as the author of messages; joins core.participants.",
            nullable=False,
            pii="id",
            erasure="pseudonymise",
        ),
        Column("login", "string", "Name in the address, lower case.", pii="name", erasure="pseudonymise"),
        Column(
            "display_name", "string", "Name as shown.", nullable=False, pii="name", erasure="pseudonymise"
        ),
        Column(
            "previous_logins",
            "string",
            "JSON list of earlier logins, the latest last; null: it never changed.",
            pii="name",
            erasure="blank",
        ),
        Column("url", "string", "Address of the channel.", pii="link", erasure="blank"),
        Column("image_url", "string", "Address of the picture.", pii="link", erasure="blank"),
        Column("kind", "string", "The platform's word for its standing: `partner`, `affiliate`, …"),
        Column("created_at", "timestamp", "When the account was made."),
        Column("list_key", "string", "Key of the row in the list of streamers.", pii="id", erasure="blank"),
        Column("list_name", "string", "Name in the list of streamers.", pii="name", erasure="blank"),
        Column("listed", "bool", "Whether the latest list still has it.", nullable=False),
        Column(
            "state", "string", "`active`, or `gone`: the platform does not know the id now.", nullable=False
        ),
        Column("first_seen_at", "timestamp", "When the platform first showed it to us.", nullable=False),
        Column("last_seen_at", "timestamp", "When it last did.", nullable=False),
    ),
)

CHANNEL_SNAPSHOTS = TableSpec(
    schema="core",
    name="channel_snapshots",
    description="Figures of a channel on a day.",
    primary_key=("snapshot_id", "channel_id"),
    partition_column="snapshot_id",
    columns=(
        Column("snapshot_id", "string", "`<platform>-<day>`; also the lake partition.", nullable=False),
        _PLATFORM,
        _CHANNEL_ID,
        Column("day", "date", "Day, in the time zone of the settings.", nullable=False),
        Column("taken_at", "timestamp", "When the platform was asked.", nullable=False),
        Column("followers", "int64", "Followers."),
        Column("views", "int64", "Views of the channel, as the platform counts them."),
        Column("videos", "int64", "Videos that the platform keeps."),
        Column("video_views", "int64", "Views of these videos together."),
    ),
)

VIDEOS = TableSpec(
    schema="core",
    name="videos",
    description="A recorded stream, highlight or upload, as the platform last showed it.",
    primary_key=("platform", "video_id"),
    columns=(
        _PLATFORM,
        Column("video_id", "string", "Video, by the platform's id.", nullable=False),
        _CHANNEL_ID,
        Column("conversation_id", "string", "Its chat; joins core.conversations.", nullable=False),
        Column("title", "string", "Title.", nullable=False),
        Column("kind", "string", "The platform's word: `archive`, `highlight`, `upload`, …"),
        Column("started_at", "timestamp", "When the stream began; offsets of its chat count from here."),
        Column("published_at", "timestamp", "When it was published."),
        Column("duration_s", "float64", "Length in seconds."),
        Column("muted_s", "float64", "Seconds without sound."),
        Column("language", "string", "Language, as the platform says."),
        Column("url", "string", "Address."),
        Column("views", "int64", "Views when it was last seen."),
        Column("state", "string", "`there`, or `gone`: deleted or expired.", nullable=False),
        Column("first_seen_at", "timestamp", "When the platform first showed it to us.", nullable=False),
        Column("last_seen_at", "timestamp", "When it last did.", nullable=False),
    ),
)

VIDEO_SNAPSHOTS = TableSpec(
    schema="core",
    name="video_snapshots",
    description="Views of a video on a day.",
    primary_key=("snapshot_id", "video_id"),
    partition_column="snapshot_id",
    columns=(
        Column("snapshot_id", "string", "`<platform>-<day>`; also the lake partition.", nullable=False),
        _PLATFORM,
        Column("video_id", "string", "Video.", nullable=False),
        _CHANNEL_ID,
        Column("day", "date", "Day, in the time zone of the settings.", nullable=False),
        Column("taken_at", "timestamp", "When the platform was asked.", nullable=False),
        Column("views", "int64", "Views so far."),
    ),
)

EMOTES = TableSpec(
    schema="core",
    name="emotes",
    description="An emote under one code in one place, and the days on which it could be used.",
    primary_key=("platform", "provider", "emote_id", "code", "channel_id", "valid_from"),
    columns=(
        _PLATFORM,
        Column(
            "provider",
            "string",
            "`native` (the platform's own), `7tv`, `bttv`, `ffz`, or `unknown` where a file does not tell.",
            nullable=False,
        ),
        Column("emote_id", "string", "Id at the provider.", nullable=False),
        Column("code", "string", "What is typed: a whole word, upper and lower case apart.", nullable=False),
        Column("scope", "string", "`channel` or `global`.", nullable=False),
        Column("channel_id", "string", "Channel that it belongs to; null when global."),
        Column(
            "valid_from",
            "date",
            "First day; null: it was in the first list that we read, so nobody knows since when.",
        ),
        Column("valid_to", "date", "First day on which it was gone; null: it is still there."),
        Column("animated", "bool", "Whether it moves; null where the provider does not say."),
        Column("zero_width", "bool", "Whether it lies over the emote before it."),
        Column("tier", "string", "What it takes to use it, in the platform's word."),
        Column("image_url", "string", "Address of the picture."),
    ),
)

EMOTE_USES = TableSpec(
    schema="core",
    name="emote_uses",
    description="An emote or emoji in a message, and how often it stands there.",
    primary_key=("message_id", "provider", "emote_id", "code"),
    partition_column="conversation_id",
    columns=(
        Column("conversation_id", "string", "Conversation.", nullable=False),
        Column("message_id", "string", "Message.", nullable=False),
        _PLATFORM,
        _CHANNEL_ID,
        Column(
            "identity_id",
            "string",
            "Author of the message; joins core.participants.",
            nullable=False,
            pii="id",
            erasure="pseudonymise",
        ),
        Column("sent_at", "timestamp", "When the message was sent, UTC.", nullable=False),
        Column("provider", "string", "As in core.emotes, or `emoji` for Unicode emoji.", nullable=False),
        Column(
            "emote_id",
            "string",
            "Id at the provider; the code where a format shows only that; of an emoji, the one that "
            "its variants (skin tones) are grouped under.",
            nullable=False,
        ),
        Column("code", "string", "As written in the message.", nullable=False),
        Column("uses", "int64", "Times it stands in the message, at least 1.", nullable=False),
    ),
)

CHANNEL_TRENDS = TableSpec(
    schema="ml",
    name="channel_trends",
    description="Rise or fall of one figure of a channel over the days up to one.",
    primary_key=("platform", "channel_id", "metric", "as_of"),
    columns=(
        _PLATFORM,
        _CHANNEL_ID,
        Column("metric", "string", "Column of core.channel_snapshots.", nullable=False),
        Column("as_of", "date", "Last day of the window.", nullable=False),
        Column("days", "int64", "Days of the window.", nullable=False),
        Column("observed", "int64", "Days with a figure.", nullable=False),
        Column("trend", "string", "`rising`, `falling`, `steady`, `spike` or `unknown`.", nullable=False),
        Column("score", "float64", "Change over the window in natural log units, spikes left out."),
        Column("confidence", "float64", "How sure the class is, from 0 to 1."),
        Column("slope", "float64", "Relative change a day: 0.01 is one per cent."),
        Column("slope_low", "float64", "Lower end of its 95 % interval."),
        Column("slope_high", "float64", "Upper end."),
        Column(
            "steps",
            "string",
            "JSON list of `{day, change}`: days on which the level changed, and by how much.",
        ),
        Column("spikes", "string", "JSON list of days whose figure went up or down and came back."),
    ),
)

TABLES = (CHANNELS, CHANNEL_SNAPSHOTS, VIDEOS, VIDEO_SNAPSHOTS, EMOTES, EMOTE_USES, CHANNEL_TRENDS)
