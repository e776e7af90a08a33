"""``chatp models``: what is shown, what is written, and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from chat_platform.cli.models import app
from chat_platform.errors import ModelError
from chat_platform.ml.evaluation.report import ScoredRows, evaluate_binary
from chat_platform.ml.registry.store import ModelStore, Training, predictions_file
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.promotions import PromotionLog
from tests.unit.ml.test_evaluation_report import scored

TRAINING = Training(rows=100, data_sha256="ab" * 32, code_version="1", seed=0, libraries={})


class Home:
    """A home with a store and a log, and the command line on it."""

    def __init__(self, folder: Path) -> None:
        self.store = ModelStore(folder / "lake" / "models")
        url = f"sqlite:///{folder / 'app.sqlite'}"
        upgrade(url)
        self.log = PromotionLog(open_database(url))

    def save(self, weight: int, rows: ScoredRows | None, more: dict[str, bytes] | None = None) -> str:
        side = {"card.md": f"# question, weight {weight}\n".encode(), **(more or {})}
        if rows is not None:
            evaluation = evaluate_binary("holdout", {"raw": rows})
            side |= {"predictions.json": rows.to_json(), "evaluation.json": evaluation.to_json()}
        return self.store.save(
            "question", "linear", {"model.json": str(weight).encode()}, threshold=0.4, training=TRAINING,
            side_files=side, figures={"raw.f1": 0.8},
        ).version  # fmt: skip

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    def json(self, *arguments: str) -> dict | list:
        result = self.run(*arguments, "--json")
        return json.loads(result.stdout)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    monkeypatch.setenv("CHATP_LANG", "en")
    # The generated rows are hard: a perfect model of them reaches an F1 of about 0.65.
    monkeypatch.setenv("CHATP_PROMOTION__QUESTION__FLOOR", "0.6")
    return Home(tmp_path)


def worse(rows: ScoredRows) -> ScoredRows:
    turned = np.random.default_rng(0).random(len(rows)) < 0.3
    mirrored = np.where(turned, 1 - rows.probabilities, rows.probabilities)
    return ScoredRows(rows.keys, rows.groups, rows.labels, mirrored, rows.threshold, rows.masks)


def error_of(result: Result) -> str:
    assert isinstance(result.exception, ModelError), result.output
    return result.exception.code


def test_an_empty_home(home: Home) -> None:
    assert "no version was trained yet" in home.run("list").stdout
    assert home.json("list") == []
    assert error_of(home.run("show", "linear")) == "CP-ML-020"
    assert error_of(home.run("rollback")) == "CP-ML-011"
    assert error_of(home.run("rollback", "--dry-run")) == "CP-ML-011"


def test_list_shows_states_and_damage(home: Home) -> None:
    good, bad, broken = home.save(1, scored(2000)), home.save(2, worse(scored(2000))), home.save(3, None)
    home.run("promote", good)
    home.run("promote", bad)
    (home.store.root / "question" / broken / "manifest.json").write_bytes(b"")
    rows = {row["version"]: row for row in home.json("list")}
    assert {version: row["state"] for version, row in rows.items()} == {
        good: "champion",
        bad: "refused",
        broken: "candidate",
    }
    assert "CP-ML-021" in rows[broken]["figures"] and "raw.f1=0.800" in rows[good]["figures"]


def test_show_prints_the_card(home: Home) -> None:
    version = home.save(1, scored(200))
    assert "# question, weight 1" in home.run("show", version[:10]).stdout
    facts = home.json("show", version)
    assert facts["version"] == version
    assert {row["metric"] for row in facts["evaluations"]} >= {"f1", "auc", "ece"}


def test_an_ambiguous_beginning_names_the_versions(home: Home) -> None:
    one, two = home.save(1, None), home.save(2, None)
    result = home.run("show", "linear-")
    assert error_of(result) == "CP-ML-020" and one in str(result.exception) and two in str(result.exception)


def test_compare_pairs_rows(home: Home) -> None:
    rows = scored(1000)
    one, two = home.save(1, rows), home.save(2, worse(rows))
    found = home.json("compare", one, two)
    assert found["rows"] == 1000
    f1 = next(row for row in found["differences"] if row["metric"] == "f1")
    assert 0 < f1["low"] <= f1["difference"] <= f1["high"]
    assert any(row["metric"] == "f1" and row["slice"] == "language=ko" for row in found["figures"])
    assert "a - b on 1000 rows" in home.run("compare", one, two).stdout
    assert "scored no rows together" in home.run("compare", one, home.save(3, None)).stdout


def test_promote_follows_the_rules(home: Home) -> None:
    rows = scored(2000)
    good, bad = home.save(1, rows), home.save(2, worse(rows))
    dry = home.json("promote", good, "--dry-run")
    assert dry["promoted"] and not dry["written"] and home.log.champion("question") is None
    assert home.run("promote", good, "--by", "김강사").exit_code == 0
    assert home.log.champion("question") == good
    assert home.log.history("question")[0]["decided_by"] == "김강사"
    result = home.run("promote", bad)
    assert error_of(result) == "CP-ML-026" and "not_worse" in result.stdout
    last = home.log.history("question")[-1]
    assert (last["action"], last["model_version"]) == ("refuse", bad)
    assert any(reason.startswith("not_worse: ") for reason in last["reasons"])
    assert home.log.champion("question") == good


def test_a_dry_run_of_a_refusal_writes_nothing(home: Home) -> None:
    version = home.save(1, scored(20))
    assert error_of(home.run("promote", version, "--dry-run")) == "CP-ML-026"
    assert home.log.history("question") == []


def test_force_needs_a_reason_and_records_what_it_overrides(home: Home) -> None:
    version = home.save(1, scored(20))
    assert error_of(home.run("promote", version, "--force")) == "CP-ML-029"
    result = home.run("promote", version, "--force", "--why", "new class", "--by", "김강사")
    assert result.exit_code == 0 and "forced" in result.stdout
    (row,) = home.log.history("question")
    assert row["decided_by"] == "김강사"
    (reason,) = row["reasons"]
    assert reason.startswith("forced: new class (overrides enough_rows: 20 test rows")


def test_the_champions_scores_kept_with_the_candidate_are_used(home: Home) -> None:
    old = home.save(1, worse(scored(2000, seed=1)))
    home.log.promote("question", old, by="tests", reason="")
    newer = scored(2000)
    newer = ScoredRows(
        tuple(f"n{key}" for key in newer.keys),
        newer.groups,
        newer.labels,
        newer.probabilities,
        0.4,
        newer.masks,
    )
    alone = home.save(2, newer)
    refused = home.run("promote", alone, "--dry-run")
    assert error_of(refused) == "CP-ML-026" and "only 0 rows" in refused.stdout
    paired = home.save(3, newer, {predictions_file(old): worse(newer).to_json()})
    assert home.json("promote", paired)["champion_before"] == old
    assert home.log.champion("question") == paired


def test_a_damaged_champion_does_not_let_anything_pass_and_can_be_overridden(home: Home) -> None:
    rows = scored(2000)
    champion, candidate = home.save(1, rows), home.save(2, rows)
    home.run("promote", champion)
    (home.store.root / "question" / champion / "model.json").write_bytes(b"9")
    result = home.run("promote", candidate)
    assert error_of(result) == "CP-ML-026" and "only 0 rows" in result.stdout
    assert home.run("promote", candidate, "--force", "--why", "champion is damaged").exit_code == 0
    assert home.log.champion("question") == candidate


def test_rollback(home: Home) -> None:
    rows = scored(2000)
    one, two = home.save(1, rows), home.save(2, rows)
    home.run("promote", one)
    home.run("promote", two)
    assert home.json("rollback", "--dry-run") == {
        "model": "question", "before": two, "after": one, "written": False,
    }  # fmt: skip
    assert home.log.champion("question") == two
    assert f"{two} → {one}" in home.run("rollback").stdout
    assert home.log.champion("question") == one


def test_korean(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATP_LANG", "ko")
    assert "아직 학습된 버전이 없습니다" in home.run("list").stdout
    home.save(1, scored(2000))
    assert "아직 챔피언이 없습니다" in home.run("promote", "linear", "--dry-run").stdout


def test_models_need_a_folder(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATP_LAKE_URL", "s3://bucket/lake")
    assert error_of(home.run("list")) == "CP-ML-027"


def test_every_command_shows_an_example(home: Home) -> None:
    for command in ("list", "show", "compare", "promote", "rollback"):
        assert f"chatp models {command}" in home.run(command, "--help").stdout
