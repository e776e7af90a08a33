-- One row a burst of the chat of a video: minutes in a row that are far busier than the video's own, shown by the
-- strongest.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with minutes as (

    select * from {{ ref('int_stream_minutes') }}
    where {{ to_build() }}

),

-- What this chat does when it says anything at all.
baselines as (

    select
        conversation_id,
        median(messages) as baseline
    from minutes
    group by conversation_id

),

qualified as (

    select
        minutes.*,
        baselines.baseline,
        minutes.minute - row_number() over (
            partition by minutes.conversation_id order by minutes.minute
        ) as burst
    from minutes
    inner join baselines on baselines.conversation_id = minutes.conversation_id
    where
        minutes.messages >= {{ var('stream_peak_min_messages') }}
        and minutes.chatters >= {{ var('stream_peak_min_chatters') }}
        and minutes.messages >= {{ var('stream_peak_ratio') }} * baselines.baseline

),

strongest as (

    select
        *,
        min(minute) over (partition by conversation_id, burst) as from_minute,
        max(minute) over (partition by conversation_id, burst) as to_minute
    from qualified
    qualify row_number() over (
        partition by conversation_id, burst order by messages desc, chatters desc, minute
    ) = 1

),

final as (

    select
        conversation_id,
        from_minute,
        to_minute,
        minute,
        first_s,
        messages,
        chatters,
        baseline,
        round(messages / baseline, 3) as ratio,
        row_number() over (
            partition by conversation_id order by messages desc, chatters desc, minute
        ) as rank
    from strongest

)

select * from final
