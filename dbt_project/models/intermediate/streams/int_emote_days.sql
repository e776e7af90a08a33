-- One row an emote's day in a channel, all its videos together.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_channels',
    on_schema_change='fail',
) }}
{% set zone_changed = "time_zone <> '" ~ var('timezone') ~ "'" %}

with videos as (

    select * from {{ ref('stg_streams__videos') }}

),

channels as (

    {{ channels_to_build('videos', zone_changed) }}

),

emotes as (

    select * from {{ ref('int_stream_emotes') }}
    where (platform, channel_id) in (select (platform, channel_id) from channels)

),

counted as (

    select
        platform,
        channel_id,
        local_date,
        provider,
        emote_id,
        arg_max(code, (uses, code)) as code,
        cast(sum(uses) as bigint) as uses,
        cast(sum(messages) as bigint) as messages,
        cast(sum(chatters) as bigint) as chatters,
        time_zone
    from emotes
    group by all

),

final as (

    select
        platform,
        channel_id,
        local_date,
        provider,
        emote_id,
        code,
        uses,
        messages,
        chatters,
        round(uses / sum(uses) over (partition by platform, channel_id, local_date), 6) as share,
        time_zone
    from counted

)

select * from final
