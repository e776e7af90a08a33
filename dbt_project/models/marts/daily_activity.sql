with activity as (

    select * from {{ ref('int_activity') }}
    where messages + replies > 0

),

participants as (

    select * from {{ ref('int_participants') }}

),

counted as (

    select
        activity.local_date,
        sum(activity.messages + activity.replies) as messages,
        sum(activity.messages + activity.replies) filter (where activity.platform = 'zoom') as zoom_messages,
        sum(activity.messages + activity.replies) filter (where activity.platform = 'slack') as slack_messages,
        count(distinct participants.participant_id) as speakers
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    group by activity.local_date

),

days as (

    select cast(unnest(generate_series(
        cast(min(local_date) as timestamp), cast(max(local_date) as timestamp), interval 1 day
    )) as date) as local_date
    from counted

),

final as (

    select
        days.local_date,
        cast(coalesce(counted.messages, 0) as bigint) as messages,
        cast(coalesce(counted.zoom_messages, 0) as bigint) as zoom_messages,
        cast(coalesce(counted.slack_messages, 0) as bigint) as slack_messages,
        coalesce(counted.speakers, 0) as speakers
    from days
    left join counted on counted.local_date = days.local_date

)

select * from final
