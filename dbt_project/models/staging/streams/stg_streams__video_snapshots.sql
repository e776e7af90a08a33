select
    platform,
    video_id,
    channel_id,
    day,
    views
from {{ source('core', 'video_snapshots') }}
