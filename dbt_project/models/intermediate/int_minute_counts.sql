-- One row a minute of a lecture in which somebody wrote. Speakers are people, not names: a conversation is counted
-- again also when one of its names has come to belong to somebody else, which `participants` tells.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
) }}
{% set somebody_else = "(conversation_id, participants) not in (select conversation_id, participants from rooms)" %}

with participants as (

    select * from {{ ref('int_participants') }}

),

names as (

    select distinct
        activity.conversation_id,
        activity.identity_id || ' ' || participants.participant_id as belongs
    from {{ ref('int_activity') }} as activity
    inner join participants on participants.identity_id = activity.identity_id
    where activity.platform = 'zoom'

),

rooms as (

    select
        conversation_id,
        md5(string_agg(belongs, ',' order by belongs)) as participants
    from names
    group by conversation_id

),

spoken as (

    select * from {{ ref('int_lecture_minutes') }}
    where {{ to_build(stale=somebody_else) }}

),

counted as (

    select
        spoken.conversation_id,
        spoken.minute,
        cast(sum(spoken.messages) as bigint) as messages,
        count(distinct participants.participant_id) as speakers
    from spoken
    inner join participants on participants.identity_id = spoken.identity_id
    group by spoken.conversation_id, spoken.minute

),

final as (

    select
        counted.conversation_id,
        counted.minute,
        counted.messages,
        counted.speakers,
        rooms.participants
    from counted
    inner join rooms on rooms.conversation_id = counted.conversation_id

)

select * from final
