select
    platform,
    channel_id,
    day,
    followers,
    views,
    videos,
    video_views
from {{ source('core', 'channel_snapshots') }}
