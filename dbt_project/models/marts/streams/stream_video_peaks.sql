-- A view: peaks are kept as they were found, titles and names change.
{{ config(materialized='view') }}

with peaks as (

    select * from {{ ref('int_video_peaks') }}

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

final as (

    select
        peaks.conversation_id,
        peaks.rank,
        videos.platform,
        videos.channel_id,
        coalesce(channels.channel, videos.channel_id) as channel,
        videos.title,
        {{ local_date('videos.started_at') }} as video_date,
        peaks.from_minute,
        peaks.to_minute,
        peaks.minute,
        peaks.first_s,
        peaks.messages,
        peaks.chatters,
        peaks.baseline,
        peaks.ratio,
        {{ video_link('videos.platform', 'videos.video_id', 'peaks.first_s') }} as link
    from peaks
    left join videos on videos.conversation_id = peaks.conversation_id
    left join channels
        on
            channels.platform = videos.platform
            and channels.channel_id = videos.channel_id

)

select * from final
