with conversations as (

    select * from {{ ref('stg_class_chat__conversations') }}

),

final as (

    select
        source,
        kind,
        count(*) as announced,
        count(*) filter (where fetched_at is not null) as fetched,
        count(*) filter (where state in ('parsed', 'published')) as parsed,
        count(*) filter (where state = 'quarantined') as quarantined,
        count(*) filter (where state in ('failed', 'gone')) as failed,
        count(*) filter (where state not in ('parsed', 'published')) as missing,
        cast(coalesce(sum(records), 0) as bigint) as records,
        cast(coalesce(sum(messages), 0) as bigint) as messages,
        cast(coalesce(sum(replies), 0) as bigint) as replies,
        cast(coalesce(sum(reactions), 0) as bigint) as reactions,
        cast(coalesce(sum(removals), 0) as bigint) as removals,
        cast(coalesce(sum(quarantined), 0) as bigint) as quarantined_records,
        cast(coalesce(sum(duplicates), 0) as bigint) as duplicates,
        cast(coalesce(sum(
            records - messages - replies - reactions - removals - quarantined - duplicates
        ), 0) as bigint) as unaccounted
    from conversations
    group by source, kind

)

select * from final
