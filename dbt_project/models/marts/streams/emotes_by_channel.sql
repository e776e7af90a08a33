with emotes as (

    select * from {{ ref('int_emote_days') }}

),

channels as (

    select * from {{ ref('stg_streams__channels') }}

),

counted as (

    select
        platform,
        channel_id,
        provider,
        emote_id,
        arg_max(code, (local_date, code)) as code,
        cast(sum(uses) as bigint) as uses,
        cast(sum(messages) as bigint) as messages,
        count(*) as days,
        min(local_date) as first_date,
        max(local_date) as last_date
    from emotes
    group by all

),

final as (

    select
        counted.platform,
        counted.channel_id,
        coalesce(channels.channel, counted.channel_id) as channel,
        counted.provider,
        counted.emote_id,
        counted.code,
        counted.uses,
        counted.messages,
        counted.days,
        counted.first_date,
        counted.last_date,
        round(counted.uses / sum(counted.uses) over (partition by counted.platform, counted.channel_id), 6) as share,
        row_number() over (
            partition by counted.platform, counted.channel_id
            order by counted.uses desc, counted.code, counted.provider, counted.emote_id
        ) as rank
    from counted
    left join channels
        on
            channels.platform = counted.platform
            and channels.channel_id = counted.channel_id

)

select * from final
