{# What was heard live, and files that name no video, have no page to lead to. #}
{% macro video_link__twitch(video_id, seconds) -%}
    case when not regexp_matches({{ video_id }}, '^(live|file)-') then
        'https://www.twitch.tv/videos/' || {{ video_id }} || '?t='
            || ({{ seconds }} // 3600) || 'h' || ({{ seconds }} // 60 % 60) || 'm' || ({{ seconds }} % 60) || 's'
    end
{%- endmacro %}
