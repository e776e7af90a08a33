-- The last days only: a year of every video of every channel is tens of millions of rows, which each batch would build
-- again. Older ones stay in core.video_snapshots, which is published and exported too (docs/export.md).
with every_snapshot as (

    select * from {{ ref('stg_streams__video_snapshots') }}

),

last_days as (

    select
        platform,
        max(day) as last_day
    from every_snapshot
    group by platform

),

snapshots as (

    select every_snapshot.*
    from every_snapshot
    inner join last_days on last_days.platform = every_snapshot.platform
    where every_snapshot.day > last_days.last_day - {{ var('stream_video_days') }}

),

videos as (

    select
        *,
        state = 'there' as followed
    from {{ ref('stg_streams__videos') }}

),

{{ figure_days('snapshots', 'videos', ['platform', 'video_id'], ['views']) }},

final as (

    select
        changes.platform,
        changes.video_id,
        videos.conversation_id,
        videos.channel_id,
        videos.title,
        changes.day,
        changes.has_snapshot,
        cast(changes.views as bigint) as views,
        cast(changes.views_day as bigint) as views_day,
        cast(changes.views_week as bigint) as views_week,
        cast(changes.views_since as bigint) as views_since,
        cast(changes.views_gap_days as bigint) as views_gap_days
    from changes
    left join videos
        on
            videos.platform = changes.platform
            and videos.video_id = changes.video_id
    order by changes.day, changes.platform, changes.video_id

)

select * from final
