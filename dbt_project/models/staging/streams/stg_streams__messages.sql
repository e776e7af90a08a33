-- Streams' chat is known by its conversation: which platforms there are is nobody's to list.
select
    message_id,
    conversation_id,
    identity_id,
    sent_at,
    offset_s,
    visibility = 'everyone' and not removed as is_public
from {{ source('core', 'messages') }}
where conversation_id in (select conversation_id from {{ ref('stg_streams__conversations') }})
