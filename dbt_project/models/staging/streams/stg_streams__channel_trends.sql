select
    platform,
    channel_id,
    metric,
    as_of,
    days,
    observed,
    trend,
    score,
    confidence,
    slope,
    slope_low,
    slope_high,
    steps,
    spikes
from {{ source('ml', 'channel_trends') }}
