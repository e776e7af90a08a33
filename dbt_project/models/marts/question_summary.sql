with coverage as (

    select * from {{ ref('int_question_coverage') }}
    where model_version in (select model_version from {{ ref('int_question_champion') }})

),

questions as (

    select * from {{ ref('lecture_questions') }}

),

lectures as (

    select * from {{ ref('lectures') }}

),

counted as (

    select
        conversation_id,
        count(*) as asked,
        count(*) filter (where found_by = 'portal') as asked_on_portal,
        count(distinct participant_id) as askers,
        count(*) filter (where state = 'answered') as answered,
        count(*) filter (where answered_by_role = 'teacher') as answered_by_teacher,
        count(*) filter (where answered_by_role = 'staff') as answered_by_staff,
        count(*) filter (where answered_by_role = 'student') as answered_by_student,
        count(*) filter (where answer_basis = 'next_message') as likely_answered,
        count(*) filter (where answered_in = 'portal') as answered_on_portal,
        count(*) filter (where state = 'open') as still_open,
        round(median(seconds_to_answer), 3) as median_s
    from questions
    group by conversation_id

),

final as (

    select
        coverage.conversation_id,
        lectures.lecture_date,
        lectures.title,
        coverage.model_version,
        coverage.messages,
        coalesce(counted.asked, 0) as asked,
        coalesce(counted.asked_on_portal, 0) as asked_on_portal,
        round((coalesce(counted.asked, 0) - coalesce(counted.asked_on_portal, 0)) / coverage.messages, 4) as share,
        coalesce(counted.askers, 0) as askers,
        coalesce(counted.answered, 0) as answered,
        coalesce(counted.answered_by_teacher, 0) as answered_by_teacher,
        coalesce(counted.answered_by_staff, 0) as answered_by_staff,
        coalesce(counted.answered_by_student, 0) as answered_by_student,
        coalesce(counted.likely_answered, 0) as likely_answered,
        coalesce(counted.answered_on_portal, 0) as answered_on_portal,
        coalesce(counted.still_open, 0) as still_open,
        counted.median_s
    from coverage
    inner join lectures on lectures.conversation_id = coverage.conversation_id
    left join counted on counted.conversation_id = coverage.conversation_id

)

select * from final
