"""What people see in the Dagster UI: every asset has an owner, a group, kinds, words and columns."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from chat_platform.assets.metrics import SIDE
from chat_platform.checks import reconcile, schema_matches
from chat_platform.cli.setup_home import prepare
from chat_platform.jobs import CHAIN, TO_LAKE
from chat_platform.settings import Settings, project_root
from chat_platform.sources.streams.registry import PLATFORMS
from chat_platform.storage.warehouse import Warehouse
from chat_platform.tables.catalogue import ALL_TABLES
from chat_platform.tables.class_chat import CONVERSATIONS, MESSAGES, QUARANTINE, REACTIONS
from chat_platform.web.dagster_links import JOBS, DagsterLinks

EXTERNAL = {
    *("slack/workspace", "zoom/recordings"),
    *("streams/lists", *(f"{platform}/platform" for platform in PLATFORMS)),
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    prepare(Settings())
    from chat_platform.definitions import build_defs

    return build_defs()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_every_asset_is_described_owned_grouped_and_of_a_kind(specs: dict[str, dg.AssetSpec]) -> None:
    assert len(specs) > 50
    bare = {
        key: [name for name in ("description", "owners", "kinds", "group_name") if not getattr(spec, name)]
        for key, spec in specs.items()
    }
    assert {key: missing for key, missing in bare.items() if missing} == {}


def test_every_declared_table_is_an_asset_with_its_columns(specs: dict[str, dg.AssetSpec]) -> None:
    for spec in ALL_TABLES.values():
        asset = specs[f"{spec.schema}/{spec.name}"]
        schema = asset.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == spec.column_names
        tagged = {column.name for column in schema.columns if column.tags.get("pii")}
        assert tagged == {column.name for column in spec.columns if column.pii}


MODEL_ASSETS = {
    "models/question/labels": "models",
    "models/question/candidate": "models",
    "models/question/champion": "models",
    "models/question/drift": "models",
    "models/author/candidate": "models",
    "models/author/champion": "models",
    "ml/zoom/question_predictions": "class_chat/zoom",
    "ml/slack/question_predictions": "class_chat/slack",
    "ml/question_predictions": "warehouse",
    "ml/question_groups": "warehouse",
    "ml/labels": "warehouse",
    "ml/models": "warehouse",
    "ml/evaluations": "warehouse",
    "ml/author_predictions": "warehouse",
}


def test_the_assets_of_the_models_are_described_owned_grouped_and_of_a_kind(
    specs: dict[str, dg.AssetSpec],
) -> None:
    assert {key: specs[key].group_name for key in MODEL_ASSETS} == MODEL_ASSETS
    for key in MODEL_ASSETS:
        assert len(specs[key].description or "") > 40, key
        assert specs[key].owners, key
        assert specs[key].kinds, key
        assert specs[key].code_version, key


def test_a_candidate_has_blocking_checks_named_by_the_rules_of_promotion(definitions: dg.Definitions) -> None:
    from chat_platform.assets.promotion import CHECKS
    from chat_platform.ml.evaluation.report import ScoredRows
    from chat_platform.ml.registry.promotion import judge
    from chat_platform.settings import PromotionRules

    nothing = ScoredRows((), (), [], [], 0.5)
    assert {check.name for check in judge(nothing, None, PromotionRules()).checks} == set(CHECKS)
    graph = definitions.resolve_asset_graph()
    for model in ("question", "author"):
        keys = graph.get(dg.AssetKey(["models", model, "candidate"])).check_keys
        assert {key.name for key in keys} == set(CHECKS)
        assert all(graph.get_check_spec(key).blocking for key in keys)
        job = definitions.resolve_job_def(f"retrain_{model}_model")
        order = [node.name for node in job.nodes_in_topological_order]
        assert order[1:] == [f"{model}_candidate_checks", f"models__{model}__champion"]
        assert order[0] in (f"{model}_candidate", f"models__{model}__candidate")


def test_the_code_location_loads_without_the_libraries_of_the_models(definitions: dg.Definitions) -> None:
    """They take seconds to import, and every process of Dagster loads the code location."""
    heavy = {"sklearn", "scipy", "torch", "transformers", "skops", "safetensors", "matplotlib"}
    code = (
        "import sys, chat_platform.definitions; print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(loaded.stdout.split()) & heavy == set()
    assert "dagster" in loaded.stdout


def test_the_outside_is_external(specs: dict[str, dg.AssetSpec], definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.external_asset_keys} == EXTERNAL


def test_what_hangs_behind_the_lake_follows_by_itself(specs: dict[str, dg.AssetSpec]) -> None:
    layers = ("marts/", "intermediate/", "published/")
    # All questions are compared with all: that is done every night and not behind every recording.
    by_the_clock = {"ml/question_groups"}
    behind = {
        key
        for key in specs
        if key.startswith(layers)
        or key in {f"{t.schema}/{t.name}" for t in ALL_TABLES.values()} - by_the_clock
    }
    assert {key for key in behind if specs[key].automation_condition is None} == set()
    assert specs["core/zoom/messages"].automation_condition is None


def test_a_side_of_the_metrics_reads_nothing_of_the_other(specs: dict[str, dg.AssetSpec]) -> None:
    """Otherwise one could not be left out while nothing of it changed."""
    sides = {key: spec.tags[SIDE] for key, spec in specs.items() if SIDE in spec.tags}
    assert set(sides.values()) == {"class", "streams"}
    crossed = [
        (key, dep.asset_key.to_user_string())
        for key, side in sides.items()
        for dep in specs[key].deps
        if sides.get(dep.asset_key.to_user_string(), side) != side
    ]
    assert crossed == []


def test_marts_are_watched_for_freshness(specs: dict[str, dg.AssetSpec]) -> None:
    marts = [spec for key, spec in specs.items() if key.startswith("marts/")]
    assert len(marts) >= 14
    assert all(spec.freshness_policy is not None for spec in marts)


def test_writers_of_the_warehouse_share_a_pool(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in (["core", "messages"], ["core", "people"], ["marts", "lectures"], ["published", "warehouse"]):
        assert graph.get(dg.AssetKey(key)).pools == {"warehouse"}


def test_jobs_say_when_to_launch_them(definitions: dg.Definitions) -> None:
    names = (
        "class_recordings",
        "slack_chat_days",
        "publish_metrics",
        "reparse_recordings",
        "retention",
        "repredict_recordings",
        "repredict_slack_days",
        "retrain_question_model",
        "retrain_author_model",
        "weekly_digest",
        *(f"{platform}_days" for platform in PLATFORMS),
        *(f"fetch_{platform}_videos" for platform in PLATFORMS),
        *(f"{platform}_videos" for platform in PLATFORMS),
        *(f"repredict_{platform}_videos" for platform in PLATFORMS),
    )
    for name in names:
        assert len(definitions.resolve_job_def(name).description or "") > 60


def test_what_a_run_up_to_the_lake_leaves_out_any_later_run_does(definitions: dg.Definitions) -> None:
    def keys(job: str) -> set[dg.AssetKey]:
        return set(definitions.resolve_job_def(job).asset_layer.executable_asset_keys)

    left_out = [keys(job) - set(TO_LAKE[job]) for job in TO_LAKE]
    assert all(set(TO_LAKE[job]) < keys(job) for job in TO_LAKE)
    assert dg.AssetKey(["published", "warehouse"]) in left_out[0]
    # The drift of a lecture is measured with whichever run comes last.
    assert set.union(*left_out) == keys("class_recordings") - set(TO_LAKE["class_recordings"])


def test_a_recording_goes_through_its_whole_chain_in_one_job(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("class_recordings")
    order = [node.name for node in job.nodes_in_topological_order]
    chain = [
        "raw__zoom_recordings",
        "zoom_chat",
        "core__zoom__tokens",
        "ml__zoom__question_predictions",
        "load_core",
        "people",
        "metrics",
    ]
    assert [name for name in order if name in chain] == chain
    assert order[-1] == "published__warehouse"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_streams_go_through_their_chains_like_a_recording(definitions: dg.Definitions, platform: str) -> None:
    def order(job: str, *chain: str) -> list[str]:
        nodes = [node.name for node in definitions.resolve_job_def(job).nodes_in_topological_order]
        assert nodes[-1] == "published__warehouse"
        return [name for name in nodes if name in chain]

    chat = (
        f"{platform}_chat",
        f"core__{platform}__tokens",
        f"ml__{platform}__question_predictions",
        "load_core",
        "metrics",
    )
    assert order(f"{platform}_videos", *chat) == list(chat)
    days = (f"{platform}_snapshots", "ml__streams__channel_trends", "load_streams")
    assert order(f"{platform}_days", *days) == list(days)
    assert order(f"{platform}_days", "raw__streamer_list", f"{platform}_snapshots", "load_core") == [
        *("raw__streamer_list", f"{platform}_snapshots", "load_core")
    ]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_fetching_holds_up_nothing_of_the_chain(definitions: dg.Definitions, platform: str) -> None:
    job = definitions.resolve_job_def(f"fetch_{platform}_videos")
    assert [node.name for node in job.nodes_in_topological_order] == [f"raw__{platform}_videos"]
    assert not CHAIN.items() <= dict(job.tags).items()
    assert CHAIN.items() <= dict(definitions.resolve_job_def(f"{platform}_videos").tags).items()
    graph = definitions.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["raw", f"{platform}_videos"])).pools == {platform}
    # Nothing that follows by itself hangs on the pages: a run that fetched is not the start of another.
    behind = graph.get(dg.AssetKey(["raw", f"{platform}_videos"])).child_keys
    assert {key for key in behind if graph.get(key).automation_condition is not None} == set()


def test_the_class_runs_nothing_of_streams(definitions: dg.Definitions) -> None:
    for job in ("class_recordings", "slack_chat_days", "repredict_recordings"):
        names = [node.name for node in definitions.resolve_job_def(job).nodes_in_topological_order]
        assert not [name for name in names if "stream" in name or any(p in name for p in PLATFORMS)]


@pytest.fixture
def build(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path)
    with warehouse.write() as connection:
        for spec in ALL_TABLES.values():
            connection.execute(spec.ddl())
        connection.execute(
            "insert into core.conversations (conversation_id, source, kind, state, attempts, records, messages,"
            " replies, reactions, removals, quarantined, duplicates)"
            " values ('a','zoom','recording','parsed',0,3,2,1,0,0,0,0)"
        )
        connection.execute("insert into meta.pending_conversations values ('a')")
        connection.execute(
            "insert into core.messages (conversation_id, message_id, kind)"
            " values ('a','1','message'), ('a','2','message'), ('a','3','reply')"
        )
    return warehouse


def test_the_conservation_check_passes_when_the_counts_are_those_of_the_tables(build: Warehouse) -> None:
    with build.write() as connection:
        assert reconcile(connection).passed


@pytest.mark.parametrize(
    "damage",
    [
        "delete from core.messages where message_id = '3'",
        "update core.conversations set records = 4",
        "insert into core.reactions (conversation_id, reaction_id) values ('a', 'r')",
        "insert into core.quarantine (conversation_id, quarantine_id) values ('a', 'q')",
    ],
)
def test_the_conservation_check_fails_when_a_record_is_lost_or_appears(build: Warehouse, damage: str) -> None:
    with build.write() as connection:
        connection.execute(damage)
        result = reconcile(connection)
    assert not result.passed
    assert result.metadata["wrong"].value == ["a"]


@pytest.mark.parametrize("spec", [CONVERSATIONS, MESSAGES, REACTIONS, QUARANTINE], ids=lambda s: s.name)
def test_the_schema_check_fails_on_another_schema(build: Warehouse, spec: object) -> None:
    from chat_platform.tables.spec import TableSpec

    assert isinstance(spec, TableSpec)
    with build.write() as connection:
        assert schema_matches(connection, spec).passed
        connection.execute(f"alter table {spec.full_name} rename column conversation_id to other")
        assert not schema_matches(connection, spec).passed


def test_only_the_warehouse_and_the_storage_open_duckdb_for_writing() -> None:
    """Readers must never hold the build file: every connect() elsewhere is read-only or in memory."""
    offenders = []
    for path in (project_root() / "chat_platform").rglob("*.py"):
        if path.name == "warehouse.py":
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "duckdb.connect":
                options = {option.arg: ast.unparse(option.value) for option in call.keywords}
                if call.args and options.get("read_only") != "True":
                    offenders.append(f"{path}:{call.lineno}")
    assert offenders == []
    assert duckdb.__version__ == "1.5.5"


def test_links_of_the_portal_lead_to_what_the_dagster_ui_has(
    definitions: dg.Definitions, specs: dict[str, dg.AssetSpec]
) -> None:
    assert set(JOBS) <= {job.name for job in definitions.resolve_all_job_defs()}
    links = DagsterLinks("http://dagster")
    assert links.job("publish_metrics") == "http://dagster/locations/chat_platform/jobs/publish_metrics"
    for key in ("published/warehouse", "models/question/champion", "models/author/champion"):
        assert key in specs
        assert links.asset(*key.split("/")) == f"http://dagster/assets/{key}"
    for schema, name in (("marts", "lectures"), ("core", "people"), ("ml", "models"), ("core", "messages")):
        path = links.table(schema, name).removeprefix("http://dagster/assets/")
        assert any(key == path or key.startswith(f"{path}/") for key in specs), path
