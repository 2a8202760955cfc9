"""What each field does in a model, value by value, all charts of a model in one scale (`reach`)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from markupsafe import Markup

from ml.fields.wording import signed_text
from ml.scorecard.shapes import OTHER, UNKNOWN
from ml.sentences import Figure, gettext
from webapp.charts.drawing import (
    CHARACTER,
    MAX_LABEL_LENGTH,
    Frame,
    axes,
    cut,
    dot,
    element,
    figure,
    label,
    line,
)

WIDTH = 330
ROW = 24
LABELS = 14 + CHARACTER * MAX_LABEL_LENGTH  # wide; the same in all charts, as their scale is
MAX_LEVELS = 9
BETWEEN_TICKS = 10
COUNTS_HEIGHT = 34

Groups: TypeAlias = Sequence[Mapping[str, Any]]


def reach(shapes: Sequence[Mapping[str, Any]]) -> float:
    """The largest effect, up or down, in log-odds."""
    ends = (
        abs(g[end])
        for shape in shapes
        for g in shape["groups"]
        for end in ("low", "effect", "high")
    )
    return max(ends, default=0.0) or 1.0


def shape(name: str, title: str, found: Mapping[str, Any], most: float) -> Markup:
    """The effect of a field: a curve over the groups of a number, bars for the levels of others."""
    drawn = curve if found["is_ordered"] else levels
    return drawn(name, title, found["groups"], most)


def levels(name: str, title: str, groups: Groups, most: float) -> Markup:
    """A bar a level to either side of zero, with its number of leads at the right."""
    shown = _shown(groups)
    n_more = len(groups) - len(shown)
    height = ROW * (len(shown) + (n_more > 0)) + 30
    frame = Frame(WIDTH, height, left=LABELS, right=46, top=4, bottom=26, x_range=(-most, most))
    parts = [_ticks(frame, most)]
    for place, group in enumerate(shown):
        y = frame.top + ROW * place + ROW / 2
        start, end = sorted((frame.x(0), frame.x(group["effect"])))
        bar = {"x": start, "y": y - 7, "width": end - start, "height": 14, "rx": 1}
        parts += [
            label(frame.left - 8, y + 4, cut(group["label"]), anchor="end"),
            element("rect", element("title", _told(group)), **bar, class_="chart-bar"),
            *_spread(frame.x(group["low"]), frame.x(group["high"]), y, y),
        ]
        if group["n"] is not None:
            parts.append(label(WIDTH - 4, y + 4, f"{group['n']:,}", anchor="end"))
    if n_more:
        y = frame.top + ROW * len(shown) + ROW / 2 + 4
        parts.append(
            label(
                frame.left - 8,
                y,
                gettext("%(n_more)s more", n_more=Figure(f"{n_more:,}")),
                anchor="end",
            )
        )
    return figure(name, title, _described(groups), frame, *parts)


def _shown(groups: Groups) -> Groups:
    if len(groups) <= MAX_LEVELS:
        return groups
    n_last = sum(group["label"] in {OTHER, UNKNOWN} for group in groups[-2:])
    return [*groups[: MAX_LEVELS - n_last], *groups[len(groups) - n_last :]]


def curve(name: str, title: str, groups: Groups, most: float) -> Markup:
    """Draw a point for each group of numbers, their leads beneath, unknown ones at the right."""
    is_counted = groups[0]["n"] is not None if groups else False
    frame = Frame(
        WIDTH,
        190,
        left=44,
        right=12,
        top=8,
        bottom=(COUNTS_HEIGHT if is_counted else 0) + 30,
        x_range=(-0.5, max(len(groups), 1) - 0.5),
        y_range=(-most, most),
    )
    numbers = [g for g in groups if g["label"] != UNKNOWN]
    points = [(float(place), g["effect"]) for place, g in enumerate(numbers)]
    parts = [axes(frame, {}, {v: _tick(v) for v in (most, 0.0, -most)})]
    if len(points) > 1:
        parts.append(element("path", d=frame.path(points), class_="chart-line"))
    for place, group in enumerate(groups):
        x, low, high = frame.x(place), frame.y(group["low"]), frame.y(group["high"])
        parts += [
            *_spread(x, x, low, high),
            dot(x, frame.y(group["effect"]), element("title", _told(group))),
        ]
    if is_counted:
        parts += _columns(frame, groups)
    return figure(name, title, _described(groups), frame, *parts, *_starts(frame, groups))


def _ticks(frame: Frame, most: float) -> Markup:
    floor = frame.height - frame.bottom
    lines = [
        line((frame.x(v), frame.top), (frame.x(v), floor), looks)
        for v, looks in ((-most, "chart-grid"), (0.0, "chart-axis"), (most, "chart-grid"))
    ]
    texts = [label(frame.x(v), floor + 16, _tick(v)) for v in (-most, 0.0, most)]
    return Markup("").join([*lines, *texts])


def _spread(x1: float, x2: float, y1: float, y2: float) -> list[Markup]:
    """From where a tenth of the leads lies below to where a tenth lies above."""
    return [] if (x1, y1) == (x2, y2) else [line((x1, y1), (x2, y2), "chart-whisker")]


def _columns(frame: Frame, groups: Groups) -> list[Markup]:
    most = max(g["n"] for g in groups)
    floor = frame.height - 22
    width = frame.x(1) - frame.x(0)
    drawn = []
    for place, group in enumerate(groups):
        height = COUNTS_HEIGHT * group["n"] / most
        bar = {"x": frame.x(place) - 0.35 * width, "y": floor - height, "width": 0.7 * width}
        drawn.append(element("rect", **bar, height=height, class_="chart-count"))
    return drawn


def _starts(frame: Frame, groups: Groups) -> list[Markup]:
    texts = [group["label"].partition(" to ")[0] for group in groups]
    is_last_unknown = bool(groups) and groups[-1]["label"] == UNKNOWN
    widths = [CHARACTER * len(text) for text in texts]
    end = frame.x(len(texts) - 1) - widths[-1] / 2 if is_last_unknown else frame.width
    begin, shown = 0.0, []
    for place, width in enumerate(widths):
        x, is_last = frame.x(place), is_last_unknown and place == len(texts) - 1
        if is_last or (begin <= x - width / 2 and x + width / 2 + BETWEEN_TICKS <= end):
            shown.append(label(x, frame.height - 6, texts[place]))
            begin = x + width / 2 + BETWEEN_TICKS
    return shown


def _tick(effect: float) -> str:
    return signed_text(effect, 1) if effect else "0"


def _told(group: Mapping[str, Any]) -> str:
    n = group["n"]
    leads = "" if n is None else f", {n:,} {'lead' if n == 1 else 'leads'}"
    return f"{group['label']}: {signed_text(group['effect'], 2)}{leads}"


def _described(groups: Groups) -> str:
    return "; ".join(map(_told, groups))
