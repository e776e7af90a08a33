with reacted as (

    select * from {{ ref('int_top_messages') }}
    where rank_in_conversation <= {{ var('top_n') }}

),

participants as (

    select * from {{ ref('int_participants') }}

),

conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by platform order by reactions desc, emojis desc, sent_at, message_id
        ) as rank
    from reacted

),

final as (

    select
        ranked.message_id,
        ranked.platform as source,
        ranked.conversation_id,
        conversations.title as conversation_title,
        {{ local_date('ranked.sent_at') }} as local_date,
        ranked.sent_at,
        participants.participant_id,
        participants.person_id,
        participants.name,
        ranked.text,
        ranked.reactions,
        ranked.emojis,
        ranked.rank,
        ranked.rank_in_conversation,
        {{ recording_link('conversations.link', 'ranked.sent_at') }} as link
    from ranked
    inner join participants on participants.identity_id = ranked.identity_id
    left join conversations on conversations.conversation_id = ranked.conversation_id
    order by local_date, ranked.conversation_id, ranked.rank_in_conversation

)

select * from final
