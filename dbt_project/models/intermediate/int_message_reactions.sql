-- One row a public message that somebody reacted to.
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

final as (

    select
        messages.message_id,
        messages.conversation_id,
        messages.platform,
        messages.identity_id,
        messages.sent_at,
        cast(sum(reactions.reactions) as bigint) as reactions,
        count(distinct reactions.emoji) as emojis
    from reactions
    inner join messages
        on
            messages.message_id = reactions.message_id
            and messages.conversation_id = reactions.conversation_id
    group by all
    having sum(reactions.reactions) > 0

)

select * from final
