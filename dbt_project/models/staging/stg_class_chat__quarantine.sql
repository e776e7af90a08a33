select
    quarantine_id,
    source,
    conversation_id,
    reason
from {{ source('core', 'quarantine') }}
where {{ of_the_class() }}
