-- One row an emote's day in the chat of a video. An emote is known by its provider and id; `code` is how it was written
-- most. Uses in messages that were removed do not count.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}
{% set zone_changed = "time_zone <> '" ~ var('timezone') ~ "'" %}

with uses as (

    select * from {{ ref('stg_streams__emote_uses') }}
    where {{ to_build(stale=zone_changed) }}

),

removed as (

    select * from {{ ref('stg_streams__messages') }}
    where not is_public and {{ to_build(stale=zone_changed) }}

),

written as (

    select
        uses.conversation_id,
        uses.platform,
        uses.channel_id,
        {{ local_date('uses.sent_at') }} as local_date,
        uses.provider,
        uses.emote_id,
        uses.code,
        uses.message_id,
        uses.identity_id,
        uses.uses
    from uses
    anti join removed
        on
            removed.message_id = uses.message_id
            and removed.conversation_id = uses.conversation_id

),

codes as (

    select
        conversation_id,
        provider,
        emote_id,
        code
    from written
    group by conversation_id, provider, emote_id, code
    qualify row_number() over (
        partition by conversation_id, provider, emote_id order by sum(uses) desc, code
    ) = 1

),

final as (

    select
        written.conversation_id,
        written.platform,
        written.channel_id,
        written.local_date,
        written.provider,
        written.emote_id,
        codes.code,
        cast(sum(written.uses) as bigint) as uses,
        count(distinct written.message_id) as messages,
        count(distinct written.identity_id) as chatters,
        '{{ var("timezone") }}' as time_zone
    from written
    inner join codes
        on
            codes.conversation_id = written.conversation_id
            and codes.provider = written.provider
            and codes.emote_id = written.emote_id
    group by all

)

select * from final
