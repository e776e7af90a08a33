{# No null in any column of the key, and no key twice. #}
{% test primary_key(model, columns) %}
    {% set key = columns | join(", ") %}
    select {{ key }}, count(*) as times
    from {{ model }}
    group by {{ key }}
    having count(*) > 1 {% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
