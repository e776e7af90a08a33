select
    quarantine_id,
    source,
    conversation_id,
    reason
from {{ source('core', 'quarantine') }}
