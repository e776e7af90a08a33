with lectures as (

    select * from {{ ref('lectures') }}

),

counted as (

    select * from {{ ref('int_minute_counts') }}

),

-- A recording's whole length where it is known, at least up to the last message; a day at most.
lengths as (

    select
        lectures.conversation_id,
        lectures.lecture_date,
        greatest(
            max(counted.minute),
            cast(least(ceil(coalesce(lectures.duration_s, 0) / 60) - 1, 1439) as integer)
        ) as last_minute
    from lectures
    left join counted on counted.conversation_id = lectures.conversation_id
    where lectures.state in ('parsed', 'published') or counted.conversation_id is not null
    group by lectures.conversation_id, lectures.lecture_date, lectures.duration_s

),

minutes as (

    select
        conversation_id,
        lecture_date,
        cast(unnest(generate_series(0, last_minute)) as integer) as minute
    from lengths

),

final as (

    select
        minutes.conversation_id,
        minutes.minute,
        minutes.lecture_date,
        coalesce(counted.messages, 0) as messages,
        coalesce(counted.speakers, 0) as speakers
    from minutes
    left join counted
        on
            counted.conversation_id = minutes.conversation_id
            and counted.minute = minutes.minute
    order by minutes.lecture_date, minutes.conversation_id, minutes.minute

)

select * from final
