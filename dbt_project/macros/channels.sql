{#
    The channels that a model by channel has to build, as a subquery of `platform` and `channel_id`.

    On a first run and on a full refresh: all. Otherwise those of videos whose chat was loaded, changed or taken out
    since the last publication, and those whose rows in the model satisfy `stale`. What a channel's chat costs is what
    the channel has; that of others is not touched.
#}
{% macro channels_to_build(videos, stale) -%}
    select platform, channel_id from {{ videos }}
    {% if is_incremental() -%}
    where conversation_id in (select conversation_id from {{ source('meta', 'pending_conversations') }})
    union
    select platform, channel_id from {{ this }} where {{ stale }}
    {%- else -%}
    group by all
    {%- endif %}
{%- endmacro %}

{#
    Incremental strategy `replace_channels`: in one transaction, rows of the channels that were built go and the new ones
    come. A model with it reads stg_streams__videos.
#}
{% macro get_incremental_replace_channels_sql(arguments) -%}
    {% set target = arguments["target_relation"] %}
    {% set built = arguments["temp_relation"] %}
    {% set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") %}
    delete from {{ target }}
    where (platform, channel_id) in (
        select (platform, channel_id)
        from {{ ref('stg_streams__videos') }}
        where conversation_id in (select conversation_id from {{ source('meta', 'pending_conversations') }})
        union
        select (platform, channel_id) from {{ built }}
    );
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ built }};
{%- endmacro %}
