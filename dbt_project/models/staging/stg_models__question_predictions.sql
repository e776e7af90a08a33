select
    conversation_id,
    message_id,
    model_version,
    probability,
    threshold,
    is_question
from {{ source('ml', 'question_predictions') }}
where model_name = 'question'
