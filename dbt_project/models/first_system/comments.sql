-- Messages, and replies to nothing that we have: the first system required a reply to name its comment, and dropping
-- them would lose them.
with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where platform = 'zoom' and is_public

),

replies as (

    select * from {{ ref('int_replies') }}

),

participants as (

    select * from {{ ref('int_participants') }}

)

select
    messages.message_id as id,
    participants.slack_id as user_id_fk,
    messages.text as content,
    {{ local_time('messages.sent_at') }} as "time"
from messages
anti join replies on replies.reply_id = messages.message_id
left join participants on participants.identity_id = messages.identity_id
