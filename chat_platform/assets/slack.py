"""Slack: members, and each day of the channels from the raw answer to tokens. One partition a day.

What belongs here: assets over ``ingestion.discovery`` and ``ingestion.slack_days``. What does not: Slack's
protocol (``sources.slack``), loading and metrics.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from chat_platform.assets import conversations
from chat_platform.automation import NETWORK_RETRIES, OWNER, SLACK_POOL
from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion import slack_days as days
from chat_platform.ingestion.discovery import discover
from chat_platform.partitions import slack_days
from chat_platform.resources.storage import SlackResource, WorkspaceResource
from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace

GROUP = "class_chat/slack"

slack_workspace = dg.AssetSpec(
    ["slack", "workspace"],
    description="The class's Slack workspace. Not ours: watched by the sensor slack_discovery.",
    group_name=GROUP,
    kinds={"slack"},
    owners=[OWNER],
)


def build_slack_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Assets of Slack; the first day of their partitions comes from the settings."""
    partitions_def = slack_days(settings)

    @dg.asset(
        key=["raw", "slack_days"],
        deps=[slack_workspace],
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"slack", "json"},
        owners=[OWNER],
        pool=SLACK_POOL,
        retry_policy=NETWORK_RETRIES,
        code_version="1",
        metadata={"dagster/table_name": "raw.slack_days"},
    )
    def raw_slack_days(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource, slack: SlackResource
    ) -> dg.MaterializeResult:
        """A channel's day as Slack gave it: messages with their threads and reactions.

        Each answer that differs from the one before is kept in the raw vault. The sensor archives what changes;
        materialise a range of days here to ask Slack again, for instance before the look-back window.
        """
        home, wanted = workspace.open(), _dates(context.partition_keys)
        try:
            found = discover(home, slack.client(), since=min(wanted), until=max(wanted))
        except ChatPlatformError as error:
            raise dg.Failure(str(error), allow_retries=error.transient) from error
        archived = days.day_ids(home, wanted)
        return dg.MaterializeResult(
            metadata={
                "days": len(wanted),
                "channel_days": len(archived),
                "changed": len(found.days),
                "recordings_announced": len(found.recordings),
                "announcements_not_understood": found.not_understood,
            }
        )

    chat = conversations.build_chat_assets(
        name="slack_chat",
        source="slack",
        raw_key=raw_slack_days.key,
        partitions_def=partitions_def,
        group_name=GROUP,
        conversation_ids=_conversation_ids,
        parse=_parse,
        partition_of=_partition_of,
    )
    tokens = conversations.build_tokens_asset(
        source="slack", partitions_def=partitions_def, group_name=GROUP, conversation_ids=_conversation_ids
    )
    question_predictions = conversations.build_predictions_asset(
        source="slack", partitions_def=partitions_def, group_name=GROUP, conversation_ids=_conversation_ids
    )
    return [slack_workspace, slack_users, raw_slack_days, chat, tokens, question_predictions]


@dg.asset(
    key=["raw", "slack_users"],
    deps=[slack_workspace],
    group_name=GROUP,
    kinds={"slack", "json"},
    owners=[OWNER],
    pool=SLACK_POOL,
    retry_policy=NETWORK_RETRIES,
    code_version="1",
)
def slack_users(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, slack: SlackResource
) -> dg.MaterializeResult:
    """Members of the workspace as users.list gave them, in the raw vault."""
    home = workspace.open()
    if not slack.configured():
        context.log.info("No Slack token is set: the members that are archived stay.")
        return dg.MaterializeResult(metadata={"members": days.write_users(home)})
    try:
        members = days.refresh_users(home, slack.client())
    except ChatPlatformError as error:
        raise dg.Failure(str(error), allow_retries=error.transient) from error
    return dg.MaterializeResult(metadata={"members": members})


def _dates(keys: Sequence[str]) -> set[date]:
    return {date.fromisoformat(key) for key in keys}


def _conversation_ids(home: Workspace, keys: Sequence[str]) -> list[str]:
    return days.day_ids(home, _dates(keys))


def _parse(home: Workspace, ids: Sequence[str]) -> list[days.Outcome]:
    names = days.user_names(home)
    return [days.parse(home, conversation_id, names) for conversation_id in ids]


def _partition_of(conversation_id: str) -> str:
    stamp = conversation_id.rsplit("-", 1)[1]
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:]}"
