{#
    Parts of speech that carry meaning, as Kiwi (Sejong tags) names them: nouns, verbs, adjectives, roots, foreign words
    and general adverbs (진짜, 완전: how somebody talks). Not bound nouns, pronouns, numerals, particles, endings, signs.
    Irregular verbs and adjectives have a suffix (VV-I, VA-R), which is cut off.
#}
{% macro is_content_word(tag) -%}
    split_part({{ tag }}, '-', 1) in ('NNG', 'NNP', 'VV', 'VA', 'XR', 'SL', 'MAG')
{%- endmacro %}
