-- One row a day of a channel's chat. Somebody is new on the first day of theirs that we have in the channel.
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

chatters as (

    select * from {{ ref('int_stream_chatters') }}
    where (platform, channel_id) in (select (platform, channel_id) from channels)

),

daily as (

    select
        platform,
        channel_id,
        identity_id,
        local_date,
        sum(messages) as messages,
        time_zone
    from chatters
    group by all

),

met as (

    select
        *,
        local_date = min(local_date) over (partition by platform, channel_id, identity_id) as is_new
    from daily

),

of_day as (

    select
        platform,
        channel_id,
        local_date,
        count(distinct conversation_id) as videos
    from chatters
    group by all

),

counted as (

    select
        platform,
        channel_id,
        local_date,
        cast(sum(messages) as bigint) as messages,
        count(*) as chatters,
        count(*) filter (where is_new) as new_chatters,
        count(*) filter (where not is_new) as returning_chatters,
        time_zone
    from met
    group by all

),

final as (

    select
        counted.platform,
        counted.channel_id,
        counted.local_date,
        of_day.videos,
        counted.messages,
        counted.chatters,
        counted.new_chatters,
        counted.returning_chatters,
        counted.local_date = min(counted.local_date) over (
            partition by counted.platform, counted.channel_id
        ) as is_first_day,
        counted.time_zone
    from counted
    inner join of_day
        on
            of_day.platform = counted.platform
            and of_day.channel_id = counted.channel_id
            and of_day.local_date = counted.local_date

)

select * from final
