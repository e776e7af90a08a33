-- One row a public message of a lecture that the question model calls a question, whichever version read the lecture:
-- a new champion is not known here, so that it rebuilds only what it reads again. Marts choose the version.
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

predictions as (

    select * from {{ ref('stg_models__question_predictions') }}
    where is_question and {{ to_build() }}

),

final as (

    select
        messages.message_id,
        messages.conversation_id,
        messages.identity_id,
        messages.sent_at,
        messages.offset_s,
        messages.text,
        predictions.model_version,
        predictions.probability,
        predictions.threshold
    from predictions
    inner join messages
        on
            messages.message_id = predictions.message_id
            and messages.conversation_id = predictions.conversation_id

)

select * from final
