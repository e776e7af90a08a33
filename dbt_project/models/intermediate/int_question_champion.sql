-- The version of the question model whose predictions marts show; no row before the first promotion.
select model_version
from {{ ref('stg_models__versions') }}
where model_name = 'question' and state = 'champion'
