with words as (

    select * from {{ ref('int_participant_words') }}

),

people as (

    select
        participant_id,
        min(person_id) as person_id,
        min(name) as name
    from {{ ref('int_participants') }}
    group by participant_id

),

ranked as (

    select
        participant_id,
        lemma,
        occurrences,
        round(occurrences / sum(occurrences) over (partition by participant_id), 6) as share,
        row_number() over (partition by participant_id order by occurrences desc, lemma) as rank
    from words

),

final as (

    select
        ranked.participant_id,
        ranked.lemma,
        people.person_id,
        people.name,
        ranked.occurrences,
        ranked.share,
        ranked.rank
    from ranked
    inner join people on people.participant_id = ranked.participant_id
    where ranked.rank <= {{ var('words_per_person') }}

)

select * from final
