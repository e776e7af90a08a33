-- One row an identity: who it counts for. A person's identities share a participant; an identity that fits several
-- people, or that is not resolved yet, stays a participant of its own without a person.
with identities as (

    select * from {{ ref('stg_class_chat__identities') }}

),

people as (

    select * from {{ ref('stg_class_chat__people') }}

),

seen as (

    select distinct identity_id from {{ ref('int_activity') }}

),

every_identity as (

    select
        identity_id,
        person_id,
        display_name
    from identities
    union all
    select
        seen.identity_id,
        null as person_id,
        null as display_name
    from seen
    anti join identities on identities.identity_id = seen.identity_id

),

final as (

    select
        every_identity.identity_id,
        coalesce(every_identity.person_id, every_identity.identity_id) as participant_id,
        every_identity.person_id,
        case
            when every_identity.person_id is null
                then '(ambiguous) ' || coalesce(every_identity.display_name, every_identity.identity_id)
            else coalesce(people.name, every_identity.display_name)
        end as name,
        people.role,
        people.slack_id,
        coalesce(people.is_bot, false) as is_bot
    from every_identity
    left join people on people.person_id = every_identity.person_id

)

select * from final
