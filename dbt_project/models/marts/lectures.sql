with conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}
    where is_lecture

),

activity as (

    select * from {{ ref('int_activity') }}
    where platform = 'zoom'

),

participants as (

    select * from {{ ref('int_participants') }}

),

spans as (

    select * from {{ ref('int_chat_spans') }}

),

counted as (

    select
        activity.conversation_id,
        sum(activity.messages) as messages,
        sum(activity.replies) as replies,
        sum(activity.characters) as characters,
        sum(activity.reactions_received) as reactions,
        sum(activity.left_out) as left_out,
        count(distinct participants.participant_id) filter (where activity.messages + activity.replies > 0) as speakers,
        min(activity.local_date) as first_date
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    group by activity.conversation_id

),

final as (

    select
        conversations.conversation_id,
        conversations.source,
        conversations.kind,
        coalesce(conversations.conversation_date, counted.first_date) as lecture_date,
        conversations.title,
        conversations.started_at,
        conversations.duration_s,
        conversations.link,
        conversations.state,
        conversations.reason,
        cast(coalesce(counted.messages, 0) as bigint) as messages,
        cast(coalesce(counted.replies, 0) as bigint) as replies,
        cast(coalesce(counted.characters, 0) as bigint) as characters,
        cast(coalesce(counted.reactions, 0) as bigint) as reactions,
        cast(coalesce(counted.speakers, 0) as bigint) as speakers,
        cast(coalesce(counted.left_out, 0) as bigint) as left_out,
        cast(coalesce(conversations.quarantined, 0) as bigint) as quarantined,
        spans.first_at,
        spans.last_at
    from conversations
    left join counted on counted.conversation_id = conversations.conversation_id
    left join spans on spans.conversation_id = conversations.conversation_id
    order by lecture_date, conversations.conversation_id

)

select * from final
