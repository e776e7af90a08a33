{% macro video_link__chzzk(video_id, seconds) -%}
    'https://chzzk.naver.com/video/' || {{ video_id }} || '?currentTime=' || {{ seconds }}
{%- endmacro %}
