"""Charts as inline SVG: presentation attributes and classes only, colours by the style sheet.

Each has a title and a description for those who do not see it; pages put the numbers in a table
beneath. What is drawn is measured elsewhere (`ml.model_metrics`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

Point = tuple[float, float]
LONGEST_LABEL = 20


def element(name: str, *children: object, **attributes: object) -> Markup:
    """One SVG element; `class_` is the class, underscores in names become hyphens."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inside)


def _short(value: object) -> object:
    """Hundredths of a pixel are enough."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


@dataclass(frozen=True)
class Frame:
    """The area of a chart, and how values become places in it."""

    width: float
    height: float
    left: float = 48
    right: float = 20
    top: float = 10
    bottom: float = 34
    x_range: tuple[float, float] = (0, 1)
    y_range: tuple[float, float] = (0, 1)

    def x(self, value: float) -> float:
        """The place of a value from left to right."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """The place of a value from top to bottom."""
        low, high = self.y_range
        room = self.height - self.top - self.bottom
        return self.top + (1 - (value - low) / (high - low)) * room

    def path(self, points: Iterable[Point]) -> str:
        """A line through points, as the `d` of a path."""
        return "M" + "L".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def figure(name: str, title: str, description: str, frame: Frame, *children: object) -> Markup:
    """The whole picture; `name` is unique on its page."""
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *children,
        class_="chart chart-square" if frame.width < 1.3 * frame.height else "chart",
        viewBox=f"0 0 {frame.width:g} {frame.height:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def label(x: float, y: float, text: str, *, anchor: str = "middle", class_: str = "") -> Markup:
    """A line of text."""
    return element(
        "text", text, x=x, y=y, text_anchor=anchor, class_=f"chart-text {class_}".strip()
    )


def axes(frame: Frame, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str]) -> Markup:
    """Grid lines and what stands at them."""
    right, floor = frame.width - frame.right, frame.height - frame.bottom
    parts: list[Markup] = []
    for value, text in y_ticks.items():
        y = frame.y(value)
        parts.append(element("line", x1=frame.left, x2=right, y1=y, y2=y, class_="chart-grid"))
        parts.append(label(frame.left - 6, y + 4, text, anchor="end"))
    parts += [label(frame.x(value), floor + 16, text) for value, text in x_ticks.items()]
    return Markup("").join(parts)


def percent(share: float) -> str:
    """A share of 1 as text."""
    return f"{100 * share:.0f} %"


QUARTERS = {share / 4: f"{share * 25} %" for share in range(5)}


def score_history(scorings: Sequence[tuple[datetime, float]], now: datetime) -> Markup:
    """The score of a lead over time; `scorings` newest first. It holds until the next one."""
    points = sorted((at.timestamp(), probability) for at, probability in scorings)
    end = max(now.timestamp(), points[-1][0])
    start = min(points[0][0], end - 3600)
    frame = Frame(640, 150, x_range=(start, end), bottom=12, right=40)
    steps: list[Point] = []
    for place, (at, probability) in enumerate(points):
        until = points[place + 1][0] if place + 1 < len(points) else end
        steps += [(at, probability), (until, probability)]
    marks = [
        element("circle", cx=frame.x(at), cy=frame.y(p), r=3, class_="chart-dot")
        for at, p in points
    ]
    last = points[-1][1]
    return figure(
        "score-history",
        "Score over time",
        f"{len(points)} scores, from {percent(points[0][1])} to {percent(last)}.",
        frame,
        axes(frame, {}, {0: "0", 0.5: "50", 1: "100"}),
        element("path", d=frame.path(steps), class_="chart-line"),
        *marks,
        label(
            frame.x(end) + 8,
            frame.y(last) + 4,
            f"{last * 100:.0f}",
            anchor="start",
            class_="chart-strong",
        ),
    )


def gain_interval(name: str, *, gain: float, low: float, high: float, needed: float) -> Markup:
    """A challenger's gain of AUC with its interval, against the line it has to cross."""
    values = [100 * v for v in (low, high, gain, needed, 0.0)]
    least, most = min(values) - 1, max(values) + 1
    frame = Frame(420, 64, left=8, right=8, top=8, bottom=22, x_range=(least, most))
    middle = frame.y(0.5)

    def upright(value: float, looks: str) -> Markup:
        x = frame.x(value)
        return element("line", x1=x, x2=x, y1=2.0, y2=frame.y(0), class_=looks)

    ticks = _steps(least, most)
    return figure(
        name,
        "Gain of AUC with its interval",
        f"Gain {100 * gain:+.1f} points, from {100 * low:+.1f} to {100 * high:+.1f};"
        f" {100 * needed:.1f} are needed.",
        frame,
        axes(frame, {t: f"{t:+g}" if t else "0" for t in ticks}, {}),
        upright(0, "chart-zero"),
        upright(100 * needed, "chart-needed"),
        element(
            "line",
            x1=frame.x(100 * low),
            x2=frame.x(100 * high),
            y1=middle,
            y2=middle,
            class_="chart-interval",
        ),
        element("circle", cx=frame.x(100 * gain), cy=middle, r=5, class_="chart-dot"),
    )


