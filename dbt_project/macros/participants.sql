{#
    A ranking of the class: what each participant did, over Zoom and Slack, bots left out.
    `amount`: an expression over int_activity; `unit`: what it counts, which names the columns.
#}
{% macro ranked_participants(amount, unit) -%}
with activity as (

    select
        identity_id,
        platform,
        {{ amount }} as amount
    from {{ ref('int_activity') }}
    where {{ amount }} > 0

),

participants as (

    select * from {{ ref('int_participants') }}
    where not is_bot

),

totals as (

    select
        participants.participant_id,
        min(participants.person_id) as person_id,
        min(participants.name) as name,
        sum(activity.amount) as amount,
        coalesce(sum(activity.amount) filter (where activity.platform = 'zoom'), 0) as zoom_amount,
        coalesce(sum(activity.amount) filter (where activity.platform = 'slack'), 0) as slack_amount
    from activity
    inner join participants on participants.identity_id = activity.identity_id
    group by participants.participant_id

),

final as (

    select
        participant_id,
        person_id,
        name,
        cast(amount as bigint) as {{ unit }},
        cast(zoom_amount as bigint) as zoom_{{ unit }},
        cast(slack_amount as bigint) as slack_{{ unit }},
        row_number() over (order by amount desc, name, participant_id) as rank
    from totals

)

select * from final
{%- endmacro %}
