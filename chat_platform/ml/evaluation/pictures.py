"""Pictures of an evaluation as SVG.

What belongs here: drawing what ``report`` measured. What does not: measuring, embedding pictures in pages or
metadata. The same figures give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chat_platform.ml.evaluation.metrics import Confusion, ReliabilityBin
from chat_platform.ml.evaluation.report import Curves, Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#4c78a8", "#f58518", "#9d9d9d"


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """File name → SVG of every curve of an evaluation."""
    found = {}
    for curve in evaluation.curves:
        for kind, draw in (
            ("reliability", lambda c: reliability_picture(c.reliability, c.variant)),
            ("confusion", lambda c: confusion_picture(c.confusion, c.variant)),
            ("precision-recall", lambda c: precision_recall_picture([c])),
        ):
            found[f"{kind}-{curve.dataset}-{curve.variant}.svg"] = draw(curve)
    return found


def reliability_picture(bins: Sequence[ReliabilityBin], title: str = "") -> bytes:
    """Promised against happened; the area of a point is its share of the rows."""
    with _svg(3.2, 3.2) as (axes, buffer):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        total = sum(one.weight for one in bins) or 1.0
        axes.plot([one.promised for one in bins], [one.happened for one in bins], color=BLUE, linewidth=1)
        axes.scatter(
            [one.promised for one in bins],
            [one.happened for one in bins],
            s=[10 + 150 * one.weight / total for one in bins],
            color=BLUE,
        )
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        _labels(axes, f"reliability, {title}" if title else "reliability", "probability", "share of yes")
    return buffer.getvalue()


def confusion_picture(cells: Confusion, title: str = "") -> bytes:
    """Four cells with their numbers, shaded by their share of the row."""
    rows = [[cells.tn, cells.fp], [cells.fn, cells.tp]]
    with _svg(3.2, 2.8) as (axes, buffer):
        shares = [[cell / (sum(row) or 1.0) for cell in row] for row in rows]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                color = "white" if shares[y][x] > 0.5 else "black"
                axes.text(x, y, f"{cell:,.6g}", ha="center", va="center", fontsize=9, color=color)
        axes.set_xticks([0, 1], ["no", "yes"])
        axes.set_yticks([0, 1], ["no", "yes"])
        _labels(axes, f"confusion, {title}" if title else "confusion", "model says", "truth")
    return buffer.getvalue()


def precision_recall_picture(curves: Sequence[Curves]) -> bytes:
    """Precision against recall, one line a variant."""
    with _svg(3.2, 3.2) as (axes, buffer):
        for curve, color in zip(curves, (BLUE, ORANGE) * len(curves), strict=False):
            recall = [point[0] for point in curve.precision_recall]
            precision = [point[1] for point in curve.precision_recall]
            axes.step(recall, precision, where="post", color=color, linewidth=1.2, label=curve.variant)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        if curves:
            axes.legend(fontsize=6, loc="lower left")
        _labels(axes, "precision and recall", "recall", "precision")
    return buffer.getvalue()


def drift_picture(names: Sequence[str], values: Sequence[float], limit: float | None, title: str) -> bytes:
    """A measure over recordings, oldest first; those beyond the limit stand out. NaN leaves a gap."""
    with _svg(6, 1.9) as (axes, buffer):
        over = [limit is not None and value > limit for value in values]
        axes.bar(range(len(values)), values, color=[ORANGE if one else BLUE for one in over])
        if limit is not None:
            axes.axhline(limit, color=GREY, linewidth=1, linestyle="--")
        step = max(1, len(names) // 12)
        axes.set_xticks(range(0, len(names), step), [name[:12] for name in names[::step]], rotation=30)
        _labels(axes, title, "", "")
    return buffer.getvalue()


@contextmanager
def _svg(width: float, height: float) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Axes to draw on; afterwards the buffer holds the picture."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    # Without a salt, ids inside an SVG are random; without a date of None, it holds the time.
    with mpl.rc_context({"svg.hashsalt": "chat-platform"}):
        figure = Figure(figsize=(width, height))
        axes = figure.add_subplot()
        yield axes, buffer
        figure.tight_layout()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})


def _labels(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=8)
    axes.set_xlabel(x, fontsize=7)
    axes.set_ylabel(y, fontsize=7)
    axes.tick_params(labelsize=6)
