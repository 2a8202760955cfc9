"""The evidence of a decision (gain, leads of each kind, log loss) and the lines to cross."""

import math

from markupsafe import Markup

from ml.fields.wording import signed_text
from ml.sentences import Figure, gettext
from webapp.charts.drawing import Frame, at_end_of_bar, axes, dot, element, figure, label, line

WIDTH, LEFT, RIGHT = 400, 92, 12
ROW = 22


def gain_interval(name: str, *, gain: float, low: float, high: float, needed: float) -> Markup:
    """A challenger's gain of AUC with its interval, against the line it has to cross."""
    values = [100 * v for v in (low, high, gain, needed, 0.0)]
    least, most = min(values) - 1, max(values) + 1
    frame = Frame(WIDTH, 56, left=LEFT, right=RIGHT, top=6, bottom=22, x_range=(least, most))
    middle = frame.y(0.5)
    # Whole numbers at the axis, few enough to be read.
    step = next(n for n in (1, 2, 5, 10, 20, 50, 100) if (most - least) / n <= 9)
    ticks = range(math.ceil(least / step) * step, math.floor(most) + 1, step)
    return figure(
        name,
        gettext("AUC gain with 95 %% interval"),
        gettext(
            "Gain %(signed_text)s points, from %(signed_text2)s to "
            "%(signed_text3)s; %(value)s required.",
            signed_text=signed_text(100 * gain, 1),
            signed_text2=signed_text(100 * low, 1),
            signed_text3=signed_text(100 * high, 1),
            value=Figure(f"{100 * needed:.1f}"),
        ),
        frame,
        axes(frame, {t: signed_text(t) if t else "0" for t in ticks}, {}),
        label(LEFT - 10, middle + 4, gettext("AUC gain"), anchor="end"),
        _upright(frame, 0, "chart-zero"),
        _upright(frame, 100 * needed, "chart-needed"),
        line((frame.x(100 * low), middle), (frame.x(100 * high), middle), "chart-interval"),
        dot(frame.x(100 * gain), middle, r=5),
    )


def leads_of_each_kind(name: str, *, n_converted: int, n_lost: int, needed: int) -> Markup:
    """How many leads of either outcome the evidence holds, against how many it must."""
    rows = (("converted", n_converted), ("lost", n_lost))
    most = max(n_converted, n_lost, 1.25 * needed, 1)
    # The number stands behind its bar.
    height, right = 2 * ROW + 4, RIGHT + 50
    frame = Frame(WIDTH, height, left=LEFT, right=right, top=2, bottom=2, x_range=(0, most))
    mark = frame.x(needed) if needed else None
    drawn, texts = [], []
    for place, (kind, n) in enumerate(rows):
        y, width = frame.top + ROW * place, frame.x(n) - LEFT
        bar = {"x": LEFT, "y": y + 5, "width": width, "height": 12, "rx": 2}
        drawn.append(element("rect", **bar, class_="chart-bar"))
        texts += [
            label(LEFT - 10, y + 15, kind, anchor="end"),
            at_end_of_bar(LEFT + width, y + 15, f"{n:,}", mark=mark),
        ]
    if needed:
        drawn.append(_upright(frame, needed, "chart-needed"))
    asked = gettext(" At least %(needed)s of each required.", needed=needed) if needed else ""
    return figure(
        name,
        gettext("Leads in the comparison"),
        gettext(
            "%(n_converted)s converted and %(n_lost)s lost.%(asked)s",
            n_converted=Figure(f"{n_converted:,}"),
            n_lost=Figure(f"{n_lost:,}"),
            asked=asked,
        ),
        frame,
        *drawn,
        *texts,
    )


def log_loss_change(name: str, *, before: float, after: float) -> Markup:
    """Log loss of the champion (hollow) and of the challenger, which is to be further left."""
    # Each figure stands on the outer side of its dot, however near they are.
    least, most = min(before, after), max(before, after, min(before, after) + 0.001)
    frame = Frame(
        WIDTH, ROW + 4, left=LEFT + 70, right=RIGHT + 70, top=2, bottom=2, x_range=(least, most)
    )
    middle = frame.y(0.5)
    is_lower = after <= before
    drawn = []
    for loss, is_left, looks in (
        (before, not is_lower, "chart-hollow"),
        (after, is_lower, "chart-dot"),
    ):
        x, anchor = frame.x(loss), "end" if is_left else "start"
        weight = "chart-strong" if looks == "chart-dot" else ""
        place = x + (-12 if is_left else 12)
        drawn += [
            dot(x, middle, r=5, looks=looks),
            label(place, middle + 4, f"{loss:.4f}", anchor=anchor, class_=weight),
        ]
    return figure(
        name,
        gettext("Log loss before and after"),
        gettext(
            "%(before)s before, %(after)s after; it must fall.",
            before=Figure(f"{before:.4f}"),
            after=Figure(f"{after:.4f}"),
        ),
        frame,
        label(LEFT - 10, middle + 4, gettext("log loss"), anchor="end"),
        line((frame.x(before), middle), (frame.x(after), middle), "chart-interval"),
        *drawn,
    )


def _upright(frame: Frame, value: float, looks: str) -> Markup:
    return line((frame.x(value), 2), (frame.x(value), frame.y(0)), looks)
