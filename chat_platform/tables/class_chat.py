"""Tables of the class chat: conversations, messages, reactions, people, tokens, quarantine.

What belongs here: TableSpecs. What does not: code that fills them. ``tables.catalogue.ALL_TABLES`` collects
the specs of every domain.
"""

from __future__ import annotations

from chat_platform.tables.spec import Column, TableSpec

CLASS_SOURCES = ("zoom", "zoom_file", "slack")
"""Sources of the class. Conversations of other sources share its tables, and are none of its lectures."""

CONVERSATIONS = TableSpec(
    schema="core",
    name="conversations",
    description="A class recording, a saved chat file, a day of a Slack channel, the chat of a stream's video, a day "
    "of figures of streamers or a list of them, with its state in the ledger.",
    primary_key=("conversation_id",),
    columns=(
        Column("conversation_id", "string", "Stable id; also the lake partition.", nullable=False),
        Column("source", "string", "`zoom`, `zoom_file`, `slack`, or a streaming platform.", nullable=False),
        Column(
            "kind",
            "string",
            "`recording`, `saved_chat`, `channel_day`; of streams `video`, `snapshot_day`, `streamer_list`.",
            nullable=False,
        ),
        Column("title", "string", "Title of the announcement, file or channel."),
        Column("conversation_date", "date", "Date of the lecture (or day), in the class's time zone."),
        Column("started_at", "timestamp", "First moment of the recording, UTC."),
        Column("duration_s", "float64", "Length in seconds, where the source says it."),
        Column(
            "link",
            "string",
            "Address that opens the recording, without any passcode.",
            pii="link",
            erasure="blank",
        ),
        Column("announced_at", "timestamp", "When the announcement was posted."),
        Column("announced_by", "string", "Slack user who announced it.", pii="id", erasure="pseudonymise"),
        Column(
            "state",
            "string",
            "`announced`, `fetched`, `parsed`, `published`, `quarantined`, `failed` or `gone`.",
            nullable=False,
        ),
        Column("reason", "string", "Error code when quarantined, failed or gone."),
        Column("attempts", "int64", "Times that fetching was tried.", nullable=False),
        Column("next_attempt_at", "timestamp", "When a failed fetch is due again."),
        Column("fetched_at", "timestamp", "When the raw answer was archived."),
        Column("parsed_at", "timestamp", "When the archived answer was last parsed."),
        Column("strategy", "string", "How it was fetched: `http`, `browser`, `file`, `api`, `live`."),
        Column("payload_sha256", "string", "Hash of the raw answer."),
        Column("records", "int64", "Records counted in the raw answer."),
        Column("messages", "int64", "Messages, without replies."),
        Column("replies", "int64", "Replies."),
        Column("reactions", "int64", "Reaction records, taken back or not."),
        Column("removals", "int64", "Records that take a reaction back."),
        Column("quarantined", "int64", "Records that could not be used."),
        Column("duplicates", "int64", "Records that the source gave more than once."),
    ),
)

MESSAGES = TableSpec(
    schema="core",
    name="messages",
    description="A message or a reply.",
    primary_key=("message_id",),
    partition_column="conversation_id",
    columns=(
        Column(
            "message_id",
            "string",
            "The source's id (Zoom's after the recording's key), or a hash of conversation, author, time and text.",
            nullable=False,
        ),
        Column("source", "string", "`zoom`, `zoom_file`, `slack`, or a streaming platform.", nullable=False),
        Column("conversation_id", "string", "Conversation it belongs to.", nullable=False),
        Column("kind", "string", "`message` or `reply`.", nullable=False),
        Column("position", "int64", "Order within the conversation, from 0.", nullable=False),
        Column("author_name", "string", "Name as shown at the source.", pii="name", erasure="pseudonymise"),
        Column(
            "author_ref",
            "string",
            "The source's own mark of the sender: Slack user id, or the number "
            "that Zoom gives a sender within one meeting.",
            pii="id",
            erasure="pseudonymise",
        ),
        Column(
            "identity_id",
            "string",
            "Name or account of the author; joins core.identities.",
            nullable=False,
            pii="id",
            erasure="pseudonymise",
        ),
        Column("sent_at", "timestamp", "When it was sent, UTC.", nullable=False),
        Column("offset_s", "float64", "Seconds from the start of the recording."),
        Column("text", "string", "Text as sent, NFC.", nullable=False, pii="text", erasure="blank"),
        Column(
            "clean_text",
            "string",
            "Text with elongations, links and mentions folded; code as written.",
            nullable=False,
            pii="text",
            erasure="blank",
        ),
        Column("language", "string", "`ko`, `en`, `mixed`, `code`, `emoji` or `other`."),
        Column("parent_id", "string", "Message that this reply answers; null when the quote was not found."),
        Column("visibility", "string", "`everyone` or `direct`.", nullable=False),
        Column(
            "recipient_name",
            "string",
            "Whom a direct message was sent to.",
            pii="name",
            erasure="pseudonymise",
        ),
        Column("edited", "bool", "The source says that it was edited.", nullable=False),
        Column("removed", "bool", "Deleted at the source after we had seen it.", nullable=False),
        Column(
            "ambiguous_parent",
            "bool",
            "The quote fits several earlier messages; the nearest was taken.",
            nullable=False,
        ),
    ),
)

