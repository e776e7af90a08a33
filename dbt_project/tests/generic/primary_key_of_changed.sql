{#
    As primary_key, for tables of all history: only the keys of conversations that changed since the last publication
    are looked up, but in the whole table. A new recording then costs what it costs.
#}
{% test primary_key_of_changed(model, columns) %}
    {% set key = columns | join(", ") %}
    with changed as (
        select distinct {{ columns[0] }}
        from {{ model }}
        where conversation_id in (select conversation_id from {{ source('meta', 'pending_conversations') }})
    )
    select {{ key }}, count(*) as times
    from {{ model }}
    where {{ columns[0] }} in (select {{ columns[0] }} from changed)
        {% for column in columns %} or {{ column }} is null{% endfor %}
    group by {{ key }}
    having count(*) > 1 {% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
