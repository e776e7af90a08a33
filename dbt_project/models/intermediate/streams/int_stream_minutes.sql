-- One row a minute of a video in which somebody wrote. A message without an offset is placed by its time after the
-- start of the stream, else after the first message. Minutes are kept within 48 hours, the longest that a platform keeps
-- in one video, so that one wrong clock cannot make a video of years.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with messages as (

    select * from {{ ref('stg_streams__messages') }}
    where is_public and {{ to_build() }}

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

starts as (

    select
        messages.conversation_id,
        coalesce(any_value(videos.started_at), min(messages.sent_at)) as started_at
    from messages
    inner join videos on videos.conversation_id = messages.conversation_id
    group by messages.conversation_id

),

placed as (

    select
        messages.conversation_id,
        messages.identity_id,
        greatest(coalesce(messages.offset_s, epoch(messages.sent_at) - epoch(starts.started_at)), 0) as offset_s
    from messages
    inner join starts on starts.conversation_id = messages.conversation_id

),

final as (

    select
        conversation_id,
        cast(least(floor(offset_s / 60), 2879) as integer) as minute,
        count(*) as messages,
        count(distinct identity_id) as chatters,
        min(offset_s) as first_s
    from placed
    group by all

)

select * from final
