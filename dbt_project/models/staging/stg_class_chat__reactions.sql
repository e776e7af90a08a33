-- A reaction that was taken back counts nothing, so it ends here.
select
    reaction_id,
    conversation_id,
    message_id,
    emoji,
    identity_id,
    "count" as reactions,
    reacted_at
from {{ source('core', 'reactions') }}
where not removed and {{ of_the_class() }}
