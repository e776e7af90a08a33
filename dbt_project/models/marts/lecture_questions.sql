with champion as (

    select * from {{ ref('int_question_champion') }}

),

found as (

    select * from {{ ref('int_questions') }}
    where model_version in (select model_version from champion)

),

portal as (

    select * from {{ ref('stg_class_chat__portal_questions') }}

),

messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where platform = 'zoom' and is_public

),

-- Messages that are questions by people's word: they say so, or they have answered.
told as (

    select messages.*
    from messages
    semi join portal on portal.message_id = messages.message_id and portal.state <> 'not_question'
    anti join found on found.message_id = messages.message_id

),

questions as (

    select
        found.message_id,
        found.conversation_id,
        found.identity_id,
        found.sent_at,
        found.offset_s,
        found.text,
        found.model_version,
        found.probability,
        'model' as found_by
    from found
    anti join portal on portal.message_id = found.message_id and portal.state = 'not_question'
    union all
    select
        message_id,
        conversation_id,
        identity_id,
        sent_at,
        offset_s,
        text,
        null as model_version,
        null as probability,
        'people' as found_by
    from told

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

-- A typed question has no row in a chat, and nobody who asked: only the portal knows whose it is.
shown as (

    select
        message_id,
        conversation_id,
        sent_at,
        offset_s,
        participant_id,
        person_id,
        name,
        role,
        text,
        model_version,
        probability,
        found_by
    from asked
    union all
    select
        message_id,
        conversation_id,
        asked_at as sent_at,
        offset_s,
        null as participant_id,
        null as person_id,
        null as name,
        role,
        text,
        null as model_version,
        null as probability,
        'portal' as found_by
    from portal
    where is_typed

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

-- What the chat has answered it answered first: people write on the portal after the lecture.
final as (

    select
        shown.message_id,
        shown.conversation_id,
        lectures.lecture_date,
        lectures.title,
        shown.sent_at as asked_at,
        case
            when shown.found_by = 'portal' then shown.offset_s
            else coalesce(shown.offset_s, round(epoch(shown.sent_at) - epoch(lectures.started_at), 3))
        end as offset_s,
        shown.participant_id,
        shown.person_id,
        shown.name,
        shown.role,
        shown.text,
        shown.found_by,
        shown.model_version,
        shown.probability,
        case
            when first_answers.question_id is not null or portal.answers > 0 then 'answered'
            else 'open'
        end as state,
        case
            when first_answers.question_id is not null then 'chat'
            when portal.answers > 0 then 'portal'
        end as answered_in,
        coalesce(portal.state = 'endorsed', false) as is_endorsed,
        first_answers.basis as answer_basis,
        first_answers.answer_id as answer_message_id,
        first_answers.answered_by,
        case
            when first_answers.question_id is not null then first_answers.answered_by_role
            else portal.answered_by_role
        end as answered_by_role,
        coalesce(first_answers.answered_at, portal.answered_at) as answered_at,
        coalesce(
            first_answers.seconds, round(epoch(portal.answered_at) - epoch(shown.sent_at), 3)
        ) as seconds_to_answer,
        coalesce(first_answers.answers, 0) as answers,
        coalesce(portal.answers, 0) as portal_answers,
        lectures.link_start || {{ recording_link_moment("case
            when shown.found_by = 'portal' then lectures.started_at + to_seconds(shown.offset_s)
            else shown.sent_at
        end") }} || lectures.link_end as link
    from shown
    inner join lectures on lectures.conversation_id = shown.conversation_id
    left join first_answers on first_answers.question_id = shown.message_id
    left join portal on portal.message_id = shown.message_id
    order by lectures.lecture_date, shown.conversation_id, shown.sent_at

)

select * from final
