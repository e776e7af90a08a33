-- A view: what is counted by channel and day is kept as it is, names of channels change.
{{ config(materialized='view') }}

with days as (

    select * from {{ ref('int_chatter_days') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

final as (

    select
        days.platform,
        days.channel_id,
        coalesce(channels.channel, days.channel_id) as channel,
        days.local_date,
        days.videos,
        days.messages,
        days.chatters,
        days.new_chatters,
        days.returning_chatters,
        case when not days.is_first_day then round(days.returning_chatters / days.chatters, 6) end as returning_share
    from days
    left join channels
        on
            channels.platform = days.platform
            and channels.channel_id = days.channel_id

)

select * from final
