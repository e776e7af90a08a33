{#
    Rows of the class's chat, by their source: the chat of streams stands in the same tables. A column of few values,
    so that DuckDB skips what only has others.
#}
{% macro of_the_class() -%}
    source in ('zoom', 'zoom_file', 'slack')
{%- endmacro %}
