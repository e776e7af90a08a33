select
    model_name,
    model_version,
    state,
    promoted_at
from {{ source('ml', 'models') }}
