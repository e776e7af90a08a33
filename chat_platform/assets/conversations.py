"""What every chat source's assets share: tables of conversations, their tokens and predictions in the lake.

What belongs here: factories that turn a source's parse function into assets. What does not: anything about
one source. Keys are ``<schema>/<source>/<table>``: the source's part of the table ``<schema>.<table>``, which
the warehouse assets load as a whole.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import dagster as dg

from chat_platform.assets.metadata import counts, preview, spec_metadata, volume_picture
from chat_platform.automation import OWNER
from chat_platform.ingestion.recordings import Outcome
from chat_platform.ingestion.streams.channels import LIST_ID
from chat_platform.ingestion.tables import PARSED_TABLES
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.sources.records import ParsedConversation
from chat_platform.sources.streams.registry import PLATFORMS
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, PARTICIPANTS, QUARANTINE, REACTIONS, TOKENS
from chat_platform.tables.models import QUESTION_PREDICTIONS
from chat_platform.tables.spec import TableSpec
from chat_platform.text.kernels import tokenise_messages

# Pictures are for people who look at single recordings; a back-fill of hundreds does not draw them.
MOST_PICTURES = 20

Ids = Callable[[Workspace, Sequence[str]], list[str]]
Parse = Callable[[Workspace, Sequence[str]], Iterable[Outcome]]


def is_of_class(conversation_id: str) -> bool:
    """Whether a conversation is the class's, by its id: streams' begin with their platform, or are their list."""
    return conversation_id != LIST_ID and conversation_id.split("-", 1)[0] not in PLATFORMS


def source_key(table: TableSpec, source: str) -> dg.AssetKey:
    """Key of a source's part of a table."""
    return dg.AssetKey([table.schema, source, table.name])


def add_outcome_metadata(
    context: dg.AssetExecutionContext, key: dg.AssetKey, outcome: Outcome, partition: str | None = None
) -> None:
    """State, error and counts of one conversation on its partition (which may hold several)."""
    metadata: dict[str, object] = {"state": outcome.state}
    if outcome.error is not None:
        metadata |= {"error_code": outcome.error.code, "error": str(outcome.error)}
    if outcome.parsed is not None:
        metadata |= counts(outcome.parsed.counts())
    if partition not in (None, outcome.conversation_id):
        metadata = {f"{outcome.conversation_id}/{name}": value for name, value in metadata.items()}
    context.add_asset_metadata(metadata, asset_key=key, partition_key=partition or outcome.conversation_id)


