{#
    The address of a video at a second. Each platform has a file beside this one with a macro
    `video_link__<platform>(video_id, seconds)`, where `seconds` is a whole number from 0; null for others.
#}
{% macro video_link(platform, video_id, offset_s) -%}
    {%- set seconds = "cast(greatest(floor(" ~ offset_s ~ "), 0) as bigint)" -%}
    case {{ platform }}
    {%- for name in context.keys() | sort if name.startswith('video_link__') %}
        when '{{ name[12:] }}' then {{ context[name]("url_encode(" ~ video_id ~ ")", seconds) }}
    {%- endfor %}
    end
{%- endmacro %}
