{% set window = var('peak_window_minutes') %}

with minutes as (

    select * from {{ ref('lecture_minutes') }}

),

spoken as (

    select * from {{ ref('int_lecture_minutes') }}

),

participants as (

    select * from {{ ref('int_participants') }}

),

lectures as (

    select * from {{ ref('lectures') }}

),

windows as (

    select
        conversation_id,
        minute,
        sum(messages) over (
            partition by conversation_id order by minute
            rows between current row and {{ window - 1 }} following
        ) as messages
    from minutes

),

-- What this room does when it says anything at all.
baselines as (

    select
        conversation_id,
        median(messages) as baseline
    from windows
    where messages > 0
    group by conversation_id

),

candidates as (

    select
        windows.conversation_id,
        windows.minute,
        windows.messages,
        baselines.baseline
    from windows
    inner join baselines on baselines.conversation_id = windows.conversation_id
    where
        windows.messages >= {{ var('peak_min_messages') }}
        and windows.messages >= {{ var('peak_ratio') }} * baselines.baseline

),

-- Who spoke is looked up for the few candidates only.
qualified as (

    select
        candidates.conversation_id,
        candidates.minute,
        candidates.messages,
        candidates.baseline,
        count(distinct participants.participant_id) as speakers,
        min(spoken.first_at) as first_at
    from candidates
    inner join spoken
        on
            spoken.conversation_id = candidates.conversation_id
            and spoken.minute between candidates.minute and candidates.minute + {{ window - 1 }}
    inner join participants on participants.identity_id = spoken.identity_id
    group by all
    having count(distinct participants.participant_id) >= {{ var('peak_min_speakers') }}

),

-- Windows that share a minute belong to one burst.
starts as (

    select
        *,
        coalesce(
            minute - lag(minute) over (partition by conversation_id order by minute) >= {{ window }}, true
        ) as is_new_burst
    from qualified

),

bursts as (

    select
        *,
        sum(cast(is_new_burst as integer)) over (
            partition by conversation_id order by minute rows unbounded preceding
        ) as burst
    from starts

),

strongest as (

    select
        *,
        min(minute) over (partition by conversation_id, burst) as from_minute,
        max(minute) over (partition by conversation_id, burst) + {{ window - 1 }} as to_minute
    from bursts
    qualify row_number() over (
        partition by conversation_id, burst order by messages desc, speakers desc, minute
    ) = 1

),

final as (

    select
        strongest.conversation_id,
        cast(strongest.burst as integer) as peak,
        lectures.lecture_date,
        lectures.title,
        strongest.from_minute,
        strongest.to_minute,
        strongest.minute,
        strongest.first_at,
        cast(strongest.messages as bigint) as messages,
        strongest.speakers,
        strongest.baseline,
        round(strongest.messages / strongest.baseline, 3) as ratio,
        row_number() over (
            partition by strongest.conversation_id
            order by strongest.messages desc, strongest.speakers desc, strongest.minute
        ) as rank,
        {{ recording_link('lectures.link', 'strongest.first_at') }} as link
    from strongest
    inner join lectures on lectures.conversation_id = strongest.conversation_id

)

select * from final
