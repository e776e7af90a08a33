{#
    Figures by day with their differences: one row each day from the first snapshot to the last of its platform (of one
    that is no longer asked about: to its own last), also a day without a snapshot.

    A difference is null where either figure is: what is not known neither falls nor rises. `_since` compares with the
    last known figure before, `_gap_days` ago.

    `snapshots`, `known`: names of CTEs; `known` has the keys and whether they are still asked about (`followed`).
    `keys`: columns that name whose figures they are. `metrics`: columns of figures.
#}
{% macro figure_days(snapshots, known, keys, metrics) -%}
{%- set key = keys | join(", ") -%}
ends as (

    select platform, max(day) as last_day from {{ snapshots }}
    group by platform

),

spans as (

    select
        {% for column in keys %}snapshots.{{ column }}, {% endfor %}
        min(snapshots.day) as first_day,
        case when bool_or(coalesce(known.followed, false)) then max(ends.last_day) else max(snapshots.day) end as last_day
    from {{ snapshots }} as snapshots
    inner join ends on ends.platform = snapshots.platform
    left join {{ known }} as known on {% for column in keys -%}
        known.{{ column }} = snapshots.{{ column }}{{ " and " if not loop.last }}
    {%- endfor %}
    group by {% for column in keys %}snapshots.{{ column }}{{ ", " if not loop.last }}{% endfor %}

),

days as (

    select
        {{ key }},
        cast(unnest(generate_series(
            cast(first_day as timestamp), cast(last_day as timestamp), interval 1 day
        )) as date) as day
    from spans

),

figures as (

    select
        {% for column in keys %}days.{{ column }}, {% endfor %}
        days.day,
        snapshots.day is not null as has_snapshot
        {% for metric in metrics %}, snapshots.{{ metric }}{% endfor %}
    from days
    left join {{ snapshots }} as snapshots
        on
            snapshots.day = days.day
            {% for column in keys %}and snapshots.{{ column }} = days.{{ column }}
            {% endfor %}

),

changes as (

    select
        *
        {% for metric in metrics %}
        , {{ metric }} - lag({{ metric }}) over in_order as {{ metric }}_day
        , {{ metric }} - lag({{ metric }}, 7) over in_order as {{ metric }}_week
        , {{ metric }} - last_value({{ metric }} ignore nulls) over earlier as {{ metric }}_since
        , case
            when {{ metric }} is not null
                then day - max(case when {{ metric }} is not null then day end) over earlier
        end as {{ metric }}_gap_days
        {% endfor %}
    from figures
    window
        in_order as (partition by {{ key }} order by day),
        earlier as (partition by {{ key }} order by day rows between unbounded preceding and 1 preceding)

)
{%- endmacro %}

{#
    Who overtook whom in a week: less than the other a week before and more now, all four figures known. Of each that
    overtook, the ten largest that it left behind.

    `figures`: name of a CTE with platform, metric, id, day, figure, figure_before.
#}
{% macro overtakes(figures) -%}
overtakes as (

    select
        risen.platform,
        risen.metric,
        risen.id,
        passed.id as passed_id,
        risen.day,
        risen.figure,
        risen.figure_before,
        passed.figure as passed_figure,
        passed.figure_before as passed_figure_before
    from {{ figures }} as risen
    inner join {{ figures }} as passed
        on
            passed.platform = risen.platform
            and passed.metric = risen.metric
            and risen.figure_before < passed.figure_before
            and risen.figure > passed.figure
    qualify row_number() over (
        partition by risen.platform, risen.metric, risen.id order by passed.figure desc, passed.id
    ) <= 10

)
{%- endmacro %}
