with activity as (

    select * from {{ ref('int_activity') }}

),

participants as (

    select * from {{ ref('int_participants') }}
    where not is_bot

),

daily as (

    select
        participants.participant_id,
        activity.local_date,
        min(participants.person_id) as person_id,
        min(participants.name) as name,
        sum(activity.messages) as messages,
        sum(activity.replies) as replies,
        sum(activity.characters) as characters,
        sum(activity.reactions_given) as reactions_given,
        sum(activity.reactions_received) as reactions_received,
        count(distinct activity.conversation_id) filter (
            where activity.platform = 'zoom' and activity.messages + activity.replies + activity.reactions_given > 0
        ) as lectures
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    where activity.messages + activity.replies + activity.reactions_given + activity.reactions_received > 0
    group by participants.participant_id, activity.local_date

),

final as (

    select
        participant_id,
        local_date,
        person_id,
        name,
        cast(messages as bigint) as messages,
        cast(replies as bigint) as replies,
        cast(characters as bigint) as characters,
        cast(reactions_given as bigint) as reactions_given,
        cast(reactions_received as bigint) as reactions_received,
        lectures,
        coalesce(
            round((messages + replies) / nullif(sum(messages + replies) over (partition by local_date), 0), 6), 0
        ) as share_of_day
    from daily

)

select * from final
