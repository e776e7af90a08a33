"""Pictures of a digest, as PNG: mail programs show no scripts and few show SVG.

What belongs here: drawing the week and a lecture. What does not: asking for their figures (``content``). The same
figures give the same bytes. No word of any language stands in a picture: the text beside it and its description say
what it shows, and no font of the machine matters.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from chat_platform.digest.content import Lecture, PublishedWeek

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURED_LECTURES = 10
WIDTH = 600
"""Shown so wide, in pixels of the page; twice as many are drawn."""
_INCHES, _DPI = 6.0, 200
BLUE, ORANGE, RED, GREY = "#4c78a8", "#f58518", "#e45756", "#667085"
WEEK = "week"
# matplotlib keeps fonts and settings for the whole process.
_LOCK = threading.Lock()


def pictures(published: PublishedWeek) -> dict[str, bytes]:
    """Name → PNG, of all of a week."""
    return {name: picture(published, name) for name in names(published)}


def names(published: PublishedWeek) -> list[str]:
    """``week`` and, for lectures with a chat, ``lecture-<number>`` from 1; nothing of an empty week."""
    numbered = enumerate(published.lectures[:PICTURED_LECTURES], 1)
    lectures = [lecture_name(number) for number, lecture in numbered if lecture.minutes]
    return [*([WEEK] if published.totals.messages else []), *lectures]


def picture(published: PublishedWeek, name: str) -> bytes:
    """One of them as PNG; the name is one of ``names``."""
    if name == WEEK:
        return week_picture(published.totals.days)
    return lecture_picture(published.lectures[int(name.removeprefix("lecture-")) - 1])


def lecture_name(number: int) -> str:
    """Name of the picture of the week's lecture of this number."""
    return f"lecture-{number}"


def week_picture(days: Sequence[tuple[date, int, int]]) -> bytes:
    """Messages of each day: lectures below, Slack on top of them."""
    with _png(1.5) as (axes, buffer):
        places = range(len(days))
        zoom, slack = [row[1] for row in days], [row[2] for row in days]
        axes.bar(places, zoom, color=BLUE, width=0.6)
        axes.bar(places, slack, bottom=zoom, color=ORANGE, width=0.6)
        axes.set_xticks(places, [f"{row[0].month}/{row[0].day}" for row in days])
        for place, total in enumerate(a + b for a, b in zip(zoom, slack, strict=True)):
            if total:
                axes.annotate(f"{total:,}", (place, total), ha="center", va="bottom", fontsize=7, color=GREY)
        axes.set_yticks([])
        axes.margins(y=0.2)
    return buffer.getvalue()


def lecture_picture(lecture: Lecture) -> bytes:
    """Messages of each minute, peaks marked."""
    with _png(0.8) as (axes, buffer):
        draw_minutes(axes, lecture.minutes, [peak.minute for peak in lecture.peaks])
        last = max(minute for minute, _ in lecture.minutes)
        step = 30 if last > 40 else 10
        ticks = range(0, last + 1, step)
        axes.set_xticks(ticks, [f"{minute // 60}:{minute % 60:02}" for minute in ticks])
        axes.set_yticks([])
    return buffer.getvalue()


def draw_minutes(axes: Axes, minutes: Sequence[tuple[int, int]], peaks: Sequence[int]) -> None:
    """Messages of each minute as an area, red lines at the peaks."""
    places, counts = [row[0] for row in minutes], [row[1] for row in minutes]
    axes.fill_between(places, counts, step="mid", color="#9ecae9")
    for minute in peaks:
        axes.axvline(minute, color=RED, linewidth=1)
    axes.margins(x=0)


@contextmanager
def _png(height: float) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Axes to draw on, without a frame; afterwards the buffer holds the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with _LOCK:
        figure = Figure(figsize=(_INCHES, height), dpi=_DPI, facecolor="white")
        axes = figure.add_subplot()
        yield axes, buffer
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.spines["bottom"].set_color("#d0d5dd")
        axes.tick_params(labelsize=7, colors=GREY, length=2)
        figure.tight_layout(pad=0.3)
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})


def data_uris(drawn: Mapping[str, bytes]) -> dict[str, str]:
    """Name → picture as an address that holds it."""
    return {
        name: f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}" for name, png in drawn.items()
    }
