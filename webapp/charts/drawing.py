"""What every chart is drawn with: a frame, axes, bars; inline SVG, coloured by the style sheet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from ml.fields.wording import day_text

Point = tuple[float, float]
MAX_LABEL_LENGTH = 20
CHARACTER = 7.5  # width of a usual one, of a label on a wide screen
LARGE_CHARACTER = 10.2  # the same where the screen is narrow and the label set larger
QUARTERS = {share / 4: f"{share * 25} %" for share in range(5)}


def element(name: str, *children: object, **attributes: object) -> Markup:
    """One SVG element; `class_` is the class, underscores in names become hyphens."""
    written = Markup("")
    for key, value in attributes.items():
        # Hundredths of a pixel are enough.
        short = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
        written += Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), short)
    inside = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inside)


def line(start: Point, end: Point, looks: str) -> Markup:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=looks)


def dot(x: float, y: float, *title: Markup, r: float = 4, looks: str = "chart-dot") -> Markup:
    """A circle around a point, with its title if any."""
    return element("circle", *title, cx=x, cy=y, r=r, class_=looks)


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
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        low, high = self.y_range
        room = self.height - self.top - self.bottom
        return self.top + (1 - (value - low) / (high - low)) * room

    def path(self, points: Iterable[Point]) -> str:
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
        parts.append(line((frame.left, y), (right, y), "chart-grid"))
        parts.append(label(frame.left - 6, y + 4, text, anchor="end"))
    parts += [label(frame.x(value), floor + 16, text) for value, text in x_ticks.items()]
    return Markup("").join(parts)


def percent(share: float) -> str:
    """A share of 1 as text."""
    return f"{100 * share:.0f} %"


def day(moment: datetime, of: timedelta = timedelta(days=2)) -> str:
    """The day as "2 Mar", the month as "Mar 2026" or the time as "09:30", by the length it is in.

    >>> moment = datetime(2026, 3, 2, 9, 30)
    >>> [day(moment), day(moment, timedelta(hours=2)), day(moment, timedelta(days=900))]
    ['2 Mar', '09:30', 'Mar 2026']
    """
    if of < timedelta(days=2):
        return moment.strftime("%H:%M")
    if of > timedelta(days=700):
        return moment.strftime("%b %Y")
    return day_text(moment, moment)


def bars(
    name: str, title: str, rows: Sequence[tuple[str, float, str]], *, mark: float | None = None
) -> Markup:
    """Lying bars: label, length, and the text at its end; `mark` is what they compare with."""
    most = max([row[1] for row in rows] + [mark or 0, 1e-9])
    height = 30 * len(rows) + 12
    longest = max((len(cut(row[0])) for row in rows), default=0)
    left = 20 + LARGE_CHARACTER * longest
    frame = Frame(560, height, left=left, right=110, top=6, bottom=6, x_range=(0, most))
    x = None if mark is None else frame.x(mark)
    parts: list[Markup] = []
    texts: list[Markup] = []
    for place, (text, value, at_end) in enumerate(rows):
        y, width = frame.top + 30 * place, frame.x(value) - frame.left
        bar = {"x": frame.left, "y": y + 5, "width": width, "height": 18, "rx": 2}
        parts.append(
            element("rect", element("title", f"{text}: {at_end}"), **bar, class_="chart-bar")
        )
        texts += [
            label(frame.left - 10, y + 19, cut(text), anchor="end"),
            at_end_of_bar(frame.left + width, y + 19, at_end, mark=x),
        ]
    if x is not None:
        parts.append(line((x, 2), (x, height - 2), "chart-needed"))
    described = "; ".join(f"{text}: {at_end}" for text, _, at_end in rows)
    return figure(name, title, described, frame, *parts, *texts)


def at_end_of_bar(end: float, y: float, text: str, *, mark: float | None) -> Markup:
    """The text behind a bar; behind the upright line, where that would run through it."""
    reach = end + 12 + LARGE_CHARACTER * len(text)
    start = mark if mark is not None and end - 4 <= mark <= reach else end
    return label(start + 8, y, text, anchor="start", class_="chart-strong")


def cut(text: str) -> str:
    """A label in the room there is; the whole stands in a title."""
    return text if len(text) <= MAX_LABEL_LENGTH else f"{text[: MAX_LABEL_LENGTH - 1]}…"
