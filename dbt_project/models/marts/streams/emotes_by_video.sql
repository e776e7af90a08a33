-- A view: what is counted by video is kept as it is, titles and names change.
{{ config(materialized='view') }}

with emotes as (

    select * from {{ ref('int_video_emotes') }}

),

videos as (

    select * from {{ ref('stg_streams__videos') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

final as (

    select
        emotes.conversation_id,
        emotes.platform,
        emotes.channel_id,
        coalesce(channels.channel, emotes.channel_id) as channel,
        videos.title,
        {{ local_date('videos.started_at') }} as video_date,
        emotes.provider,
        emotes.emote_id,
        emotes.code,
        emotes.uses,
        emotes.messages,
        emotes.share,
        emotes.rank
    from emotes
    left join videos on videos.conversation_id = emotes.conversation_id
    left join channels
        on
            channels.platform = emotes.platform
            and channels.channel_id = emotes.channel_id

)

select * from final
