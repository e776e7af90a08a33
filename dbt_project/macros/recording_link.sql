{#
    The recording's address, opened at a moment: Zoom takes `startTime` in milliseconds since 1970, here cut to the
    second. Keeps other parameters and the fragment, replaces a `startTime` that is there already; null without a link.
#}
{% macro recording_link(link, moment) -%}
    {%- set address = "regexp_replace(regexp_replace(" ~ link ~ ", '#.*$', ''), '([?&])startTime=[^&]*', '\\1', 'g')" -%}
    {%- set bare = "rtrim(regexp_replace(regexp_replace(" ~ address ~ ", '&&+', '&', 'g'), '[?]&', '?'), '?&')" -%}
    case
        when {{ link }} is null or {{ moment }} is null then null
        else {{ bare }}
            || case when contains({{ bare }}, '?') then '&' else '?' end
            || 'startTime=' || cast(epoch_ms(date_trunc('second', {{ moment }})) as varchar)
            || regexp_extract({{ link }}, '#.*$')
    end
{%- endmacro %}
