-- One row a public reply whose parent is a public message of the same conversation, with the message at the top of its
-- thread: saved chats quote replies too. A reply that answers nothing we have is not here.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with recursive messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where is_public and {{ to_build() }}

),

answered as (

    select
        replies.conversation_id,
        replies.platform,
        replies.message_id as reply_id,
        replies.parent_id,
        replies.identity_id,
        parents.identity_id as answered_identity_id,
        replies.sent_at as replied_at,
        round(epoch(replies.sent_at) - epoch(parents.sent_at), 3) as seconds
    from messages as replies
    inner join messages as parents
        on
            parents.message_id = replies.parent_id
            and parents.conversation_id = replies.conversation_id
    where replies.kind = 'reply'

),

-- Fifty steps up: enough for any thread, an end for a circle.
climbed as (

    select reply_id, parent_id as ancestor_id, 1 as steps
    from answered
    union all
    select climbed.reply_id, answered.parent_id, climbed.steps + 1
    from climbed
    inner join answered on answered.reply_id = climbed.ancestor_id
    where climbed.steps < 50

),

tops as (

    select climbed.reply_id, climbed.ancestor_id as top_id
    from climbed
    left join answered on answered.reply_id = climbed.ancestor_id
    where answered.reply_id is null

),

final as (

    select
        answered.conversation_id,
        answered.platform,
        answered.reply_id,
        answered.parent_id,
        tops.top_id,
        answered.identity_id,
        answered.answered_identity_id,
        answered.replied_at,
        answered.seconds
    from answered
    inner join tops on tops.reply_id = answered.reply_id

)

select * from final
