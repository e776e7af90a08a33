with emotes as (

    select * from {{ ref('int_emote_days') }}

),

counted as (

    select
        platform,
        local_date,
        provider,
        emote_id,
        arg_max(code, (uses, code)) as code,
        cast(sum(uses) as bigint) as uses,
        cast(sum(messages) as bigint) as messages,
        count(*) as channels
    from emotes
    group by all

),

final as (

    select
        platform,
        local_date,
        provider,
        emote_id,
        code,
        uses,
        messages,
        channels,
        round(uses / sum(uses) over (partition by platform, local_date), 6) as share,
        row_number() over (
            partition by platform, local_date order by uses desc, code, provider, emote_id
        ) as rank
    from counted

)

select * from final
