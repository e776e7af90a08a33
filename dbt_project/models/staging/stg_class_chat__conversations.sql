select
    conversation_id,
    source,
    kind,
    kind in ('recording', 'saved_chat') as is_lecture,
    title,
    conversation_date,
    started_at,
    duration_s,
    link,
    state,
    reason,
    fetched_at,
    records,
    messages,
    replies,
    reactions,
    removals,
    quarantined,
    duplicates
from {{ source('core', 'conversations') }}
where kind in ('recording', 'saved_chat', 'channel_day')