def _steps(low: float, high: float) -> list[int]:
    """Whole numbers to write at an axis: few enough to be read."""
    width = next(w for w in (1, 2, 5, 10, 20, 50, 100) if (high - low) / w <= 9)
    first = -(-low // width) * width
    return [int(first + n * width) for n in range(int((high - first) // width) + 1)]


def roc(points: Sequence[Sequence[float]], auc: float) -> Markup:
    """Which share of conversions is found, for which share of lost leads called as well."""
    frame = Frame(360, 300)
    return figure(
        "roc",
        "ROC curve",
        f"Converted leads found against lost leads called; the area beneath is {auc:.3f}.",
        frame,
        axes(frame, QUARTERS, QUARTERS),
        element("path", d=frame.path([(0, 0), (1, 1)]), class_="chart-zero"),
        element("path", d=frame.path((x, y) for x, y in points), class_="chart-line"),
        label(frame.x(0.5), frame.height - 2, "lost leads called"),
    )


def calibration(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """What was predicted against what happened; on the diagonal a score means what it says."""
    frame = Frame(360, 300)
    most = max(row["n"] for row in rows)
    dots = [
        element(
            "circle",
            element(
                "title",
                f"{row['n']:,} leads: predicted {percent(row['predicted'])},"
                f" converted {percent(row['observed'])}",
            ),
            cx=frame.x(row["predicted"]),
            cy=frame.y(row["observed"]),
            r=3 + 4 * (row["n"] / most) ** 0.5,
            class_="chart-dot",
        )
        for row in rows
    ]
    return figure(
        "calibration",
        "Calibration",
        f"Observed against predicted conversion in {len(rows)} groups of leads.",
        frame,
        axes(frame, QUARTERS, QUARTERS),
        element("path", d=frame.path([(0, 0), (1, 1)]), class_="chart-zero"),
        element(
            "path",
            d=frame.path((row["predicted"], row["observed"]) for row in rows),
            class_="chart-line chart-thin",
        ),
        *dots,
        label(frame.x(0.5), frame.height - 2, "predicted conversion"),
    )


def distribution(histogram: Mapping[str, Sequence[float]]) -> Markup:
    """How many converted (above the line) and lost leads (below) have which score."""
    edges = histogram["edges"]
    most = max(*histogram["converted"], *histogram["lost"], 1)
    frame = Frame(560, 260, y_range=(-1, 1))

    def columns(counts: Sequence[float], side: int, looks: str) -> list[Markup]:
        drawn = []
        for place, count in enumerate(counts):
            left, right = frame.x(edges[place]) + 1, frame.x(edges[place + 1]) - 1
            height = abs(frame.y(side * count / most) - frame.y(0))
            top = frame.y(0) - height if side > 0 else frame.y(0)
            drawn.append(
                element("rect", x=left, y=top, width=right - left, height=height, class_=looks)
            )
        return drawn

    ticks = {1.0: f"{most:g}", 0.0: "0", -1.0: f"{most:g}"}
    return figure(
        "distribution",
        "Scores of converted and lost leads",
        "Number of leads by score: converted ones upwards, lost ones downwards.",
        frame,
        axes(frame, QUARTERS, ticks),
        *columns(histogram["converted"], 1, "chart-converted"),
        *columns(histogram["lost"], -1, "chart-lost"),
        label(frame.x(0.99), frame.y(0.86), "converted", anchor="end"),
        label(frame.x(0.99), frame.y(-0.92), "lost", anchor="end"),
        label(frame.x(0.5), frame.height - 2, "score"),
    )


def grades(rows: Sequence[Mapping[str, Any]], base_rate: float) -> Markup:
    """How often the leads of each grade converted; the line is the rate of all leads."""
    drawn = [
        (f"Grade {row['grade']}", row["rate"] or 0.0, _rate(row["n_converted"], row["n"]))
        for row in rows
    ]
    return bars("grades", "Conversion by grade", drawn, line=base_rate)


def _rate(n_converted: int, n: int) -> str:
    return f"{percent(n_converted / n)} of {n:,}" if n else "no leads"


def bars(
    name: str, title: str, rows: Sequence[tuple[str, float, str]], *, line: float | None = None
) -> Markup:
    """Lying bars: label, length, and the text at its end; `line` marks what they compare with."""
    most = max([row[1] for row in rows] + [line or 0, 1e-9])
    height = 30 * len(rows) + 12
    frame = Frame(560, height, left=150, right=110, top=6, bottom=6, x_range=(0, most))
    parts: list[Markup] = []
    for place, (text, value, at_end) in enumerate(rows):
        y, width = frame.top + 30 * place, frame.x(value) - frame.left
        bar = {"x": frame.left, "y": y + 5, "width": width, "height": 18, "rx": 2}
        parts += [
            label(frame.left - 10, y + 19, _cut(text), anchor="end"),
            element("rect", element("title", f"{text}: {at_end}"), **bar, class_="chart-bar"),
            label(frame.left + width + 8, y + 19, at_end, anchor="start", class_="chart-strong"),
        ]
    if line is not None:
        x = frame.x(line)
        parts.append(element("line", x1=x, x2=x, y1=2.0, y2=height - 2, class_="chart-needed"))
    described = "; ".join(f"{text}: {at_end}" for text, _, at_end in rows)
    return figure(name, title, described, frame, *parts)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
