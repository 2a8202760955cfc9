"""How well versions ranked leads as time went on: a dot a batch of outcomes, with its interval.

Versions are told by their names, decisions by signs of their own, so no colour is needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from markupsafe import Markup

from ml.sentences import Figure, gettext
from webapp.charts.drawing import (
    LARGE_CHARACTER,
    Frame,
    axes,
    day,
    dot,
    element,
    figure,
    label,
    line,
)
from webapp.stored import Batch, Interval

CHANCE = 0.5
N_TICKS = 4
ASIDE = 0.012  # of the width
SIGNS = {"promoted": "▲", "rolled back": "↩", "recalibrated": "◇", "refused": "✕"}
BELOW = ("recalibrated", "refused")  # where the signs stand; the others stand above, with a line

Mark: TypeAlias = tuple[datetime, str, str]
Claimed: TypeAlias = tuple[str, datetime, datetime, Interval]


def over_time(
    tracks: Mapping[str, Sequence[Batch]],
    marks: Iterable[Mark],
    claims: Iterable[Claimed],
    now: datetime,
) -> Markup:
    """Draw AUC by version over time.

    `tracks` has batches by version, `marks` decisions (when, of which kind, on which version),
    `claims` what was claimed by a version from when to when.
    """
    batches = [batch for track in tracks.values() for batch in track]
    start = min(batch.since for batch in batches)
    lowest = min(0.4, *(int(10 * batch.low) / 10 for batch in batches))
    # A moment has no width, so at least a minute is drawn.
    ends = (start.timestamp(), max(now, start + timedelta(minutes=1)).timestamp())
    frame = Frame(560, 280, left=44, right=24, top=30, bottom=58, x_range=ends, y_range=(lowest, 1))
    heights = {tenth / 10: f"{tenth / 10:.1f}" for tenth in range(round(10 * lowest), 11)}
    return figure(
        "ranking-over-time",
        gettext("How well each version ranked as time went on"),
        "; ".join(_told(name, track) for name, track in tracks.items()) + ".",
        frame,
        axes(frame, {}, heights),
        *_dates(frame, start, now),
        line(*_across(frame, CHANCE), "chart-zero"),
        *(part for claim in claims for part in _claim(frame, claim)),
        *_decisions(frame, marks),
        *(part for n, each in enumerate(tracks.items()) for part in _track(frame, n, *each)),
    )


def _told(name: str, track: Sequence[Batch]) -> str:
    first, last = f"{track[0].auc:.2f}", f"{track[-1].auc:.2f}"
    return f"version {name}: AUC {first}" + (f", {last} in the end" if len(track) > 1 else "")


def _across(frame: Frame, height: float) -> tuple[tuple[float, float], tuple[float, float]]:
    return (frame.left, frame.y(height)), (frame.width - frame.right, frame.y(height))


def _dates(frame: Frame, start: datetime, now: datetime) -> Iterator[Markup]:
    length = now - start
    for place in range(N_TICKS):
        share = place / (N_TICKS - 1)
        x = frame.left + share * (frame.width - frame.left - frame.right)
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        text = day(start + share * length, length)
        zone = " UTC" if share == 1 and ":" in text else ""
        yield label(x, frame.height - 4, f"{text}{zone}", anchor=anchor)


def _claim(frame: Frame, claim: Claimed) -> Iterator[Markup]:
    name, since, until, auc = claim
    left, right = (frame.x(max(at.timestamp(), frame.x_range[0])) for at in (since, until))
    told = gettext(
        "Version %(name)s claimed %(value)s (%(low)s to %(high)s)",
        name=name,
        value=Figure(f"{auc.value:.2f}"),
        low=Figure(f"{auc.low:.2f}"),
        high=Figure(f"{auc.high:.2f}"),
    )
    top, bottom = frame.y(auc.high), frame.y(auc.low)
    box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    yield element("rect", element("title", told), **box, class_="chart-band")
    yield line((left, frame.y(auc.value)), (right, frame.y(auc.value)), "chart-claim")


def _decisions(frame: Frame, marks: Iterable[Mark]) -> Iterator[Markup]:
    """Draw the signs; a name that would run into the one before it is left to the table."""
    reached = {True: 0.0, False: 0.0}
    floor = frame.height - frame.bottom
    for at, kind, version in marks:
        x, is_below = frame.x(at.timestamp()), kind in BELOW
        if not is_below:
            yield line((x, frame.top - 8), (x, floor), "chart-axis")
        text = SIGNS[kind] if kind == "refused" else f"{SIGNS[kind]} {version}"
        width = LARGE_CHARACTER * len(text)
        middle = min(x, frame.width - width / 2)
        if middle - width / 2 < reached[is_below]:
            continue
        reached[is_below] = middle + width / 2
        title = element(
            "title", gettext("Version %(version)s %(kind)s", version=version, kind=kind)
        )
        y = floor + 20 if is_below else frame.top - 14
        yield element("g", title, label(middle, y, text, class_="chart-strong"))


def _track(frame: Frame, number: int, name: str, track: Sequence[Batch]) -> Iterator[Markup]:
    """Draw a version's batches, every second version a little aside: two share their leads."""
    width = frame.x_range[1] - frame.x_range[0]
    aside = ASIDE * (number % 2) * width
    places = [
        (batch.since + (batch.until - batch.since) / 2).timestamp() - aside for batch in track
    ]
    if len(track) > 1:
        points = zip(places, (batch.auc for batch in track), strict=True)
        yield element("path", d=frame.path(points), class_="chart-line")
    for at, batch in zip(places, track, strict=True):
        x = frame.x(at)
        told = gettext(
            "Version %(name)s: %(auc)s (%(low)s to %(high)s)",
            name=name,
            auc=Figure(f"{batch.auc:.2f}"),
            low=Figure(f"{batch.low:.2f}"),
            high=Figure(f"{batch.high:.2f}"),
        )
        yield line((x, frame.y(batch.low)), (x, frame.y(batch.high)), "chart-whisker")
        yield dot(
            x,
            frame.y(batch.auc),
            element(
                "title", gettext("%(told)s on %(n)s leads", told=told, n=Figure(f"{batch.n:,}"))
            ),
            r=4.5,
        )
    x, y = frame.x(places[-1]) + 9, frame.y(track[-1].auc) - 6
    at_end = x + LARGE_CHARACTER * len(name) > frame.width
    yield label(
        x - 18 if at_end else x, y, name, anchor="end" if at_end else "start", class_="chart-strong"
    )
