{# A moment (TIMESTAMPTZ) on the wall clock of the class, as TIMESTAMP. #}
{% macro local_time(moment) -%}
    timezone('{{ var("timezone") }}', {{ moment }})
{%- endmacro %}

{# The day of a moment in the class's zone. #}
{% macro local_date(moment) -%}
    cast({{ local_time(moment) }} as date)
{%- endmacro %}
