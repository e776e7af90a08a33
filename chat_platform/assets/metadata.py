"""Metadata that assets show in the Dagster UI: schemas, previews without personal data, pictures.

What belongs here: turning tables and counts into metadata values. What does not: computing them.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from chat_platform.tables.spec import TableSpec

PREVIEW_ROWS = 5
_MASK = "•••"


def column_schema(spec: TableSpec) -> dg.TableSchema:
    """Columns of a table for the UI, personal data tagged."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
                tags={"pii": column.pii} if column.pii else {},
            )
            for column in spec.columns
        ]
    )


def spec_metadata(spec: TableSpec) -> dict[str, Any]:
    """Definition metadata of an asset that fills a table."""
    return {
        "dagster/column_schema": column_schema(spec),
        "dagster/table_name": spec.full_name,
        "primary_key": ", ".join(spec.primary_key),
    }


def preview(spec: TableSpec, table: pa.Table) -> dg.MarkdownMetadataValue:
    """First rows as a table. Columns with personal data are masked: metadata cannot be erased."""
    masked = {column.name for column in spec.columns if column.pii}
    names = spec.column_names
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in table.slice(0, PREVIEW_ROWS).to_pylist():
        cells = (_cell(row[name], masked=name in masked) for name in names)
        lines.append("| " + " | ".join(cells) + " |")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any, *, masked: bool) -> str:
    if value is None:
        return ""
    text = _MASK if masked else str(value)
    return text.replace("|", "\\|").replace("\n", " ")[:40]


def counts(values: Mapping[str, int]) -> dict[str, dg.MetadataValue]:
    """Counts as numbers, which the UI plots over time."""
    return {name: dg.MetadataValue.int(value) for name, value in values.items()}


def volume_picture(minutes: Sequence[float], title: str) -> dg.MarkdownMetadataValue:
    """Messages per five minutes of a lecture as a small picture.

    Args:
        minutes: minute of the lecture of each message.
        title: drawn above.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # The size is known, and so is the room that its labels need: measuring them takes as long as drawing.
    figure = Figure(figsize=(6, 1.6))
    axes = figure.add_axes((0.06, 0.26, 0.92, 0.6))
    end = max(minutes, default=0.0)
    axes.hist(minutes, bins=max(1, int(end // 5) + 1), range=(0, max(5.0, end)), color="#4c78a8")
    axes.set_title(title, fontsize=8)
    axes.set_xlabel("minute", fontsize=7)
    axes.tick_params(labelsize=6)
    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{encoded})")
