select
    conversation_id,
    message_id,
    lower(lemma) as lemma,
    tag
from {{ source('core', 'tokens') }}