REACTIONS = TableSpec(
    schema="core",
    name="reactions",
    description="An emoji on a message, by somebody or (where the source gives counts only) by nobody named.",
    primary_key=("reaction_id",),
    partition_column="conversation_id",
    columns=(
        Column("reaction_id", "string", "Hash of message, emoji, reactor and position.", nullable=False),
        Column("source", "string", "`zoom`, `zoom_file`, `slack`, or a streaming platform.", nullable=False),
        Column("conversation_id", "string", "Conversation of the message.", nullable=False),
        Column("message_id", "string", "Message that it is on.", nullable=False),
        Column("emoji", "string", "Unicode emoji, or `:name:` for a custom one.", nullable=False),
        Column("reactor_name", "string", "Who reacted, where known.", pii="name", erasure="pseudonymise"),
        Column(
            "identity_id", "string", "Identity of who reacted, where known.", pii="id", erasure="pseudonymise"
        ),
        Column("count", "int64", "How many times; 1 when the reactor is known.", nullable=False),
        Column("reacted_at", "timestamp", "When, where known."),
        Column("removed", "bool", "Taken back later; such a row counts nothing.", nullable=False),
        Column(
            "ambiguous_target",
            "bool",
            "The quote fits several earlier messages; the nearest was taken.",
            nullable=False,
        ),
    ),
)

PARTICIPANTS = TableSpec(
    schema="core",
    name="participants",
    description="A name or account that wrote or reacted in a conversation.",
    primary_key=("conversation_id", "identity_id"),
    partition_column="conversation_id",
    columns=(
        Column("conversation_id", "string", "Conversation.", nullable=False),
        Column(
            "identity_id",
            "string",
            "Identity; joins core.identities.",
            nullable=False,
            pii="id",
            erasure="pseudonymise",
        ),
        Column("system", "string", "`zoom` or `slack`: where the identity lives.", nullable=False),
        Column(
            "identity_key",
            "string",
            "Slack user id or Zoom display name.",
            nullable=False,
            pii="name",
            erasure="pseudonymise",
        ),
        Column("display_name", "string", "Name as shown.", pii="name", erasure="pseudonymise"),
        Column(
            "senders",
            "int64",
            "Distinct sender numbers seen under this name; more than one in a meeting hints at two people.",
            nullable=False,
        ),
        Column("messages", "int64", "Messages and replies.", nullable=False),
        Column("first_at", "timestamp", "First message or reaction."),
        Column("last_at", "timestamp", "Last message or reaction."),
    ),
)

TOKENS = TableSpec(
    schema="core",
    name="tokens",
    description="A token of a message's clean text.",
    primary_key=("message_id", "position"),
    partition_column="conversation_id",
    columns=(
        Column("conversation_id", "string", "Conversation.", nullable=False),
        Column("message_id", "string", "Message.", nullable=False),
        Column("position", "int64", "Order within the message, from 0.", nullable=False),
        Column("form", "string", "Surface form.", nullable=False, pii="text", erasure="delete_row"),
        Column("lemma", "string", "Dictionary form.", nullable=False, pii="text", erasure="delete_row"),
        Column("tag", "string", "Part of speech: Sejong tags of Kiwi; EMOJI for an emoji.", nullable=False),
        Column("start", "int64", "First character in clean_text.", nullable=False),
        Column("length", "int64", "Characters in clean_text.", nullable=False),
        Column("tokenizer", "string", "Name and version of the tokenizer.", nullable=False),
    ),
)

