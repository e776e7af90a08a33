with champion as (

    select * from {{ ref('int_question_champion') }}

),

questions as (

    select * from {{ ref('int_questions') }}
    where model_version in (select model_version from champion)

),

replies as (

    select * from {{ ref('int_replies') }}
    -- A wrong clock or a wrongly matched quote can put an answer before its question.
    where seconds >= 0

),

followups as (

    select * from {{ ref('int_question_followups') }}
    where seconds <= {{ var('answer_window_s') }}

),

participants as (

    select * from {{ ref('int_participants') }}

),

lectures as (

    select
        *,
        {{ recording_link_start('link') }} as link_start,
        {{ recording_link_end('link') }} as link_end
    from {{ ref('lectures') }}

),

asked as (

    select
        questions.*,
        participants.participant_id,
        participants.person_id,
        participants.name,
        participants.role
    from questions
    inner join participants on participants.identity_id = questions.identity_id
    where not participants.is_bot

),

answering_replies as (

    select
        replies.parent_id as question_id,
        replies.reply_id as answer_id,
        replies.identity_id,
        replies.replied_at as answered_at,
        replies.seconds,
        'reply' as basis
    from replies
    anti join questions on questions.message_id = replies.reply_id

),

next_messages as (

    select
        followups.question_id,
        followups.followup_id as answer_id,
        followups.identity_id,
        followups.followed_at as answered_at,
        followups.seconds,
        'next_message' as basis
    from followups
    inner join participants on participants.identity_id = followups.identity_id
    where participants.role in ('teacher', 'staff')

),

together as (

    select * from answering_replies
    union all
    select * from next_messages

),

-- What somebody adds to their own question, under whichever name, does not answer it.
answers as (

    select
        together.*,
        answerers.participant_id as answered_by,
        answerers.role as answered_by_role
    from together
    inner join participants as answerers on answerers.identity_id = together.identity_id
    semi join asked on asked.message_id = together.question_id
    -- As a condition of one join, "by somebody else" would be tried for all pairs of a participant and a question.
    anti join asked as own on own.message_id = together.question_id and own.participant_id = answerers.participant_id
    where not answerers.is_bot

),

first_answers as (

    select
        *,
        count(*) filter (where basis = 'reply') over (partition by question_id) as answers
    from answers
    qualify row_number() over (
        partition by question_id order by basis = 'reply' desc, seconds, answer_id
    ) = 1

),

final as (

    select
        asked.message_id,
        asked.conversation_id,
        lectures.lecture_date,
        lectures.title,
        asked.sent_at as asked_at,
        coalesce(asked.offset_s, round(epoch(asked.sent_at) - epoch(lectures.started_at), 3)) as offset_s,
        asked.participant_id,
        asked.person_id,
        asked.name,
        asked.role,
        asked.text,
        asked.model_version,
        asked.probability,
        case when first_answers.question_id is null then 'open' else 'answered' end as state,
        first_answers.basis as answer_basis,
        first_answers.answer_id as answer_message_id,
        first_answers.answered_by,
        first_answers.answered_by_role,
        first_answers.answered_at,
        first_answers.seconds as seconds_to_answer,
        coalesce(first_answers.answers, 0) as answers,
        lectures.link_start || {{ recording_link_moment('asked.sent_at') }} || lectures.link_end as link
    from asked
    inner join lectures on lectures.conversation_id = asked.conversation_id
    left join first_answers on first_answers.question_id = asked.message_id
    order by lectures.lecture_date, asked.conversation_id, asked.sent_at

)

select * from final
