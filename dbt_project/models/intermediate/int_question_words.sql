-- One row a word of an identity in a lecture that the question model has read: in how many of its questions, and in how
-- many of its other messages, the word stands. Words are those that can name a topic: nouns, roots and foreign words;
-- verbs and adverbs say how somebody asks (왜, 어떻게, 되다), not about what. Stop words leave later.
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

-- A word counts once a message, however often it stands in it.
words as (

    select distinct
        conversation_id,
        message_id,
        lemma
    from {{ ref('stg_class_chat__tokens') }}
    where split_part(tag, '-', 1) in ('NNG', 'NNP', 'XR', 'SL') and {{ to_build() }}

),

final as (

    select
        messages.conversation_id,
        messages.identity_id,
        words.lemma,
        predictions.model_version,
        count(*) filter (where predictions.is_question) as questions,
        count(*) filter (where not predictions.is_question) as other_messages
    from words
    inner join messages
        on
            messages.message_id = words.message_id
            and messages.conversation_id = words.conversation_id
    inner join predictions
        on
            predictions.message_id = words.message_id
            and predictions.conversation_id = words.conversation_id
    group by all

)

select * from final
