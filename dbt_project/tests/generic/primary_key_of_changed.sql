{#
    As primary_key, for tables of all history: only the keys of conversations that changed since the last publication
    are looked up, but in the whole table. A new recording then costs what it costs. (Nulls are told by the statistics
    of DuckDB's segments and cost nothing.)
#}
{% test primary_key_of_changed(model, columns) %}
    {% set key = columns | join(", ") %}
    select {{ key }}
    from {{ model }}
    where {{ columns[0] }} in (
        select {{ columns[0] }}
        from {{ model }}
        where conversation_id in (select conversation_id from {{ source('meta', 'pending_conversations') }})
    )
    group by {{ key }}
    having count(*) > 1
    {% for column in columns %}
    union all
    select {{ key }} from {{ model }} where {{ column }} is null
    {% endfor %}
{% endtest %}
