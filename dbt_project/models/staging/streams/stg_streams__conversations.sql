select
    conversation_id,
    regexp_replace(source, '_(file|live)$', '') as platform,
    title,
    started_at,
    duration_s,
    state
from {{ source('core', 'conversations') }}
where kind = 'video'
