-- One row a lecture that the question model has read, also one without any question.
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
    where {{ to_build() }}

),

final as (

    select
        predictions.conversation_id,
        predictions.model_version,
        count(*) as messages
    from predictions
    inner join messages
        on
            messages.message_id = predictions.message_id
            and messages.conversation_id = predictions.conversation_id
    group by predictions.conversation_id, predictions.model_version

)

select * from final
