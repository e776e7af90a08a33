with videos as (

    select * from {{ ref('stg_streams__videos') }}

),

conversations as (

    select * from {{ ref('stg_streams__conversations') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

totals as (

    select * from {{ ref('int_video_totals') }}

),

peaks as (

    select
        conversation_id,
        count(*) as peaks
    from {{ ref('int_video_peaks') }}
    group by conversation_id

),

final as (

    select
        videos.conversation_id,
        videos.platform,
        videos.video_id,
        videos.channel_id,
        coalesce(channels.channel, videos.channel_id) as channel,
        videos.title,
        videos.started_at,
        {{ local_date('videos.started_at') }} as video_date,
        videos.duration_s,
        videos.views,
        videos.state,
        conversations.state as chat_state,
        totals.messages,
        totals.chatters,
        totals.emote_uses,
        totals.emotes,
        case when videos.duration_s >= 60 then round(totals.messages / (videos.duration_s / 60), 3) end as messages_a_minute,
        totals.busiest_minute,
        case when totals.conversation_id is not null then coalesce(peaks.peaks, 0) end as peaks,
        {{ video_link('videos.platform', 'videos.video_id', '0') }} as link
    from videos
    left join conversations on conversations.conversation_id = videos.conversation_id
    left join channels
        on
            channels.platform = videos.platform
            and channels.channel_id = videos.channel_id
    left join totals on totals.conversation_id = videos.conversation_id
    left join peaks on peaks.conversation_id = videos.conversation_id

)

select * from final
