select
    message_id,
    group_id,
    similarity
from {{ source('ml', 'question_groups') }}
