{#
    Names of relations without the catalogue. DuckDB names a catalogue after its file, and the build file is published
    as a copy under another name: a view that said "build"."core"."messages" would find nothing there.
#}
{% macro ref() -%}
    {% if varargs | length > 1 %}
        {% set relation = builtins.ref(varargs[0], varargs[1], **kwargs) %}
    {% else %}
        {% set relation = builtins.ref(varargs[0], **kwargs) %}
    {% endif %}
    {% do return(relation.include(database=false)) %}
{%- endmacro %}

{% macro source(source_name, table_name) -%}
    {% do return(builtins.source(source_name, table_name).include(database=false)) %}
{%- endmacro %}
