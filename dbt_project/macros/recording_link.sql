{#
    The recording's address, opened at a moment: Zoom takes `startTime` in milliseconds since 1970, here cut to the
    second. Keeps other parameters and the fragment, replaces a `startTime` that is there already; null without a link.
#}
{% macro recording_link(link, moment) -%}
    {{ recording_link_start(link) }} || {{ recording_link_moment(moment) }} || {{ recording_link_end(link) }}
{%- endmacro %}

{# The same in parts, for models of many moments in few recordings: start and end once a recording. #}
{% macro recording_link_start(link) -%}
    {%- set address = "regexp_replace(regexp_replace(" ~ link ~ ", '#.*$', ''), '([?&])startTime=[^&]*', '\\1', 'g')" -%}
    {%- set bare = "rtrim(regexp_replace(regexp_replace(" ~ address ~ ", '&&+', '&', 'g'), '[?]&', '?'), '?&')" -%}
    {{ bare }} || case when contains({{ bare }}, '?') then '&' else '?' end || 'startTime='
{%- endmacro %}

{% macro recording_link_moment(moment) -%}
    cast(epoch_ms(date_trunc('second', {{ moment }})) as varchar)
{%- endmacro %}

{% macro recording_link_end(link) -%}
    regexp_extract({{ link }}, '#.*$')
{%- endmacro %}
