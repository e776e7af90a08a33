with activity as (

    select * from {{ ref('int_activity') }}
    where messages + replies > 0

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
        sum(activity.messages + activity.replies) as messages,
        coalesce(sum(activity.messages + activity.replies) filter (where activity.platform = 'zoom'), 0) as zoom_messages,
        coalesce(sum(activity.messages + activity.replies) filter (where activity.platform = 'slack'), 0) as slack_messages
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    group by participants.participant_id

),

final as (

    select
        participant_id,
        person_id,
        name,
        cast(messages as bigint) as messages,
        cast(zoom_messages as bigint) as zoom_messages,
        cast(slack_messages as bigint) as slack_messages,
        row_number() over (order by messages desc, name, participant_id) as rank
    from totals

)

select * from final
