"""Tables of the models: labels, versions, evaluations, predictions.

What belongs here: TableSpecs. What does not: code that fills them (``ml``, ``ingestion``), and what a label or
a probability means (``docs/questions.md``).
"""

from __future__ import annotations

from chat_platform.tables.spec import Column, TableSpec

LABELS = TableSpec(
    schema="ml",
    name="labels",
    description="What one source of labels says of one text: a question or not.",
    primary_key=("label_id",),
    columns=(
        Column("label_id", "string", "Hash of origin, message or text, and who said it.", nullable=False),
        Column(
            "message_id", "string", "Message, where the text is one of ours.", pii="id", erasure="delete_row"
        ),
        Column("conversation_id", "string", "Its conversation; training splits by it."),
        Column(
            "text", "string", "Text as cleaning leaves it.", nullable=False, pii="text", erasure="delete_row"
        ),
        Column("language", "string", "As in core.messages."),
        Column("is_question", "bool", "The label.", nullable=False),
        Column(
            "origin",
            "string",
            "`seed` (ships with the project), `weak` (rules), `import` (a file) or `correction` (a person).",
            nullable=False,
        ),
        Column(
            "source", "string", "Rule, file or person that it comes from.", pii="name", erasure="delete_row"
        ),
        Column("weight", "float64", "What it counts in training, above 0, at most 1.", nullable=False),
        Column("used", "bool", "False: another label of the same text outweighs it.", nullable=False),
        Column("labelled_at", "timestamp", "When a person or file said it."),
    ),
)

MODELS = TableSpec(
    schema="ml",
    name="models",
    description="A version of a model and what became of it.",
    primary_key=("model_name", "model_version"),
    columns=(
        Column("model_name", "string", "`question` or `author`.", nullable=False),
        Column(
            "model_version",
            "string",
            "Kind and hash of the content; the same data gives the same.",
            nullable=False,
        ),
        Column("kind", "string", "`rules`, `linear`, `transformer`, `characters`, …", nullable=False),
        Column("state", "string", "`candidate`, `champion`, `refused` or `retired`.", nullable=False),
        Column("created_at", "timestamp", "When it was trained.", nullable=False),
        Column("promoted_at", "timestamp", "When it last became champion."),
        Column("threshold", "float64", "Probability from which it says yes."),
        Column("training_rows", "int64", "Rows it was trained on."),
        Column("data_sha256", "string", "Hash of the training set."),
        Column("model_sha256", "string", "Hash of the model's files."),
        Column("code_version", "string", "Version of the training code."),
        Column("libraries", "string", "JSON: versions of the libraries."),
        Column("reasons", "string", "JSON list: why it was refused or promoted."),
        Column("bytes", "int64", "Size of its files."),
    ),
)

EVALUATIONS = TableSpec(
    schema="ml",
    name="evaluations",
    description="A figure that a version reached on a part of an evaluation set.",
    primary_key=("model_name", "model_version", "dataset", "variant", "slice", "metric"),
    columns=(
        Column("model_name", "string", "`question` or `author`.", nullable=False),
        Column("model_version", "string", "Version.", nullable=False),
        Column("dataset", "string", "Evaluation set, e.g. `holdout`.", nullable=False),
        Column("variant", "string", "`raw`, or `no_question_mark`: `?` removed.", nullable=False),
        Column(
            "slice",
            "string",
            "`all`, or a part: `language=ko`, `role=teacher`, `length=1-10`, …",
            nullable=False,
        ),
        Column("metric", "string", "`precision`, `recall`, `f1`, `auc`, `ece`, `top1`, …", nullable=False),
        Column("value", "float64", "The figure."),
        Column("low", "float64", "Lower end of the 95 % interval (bootstrap over recordings)."),
        Column("high", "float64", "Upper end."),
        Column("rows", "int64", "Rows it was measured on.", nullable=False),
    ),
)

QUESTION_PREDICTIONS = TableSpec(
    schema="ml",
    name="question_predictions",
    description="Whether a message is a question, as one version of the question model sees it.",
    primary_key=("message_id",),
    partition_column="conversation_id",
    columns=(
        Column("conversation_id", "string", "Conversation.", nullable=False),
        Column("message_id", "string", "Message.", nullable=False),
        Column("model_name", "string", "`question`.", nullable=False),
        Column("model_version", "string", "Version; all rows of a conversation have one.", nullable=False),
        Column("probability", "float64", "Calibrated probability that it is a question.", nullable=False),
        Column("threshold", "float64", "Probability from which the version says yes.", nullable=False),
        Column("is_question", "bool", "probability >= threshold.", nullable=False),
    ),
)

QUESTION_GROUPS = TableSpec(
    schema="ml",
    name="question_groups",
    description="A question, and the group of questions over all lectures that ask nearly the same.",
    primary_key=("message_id",),
    columns=(
        Column("message_id", "string", "Message.", nullable=False),
        Column(
            "group_id", "string", "Id of the group: the message id of its first question.", nullable=False
        ),
        Column("similarity", "float64", "To the nearest other question of the group; null when alone."),
    ),
)

AUTHOR_PREDICTIONS = TableSpec(
    schema="ml",
    name="author_predictions",
    description="A guess at who wrote a held-out message of somebody who agreed: evaluation and quiz.",
    primary_key=("message_id", "rank"),
    columns=(
        Column("message_id", "string", "Message.", nullable=False, pii="id", erasure="delete_row"),
        Column("conversation_id", "string", "Conversation.", nullable=False),
        Column("model_version", "string", "Version of the author model.", nullable=False),
        Column("rank", "int64", "1 is the likeliest, 5 the last.", nullable=False),
        Column("person_id", "string", "Person guessed.", nullable=False, pii="id", erasure="delete_row"),
        Column("probability", "float64", "Calibrated probability.", nullable=False),
        Column("is_author", "bool", "Whether the guess is right.", nullable=False),
    ),
)

TABLES = (LABELS, MODELS, EVALUATIONS, QUESTION_PREDICTIONS, QUESTION_GROUPS, AUTHOR_PREDICTIONS)
