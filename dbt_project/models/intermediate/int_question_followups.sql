-- One row a question and another name that wrote within ten minutes of it: the first such message that is neither a
-- reply nor a question. Whose a name is, and how long an answer may take, is decided in the marts.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where
        platform = 'zoom'
        and is_public
        and {{ to_build() }}

),

questions as (

    select * from {{ ref('int_questions') }}
    where {{ to_build() }}

),

statements as (

    select messages.*
    from messages
    anti join questions on questions.message_id = messages.message_id
    where messages.kind = 'message'

),

final as (

    select
        questions.conversation_id,
        questions.message_id as question_id,
        statements.identity_id,
        statements.message_id as followup_id,
        statements.sent_at as followed_at,
        round(epoch(statements.sent_at) - epoch(questions.sent_at), 3) as seconds
    from questions
    inner join statements
        on
            statements.conversation_id = questions.conversation_id
            and statements.identity_id <> questions.identity_id
            and statements.sent_at > questions.sent_at
            and statements.sent_at <= questions.sent_at + interval 10 minutes
    qualify row_number() over (
        partition by questions.message_id, statements.identity_id
        order by statements.sent_at, statements.message_id
    ) = 1

)

select * from final
