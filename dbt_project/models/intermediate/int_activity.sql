-- One row an identity's day in a conversation. Days are the class's: a changed zone rebuilds every row.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}
{% set zone_changed = "time_zone <> '" ~ var('timezone') ~ "'" %}

with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where {{ to_build(stale=zone_changed) }}

),

reactions as (

    select * from {{ ref('stg_class_chat__reactions') }}
    where {{ to_build(stale=zone_changed) }}

),

written as (

    select
        conversation_id,
        platform,
        identity_id,
        {{ local_date('sent_at') }} as local_date,
        count(*) filter (where is_public and kind = 'message') as messages,
        count(*) filter (where is_public and kind = 'reply') as replies,
        sum(length_grapheme(text)) filter (where is_public) as characters,
        count(*) filter (where not is_public) as left_out
    from messages
    group by all

),

public_reactions as (

    select
        messages.conversation_id,
        messages.platform,
        messages.identity_id as receiver,
        reactions.identity_id as giver,
        {{ local_date('coalesce(reactions.reacted_at, messages.sent_at)') }} as local_date,
        reactions.reactions
    from reactions
    inner join messages
        on
            messages.message_id = reactions.message_id
            and messages.conversation_id = reactions.conversation_id
    where messages.is_public

),

given as (

    select
        conversation_id,
        platform,
        giver as identity_id,
        local_date,
        sum(reactions) as reactions_given
    from public_reactions
    where giver is not null
    group by all

),

received as (

    select
        conversation_id,
        platform,
        receiver as identity_id,
        local_date,
        sum(reactions) as reactions_received
    from public_reactions
    group by all

),

together as (

    select * from written
    union all by name
    select * from given
    union all by name
    select * from received

),

final as (

    select
        conversation_id,
        platform,
        identity_id,
        local_date,
        cast(coalesce(sum(messages), 0) as bigint) as messages,
        cast(coalesce(sum(replies), 0) as bigint) as replies,
        cast(coalesce(sum(characters), 0) as bigint) as characters,
        cast(coalesce(sum(reactions_given), 0) as bigint) as reactions_given,
        cast(coalesce(sum(reactions_received), 0) as bigint) as reactions_received,
        cast(coalesce(sum(left_out), 0) as bigint) as left_out,
        '{{ var("timezone") }}' as time_zone
    from together
    group by conversation_id, platform, identity_id, local_date

)

select * from final
