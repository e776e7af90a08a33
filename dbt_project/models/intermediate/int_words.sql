-- One row a content word that an identity used publicly in a conversation. Stop words leave later, so that changing
-- them rebuilds nothing here.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where is_public and {{ to_build() }}

),

tokens as (

    select * from {{ ref('stg_class_chat__tokens') }}
    where {{ is_content_word('tag') }} and {{ to_build() }}

),

final as (

    select
        messages.conversation_id,
        messages.identity_id,
        tokens.lemma,
        count(*) as occurrences
    from tokens
    inner join messages
        on
            messages.message_id = tokens.message_id
            and messages.conversation_id = tokens.conversation_id
    group by all

)

select * from final
