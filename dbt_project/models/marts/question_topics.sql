-- Log-odds with an informative Dirichlet prior, as in person_distinctive_words: how much more often a word stands in
-- questions than in the other messages of all lectures, in standard deviations.
with words as (

    select * from {{ ref('int_question_words') }}
    where
        model_version in (select model_version from {{ ref('int_question_champion') }})
        and lemma not in (select word from {{ ref('int_stop_words') }})

),

participants as (

    select * from {{ ref('int_participants') }}

),

lectures as (

    select * from {{ ref('lectures') }}

),

by_lecture as (

    select
        words.conversation_id,
        words.lemma,
        sum(words.questions) as questions,
        sum(words.other_messages) as other_messages
    from words
    inner join participants on participants.identity_id = words.identity_id
    where not participants.is_bot
    group by words.conversation_id, words.lemma

),

by_word as (

    select
        lemma,
        sum(questions) as questions,
        sum(other_messages) as other_messages
    from by_lecture
    group by lemma

),

room as (

    select
        sum(questions) as questions,
        sum(other_messages) as other_messages
    from by_word

),

scoped as (

    select
        conversation_id as scope,
        conversation_id,
        lemma,
        questions
    from by_lecture
    union all
    select
        'all' as scope,
        null as conversation_id,
        lemma,
        questions
    from by_word

),

counts as (

    select
        scoped.*,
        sum(scoped.questions) over (partition by scoped.scope) as scope_total,
        by_word.other_messages,
        room.other_messages as other_total,
        {{ var('distinctive_prior') }} * (by_word.questions + by_word.other_messages)
        / (room.questions + room.other_messages) as prior,
        {{ var('distinctive_prior') }} as prior_total
    from scoped
    inner join by_word on by_word.lemma = scoped.lemma
    cross join room

),

odds as (

    select
        *,
        (questions + prior) / (scope_total + prior_total - questions - prior) as question_odds,
        (other_messages + prior) / (other_total + prior_total - other_messages - prior) as other_odds,
        1 / (questions + prior) + 1 / (other_messages + prior) as variance
    from counts
    where
        questions >= {{ var('topic_min_questions') }}
        -- Lectures of one word have no odds.
        and prior < prior_total

),

scored as (

    select
        *,
        round(ln(question_odds) - ln(other_odds), 6) as log_odds,
        round((ln(question_odds) - ln(other_odds)) / sqrt(variance), 6) as z_score
    from odds

),

ranked as (

    select
        *,
        row_number() over (partition by scope order by z_score desc, questions desc, lemma) as rank
    from scored
    where z_score >= {{ var('distinctive_min_z') }}

),

final as (

    select
        ranked.scope,
        ranked.lemma,
        ranked.conversation_id,
        lectures.lecture_date,
        lectures.title,
        cast(ranked.questions as bigint) as questions,
        cast(ranked.other_messages as bigint) as other_messages,
        ranked.log_odds,
        ranked.z_score,
        ranked.rank
    from ranked
    left join lectures on lectures.conversation_id = ranked.conversation_id
    where ranked.rank <= {{ var('topics_per_lecture') }}

)

select * from final
