-- One row a word of a participant over all conversations, without stop words.
with words as (

    select * from {{ ref('int_words') }}

),

participants as (

    select * from {{ ref('int_participants') }}

),

stop_words as (

    select lower(word) as word from {{ ref('stop_words') }}
    {% for word in var('stop_words') -%}
    union
    select lower('{{ word | replace("'", "''") }}')
    {% endfor %}

),

identity_words as (

    select
        identity_id,
        lemma,
        sum(occurrences) as occurrences
    from words
    group by all

),

final as (

    select
        participants.participant_id,
        identity_words.lemma,
        cast(sum(identity_words.occurrences) as bigint) as occurrences
    from identity_words
    inner join participants on participants.identity_id = identity_words.identity_id
    where
        not participants.is_bot
        and identity_words.lemma not in (select word from stop_words)
    group by all

)

select * from final
