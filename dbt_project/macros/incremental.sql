{#
    The conversations that an incremental model has to build, as a condition on conversation_id.

    On a first run and on a full refresh: all. Otherwise those that were loaded, changed or taken out since the last
    publication, and those whose rows in the model satisfy `stale` (built under another setting).
#}
{% macro to_build(stale=none) -%}
    {% if is_incremental() -%}
        conversation_id in (
            select conversation_id from {{ source('meta', 'pending_conversations') }}
            {%- if stale %}
            union
            select conversation_id from {{ this }} where {{ stale }}
            {%- endif %}
        )
    {%- else -%}
        true
    {%- endif %}
{%- endmacro %}

{#
    Incremental strategy `replace_conversations`: in one transaction, rows of the conversations that were built go and
    the new ones come. A conversation that shrank or vanished is replaced too, never added to; a run that is killed
    anywhere and started again gives the same rows.
#}
{% macro get_incremental_replace_conversations_sql(arguments) -%}
    {% set target = arguments["target_relation"] %}
    {% set built = arguments["temp_relation"] %}
    {% set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") %}
    delete from {{ target }}
    where conversation_id in (
        select conversation_id from {{ source('meta', 'pending_conversations') }}
        union
        select conversation_id from {{ built }}
    );
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ built }};
{%- endmacro %}
