with days as (

    select * from {{ ref('stream_video_days') }}
    qualify day = max(day) over (partition by platform)

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

-- The two hundred with most views: of others nobody asks who passed whom.
figures as (

    select
        platform,
        'views' as metric,
        video_id as id,
        day,
        views as figure,
        views - views_week as figure_before
    from days
    where views_week is not null
    qualify row_number() over (partition by platform order by views desc, video_id) <= 200

),

{{ overtakes('figures') }},

final as (

    select
        overtakes.platform,
        overtakes.id as video_id,
        risen.title,
        overtakes.passed_id as passed_video_id,
        passed.title as passed_title,
        overtakes.day,
        overtakes.figure as views,
        overtakes.figure_before as views_before,
        overtakes.passed_figure as passed_views,
        overtakes.passed_figure_before as passed_views_before
    from overtakes
    left join videos as risen
        on
            risen.platform = overtakes.platform
            and risen.video_id = overtakes.id
    left join videos as passed
        on
            passed.platform = overtakes.platform
            and passed.video_id = overtakes.passed_id

)

select * from final
