-- Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words"): how much more often
-- somebody uses a word than the rest of the room, in standard deviations. Every side is first mixed with
-- `distinctive_prior` words of the room, so that a rare word does not win by chance.
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

by_person as (

    select participant_id, sum(occurrences) as total from words group by participant_id

),

by_word as (

    select lemma, sum(occurrences) as total from words group by lemma

),

room as (

    select sum(occurrences) as total from words

),

counts as (

    select
        words.participant_id,
        words.lemma,
        words.occurrences,
        by_person.total as person_total,
        by_word.total - words.occurrences as rest_occurrences,
        room.total - by_person.total as rest_total,
        {{ var('distinctive_prior') }} * by_word.total / room.total as prior,
        {{ var('distinctive_prior') }} as prior_total
    from words
    inner join by_person on by_person.participant_id = words.participant_id
    inner join by_word on by_word.lemma = words.lemma
    cross join room
    where words.occurrences >= {{ var('min_word_count') }}

),

odds as (

    select
        participant_id,
        lemma,
        occurrences,
        rest_occurrences,
        (occurrences + prior) / (person_total + prior_total - occurrences - prior) as person_odds,
        (rest_occurrences + prior) / (rest_total + prior_total - rest_occurrences - prior) as rest_odds,
        1 / (occurrences + prior) + 1 / (rest_occurrences + prior) as variance
    from counts
    -- A room of one word has no odds.
    where person_total + prior_total - occurrences - prior > 0
        and rest_total + prior_total - rest_occurrences - prior > 0

),

scored as (

    select
        participant_id,
        lemma,
        occurrences,
        rest_occurrences,
        round(ln(person_odds) - ln(rest_odds), 6) as log_odds,
        round((ln(person_odds) - ln(rest_odds)) / sqrt(variance), 6) as z_score
    from odds

),

ranked as (

    select
        *,
        row_number() over (partition by participant_id order by z_score desc, occurrences desc, lemma) as rank
    from scored
    where z_score >= {{ var('distinctive_min_z') }}

),

final as (

    select
        ranked.participant_id,
        ranked.lemma,
        people.person_id,
        people.name,
        ranked.occurrences,
        cast(ranked.rest_occurrences as bigint) as rest_occurrences,
        ranked.log_odds,
        ranked.z_score,
        ranked.rank
    from ranked
    inner join people on people.participant_id = ranked.participant_id
    where ranked.rank <= {{ var('words_per_person') }}

)

select * from final
