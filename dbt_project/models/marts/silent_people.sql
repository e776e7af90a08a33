with trend as (

    select * from {{ ref('participation_trend') }}

),

students as (

    select person_id from {{ ref('stg_class_chat__people') }}
    where role = 'student' and not is_bot

),

final as (

    select
        trend.participant_id,
        trend.person_id,
        trend.name,
        trend.last_written_date,
        trend.silent_lecture_days,
        trend.days_silent,
        trend.active_days,
        trend.lecture_days - trend.silent_lecture_days as lecture_days_before,
        trend.messages as messages_before,
        round(trend.messages / (trend.lecture_days - trend.silent_lecture_days), 6) as average_before
    from trend
    inner join students on students.person_id = trend.person_id
    where
        trend.silent_lecture_days >= {{ var('silent_lecture_days') }}
        and trend.active_days >= {{ var('silent_min_active_days') }}

)

select * from final
