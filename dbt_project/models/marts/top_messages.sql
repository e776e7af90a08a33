with reacted as (

    select * from {{ ref('int_message_reactions') }}

),

participants as (

    select * from {{ ref('int_participants') }}

),

conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}

),

messages as (

    select * from {{ ref('stg_class_chat__messages') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by platform order by reactions desc, emojis desc, sent_at, message_id
        ) as rank,
        row_number() over (
            partition by conversation_id order by reactions desc, emojis desc, sent_at, message_id
        ) as rank_in_conversation
    from reacted

),

top as (

    select * from ranked
    where rank <= {{ var('top_n') }} or rank_in_conversation <= {{ var('top_n') }}

),

final as (

    select
        top.message_id,
        top.platform as source,
        top.conversation_id,
        conversations.title as conversation_title,
        {{ local_date('top.sent_at') }} as local_date,
        top.sent_at,
        participants.participant_id,
        participants.person_id,
        participants.name,
        messages.text,
        top.reactions,
        top.emojis,
        top.rank,
        top.rank_in_conversation,
        {{ recording_link('conversations.link', 'top.sent_at') }} as link
    from top
    inner join messages on messages.message_id = top.message_id
    inner join participants on participants.identity_id = top.identity_id
    left join conversations on conversations.conversation_id = top.conversation_id

)

select * from final
