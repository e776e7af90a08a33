with snapshots as (

    select * from {{ ref('stg_streams__channel_snapshots') }}

),

channels as (

    select
        *,
        listed and state = 'active' as followed
    from {{ ref('stg_streams__channels') }}

),

{{ figure_days('snapshots', 'channels', ['platform', 'channel_id'], ['followers', 'views', 'video_views']) }},

final as (

    select
        changes.platform,
        changes.channel_id,
        coalesce(channels.channel, changes.channel_id) as channel,
        changes.day,
        changes.has_snapshot,
        cast(changes.followers as bigint) as followers,
        cast(changes.followers_day as bigint) as followers_day,
        cast(changes.followers_week as bigint) as followers_week,
        cast(changes.followers_since as bigint) as followers_since,
        cast(changes.followers_gap_days as bigint) as followers_gap_days,
        cast(changes.views as bigint) as views,
        cast(changes.views_day as bigint) as views_day,
        cast(changes.views_week as bigint) as views_week,
        cast(changes.views_since as bigint) as views_since,
        cast(changes.views_gap_days as bigint) as views_gap_days,
        cast(changes.video_views as bigint) as video_views,
        cast(changes.video_views_day as bigint) as video_views_day,
        cast(changes.video_views_week as bigint) as video_views_week,
        cast(changes.video_views_since as bigint) as video_views_since,
        cast(changes.video_views_gap_days as bigint) as video_views_gap_days
    from changes
    left join channels
        on
            channels.platform = changes.platform
            and channels.channel_id = changes.channel_id
    order by changes.day, changes.platform, changes.channel_id

)

select * from final
