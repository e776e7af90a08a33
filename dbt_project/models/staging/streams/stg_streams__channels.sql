select
    platform,
    channel_id,
    display_name as channel,
    login,
    url,
    listed,
    state
from {{ source('core', 'channels') }}
