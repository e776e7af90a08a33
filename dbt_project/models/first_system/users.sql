-- The first system knew people by their Slack id only.
select
    slack_id as id,
    name,
    coalesce(position, role) as position,
    email
from {{ ref('stg_class_chat__people') }}
where slack_id is not null
