-- A view: what is counted by minute is kept as it is.
{{ config(materialized='view') }}

with minutes as (

    select * from {{ ref('int_stream_minutes') }}

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

final as (

    select
        minutes.conversation_id,
        minutes.minute,
        {{ local_date('videos.started_at') }} as video_date,
        videos.title,
        minutes.messages,
        minutes.chatters,
        {{ video_link('videos.platform', 'videos.video_id', 'minutes.first_s') }} as link
    from minutes
    left join videos on videos.conversation_id = minutes.conversation_id

)

select * from final
