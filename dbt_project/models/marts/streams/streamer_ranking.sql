with days as (

    select * from {{ ref('streamer_days') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

trends as (

    select * from {{ ref('stg_streams__channel_trends') }}
    qualify row_number() over (partition by platform, channel_id, metric order by as_of desc) = 1

),

ends as (

    select
        platform,
        max(day) as last_day
    from days
    group by platform

),

figures as (

    {% for metric in ['followers', 'views'] -%}
    select
        platform,
        channel_id,
        '{{ metric }}' as metric,
        day,
        {{ metric }} as figure,
        {{ metric }}_week as figure_week
    from days
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- A figure stands for a week: a day that is missing takes nobody out of the ranking.
known as (

    select
        figures.platform,
        figures.channel_id,
        figures.metric,
        ends.last_day as as_of,
        arg_max(figures.figure, figures.day) filter (where figures.day > ends.last_day - 7) as figure,
        max(figures.day) filter (where figures.day > ends.last_day - 7 and figures.figure is not null) as figure_day,
        arg_max(figures.figure, figures.day) filter (
            where figures.day <= ends.last_day - 7 and figures.day > ends.last_day - 14
        ) as figure_before,
        max(figures.figure_week) filter (where figures.day = ends.last_day) as change_week
    from figures
    inner join ends on ends.platform = figures.platform
    group by all
    having count(figures.figure) > 0

),

ranked as (

    select
        *,
        case when figure is not null then rank() over (
            partition by platform, metric order by figure desc nulls last
        ) end as rank,
        case when figure_before is not null then rank() over (
            partition by platform, metric order by figure_before desc nulls last
        ) end as rank_before
    from known

),

final as (

    select
        ranked.platform,
        ranked.metric,
        ranked.channel_id,
        coalesce(channels.channel, ranked.channel_id) as channel,
        channels.url,
        coalesce(channels.listed, false) as listed,
        ranked.as_of,
        ranked.figure_day,
        cast(ranked.figure as bigint) as figure,
        cast(ranked.figure_before as bigint) as figure_before,
        cast(ranked.change_week as bigint) as change_week,
        ranked.rank,
        ranked.rank_before,
        ranked.rank_before - ranked.rank as places_gained,
        coalesce(trends.trend, 'unknown') as trend,
        trends.score,
        exp(trends.score) - 1 as change_of_level,
        trends.confidence,
        trends.slope,
        trends.slope_low,
        trends.slope_high,
        trends.days,
        trends.observed,
        trends.steps,
        trends.spikes,
        case when trends.score is not null then row_number() over (
            partition by ranked.platform, ranked.metric order by trends.score desc nulls last, ranked.channel_id
        ) end as rise_rank
    from ranked
    left join channels
        on
            channels.platform = ranked.platform
            and channels.channel_id = ranked.channel_id
    left join trends
        on
            trends.platform = ranked.platform
            and trends.channel_id = ranked.channel_id
            and trends.metric = ranked.metric

)

select * from final
