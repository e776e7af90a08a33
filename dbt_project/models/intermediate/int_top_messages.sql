-- One row a public message that somebody reacted to, the first hundred of each conversation. The first of a source are
-- among the first of their conversations, so that nothing else has to be kept, and the mart reads no text of others.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where is_public and {{ to_build() }}

),

reactions as (

    select * from {{ ref('stg_class_chat__reactions') }}
    where {{ to_build() }}

),

counted as (

    select
        conversation_id,
        message_id,
        cast(sum(reactions) as bigint) as reactions,
        count(distinct emoji) as emojis
    from reactions
    group by conversation_id, message_id
    having sum(reactions) > 0

),

final as (

    select
        messages.message_id,
        messages.conversation_id,
        messages.platform,
        messages.identity_id,
        messages.sent_at,
        messages.text,
        counted.reactions,
        counted.emojis,
        row_number() over (
            partition by messages.conversation_id
            order by counted.reactions desc, counted.emojis desc, messages.sent_at, messages.message_id
        ) as rank_in_conversation
    from counted
    inner join messages
        on
            messages.message_id = counted.message_id
            and messages.conversation_id = counted.conversation_id
    qualify rank_in_conversation <= 100

)

select * from final