def build_chat_assets(
    *,
    name: str,
    source: str,
    raw_key: dg.AssetKey,
    partitions_def: dg.PartitionsDefinition,
    group_name: str,
    conversation_ids: Ids,
    parse: Parse,
    partition_of: Callable[[str], str] = lambda conversation_id: conversation_id,
    more: Sequence[TableSpec] = (),
) -> dg.AssetsDefinition:
    """Assets ``core/<source>/{messages,reactions,participants,quarantine}``, written by one step.

    Args:
        conversation_ids: conversations of the partitions of a run.
        parse: parses each of them into the lake; one that fails says so in its outcome.
        partition_of: partition of a conversation.
        more: tables of the source's own that ``parse`` writes too.
    """
    specs = [
        dg.AssetSpec(
            source_key(spec, source),
            deps=[raw_key],
            description=f"{spec.description} Here: from {source}, one Parquet file a conversation in the lake.",
            kinds={"parquet", "arrow"},
            owners=[OWNER],
            group_name=group_name,
            code_version="1",
            metadata=spec_metadata(spec),
            partitions_def=partitions_def,
        )
        for spec in (*PARSED_TABLES, *more)
    ]

    @dg.multi_asset(
        name=name,
        specs=specs,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
    )
    def chat(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> Iterator[dg.MaterializeResult]:
        home = workspace.open()
        ids = conversation_ids(home, context.partition_keys)
        messages_key = source_key(MESSAGES, source)
        parsed: list[str] = []
        failed = 0
        rows: Counter[str] = Counter()
        # One at a time: the messages of a conversation are let go before those of the next are read.
        for outcome in parse(home, ids):
            if outcome.error is not None:
                failed += 1
                context.log.warning(f"{outcome.conversation_id}: {outcome.error}")
            add_outcome_metadata(context, messages_key, outcome, partition_of(outcome.conversation_id))
            if outcome.parsed is not None:
                parsed.append(outcome.conversation_id)
                rows.update(_rows(outcome.parsed))
                rows.update({spec.name: home.lake.read(spec, parsed[-1]).num_rows for spec in more})
                if len(ids) <= MOST_PICTURES:
                    _add_picture(context, messages_key, outcome)
        for spec in (*PARSED_TABLES, *more):
            sample = home.lake.read(spec, parsed[-1]) if parsed else spec.empty()
            yield dg.MaterializeResult(
                asset_key=source_key(spec, source),
                metadata={
                    "conversations": len(ids),
                    "parsed": len(parsed),
                    "failed": failed,
                    "dagster/row_count": rows[spec.name],
                    "preview": preview(spec, sample),
                },
            )

    return chat


def build_tokens_asset(
    *, source: str, partitions_def: dg.PartitionsDefinition, group_name: str, conversation_ids: Ids
) -> dg.AssetsDefinition:
    """Asset ``core/<source>/tokens``: the tokenising kernel, run over the partitions by the compute engine."""

    @dg.asset(
        key=source_key(TOKENS, source),
        deps=[source_key(MESSAGES, source)],
        description=f"{TOKENS.description} Here: from {source}. Each distinct text is tokenised once a run.",
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=group_name,
        kinds={"parquet", "kiwi"},
        owners=[OWNER],
        code_version="1",
        metadata=spec_metadata(TOKENS),
    )
    def tokens(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
        home = workspace.open()
        files = home.lake.files(MESSAGES)
        ids = [i for i in conversation_ids(home, context.partition_keys) if i in files]
        outcomes = home.engine.map(
            tokenise_messages,
            {i: home.lake.path(MESSAGES, i) for i in ids},
            {i: home.lake.path(TOKENS, i) for i in ids},
        )
        failed = {key: outcome.error for key, outcome in outcomes.items() if outcome.error}
        for key, error in failed.items():
            context.log.warning(f"{key}: {error}")
        if failed and len(failed) == len(outcomes):
            raise dg.Failure(f"no conversation could be tokenised; the first: {next(iter(failed.values()))}")
        rows_in = sum(outcome.rows_in for outcome in outcomes.values())
        seconds = sum(outcome.seconds for outcome in outcomes.values())
        return dg.MaterializeResult(
            metadata={
                "conversations": len(ids),
                "failed": len(failed),
                "messages": rows_in,
                "dagster/row_count": sum(outcome.rows_out for outcome in outcomes.values()),
                "messages_per_second": round(rows_in / seconds, 1) if seconds else 0.0,
            }
        )

    return tokens


def build_predictions_asset(
    *,
    source: str,
    partitions_def: dg.PartitionsDefinition,
    group_name: str,
    conversation_ids: Ids,
    makes_up_for: Callable[[str], bool] = is_of_class,
) -> dg.AssetsDefinition:
    """Asset ``ml/<source>/question_predictions``: the champion of the question model, run over the partitions.

    What other conversations lack is made up for in the same run: after a promotion one run brings all of them up to
    the new champion.

    Args:
        makes_up_for: which other conversations; the class's, unless a source says otherwise.
    """

    @dg.asset(
        key=source_key(QUESTION_PREDICTIONS, source),
        deps=[
            source_key(MESSAGES, source),
            source_key(TOKENS, source),
            # The champion is read as it stands; a promotion launches a run of its own (sensors.models).
        ],
        description=f"{QUESTION_PREDICTIONS.description} Here: from {source}, one file a conversation.",
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=group_name,
        kinds={"parquet", "scikitlearn"},
        owners=[OWNER],
        code_version="1",
        metadata=spec_metadata(QUESTION_PREDICTIONS),
    )
    def question_predictions(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult:
        from chat_platform.ingestion import model_state, predictions  # scikit-learn: not while loading

        home = workspace.open()
        tokenised = model_state.tokenised(home)
        ids = [i for i in conversation_ids(home, context.partition_keys) if i in tokenised]
        missed = model_state.due(home, _others(tokenised, ids, makes_up_for))
        report = predictions.predict(home, [*ids, *missed])
        for problem in report.problems:
            context.log.warning(f"a champion does not serve: {problem}")
        for key, error in report.failed.items():
            context.log.warning(f"{key}: {error}")
        return dg.MaterializeResult(
            metadata={
                "model_version": report.version,
                "conversations": report.conversations,
                "of_other_partitions": len(missed),
                "failed": len(report.failed),
                **({"does_not_serve": "; ".join(report.problems)} if report.problems else {}),
                "dagster/row_count": report.messages,
                "questions": report.questions,
                "share_of_questions": round(report.questions / report.messages, 4)
                if report.messages
                else 0.0,
            }
        )

    return question_predictions


def _others(tokenised: Iterable[str], ids: Sequence[str], wanted: Callable[[str], bool]) -> list[str]:
    own = set(ids)
    return [i for i in tokenised if i not in own and wanted(i)]


def _rows(parsed: ParsedConversation) -> dict[str, int]:
    return {
        MESSAGES.name: len(parsed.messages),
        REACTIONS.name: len(parsed.reactions),
        QUARANTINE.name: len(parsed.quarantined),
        PARTICIPANTS.name: len({message.author_name for message in parsed.messages}),
    }


def _add_picture(context: dg.AssetExecutionContext, key: dg.AssetKey, outcome: Outcome) -> None:
    """Volume over the conversation's time, for a partition that is one conversation."""
    messages = outcome.parsed.messages if outcome.parsed else []
    if not messages or outcome.conversation_id not in context.partition_keys:
        return
    start = min(message.sent_at for message in messages)
    minutes = [(message.sent_at - start).total_seconds() / 60 for message in messages]
    context.add_asset_metadata(
        {"volume": volume_picture(minutes, f"{len(messages)} messages")},
        asset_key=key,
        partition_key=outcome.conversation_id,
    )
