-- One row an identity's minute of a lecture in which it wrote publicly. A message without an offset is placed by its
-- time after the start that the others show, else after the first message. Minutes are kept within a day, so that one
-- wrong clock cannot make a lecture of years.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where
        platform = 'zoom'
        and is_public
        and {{ to_build() }}

),

starts as (

    select
        conversation_id,
        coalesce(min(sent_at - to_milliseconds(cast(offset_s * 1000 as bigint))), min(sent_at)) as started_at
    from messages
    group by conversation_id

),

placed as (

    select
        messages.conversation_id,
        messages.identity_id,
        messages.sent_at,
        coalesce(messages.offset_s, epoch(messages.sent_at) - epoch(starts.started_at)) as offset_s
    from messages
    inner join starts on starts.conversation_id = messages.conversation_id

),

final as (

    select
        conversation_id,
        cast(least(greatest(floor(offset_s / 60), 0), 1439) as integer) as minute,
        identity_id,
        count(*) as messages,
        min(sent_at) as first_at
    from placed
    group by all

)

select * from final
