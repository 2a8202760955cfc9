"""The evidence of a decision: what a challenger gained, against the lines it had to cross."""

from markupsafe import Markup

from webapp.charts.drawing import Frame, axes, element, figure


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
