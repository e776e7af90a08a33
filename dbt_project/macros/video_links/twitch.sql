{% macro video_link__twitch(video_id, seconds) -%}
    'https://www.twitch.tv/videos/' || {{ video_id }} || '?t='
        || ({{ seconds }} // 3600) || 'h' || ({{ seconds }} // 60 % 60) || 'm' || ({{ seconds }} % 60) || 's'
{%- endmacro %}
