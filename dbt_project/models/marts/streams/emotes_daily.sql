-- A view: what is counted by channel and day is kept as it is, names of channels change.
{{ config(materialized='view') }}

with emotes as (

    select * from {{ ref('int_emote_days') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

final as (

    select
        emotes.platform,
        emotes.channel_id,
        coalesce(channels.channel, emotes.channel_id) as channel,
        emotes.local_date,
        emotes.provider,
        emotes.emote_id,
        emotes.code,
        emotes.uses,
        emotes.messages,
        emotes.chatters,
        emotes.share
    from emotes
    left join channels
        on
            channels.platform = emotes.platform
            and channels.channel_id = emotes.channel_id

)

select * from final
