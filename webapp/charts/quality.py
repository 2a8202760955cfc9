"""How good a model is on leads it has not seen; measured in `ml.training.metrics`."""

from collections.abc import Sequence

from markupsafe import Markup

from ml.sentences import Figure, gettext
from webapp.charts.drawing import (
    QUARTERS,
    Frame,
    Point,
    axes,
    bars,
    dot,
    element,
    figure,
    label,
    line,
    percent,
)
from webapp.stored import Bin, Gain, GradeRow, Histogram

TOLD_SHARE = 0.2  # of the leads: the point of the gains that is named


def roc(
    points: Sequence[tuple[float, float]], auc: float, band: tuple[Sequence[Point], Sequence[Point]]
) -> Markup:
    """Draw which share of conversions is found for which share of lost leads called.

    `band` has the upper and the lower bound of each point.
    """
    frame, (upper, lower) = Frame(360, 300), band
    return figure(
        "roc",
        gettext("ROC curve"),
        gettext(
            "Converted leads found against lost leads called; the area beneath is %(auc)s.",
            auc=Figure(f"{auc:.3f}"),
        ),
        frame,
        axes(frame, QUARTERS, QUARTERS),
        element("path", d=frame.path([*upper, *reversed(lower)]) + "Z", class_="chart-band"),
        element("path", d=frame.path([(0, 0), (1, 1)]), class_="chart-zero"),
        element("path", d=frame.path(points), class_="chart-line"),
        label(frame.x(0.5), frame.height - 2, gettext("lost leads called")),
    )


def gains(rows: Sequence[Gain], base_rate: float) -> Markup:
    """Which share of conversions is found by calling which share of leads, the best first."""
    frame = Frame(360, 300)
    fifth = next(row for row in rows if row.share >= TOLD_SHARE)
    x, y = frame.x(fifth.share), frame.y(fifth.found)
    points = [(0.0, 0.0), *((row.share, row.found) for row in rows)]
    told = gettext(
        "%(percent)s in the best %(percent2)s",
        percent=percent(fifth.found),
        percent2=percent(fifth.share),
    )
    return figure(
        "gains",
        "Gains",
        gettext(
            "The best %(percent)s of leads hold %(percent2)s of the conversions.",
            percent=percent(fifth.share),
            percent2=percent(fifth.found),
        ),
        frame,
        axes(frame, QUARTERS, QUARTERS),
        element("path", d=frame.path([(0, 0), (1, 1)]), class_="chart-zero"),
        element("path", d=frame.path([(0, 0), (base_rate, 1), (1, 1)]), class_="chart-zero"),
        element("path", d=frame.path(points), class_="chart-line"),
        dot(x, y),
        label(x + 9, y + 12, told, anchor="start", class_="chart-strong"),
        label(frame.x(0.5), frame.height - 2, gettext("leads called")),
    )


def calibration(rows: Sequence[Bin], intervals: Sequence[tuple[float, float]]) -> Markup:
    """Draw what was predicted against what happened, with bounds of each observed share."""
    frame = Frame(360, 300)
    most = max(row.n for row in rows)
    parts: list[Markup] = []
    for row, (low, high) in zip(rows, intervals, strict=True):
        x = frame.x(row.predicted)
        told = gettext(
            "%(n)s leads: predicted %(percent)s, converted %(percent2)s "
            "(%(percent3)s to %(percent4)s)",
            n=Figure(f"{row.n:,}"),
            percent=percent(row.predicted),
            percent2=percent(row.observed),
            percent3=percent(low),
            percent4=percent(high),
        )
        radius = 3 + 3 * (row.n / most) ** 0.5
        parts += [
            line((x, frame.y(low)), (x, frame.y(high)), "chart-whisker"),
            dot(x, frame.y(row.observed), element("title", told), r=radius),
        ]
    return figure(
        "calibration",
        "Calibration",
        gettext("Observed against predicted conversion in %(n)s groups of leads.", n=len(rows)),
        frame,
        axes(frame, QUARTERS, QUARTERS),
        element("path", d=frame.path([(0, 0), (1, 1)]), class_="chart-zero"),
        *parts,
        label(frame.x(0.5), frame.height - 2, gettext("predicted conversion")),
    )


def distribution(histogram: Histogram) -> Markup:
    """How many converted (above the line) and lost leads (below) have which score."""
    edges = histogram.edges
    most = max(*histogram.converted, *histogram.lost, 1)
    frame = Frame(560, 260, y_range=(-1.3, 1.25))  # room for words

    def columns(counts: Sequence[float], side: int, looks: str) -> list[Markup]:
        drawn = []
        for place, count in enumerate(counts):
            left, right = frame.x(edges[place]) + 1, frame.x(edges[place + 1]) - 1
            top, bottom = sorted((frame.y(side * count / most), frame.y(0)))
            size = {"width": right - left, "height": bottom - top}
            drawn.append(element("rect", x=left, y=top, **size, class_=looks))
        return drawn

    ticks = {1.0: f"{most:g}", 0.0: "0", -1.0: f"{most:g}"}
    return figure(
        "distribution",
        gettext("Scores of converted and lost leads"),
        gettext("Number of leads by score: converted ones upwards, lost ones downwards."),
        frame,
        axes(frame, QUARTERS, ticks),
        *columns(histogram.converted, 1, "chart-converted"),
        *columns(histogram.lost, -1, "chart-lost"),
        label(frame.x(0.99), frame.y(1.08), "converted", anchor="end"),
        label(frame.x(0.99), frame.y(-1.22), "lost", anchor="end"),
        label(frame.x(0.5), frame.height - 2, "score"),
    )


def grades(rows: Sequence[GradeRow], base_rate: float) -> Markup:
    """How often the leads of each grade converted; the line is the rate of all leads."""
    drawn = []
    for row in rows:
        rate = (
            gettext(
                "%(percent)s of %(n)s",
                percent=percent(row.n_converted / row.n),
                n=Figure(f"{row.n:,}"),
            )
            if row.n
            else gettext("no leads")
        )
        drawn.append((gettext("Grade %(grade)s", grade=row.grade), row.rate or 0.0, rate))
    return bars("grades", gettext("Conversion by grade"), drawn, mark=base_rate)
