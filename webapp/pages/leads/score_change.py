"""Why a lead's score changed, as the page tells it: two steps, each with what made it up."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from werkzeug.exceptions import NotFound

from ml.scorecard.changes import Part
from ml.sentences import gettext
from webapp.pages.addresses import key_argument
from webapp.pages.formats import known
from webapp.product import product
from webapp.services.leads.lead_history import Scoring

MAX_PARTS = 6
MIN_PART = 0.001  # of a probability: less shows as 0.0 points


class Line(NamedTuple):
    """One part of a step: a field, what is to be said of it, and its points."""

    label: str
    note: str
    points: float


class Step(NamedTuple):
    """What changed in the lead, or in the model."""

    title: str
    points: float
    lines: list[Line]


def chosen(scorings: Sequence[Scoring]) -> Scoring | None:
    """Find the `change`, `switch` or `fields` asked for, else 404; else the last that moved it."""
    asked = tuple(map(key_argument, ("change", "switch", "fields")))
    if not any(asked):
        return next((scoring for scoring in scorings if scoring.has_moved), None)
    found = next((s for s in scorings if (s.key, s.switch, s.field_list) == asked), None)
    if found is None:
        raise NotFound
    return found


def view(scoring: Scoring | None) -> dict[str, Any]:
    """What the explanation shows: `scoring`, `change`, and its `steps`."""
    change = scoring.explained() if scoring else None
    if scoring is None or scoring.before is None or change is None:
        return {"scoring": scoring, "change": None, "steps": []}
    before, now = scoring.before, scoring.scored

    def of_lead(field: str | None) -> str:
        old, new = (inputs.get(field or "") for inputs in (before.inputs, now.inputs))
        # A forest weighs a field by what the others are.
        return (
            gettext("combined with other fields") if old == new else f"{known(old)} → {known(new)}"
        )

    def of_model(field: str | None) -> str:
        return gettext("where every lead starts") if field is None else known(now.inputs.get(field))

    lead = Step(
        gettext("What changed in the lead"),
        change.between - change.before,
        _lines(change.by_lead, {part.field: of_lead(part.field) for part in change.by_lead}),
    )
    model = Step(
        gettext(
            "What changed in the model, %(version)s → %(version2)s",
            version=before.version,
            version2=now.version,
        )
        if before.version != now.version
        else gettext("What the model no longer uses"),
        change.after - change.between,
        _lines(change.by_model, {part.field: of_model(part.field) for part in change.by_model}),
    )
    steps = [step for step in (lead, model) if step.lines]
    return {"scoring": scoring, "change": change, "steps": steps}


def _lines(parts: Sequence[Part], notes: dict[str | None, str]) -> list[Line]:
    told = [part for part in parts[:MAX_PARTS] if abs(part.points) >= MIN_PART]
    lines = [Line(_label(part.field), notes[part.field], part.points) for part in told]
    rest = sum(part.points for part in parts[len(told) :])
    if abs(rest) >= MIN_PART:
        lines.append(Line(gettext("Everything else"), "", rest))
    return lines


def _label(field: str | None) -> str:
    return "Baseline" if field is None else product().fields.named(field).label
