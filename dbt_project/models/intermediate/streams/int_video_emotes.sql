-- One row an emote of a video. Built again with the days of int_stream_emotes, whose zone changes nothing here.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with emotes as (

    select * from {{ ref('int_stream_emotes') }}
    where {{ to_build() }}

),

counted as (

    select
        conversation_id,
        platform,
        channel_id,
        provider,
        emote_id,
        min(code) as code,
        cast(sum(uses) as bigint) as uses,
        cast(sum(messages) as bigint) as messages
    from emotes
    group by all

),

final as (

    select
        conversation_id,
        platform,
        channel_id,
        provider,
        emote_id,
        code,
        uses,
        messages,
        round(uses / sum(uses) over (partition by conversation_id), 6) as share,
        row_number() over (
            partition by conversation_id order by uses desc, code, provider, emote_id
        ) as rank
    from counted

)

select * from final
