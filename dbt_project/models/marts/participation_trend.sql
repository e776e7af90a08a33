with activity as (

    select * from {{ ref('int_activity') }}
    where platform = 'zoom'

),

lectures as (

    -- A lecture without any public message says nothing about anybody: its chat may have been closed.
    select
        conversation_id,
        lecture_date
    from {{ ref('lectures') }}
    where messages + replies > 0

),

participants as (

    select * from {{ ref('int_participants') }}
    where not is_bot

),

lecture_dates as (

    select distinct lecture_date from lectures

),

written as (

    select
        participants.participant_id,
        min(participants.person_id) as person_id,
        min(participants.name) as name,
        lectures.lecture_date,
        sum(activity.messages + activity.replies) as messages
    from activity
    inner join lectures on lectures.conversation_id = activity.conversation_id
    inner join participants on participants.identity_id = activity.identity_id
    where activity.messages + activity.replies + activity.reactions_given > 0
    group by participants.participant_id, lectures.lecture_date

),

everybody as (

    select
        participant_id,
        min(person_id) as person_id,
        min(name) as name,
        min(lecture_date) as first_date,
        max(lecture_date) filter (where messages > 0) as last_written_date
    from written
    group by participant_id

),

-- Every lecture day since somebody first appeared, silent ones as zero.
series as (

    select
        everybody.participant_id,
        lecture_dates.lecture_date,
        lecture_dates.lecture_date - everybody.first_date as x,
        cast(coalesce(written.messages, 0) as bigint) as y,
        row_number() over (
            partition by everybody.participant_id order by lecture_dates.lecture_date desc
        ) as days_back,
        everybody.last_written_date is null
        or lecture_dates.lecture_date > everybody.last_written_date as is_silent_tail
    from everybody
    inner join lecture_dates on lecture_dates.lecture_date >= everybody.first_date
    left join written
        on
            written.participant_id = everybody.participant_id
            and written.lecture_date = lecture_dates.lecture_date

),

-- Least squares from whole numbers, which have one sum in whatever order they come.
fitted as (

    select
        participant_id,
        count(*) as lecture_days,
        count(*) filter (where y > 0) as active_days,
        sum(y) as messages,
        (count(*) * sum(x * y) - sum(x) * sum(y)) / nullif(count(*) * sum(x * x) - sum(x) * sum(x), 0) as slope,
        sum(y) filter (where days_back <= 4) / count(*) filter (where days_back <= 4) as last_4,
        sum(y) filter (where days_back between 5 and 8)
        / nullif(count(*) filter (where days_back between 5 and 8), 0) as previous_4,
        count(*) filter (where is_silent_tail) as silent_lecture_days
    from series
    group by participant_id

),

last_day as (

    select max(lecture_date) as lecture_date from lecture_dates

),

final as (

    select
        everybody.participant_id,
        everybody.person_id,
        everybody.name,
        everybody.first_date,
        everybody.last_written_date,
        fitted.lecture_days,
        fitted.active_days,
        cast(fitted.messages as bigint) as messages,
        round(fitted.slope, 6) as slope_per_day,
        round(fitted.last_4, 6) as average_last_4,
        round(fitted.previous_4, 6) as average_previous_4,
        fitted.silent_lecture_days,
        cast(last_day.lecture_date - everybody.last_written_date as bigint) as days_silent
    from everybody
    inner join fitted on fitted.participant_id = everybody.participant_id
    cross join last_day

)

select * from final
