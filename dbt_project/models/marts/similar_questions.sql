with questions as (

    select * from {{ ref('lecture_questions') }}

),

groups as (

    select * from {{ ref('stg_models__question_groups') }}

),

-- The first question stands for its group: what a page shows does not change when it is asked again.
grouped as (

    select
        groups.group_id,
        groups.similarity,
        questions.*,
        row_number() over (
            partition by groups.group_id order by questions.asked_at, questions.message_id
        ) as place
    from groups
    inner join questions on questions.message_id = groups.message_id

),

final as (

    select
        group_id,
        min(message_id) filter (where place = 1) as representative_id,
        min(text) filter (where place = 1) as text,
        count(*) as questions,
        count(distinct conversation_id) as lectures,
        count(distinct participant_id) as askers,
        min(asked_at) as first_asked_at,
        max(asked_at) as last_asked_at,
        count(*) filter (where state = 'answered') as answered_questions,
        bool_or(state = 'answered') as is_answered,
        round(min(similarity), 4) as least_similarity
    from grouped
    group by group_id
    -- Of a group, one question may be all that people can see: the others were removed or are of another version.
    having count(*) > 1

)

select * from final
