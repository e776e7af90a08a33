"""The model card: what a version is, what it was made from, how good it is and where it fails.

What belongs here: Markdown from facts. What does not: measuring, saving. A card holds figures and counts, and no
text of any message.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chat_platform.ml.evaluation.report import Evaluation, Figure
from chat_platform.ml.evaluation.slices import ALL


@dataclass(frozen=True)
class CardFacts:
    """What the card says besides figures.

    Attributes:
        what: what the model does, in one or two sentences.
        trained_on: origin of labels (``seed``, ``weak``, ``import``, ``correction``) → rows.
        excluded: what was left out of training → rows, e.g. near-copies of the test.
        licences: imported data set → its licence, as far as it is known.
        limits: what the model cannot do, one sentence each.
    """

    model_name: str
    version: str
    kind: str
    created_at: datetime
    what: str
    threshold: float | None
    trained_on: Mapping[str, int]
    data_sha256: str
    code_version: str
    seed: int
    libraries: Mapping[str, str]
    excluded: Mapping[str, int] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[str] = ()


def model_card(facts: CardFacts, evaluation: Evaluation, pictures: Sequence[str] = ()) -> str:
    """The card in Markdown.

    Args:
        facts: what the version is.
        evaluation: its figures.
        pictures: file names beside the card.
    """
    sections = [
        f"# {facts.model_name} {facts.version}\n\n{facts.what}\n",
        _identity(facts),
        _data(facts),
        _figures(evaluation),
        _limits(facts),
        _pictures(pictures),
        "## Libraries\n\n" + _table(("library", "version"), sorted(facts.libraries.items())),
    ]
    return "\n".join(section for section in sections if section)


def _identity(facts: CardFacts) -> str:
    threshold = "none" if facts.threshold is None else f"{facts.threshold:.4f}"
    rows = [
        ("kind", facts.kind),
        ("trained", facts.created_at.isoformat(timespec="seconds")),
        ("threshold", threshold),
        ("code", facts.code_version),
        ("seed", str(facts.seed)),
    ]
    return _table(("", ""), rows)


def _data(facts: CardFacts) -> str:
    rows = [(origin, f"{number:,}") for origin, number in sorted(facts.trained_on.items())]
    rows.append(("together", f"{sum(facts.trained_on.values()):,}"))
    rows += [(f"left out: {why}", f"{number:,}") for why, number in sorted(facts.excluded.items())]
    text = f"## Data\n\nHash of the training set: `{facts.data_sha256}`\n\n" + _table(
        ("origin", "rows"), rows
    )
    if facts.licences:
        text += "\n### Licences of imported data\n\n"
        text += _table(("data set", "licence"), sorted(facts.licences.items()))
    return text


def _figures(evaluation: Evaluation) -> str:
    parts = [
        "## Figures\n\nWith 95 % intervals (bootstrap over recordings). A figure that the rows do not define is "
        "shown as a dash.\n"
    ]
    for dataset, variant in dict.fromkeys((f.dataset, f.variant) for f in evaluation.figures):
        here = [f for f in evaluation.figures if (f.dataset, f.variant) == (dataset, variant)]
        parts.append(f"### {dataset}, {variant}\n")
        whole = [f for f in here if f.slice == ALL]
        parts.append(
            _table(("metric", "value", "rows"), [(f.metric, _value(f), f"{f.rows:,}") for f in whole])
        )
        if len(here) > len(whole):
            parts.append(_slices([f for f in here if f.slice != ALL]))
    return "\n".join(parts)


def _slices(figures: Sequence[Figure]) -> str:
    names = list(dict.fromkeys(figure.metric for figure in figures))
    rows = []
    for name in dict.fromkeys(figure.slice for figure in figures):
        here = {figure.metric: figure for figure in figures if figure.slice == name}
        cells = [_value(here[metric]) if metric in here else "–" for metric in names]
        rows.append((name, f"{max(f.rows for f in here.values()):,}", *cells))
    return _table(("slice", "rows", *names), rows)


def _limits(facts: CardFacts) -> str:
    if not facts.limits:
        return ""
    return "## Limits\n\n" + "".join(f"* {limit}\n" for limit in facts.limits)


def _pictures(names: Sequence[str]) -> str:
    if not names:
        return ""
    return "## Pictures\n\n" + "".join(f"![{name.removesuffix('.svg')}]({name})\n\n" for name in names)


def _value(figure: Figure) -> str:
    if math.isnan(figure.value):
        return "–"
    text = f"{figure.value:.3f}"
    return text if math.isnan(figure.low) else f"{text} ({figure.low:.3f}–{figure.high:.3f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
    ]
    return "\n".join(lines) + "\n"
