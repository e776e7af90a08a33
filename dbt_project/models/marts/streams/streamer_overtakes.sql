with days as (

    select * from {{ ref('streamer_days') }}
    qualify day = max(day) over (partition by platform)

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

figures as (

    {% for metric in ['followers', 'views'] -%}
    select
        platform,
        '{{ metric }}' as metric,
        channel_id as id,
        day,
        {{ metric }} as figure,
        {{ metric }} - {{ metric }}_week as figure_before
    from days
    where {{ metric }}_week is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

{{ overtakes('figures') }},

final as (

    select
        overtakes.platform,
        overtakes.metric,
        overtakes.id as channel_id,
        coalesce(risen.channel, overtakes.id) as channel,
        overtakes.passed_id as passed_channel_id,
        coalesce(passed.channel, overtakes.passed_id) as passed_channel,
        overtakes.day,
        overtakes.figure,
        overtakes.figure_before,
        overtakes.passed_figure,
        overtakes.passed_figure_before
    from overtakes
    left join channels as risen
        on
            risen.platform = overtakes.platform
            and risen.channel_id = overtakes.id
    left join channels as passed
        on
            passed.platform = overtakes.platform
            and passed.channel_id = overtakes.passed_id

)

select * from final
