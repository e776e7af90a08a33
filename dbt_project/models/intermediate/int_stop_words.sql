-- One row a lemma that word metrics leave out: the seed and the variable.
select lower(word) as word from {{ ref('stop_words') }}
{% for word in var('stop_words') -%}
union
select lower('{{ word | replace("'", "''") }}')
{% endfor %}
