select
    conversation_id,
    message_id,
    platform,
    channel_id,
    identity_id,
    sent_at,
    provider,
    emote_id,
    code,
    uses
from {{ source('core', 'emote_uses') }}