QUARANTINE = TableSpec(
    schema="core",
    name="quarantine",
    description="A record that could not be used, and why.",
    primary_key=("quarantine_id",),
    partition_column="conversation_id",
    columns=(
        Column("quarantine_id", "string", "Hash of conversation, position and reason.", nullable=False),
        Column("source", "string", "`zoom`, `zoom_file`, `slack`, or a streaming platform.", nullable=False),
        Column(
            "conversation_id",
            "string",
            "Conversation, or the Slack message of an announcement.",
            nullable=False,
        ),
        Column("position", "int64", "Line of the file or index in the answer.", nullable=False),
        Column("reason", "string", "Stable reason, e.g. `reaction_target_not_found`.", nullable=False),
        Column("detail", "string", "What exactly was wrong."),
        Column("excerpt", "string", "Start of the record, without secrets.", pii="text", erasure="blank"),
    ),
)

PEOPLE = TableSpec(
    schema="core",
    name="people",
    description="A person: from Slack, from the class list, or known by a chat name only.",
    primary_key=("person_id",),
    columns=(
        Column("person_id", "string", "Stable id.", nullable=False, pii="id", erasure="pseudonymise"),
        Column("name", "string", "Name.", nullable=False, pii="name", erasure="pseudonymise"),
        Column("role", "string", "`teacher`, `staff` or `student`.", nullable=False),
        Column("position", "string", "Position as the class list words it."),
        Column("team", "string", "Team or place (온라인, 오프라인, …)."),
        Column("email", "string", "E-mail.", pii="email", erasure="blank"),
        Column("slack_id", "string", "Slack user id.", pii="id", erasure="blank"),
        Column("is_bot", "bool", "A bot.", nullable=False),
        Column("is_admin", "bool", "Administrator of the Slack workspace.", nullable=False),
        Column(
            "origin",
            "string",
            "`slack`, `list` or `name` (provisional: a chat name nobody has linked).",
            nullable=False,
        ),
    ),
)

IDENTITIES = TableSpec(
    schema="core",
    name="identities",
    description="A name or account at a source, and the person it belongs to, with the evidence.",
    primary_key=("identity_id",),
    columns=(
        Column("identity_id", "string", "Stable id.", nullable=False, pii="id", erasure="pseudonymise"),
        Column("system", "string", "`zoom` or `slack`.", nullable=False),
        Column(
            "identity_key",
            "string",
            "Slack user id or Zoom display name.",
            nullable=False,
            pii="name",
            erasure="pseudonymise",
        ),
        Column("display_name", "string", "Name as shown.", pii="name", erasure="pseudonymise"),
        Column("name_part", "string", "Name without role and team.", pii="name", erasure="pseudonymise"),
        Column("role_part", "string", "Role found in the name, as written (강사, 운영진, …)."),
        Column("team_part", "string", "Team found in the name, as written (온라인, …)."),
        Column("person_id", "string", "Person; null while ambiguous.", pii="id", erasure="pseudonymise"),
        Column(
            "state",
            "string",
            "`exact` (by id), `decided` (by somebody), `provisional` (own person, "
            "perhaps with a suggestion), `ambiguous` (several people fit).",
            nullable=False,
        ),
        Column(
            "suggested_person_ids",
            "string",
            "JSON list of people whose name fits.",
            pii="id",
            erasure="blank",
        ),
        Column(
            "evidence",
            "string",
            "JSON: which rule or decision led to the state.",
            pii="name",
            erasure="blank",
        ),
        Column("locked", "bool", "Somebody locked it: no suggestion and no change.", nullable=False),
        Column("conversations", "int64", "Conversations it was seen in.", nullable=False),
        Column("messages", "int64", "Messages and replies.", nullable=False),
        Column("first_seen_at", "timestamp", "First seen."),
        Column("last_seen_at", "timestamp", "Last seen."),
    ),
)

