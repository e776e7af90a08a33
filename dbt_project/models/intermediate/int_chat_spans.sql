-- One row a conversation in which anything was said publicly: between which moments. Readers look for its messages
-- between them, so that DuckDB skips the rest of core.messages: of texts such as conversation_id it keeps the first
-- eight characters only when it decides what to skip, and all ids begin alike.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}

with messages as (

    select * from {{ ref('stg_class_chat__messages') }}
    where is_public and {{ to_build() }}

),

final as (

    select
        conversation_id,
        min(sent_at) as first_at,
        max(sent_at) as last_at
    from messages
    group by conversation_id

)

select * from final
