with reactions as (

    select * from {{ ref('stg_class_chat__reactions') }}

),

recomments as (

    select * from {{ ref('recomments') }}

)

select
    recomments.id as recomment_id_fk,
    reactions.emoji,
    cast(sum(reactions.reactions) as integer) as emoji_count
from reactions
inner join recomments on recomments.id = reactions.message_id
group by recomments.id, reactions.emoji
