with replies as (

    select * from {{ ref('int_replies') }}
    -- A wrong clock or a wrongly matched quote can put an answer before its question.
    where seconds >= 0

),

participants as (

    select * from {{ ref('int_participants') }}

),

conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}

),

-- The first answer to each message counts; what a teacher adds to their own does not.
first_answers as (

    select
        replies.conversation_id,
        replies.parent_id,
        teachers.participant_id,
        min(teachers.person_id) as person_id,
        min(teachers.name) as name,
        min(replies.seconds) as seconds
    from replies
    inner join participants as teachers on teachers.identity_id = replies.identity_id
    inner join participants as askers on askers.identity_id = replies.answered_identity_id
    where
        teachers.role = 'teacher'
        and teachers.participant_id <> askers.participant_id
    group by replies.conversation_id, replies.parent_id, teachers.participant_id

),

final as (

    select
        first_answers.participant_id,
        first_answers.conversation_id,
        min(first_answers.person_id) as person_id,
        min(first_answers.name) as name,
        min(conversations.kind) as kind,
        min(conversations.conversation_date) as conversation_date,
        count(*) as responses,
        round(median(first_answers.seconds), 3) as median_s,
        round(quantile_cont(first_answers.seconds, 0.9), 3) as p90_s,
        min(first_answers.seconds) as fastest_s
    from first_answers
    inner join conversations on conversations.conversation_id = first_answers.conversation_id
    group by first_answers.participant_id, first_answers.conversation_id

)

select * from final
