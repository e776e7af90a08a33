with quarantine as (

    select * from {{ ref('stg_class_chat__quarantine') }}

),

conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}

),

final as (

    select
        'record' as level,
        source,
        reason,
        count(distinct conversation_id) as conversations,
        count(*) as records
    from quarantine
    group by source, reason
    union all
    select
        'conversation' as level,
        source,
        reason,
        count(*) as conversations,
        0 as records
    from conversations
    where reason is not null and state not in ('parsed', 'published')
    group by source, reason

)

select * from final
