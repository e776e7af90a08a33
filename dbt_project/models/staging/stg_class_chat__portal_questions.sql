select
    message_id,
    state,
    is_typed,
    conversation_id,
    asked_at,
    offset_s,
    text,
    role,
    answers,
    answered_at,
    answered_by_role
from {{ source('core', 'portal_questions') }}
