select
    identity_id,
    system,
    coalesce(display_name, identity_key) as display_name,
    case when state = 'ambiguous' then null else person_id end as person_id,
    state
from {{ source('core', 'identities') }}
where system in ('zoom', 'slack')
