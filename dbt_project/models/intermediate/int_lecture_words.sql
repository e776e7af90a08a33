-- One row a word of a lecture, the five hundred most used of each. Stop words leave later, so that changing them
-- rebuilds nothing here.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with words as (

    select * from {{ ref('int_words') }}
    where {{ to_build() }}

),

conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}
    where is_lecture

),

final as (

    select
        words.conversation_id,
        words.lemma,
        cast(sum(words.occurrences) as bigint) as occurrences
    from words
    inner join conversations on conversations.conversation_id = words.conversation_id
    group by words.conversation_id, words.lemma
    qualify row_number() over (
        partition by words.conversation_id order by sum(words.occurrences) desc, words.lemma
    ) <= 500

)

select * from final
