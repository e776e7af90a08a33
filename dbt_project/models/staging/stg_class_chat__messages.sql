select
    message_id,
    conversation_id,
    case source when 'slack' then 'slack' else 'zoom' end as platform,
    kind,
    identity_id,
    sent_at,
    offset_s,
    text,
    parent_id,
    visibility,
    visibility = 'everyone' and not removed as is_public
from {{ source('core', 'messages') }}
where {{ of_the_class() }}
