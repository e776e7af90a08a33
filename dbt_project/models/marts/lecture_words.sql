with words as (

    select * from {{ ref('int_lecture_words') }}

),

lectures as (

    select * from {{ ref('lectures') }}

),

content as (

    select words.*
    from words
    anti join {{ ref('int_stop_words') }} as stop_words on stop_words.word = words.lemma

),

final as (

    select
        content.conversation_id,
        content.lemma,
        lectures.lecture_date,
        lectures.title,
        content.occurrences,
        row_number() over (
            partition by content.conversation_id order by content.occurrences desc, content.lemma
        ) as rank
    from content
    inner join lectures on lectures.conversation_id = content.conversation_id
    qualify rank <= {{ var('words_per_lecture') }}
    order by lectures.lecture_date, content.conversation_id, rank

)

select * from final
