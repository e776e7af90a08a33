with activity as (

    select * from {{ ref('int_activity') }}
    where reactions_given > 0

),

participants as (

    select * from {{ ref('int_participants') }}
    where not is_bot

),

totals as (

    select
        participants.participant_id,
        min(participants.person_id) as person_id,
        min(participants.name) as name,
        sum(activity.reactions_given) as reactions,
        coalesce(sum(activity.reactions_given) filter (where activity.platform = 'zoom'), 0) as zoom_reactions,
        coalesce(sum(activity.reactions_given) filter (where activity.platform = 'slack'), 0) as slack_reactions
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    group by participants.participant_id

),

final as (

    select
        participant_id,
        person_id,
        name,
        cast(reactions as bigint) as reactions,
        cast(zoom_reactions as bigint) as zoom_reactions,
        cast(slack_reactions as bigint) as slack_reactions,
        row_number() over (order by reactions desc, name, participant_id) as rank
    from totals

)

select * from final
