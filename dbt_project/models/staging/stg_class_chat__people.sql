select
    person_id,
    name,
    role,
    position,
    team,
    email,
    slack_id,
    is_bot
from {{ source('core', 'people') }}
