"""Versions of the models: how good they are, which one serves, promoting and rolling back.

What belongs here: the pages. What does not: the rules, which `chatp models` uses, too (``ingestion.model_versions``).
A change takes two steps: a page that says what would happen, and a button on it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import ModelError, WebError
from chat_platform.ingestion.model_versions import ModelVersions
from chat_platform.web import access
from chat_platform.web.dagster_links import DagsterLinks
from chat_platform.web.parameters import Text, Word

router = APIRouter(prefix="/c/{class_id}/operations/models")


def _versions(visit: access.Visit) -> ModelVersions:
    workspace = visit.room.workspace
    return ModelVersions.of(workspace.settings, workspace.database)


def _known(versions: ModelVersions, name: str) -> str:
    if name not in versions.store.names():
        raise WebError("CP-WEB-001")
    return name


@router.get("")
def models(visit: access.Operator) -> Response:
    """Every version of every model with its state and figures."""
    versions = _versions(visit)
    names = versions.store.names()
    return visit.page(
        "operations/models.html",
        models={name: versions.rows(name) for name in names},
        champions={name: versions.log.champion(name) for name in names},
        history={name: versions.log.history(name)[::-1] for name in names},
        links=DagsterLinks.of(visit.services.settings),
    )


@router.get("/{name}/versions/{version}")
def version(visit: access.Operator, name: str, version: str) -> Response:
    """A version: its card, figures and what became of it."""
    versions = _versions(visit)
    stored = versions.find(_known(versions, name), version)
    evaluation = versions.evaluation(stored)
    return visit.page(
        "operations/model.html",
        name=name,
        manifest=stored.manifest,
        state=versions.states(name).get(stored.version, "candidate"),
        card=versions.card(stored),
        figures=_figures(evaluation.table_rows(name, stored.version) if evaluation else []),
        history=[row for row in versions.log.history(name) if row["model_version"] == stored.version],
    )


@router.get("/{name}/versions/{version}/promote")
def promotion(visit: access.Operator, name: str, version: str) -> Response:
    """What the checks say, and the button."""
    versions = _versions(visit)
    outcome = versions.promote(_known(versions, name), version, by=visit.account.name, dry_run=True)
    return visit.page("operations/promote.html", outcome=outcome)


@router.post("/{name}/versions/{version}/promote")
def promote(
    visit: access.Operator,
    name: str,
    version: str,
    champion: Annotated[Word, Form()] = None,
    why: Annotated[Word, Form()] = None,
    force: Annotated[bool, Form()] = False,
) -> Response:
    """Promote, if the checks or a forced reason let it."""
    versions = _versions(visit)
    if versions.log.champion(_known(versions, name)) != champion:
        raise WebError("CP-WEB-043", name)
    outcome = versions.promote(name, version, by=visit.account.name, why=why or "", force=force)
    visit.audit(
        "model promoted" if outcome.promoted else "model refused",
        f"{name} {outcome.version}",
        before=outcome.before,
        forced=outcome.forced,
    )
    if not outcome.promoted:
        raise ModelError("CP-ML-026", f"{name} {outcome.version}")
    return RedirectResponse(f"/c/{visit.room.class_id}/operations/models", 303)


@router.get("/{name}/rollback")
def rollback_page(visit: access.Operator, name: str) -> Response:
    """Where a roll-back leads, and the button."""
    versions = _versions(visit)
    after = versions.before_champion(_known(versions, name))
    return visit.page("operations/rollback.html", name=name, before=versions.log.champion(name), after=after)


@router.post("/{name}/rollback")
def rollback(visit: access.Operator, name: str, champion: Annotated[Text, Form()]) -> Response:
    """Back to the champion before."""
    versions = _versions(visit)
    after = versions.log.rollback(_known(versions, name), by=visit.account.name, seen=champion)
    visit.audit("model rolled back", f"{name} {after}", before=champion)
    return RedirectResponse(f"/c/{visit.room.class_id}/operations/models", 303)


def _figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Figures on everything first, then those of the slices."""
    return sorted(rows, key=lambda row: (row["slice"] != "all", row["dataset"], row["slice"], row["variant"]))
