"""The question model on the whole graph: corrected, trained, judged, served, damaged, killed, rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from chat_platform.errors import ModelError
from chat_platform.ingestion.model_state import NAME, last_pick
from chat_platform.ingestion.model_tables import model_store
from chat_platform.jobs import REPREDICT_RECORDINGS, RETRAIN_QUESTION
from chat_platform.runner import Runner, RunnerReport
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.promotions import PromotionLog
from chat_platform.tables.models import MODELS, QUESTION_PREDICTIONS
from tests.integration.harness import Home, differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CHECKS = ("enough_rows", "floor", "not_worse", "calibration", "slices")
SENSORS = ("question_corrections", "question_predictions_due")
# The candidate that fits most quickly; what is tested does not depend on its quality.
VARIABLES = {"CHATP_MODELS__CANDIDATES": '["rules", "linear_characters"]'}


@dataclass(frozen=True)
class Asked:
    """A class of which nobody has trained anything, and 60 corrections that wait."""

    home: Home
    too_few: RunnerReport


@dataclass(frozen=True)
class Trained:
    """The same class after the sensors were asked."""

    home: Home
    training: RunnerReport
    prediction: RunnerReport
    started_with: str


@pytest.fixture(scope="module")
def asked(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    home = Home(taught_home).copied(tmp_path_factory.mktemp("asked") / "home")
    predicted = home.query(
        "select message_id, is_question from ml.question_predictions order by is_question desc, message_id"
    )
    spread = predicted[:: len(predicted) // 60][:60]
    correct(home, spread[:49])
    too_few = home.catch_up(VARIABLES, sensor="question_corrections")
    correct(home, spread[49:])
    return Asked(home, too_few)


@pytest.fixture(scope="module")
def trained(asked: Asked, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    home = asked.home.copied(tmp_path_factory.mktemp("trained") / "home")
    before = champion(home)
    return Trained(home, *(home.catch_up(VARIABLES, sensor=sensor) for sensor in SENSORS), before)


def correct(home: Home, messages: list[tuple[str, bool]]) -> None:
    log = LabelLog(home.workspace().database)
    for message_id, is_question in messages:
        log.correct(message_id, is_question, by="김강사")


def champion(home: Home) -> str:
    version = PromotionLog(home.workspace().database).champion(NAME)
    assert version is not None
    return version


def history(home: Home) -> list[tuple[str, str]]:
    log = PromotionLog(home.workspace().database).history(NAME)
    return [(row["action"], row["model_version"]) for row in log]


def in_lake(home: Home) -> dict[str, set[str]]:
    """Conversation → versions that its predictions in the lake are of."""
    lake = home.workspace().lake
    return {
        i: set(lake.read(QUESTION_PREDICTIONS, i)["model_version"].to_pylist())
        for i in lake.files(QUESTION_PREDICTIONS)
    }


def versions(home: Home) -> set[str]:
    return set().union(*in_lake(home).values())


def models(home: Home) -> dict[str, dict[str, Any]]:
    """``ml.models`` in the lake, by version."""
    return {row["model_version"]: row for row in home.workspace().lake.read(MODELS).to_pylist()}


@contextmanager
def instance_of(home: Home) -> Iterator[dg.DagsterInstance]:
    with home.entered(VARIABLES), dg.DagsterInstance.get() as instance:
        yield instance


def judgements(home: Home) -> dict[str, tuple[bool, Mapping[str, Any]]]:
    """Check → whether it passed last, and its metadata."""
    found = {}
    with instance_of(home) as instance:
        for name in CHECKS:
            key = dg.AssetCheckKey(dg.AssetKey(["models", "question", "candidate"]), name)
            record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
            evaluation = record.event.asset_check_evaluation
            found[name] = (
                evaluation.passed,
                {label: value.value for label, value in evaluation.metadata.items()},
            )
    return found


def test_fewer_corrections_than_needed_train_nothing(asked: Asked) -> None:
    assert asked.too_few.runs == []
    assert asked.too_few.skip_reason == "49 new corrections, 50 are needed"


def test_enough_corrections_train_once(trained: Trained) -> None:
    """The sensor is asked until it asks for nothing: one run, and none for the same corrections after it."""
    assert [(run.job, run.ok) for run in trained.training.runs] == [("retrain_question_model", True)]
    assert trained.training.skip_reason == "0 new corrections, 50 are needed"


def test_a_promotion_says_why_in_the_log_the_table_and_the_checks(trained: Trained) -> None:
    new = champion(trained.home)
    assert trained.started_with.startswith("rules-")
    assert history(trained.home) == [("promote", trained.started_with), ("promote", new)]
    (reasons,) = PromotionLog(trained.home.workspace().database).history(NAME)[-1]["reasons"]
    told = judgements(trained.home)
    for name, (passed, metadata) in told.items():
        assert passed
        assert metadata["version"] == new
        assert f"{name}: {metadata['why']}" in reasons
        assert any("가" <= letter <= "힣" for letter in metadata["why_ko"])
    table = models(trained.home)
    assert {version: row["state"] for version, row in table.items() if row["promoted_at"]} == {
        trained.started_with: "retired",
        new: "champion",
    }
    assert reasons in table[new]["reasons"]


def test_people_s_corrections_are_trained_on(trained: Trained) -> None:
    used = trained.home.query("select count(*) from ml.labels where origin = 'correction' and used")
    assert used == [(60,)]


def test_one_run_predicts_every_conversation_of_every_source_anew(trained: Trained) -> None:
    assert [(run.job, run.ok) for run in trained.prediction.runs] == [("repredict_recordings", True)]
    assert trained.prediction.skip_reason == "all predictions are the champion's"
    new = champion(trained.home)
    found = in_lake(trained.home)
    states = {i for i, (state, _) in trained.home.states().items() if state in ("parsed", "published")}
    assert found.keys() == states
    assert {i.split("-")[0] for i in found} == {"zoom", "slack"}
    assert set().union(*found.values()) == {new}
    assert trained.home.query("select distinct model_version from ml.question_predictions") == [(new,)]


def test_marts_show_the_champions_questions_but_where_people_said_otherwise(
    asked: Asked, trained: Trained
) -> None:
    for home, version in ((asked.home, trained.started_with), (trained.home, champion(trained.home))):
        shown = home.query("select message_id, model_version from marts.lecture_questions order by all")
        said = home.query(
            "select m.message_id, case when p.is_question then p.model_version end "
            "from ml.question_predictions as p inner join core.messages as m using (message_id) "
            "left join core.portal_questions as people using (message_id) "
            "where coalesce(people.state <> 'not_question', p.is_question) and m.source = 'zoom' "
            "and m.visibility = 'everyone' and not m.removed order by all"
        )
        assert shown == said
        assert {found for _, found in shown} - {None} == {version}
    by_people = trained.home.query("select count(*) from core.portal_questions where not is_typed")
    assert by_people == [(60,)]


def test_training_again_gives_the_same_version_and_predicts_nothing_again(trained: Trained) -> None:
    home = trained.home
    before = (history(home), last_pick(home.workspace()), home.workspace().publication.current().number)
    files = home.workspace().lake.files(QUESTION_PREDICTIONS)
    with home.entered(VARIABLES) as settings:
        report = Runner(settings).retrain()
    assert [(run.job, run.ok) for run in report.runs] == [("retrain_question_model", True)]
    after = (history(home), last_pick(home.workspace()), home.workspace().publication.current().number)
    assert after[1]["version"] == before[1]["version"]
    assert after[1]["trained_at"] > before[1]["trained_at"]
    assert (after[0], after[2]) == (before[0], before[2])
    assert home.workspace().lake.files(QUESTION_PREDICTIONS) == files


def test_a_candidate_that_is_not_good_enough_is_refused_with_its_reasons(
    asked: Asked, tmp_path: Path
) -> None:
    home = asked.home.copied(tmp_path / "home")
    before = (champion(home), home.workspace().publication.current().number, in_lake(home))
    strict = {**VARIABLES, "CHATP_PROMOTION__QUESTION__FLOOR": "0.9999"}
    report = home.catch_up(strict, sensor="question_corrections")
    (run,) = report.runs
    assert not run.ok
    refused = last_pick(home.workspace())["version"]
    told = judgements(home)
    assert [name for name, (passed, _) in told.items() if not passed] == ["floor"]
    (reason,) = PromotionLog(home.workspace().database).history(NAME)[-1]["reasons"]
    assert reason == f"floor: {told['floor'][1]['why']}"
    assert "1.000 is the least" in reason
    row = models(home)[refused]
    assert row["state"] == "refused"
    assert reason in row["reasons"]
    assert home.catch_up(strict, sensor="question_corrections").runs == []
    # Somebody launches it by hand: the same candidate, the same refusal, written once.
    with home.entered(strict) as settings:
        again = Runner(settings).retrain()
    assert [(run.job, run.ok) for run in again.runs] == [("retrain_question_model", False)]
    assert last_pick(home.workspace())["version"] == refused
    assert history(home) == [("promote", before[0]), ("refuse", refused)]
    assert (champion(home), home.workspace().publication.current().number, in_lake(home)) == before


def predict_what_is_due(home: Home) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    """The predictions' step alone, as the sensor's run starts it; its result and its warnings."""
    from chat_platform.assets.zoom import zoom_question_predictions
    from chat_platform.resources.storage import WorkspaceResource
    from chat_platform.sensors.models import build_model_sensors

    with home.entered(VARIABLES) as settings, instance_of(home) as instance:
        (sensor,) = [s for s in build_model_sensors(settings) if s.name == "question_predictions_due"]
        resources = {"workspace": WorkspaceResource()}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            (request,) = sensor.evaluate_tick(context).run_requests or []
        tags = {name: value for name, value in request.tags.items() if name.startswith("dagster/")}
        result = dg.materialize(
            [zoom_question_predictions], instance=instance, resources=resources, tags=tags
        )
        logged = instance.all_logs(result.run_id)
    return result, [entry.user_message for entry in logged if entry.level == 30]


def figures(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = [e for e in result.all_events if e.is_step_materialization][-1:]
    metadata = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in metadata.items()}


@pytest.mark.parametrize("damage", ["flipped", "truncated"])
def test_a_damaged_champion_leaves_the_one_before_it_serving(
    trained: Trained, tmp_path: Path, damage: str
) -> None:
    home = trained.home.copied(tmp_path / "home")
    wanted = champion(home)
    folder = home.path / "lake" / "models" / NAME / wanted
    (file,) = [path for path in folder.iterdir() if path.suffix == ".safetensors"]
    whole = file.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    file.write_bytes(flipped if damage == "flipped" else whole[:middle])

    result, warnings = predict_what_is_due(home)
    told = figures(result)
    assert told["model_version"] == trained.started_with
    assert "CP-ML-021" in told["does_not_serve"]
    assert wanted in told["does_not_serve"]
    assert any("CP-ML-021" in warning for warning in warnings)
    assert versions(home) == {trained.started_with}
    assert champion(home) == wanted

    # Mended from a backup, it serves again, and everything is predicted by it.
    file.write_bytes(whole)
    result, warnings = predict_what_is_due(home)
    assert "does_not_serve" not in figures(result)
    assert warnings == []
    assert versions(home) == {wanted}


def test_training_on_a_damaged_champion_compares_with_the_one_that_serves(
    trained: Trained, tmp_path: Path
) -> None:
    """A damaged champion must not stop the training that would replace it."""
    home = trained.home.copied(tmp_path / "home")
    damaged = champion(home)
    (home.path / "lake" / "models" / NAME / damaged / "card.md").unlink()
    with home.entered(
        {**VARIABLES, "CHATP_MODELS__SEED": "1", "CHATP_PROMOTION__QUESTION__SLICE_DROP": "1"}
    ) as settings:
        from chat_platform.ingestion.question_training import settle, train_candidates
        from chat_platform.storage.workspace import Workspace

        train_candidates(Workspace(settings))
        candidate, decision, promoted = settle(Workspace(settings))
    assert candidate.version != damaged
    assert promoted, decision.reasons
    (not_worse,) = [check for check in decision.checks if check.name == "not_worse"]
    assert "against the champion" in not_worse.why
    table = models(home)
    assert table[candidate.version]["state"] == "champion"
    assert damaged not in table


@pytest.mark.exhaustive
def test_after_a_roll_back_one_run_predicts_with_the_earlier_version_and_no_training_undoes_it(
    trained: Trained, tmp_path: Path
) -> None:
    home = trained.home.copied(tmp_path / "home")
    left = champion(home)
    assert PromotionLog(home.workspace().database).rollback(NAME, by="김강사") == trained.started_with
    report = home.catch_up(VARIABLES, sensor="question_predictions_due")
    assert [(run.job, run.ok) for run in report.runs] == [("repredict_recordings", True)]
    assert versions(home) == {trained.started_with}
    published = "select distinct model_version from ml.question_predictions union "
    assert home.query(
        published + "select distinct model_version from marts.lecture_questions where found_by = 'model'"
    ) == [(trained.started_with,)]
    # The same labels give the version that somebody did not want.
    with home.entered(VARIABLES) as settings:
        report = Runner(settings).retrain()
    assert [run.job for run in report.runs] == ["retrain_question_model"]
    assert last_pick(home.workspace())["version"] == left
    assert champion(home) == trained.started_with
    assert "김강사 rolled this version back" in " ".join(
        PromotionLog(home.workspace().database).history(NAME)[-1]["reasons"]
    )


def kill_points() -> list[str]:
    """Every step of both jobs, and the places between two writes that a step's seconds do not hit."""
    from chat_platform.definitions import build_defs

    definitions = build_defs()

    def steps(job: str) -> list[str]:
        return [node.name for node in definitions.resolve_job_def(job).nodes_in_topological_order]

    within = [
        "chat_platform.ml.registry.store:ModelStore._put",
        "chat_platform.ingestion.question_training:write_bytes_atomic",
        "chat_platform.storage.promotions:PromotionLog.promote",
    ]
    training, prediction = steps(RETRAIN_QUESTION.name), steps(REPREDICT_RECORDINGS.name)
    assert {"question_candidate", "question_candidate_checks", "models__question__champion"} <= set(training)
    assert {"ml__zoom__question_predictions", "published__warehouse"} <= set(prediction)
    return [*within, *training, *prediction]


