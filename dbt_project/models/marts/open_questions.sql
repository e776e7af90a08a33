with questions as (

    select * from {{ ref('lecture_questions') }}

),

groups as (

    select * from {{ ref('stg_models__question_groups') }}

),

-- The answer that came first among the similar questions; one that was given before one that is only likely.
answered_groups as (

    select
        groups.group_id,
        questions.message_id
    from groups
    inner join questions on questions.message_id = groups.message_id
    where questions.state = 'answered'
    qualify row_number() over (
        partition by groups.group_id
        order by questions.answer_basis is not distinct from 'next_message', questions.answered_at, questions.message_id
    ) = 1

),

final as (

    select
        questions.message_id,
        questions.conversation_id,
        questions.lecture_date,
        questions.title,
        questions.asked_at,
        questions.offset_s,
        questions.participant_id,
        questions.person_id,
        questions.name,
        questions.role,
        questions.text,
        questions.found_by,
        questions.probability,
        groups.group_id,
        answered_groups.message_id as answered_elsewhere_id,
        questions.link
    from questions
    left join groups on groups.message_id = questions.message_id
    left join answered_groups on answered_groups.group_id = groups.group_id
    where questions.state = 'open'

)

select * from final
