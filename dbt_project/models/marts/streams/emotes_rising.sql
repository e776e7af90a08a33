{% set recent = var('rising_days') %}
{% set before = var('rising_baseline_days') %}

with emotes as (

    select * from {{ ref('int_emote_days') }}

),

-- The days of each platform end with its last one that has a chat.
ends as (

    select
        platform,
        max(local_date) as last_date,
        min(local_date) as first_date
    from emotes
    group by platform

),

windows as (

    select
        emotes.platform,
        emotes.channel_id,
        emotes.provider,
        emotes.emote_id,
        emotes.code,
        emotes.local_date,
        emotes.uses,
        emotes.chatters,
        emotes.local_date > ends.last_date - {{ recent }} as is_recent
    from emotes
    inner join ends on ends.platform = emotes.platform
    where emotes.local_date > ends.last_date - {{ recent + before }}

),

totals as (

    select
        platform,
        coalesce(sum(uses) filter (where is_recent), 0) as recent_uses,
        coalesce(sum(uses) filter (where not is_recent), 0) as earlier_uses
    from windows
    group by platform

),

first_seen as (

    select
        platform,
        provider,
        emote_id,
        min(local_date) as first_date
    from emotes
    group by all

),

counted as (

    select
        platform,
        provider,
        emote_id,
        arg_max(code, (is_recent, uses, code)) as code,
        coalesce(sum(uses) filter (where is_recent), 0) as uses,
        coalesce(sum(uses) filter (where not is_recent), 0) as uses_before,
        coalesce(sum(chatters) filter (where is_recent), 0) as chatters,
        count(distinct channel_id) filter (where is_recent) as channels,
        count(distinct channel_id) filter (where not is_recent) as channels_before
    from windows
    group by platform, provider, emote_id

),

-- Shares of all uses, so that a week with more chat raises nothing; half a use is added, so that one that was not there
-- before has a growth too. Without any use before there is nothing to compare with.
compared as (

    select
        counted.*,
        totals.recent_uses,
        totals.earlier_uses,
        (counted.uses + 0.5) / (totals.recent_uses + 1) as share_now,
        (counted.uses_before + 0.5) / (totals.earlier_uses + 1) as share_before,
        sqrt(1 / (counted.uses + 0.5) + 1 / (counted.uses_before + 0.5)) as error
    from counted
    inner join totals on totals.platform = counted.platform
    where
        totals.earlier_uses > 0
        and counted.uses >= {{ var('rising_min_uses') }}
        and counted.chatters >= {{ var('rising_min_chatters') }}

),

final as (

    select
        compared.platform,
        compared.provider,
        compared.emote_id,
        compared.code,
        ends.last_date as as_of,
        first_seen.first_date,
        first_seen.first_date > ends.last_date - {{ recent }} as is_new,
        cast(compared.uses as bigint) as uses,
        cast(compared.uses_before as bigint) as uses_before,
        cast(compared.chatters as bigint) as chatters,
        compared.channels,
        compared.channels_before,
        round(compared.uses / compared.recent_uses, 6) as share,
        round(compared.uses_before / compared.earlier_uses, 6) as share_before,
        round(share_now / share_before, 3) as growth,
        round(exp(ln(share_now / share_before) - 1.96 * compared.error), 3) as growth_at_least,
        row_number() over (
            partition by compared.platform
            order by
                exp(ln(share_now / share_before) - 1.96 * compared.error) desc,
                compared.uses desc,
                compared.code,
                compared.provider,
                compared.emote_id
        ) as rank
    from compared
    inner join ends on ends.platform = compared.platform
    inner join first_seen
        on
            first_seen.platform = compared.platform
            and first_seen.provider = compared.provider
            and first_seen.emote_id = compared.emote_id
    where exp(ln(share_now / share_before) - 1.96 * compared.error) > 1

)

select * from final
