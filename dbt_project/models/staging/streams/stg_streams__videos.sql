select
    platform,
    video_id,
    channel_id,
    conversation_id,
    title,
    kind,
    coalesce(started_at, published_at) as started_at,
    duration_s,
    url,
    views,
    state
from {{ source('core', 'videos') }}
