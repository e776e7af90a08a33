with activity as (

    select * from {{ ref('int_activity') }}
    where platform = 'zoom'

),

participants as (

    select * from {{ ref('int_participants') }}
    where not is_bot

),

lectures as (

    select * from {{ ref('lectures') }}

),

counted as (

    select
        activity.conversation_id,
        participants.participant_id,
        min(participants.person_id) as person_id,
        min(participants.name) as name,
        min(participants.role) as role,
        sum(activity.messages) as messages,
        sum(activity.replies) as replies,
        sum(activity.characters) as characters,
        sum(activity.reactions_received) as reactions_received
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    group by activity.conversation_id, participants.participant_id
    having sum(activity.messages + activity.replies) > 0

),

final as (

    select
        counted.conversation_id,
        counted.participant_id,
        lectures.lecture_date,
        lectures.title,
        counted.person_id,
        counted.name,
        counted.role,
        cast(counted.messages as bigint) as messages,
        cast(counted.replies as bigint) as replies,
        cast(counted.characters as bigint) as characters,
        cast(coalesce(counted.reactions_received, 0) as bigint) as reactions_received,
        row_number() over (
            partition by counted.conversation_id
            order by counted.messages + counted.replies desc, counted.name, counted.participant_id
        ) as rank
    from counted
    inner join lectures on lectures.conversation_id = counted.conversation_id
    order by lectures.lecture_date, counted.conversation_id, rank

)

select * from final
