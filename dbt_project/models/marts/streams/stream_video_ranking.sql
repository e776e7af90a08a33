with days as (

    select * from {{ ref('stream_video_days') }}

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

ends as (

    select
        platform,
        max(day) as last_day
    from days
    group by platform

),

-- Views only add up: what rises and falls is how many come in a day.
gains as (

    select
        days.platform,
        days.video_id,
        days.day > ends.last_day - 7 as is_recent,
        greatest(days.views_day, 0) as gained
    from days
    inner join ends on ends.platform = days.platform
    where days.day > ends.last_day - 14 and days.views_day is not null

),

weeks as (

    select
        platform,
        video_id,
        count(*) filter (where is_recent) as days_now,
        count(*) filter (where not is_recent) as days_before,
        median(gained) filter (where is_recent) as a_day,
        median(gained) filter (where not is_recent) as a_day_before
    from gains
    group by platform, video_id

),

-- Part of the pairs of a day of this week and one of the week before in which this week's had more.
pairs as (

    select
        recent.platform,
        recent.video_id,
        avg(case
            when recent.gained > earlier.gained then 1.0
            when recent.gained = earlier.gained then 0.5
            else 0.0
        end) as more
    from gains as recent
    inner join gains as earlier
        on
            earlier.platform = recent.platform
            and earlier.video_id = recent.video_id
            and not earlier.is_recent
    where recent.is_recent
    group by recent.platform, recent.video_id

),

scored as (

    select
        weeks.*,
        pairs.more,
        case when weeks.days_now >= 4 and weeks.days_before >= 4 then ln((weeks.a_day + 1) / (weeks.a_day_before + 1)) end as score
    from weeks
    left join pairs
        on
            pairs.platform = weeks.platform
            and pairs.video_id = weeks.video_id

),

latest as (

    select
        days.platform,
        days.video_id,
        days.day as as_of,
        days.views,
        days.views_week,
        lag(days.views_week, 7) over (
            partition by days.platform, days.video_id order by days.day
        ) as views_week_before
    from days
    inner join ends on ends.platform = days.platform
    qualify days.day = ends.last_day

),

final as (

    select
        latest.platform,
        latest.video_id,
        videos.conversation_id,
        videos.channel_id,
        coalesce(channels.channel, videos.channel_id) as channel,
        videos.title,
        latest.as_of,
        latest.views,
        latest.views_week,
        case when latest.views_week is not null then rank() over (
            partition by latest.platform order by latest.views_week desc nulls last
        ) end as rank,
        case when latest.views_week_before is not null then rank() over (
            partition by latest.platform order by latest.views_week_before desc nulls last
        ) end as rank_before,
        scored.a_day,
        scored.a_day_before,
        round(scored.score, 4) as score,
        case when scored.score is not null then round(greatest(scored.more, 1 - scored.more), 4) end as confidence,
        case
            when scored.score is null then 'unknown'
            when abs(scored.score) < {{ var('stream_video_least_change') }} then 'steady'
            when scored.score > 0 and scored.more >= 0.8 then 'rising'
            when scored.score < 0 and scored.more <= 0.2 then 'falling'
            else 'unknown'
        end as trend,
        {{ video_link('latest.platform', 'latest.video_id', '0') }} as link
    from latest
    left join scored
        on
            scored.platform = latest.platform
            and scored.video_id = latest.video_id
    left join videos
        on
            videos.platform = latest.platform
            and videos.video_id = latest.video_id
    left join channels
        on
            channels.platform = videos.platform
            and channels.channel_id = videos.channel_id

)

select * from final
