with reactions as (

    select * from {{ ref('stg_class_chat__reactions') }}

),

comments as (

    select * from {{ ref('comments') }}

)

select
    comments.id as comments_id_fk,
    reactions.emoji,
    cast(sum(reactions.reactions) as integer) as emoji_count
from reactions
inner join comments on comments.id = reactions.message_id
group by comments.id, reactions.emoji
