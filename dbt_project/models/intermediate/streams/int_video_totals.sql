-- One row a video whose chat has a public message.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with chatters as (

    select * from {{ ref('int_stream_chatters') }}
    where {{ to_build() }}

),

emotes as (

    select * from {{ ref('int_stream_emotes') }}
    where {{ to_build() }}

),

minutes as (

    select * from {{ ref('int_stream_minutes') }}
    where {{ to_build() }}

),

written as (

    select
        conversation_id,
        cast(sum(messages) as bigint) as messages,
        count(distinct identity_id) as chatters
    from chatters
    group by conversation_id

),

used as (

    select
        conversation_id,
        cast(sum(uses) as bigint) as emote_uses,
        count(distinct (provider, emote_id)) as emotes
    from emotes
    group by conversation_id

),

busiest as (

    select
        conversation_id,
        count(*) as minutes_with_chat,
        max(messages) as busiest_minute
    from minutes
    group by conversation_id

),

final as (

    select
        written.conversation_id,
        written.messages,
        written.chatters,
        coalesce(used.emote_uses, 0) as emote_uses,
        coalesce(used.emotes, 0) as emotes,
        busiest.minutes_with_chat,
        busiest.busiest_minute
    from written
    left join used on used.conversation_id = written.conversation_id
    left join busiest on busiest.conversation_id = written.conversation_id

)

select * from final
