"""How the score of a lead went over time."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from ml.sentences import gettext
from webapp.charts.drawing import Frame, Point, axes, dot, element, figure, label, percent


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
    marks = [dot(frame.x(at), frame.y(probability), r=3) for at, probability in points]
    last = points[-1][1]
    at_end = {"anchor": "start", "class_": "chart-strong"}
    n_scores = f"{len(points)} {'score' if len(points) == 1 else 'scores'}"
    return figure(
        "score-history",
        gettext("Score over time"),
        gettext(
            "%(n_scores)s, from %(percent)s to %(percent2)s.",
            n_scores=n_scores,
            percent=percent(points[0][1]),
            percent2=percent(last),
        ),
        frame,
        axes(frame, {}, {0: "0", 0.5: "50", 1: "100"}),
        element("path", d=frame.path(steps), class_="chart-line"),
        *marks,
        label(frame.x(end) + 8, frame.y(last) + 4, f"{last * 100:.0f}", **at_end),
    )
