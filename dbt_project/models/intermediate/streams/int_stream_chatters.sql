-- One row somebody's day in the chat of a video. Days are the class's zone's: a changed zone rebuilds every row.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}
{% set zone_changed = "time_zone <> '" ~ var('timezone') ~ "'" %}

with messages as (

    select * from {{ ref('stg_streams__messages') }}
    where is_public and {{ to_build(stale=zone_changed) }}

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

final as (

    select
        messages.conversation_id,
        videos.platform,
        videos.channel_id,
        messages.identity_id,
        {{ local_date('messages.sent_at') }} as local_date,
        count(*) as messages,
        '{{ var("timezone") }}' as time_zone
    from messages
    inner join videos on videos.conversation_id = messages.conversation_id
    group by all

)

select * from final