def whole_models(home: Home) -> list[str]:
    """Versions in the store; each of them can be loaded."""
    store = model_store(home.workspace())
    found = store.versions(NAME)
    for version in found:
        store.load(NAME, version)
    return found


@pytest.mark.exhaustive
def test_killed_at_every_step_of_training_and_prediction_and_restarted_equals_undisturbed(
    asked: Asked, trained: Trained, tmp_path: Path
) -> None:
    """Kill −9 at each point in turn, going on after each; what sensors ask for next brings it to its end."""
    home = asked.home.copied(tmp_path / "home")
    points = kill_points()
    missed = []
    for number, point in enumerate(points):
        done = home.child(VARIABLES, kill_at=point, after_s=(0.0, 0.3)[number % 2], sensors=SENSORS)
        if done.returncode != -9:
            missed.append((point, done.stdout[-500:], done.stderr[-1500:]))
        whole_models(home)
        assert champion(home) in (trained.started_with, champion(trained.home))
    assert len(missed) <= 1, missed
    final = home.child(VARIABLES, sensors=SENSORS)
    assert final.returncode == 0, final.stdout + final.stderr[-3000:]
    assert history(home) == history(trained.home)
    assert whole_models(home) == whole_models(trained.home)
    assert in_lake(home) == in_lake(trained.home)
    assert differences(trained.home.tables(), home.tables()) == {}


def test_a_version_that_is_not_whole_cannot_be_loaded(trained: Trained, tmp_path: Path) -> None:
    """What the kill test relies on: `load` notices any file that is missing or one too many."""
    home = trained.home.copied(tmp_path / "home")
    store = model_store(home.workspace())
    folder = store.root / NAME / champion(home)
    for spoil in (lambda: (folder / "card.md").unlink(), lambda: shutil.copy(__file__, folder / "more.md")):
        spoil()
        with pytest.raises(ModelError) as error:
            store.load(NAME, champion(home))
        assert error.value.code == "CP-ML-021"