IDENTITY_DECISIONS = TableSpec(
    schema="core",
    name="identity_decisions",
    description="A merge, split or lock that somebody decided, or its undoing.",
    primary_key=("decision_id",),
    columns=(
        Column("decision_id", "int64", "Order of the log.", nullable=False),
        Column("kind", "string", "`merge`, `split` or `lock`.", nullable=False),
        Column(
            "identity_id",
            "string",
            "Identity that it is about.",
            nullable=False,
            pii="id",
            erasure="pseudonymise",
        ),
        Column("person_id", "string", "Person it was merged into.", pii="id", erasure="pseudonymise"),
        Column("decided_by", "string", "Who decided.", nullable=False, pii="name", erasure="pseudonymise"),
        Column("decided_at", "timestamp", "When.", nullable=False),
        Column("evidence", "string", "Why, in words.", pii="text", erasure="blank"),
        Column("undone_at", "timestamp", "When it was undone."),
        Column("undone_by", "string", "Who undid it.", pii="name", erasure="pseudonymise"),
    ),
)

SLACK_USERS = TableSpec(
    schema="core",
    name="slack_users",
    description="A member of the Slack workspace, as users.list last gave it.",
    primary_key=("slack_id",),
    columns=(
        Column("slack_id", "string", "User id.", nullable=False, pii="id", erasure="delete_row"),
        Column("name", "string", "Handle.", pii="name", erasure="delete_row"),
        Column("real_name", "string", "Real name.", pii="name", erasure="delete_row"),
        Column("display_name", "string", "Display name.", pii="name", erasure="delete_row"),
        Column(
            "email", "string", "E-mail, where the token's scopes allow.", pii="email", erasure="delete_row"
        ),
        Column("title", "string", "Title."),
        Column("is_admin", "bool", "Workspace administrator or owner.", nullable=False),
        Column("is_bot", "bool", "Bot or app user.", nullable=False),
        Column("deleted", "bool", "Deactivated.", nullable=False),
    ),
)

CLASS_LIST = TableSpec(
    schema="core",
    name="class_list",
    description="A row of the class list (Excel or CSV) that a person keeps.",
    primary_key=("member_id",),
    columns=(
        Column(
            "member_id",
            "string",
            "Id in the list: a Slack user id where it looks like one.",
            nullable=False,
            pii="id",
            erasure="delete_row",
        ),
        Column("name", "string", "Name.", nullable=False, pii="name", erasure="delete_row"),
        Column("position", "string", "Position as written in the list."),
        Column("role", "string", "`teacher`, `staff` or `student`, from the position.", nullable=False),
        Column("team", "string", "Team, where the list has one."),
        Column("email", "string", "E-mail.", pii="email", erasure="delete_row"),
    ),
)

PORTAL_QUESTIONS = TableSpec(
    schema="core",
    name="portal_questions",
    description="A question that people asked or answered on the portal, or a message of which they say whether it "
    "is one. Nobody is named; texts are those that were typed on the portal only.",
    primary_key=("message_id",),
    columns=(
        Column(
            "message_id",
            "string",
            "Message of a chat, or `portal-<n>` for a question that was typed on the portal.",
            nullable=False,
        ),
        Column(
            "state",
            "string",
            "`open`, `answered`, `endorsed` (a teacher endorsed an answer) or `not_question` (people say so).",
            nullable=False,
        ),
        Column("is_typed", "bool", "Whether it was typed on the portal.", nullable=False),
        Column("conversation_id", "string", "Lecture that a typed question is about; null without one."),
        Column("asked_at", "timestamp", "When it was typed."),
        Column("offset_s", "float64", "Second of the recording that a typed question is about."),
        Column("text", "string", "Text of a typed question.", pii="text", erasure="blank"),
        Column(
            "role",
            "string",
            "`teacher`, `staff` or `student`: who typed it; null where the class must not know who asks.",
        ),
        Column("answers", "int64", "Answers on the portal that were not removed.", nullable=False),
        Column("answered_at", "timestamp", "When the first of them was written."),
        Column("answered_by_role", "string", "`teacher`, `staff` or `student`: who wrote the first."),
    ),
)

TABLES = (
    CONVERSATIONS,
    MESSAGES,
    REACTIONS,
    PARTICIPANTS,
    TOKENS,
    QUARANTINE,
    SLACK_USERS,
    CLASS_LIST,
    PEOPLE,
    IDENTITIES,
    IDENTITY_DECISIONS,
    PORTAL_QUESTIONS,
)
