"""What to do about what the monitors found, each with an eye on the others, and what has happened
to fields that changed.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ml.fields.types import number_text, value_text
from ml.monitoring import claims
from ml.monitoring.causes import Cause, Kind
from ml.monitoring.drift import Verdict

Obstacle: TypeAlias = Literal["fields", "outcomes"]

MAX_VALUE_LENGTH = 40
MAX_NAMED = 3

# The first step; to train on values that are wrong would only teach the model what is wrong.
FIRST_STEPS: dict[Kind, str] = {
    "unit": "Has the unit of {label} changed, such as from seconds to milliseconds? Change it back"
    " where it comes from, and train only on one unit.",
    "type": "{label} now comes as another type of value. Send it as before; if the new type is"
    " right, declare it as a field of its own, which the model learns beside the old one.",
    "lost": "Check whether {label} still arrives: a renamed column, a lost permission or values"
    " that cannot be read (see Data quality) leave it unknown.",
    "constant": "{label} tells the model nothing yet: it had one value in all leads learned from.",
    "filled": "{label} is now filled in for more leads. If that stays so, the model can learn more"
    " from it.",
    "new values": "Check whether these are new names for old values of {label}; if so, use the old"
    " ones or add them as other words for them.",
    "range": "Check whether these values of {label} are right.",
    "spread": "Check whether {label} is still filled in the same way, here and where it comes"
    " from.",
}
CORRECT_FIRST: tuple[Kind, ...] = ("unit", "type", "lost")


def happened(label: str, cause: Cause) -> str:
    """Name a field and what has happened to it.

    >>> happened("Time on site", Cause("unit", factor=1003.2))
    'Time on site (about 1,000 times larger)'
    >>> happened("Seats", Cause("constant", value=1.0)), happened("Age", Cause("spread"))
    ('Seats (always 1 in training)', 'Age')
    """
    what = {
        "unit": _times(cause.factor),
        "type": f"{_percent(cause.now)} values that the model cannot read, such as"
        f" {value_text(cause.value)[:MAX_VALUE_LENGTH]}",
        "lost": f"unknown for {_percent(cause.now)} of leads, {_percent(cause.before)} in training",
        "filled": f"known for {_percent(1 - cause.now)} of leads,"
        f" {_percent(1 - cause.before)} in training",
        "constant": f"always {value_text(cause.value)} in training",
        "new values": f"{_percent(cause.now)} new or rare values, such as"
        f" {value_text(cause.value)[:MAX_VALUE_LENGTH]}",
        "range": f"{_percent(cause.now)} outside the range in training",
        "spread": "",
    }[cause.kind]
    return f"{label} ({what})" if what else label


def coming_in(labels: Sequence[str]) -> str:
    """Tell fields that hardly any lead had in training and that new leads have.

    >>> coming_in(["Age"])
    'Hardly known in training, and learned as outcomes come in: Age.'
    """
    if not labels:
        return ""
    return f"Hardly known in training, and learned as outcomes come in: {listed(labels)}."


def listed(names: Sequence[str]) -> str:
    """Name the first three of some, and count the others.

    >>> listed(["A", "B"]), listed(["A", "B", "C", "D", "E"])
    ('A, B', 'A, B, C and 2 more')
    """
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"


def needs_correction(causes: Iterable[Kind]) -> bool:
    """Whether values have to be put right before a model learns from them."""
    return any(cause in CORRECT_FIRST for cause in causes)


class State(NamedTuple):
    """All that advice depends on: what each monitor has found, or not yet.

    `causes` has the changed fields by label, the worst first. `is_reversed` where leads are surely
    ranked the wrong way round; `is_selected` where outcomes come from a part of the scores, among
    which any order looks worse.
    """

    calibration: Verdict = "unknown"
    level: Literal["low", "high"] = "low"
    claim: claims.Verdict = "early"
    is_reversed: bool = False
    scores: Verdict = "unknown"
    fields: Verdict = "unknown"
    causes: tuple[tuple[str, Cause], ...] = ()
    is_selected: bool = False

    @property
    def obstacle(self) -> Obstacle | None:
        """Why a training would teach the model what is wrong, if it would."""
        if needs_correction(cause.kind for _, cause in self.causes):
            return "fields"
        return "outcomes" if self.is_reversed else None


# By calibration and by what became of the claim: the ranking is praised only where that holds.
CALIBRATION: dict[tuple[Verdict, claims.Verdict], str] = {
    ("look", "early"): "Scores may be running too {level}. Watch the next outcomes.",
    ("look", "holds"): "Scores may be running too {level}. The ranking still holds; watch the next"
    " outcomes.",
    ("look", "doubtful"): "Scores may be running too {level}, and may rank leads worse than"
    " claimed. Watch the next outcomes.",
    ("look", "luck"): "Scores may be running too {level}, and rank leads hardly better than chance."
    " Watch the next outcomes.",
    ("look", "failed"): "Scores may be running too {level}, and they rank leads badly.",
    ("act", "early"): "Scores run too {level}. Do not rely on the percentages until they are"
    " recalibrated.",
    ("act", "holds"): "Scores run too {level}. Trust the ranking, not the percentages, until they"
    " are recalibrated.",
    ("act", "doubtful"): "Scores run too {level} and may rank leads worse than claimed: do not rely"
    " on the percentages until they are recalibrated.",
    ("act", "luck"): "Scores run too {level} and rank leads hardly better than chance: rely on"
    " neither for now.",
    ("act", "failed"): "Scores run too {level} and rank leads badly: rely on neither until another"
    " version is live.",
}
REMEDIES: dict[Obstacle | None, str] = {
    "fields": "Put the changed fields right first.",
    "outcomes": "Check first whether outcomes are recorded the right way round.",
    None: "Train now, so that the model learns from the leads of today.",
}
REVERSED = (
    "It ranks leads the wrong way round: go back to an earlier version, and check whether outcomes"
    " are recorded the right way round before you train."
)
LUCK = "Its order is hardly better than chance. Do not rely on it; more outcomes may help."
DOUBTFUL = "It may rank leads worse than it claimed."
WATCH = "Watch the next outcomes, and look whether leads or their values have changed."
WORSE = "It ranks leads worse than it claimed."
FOUND = {"luck": LUCK, "doubtful": DOUBTFUL, "failed": WORSE}
OF_THE_BEST = (
    "It ranks the leads with an outcome worse than it claimed for all. Work some leads of all"
    " scores first: among the best alone any model ranks worse."
)
DIFFERENT = "New leads differ from earlier ones, or their values do. Look at the fields."
UNLIKE = "The model is used on leads unlike those it knows."
SELECTED = (
    "Outcomes come from a part of the leads only, so the next model learns little about the others."
    " Work some leads with low scores, too, and record what becomes of them."
)


def advice(state: State) -> dict[str, str]:
    """Advise on each finding by its name, with an eye on the others; empty where all is well.

    >>> advice(State(calibration="act", level="high", claim="holds"))["calibration"]
    'Scores run too high. Trust the ranking, not the percentages, until they are recalibrated.'
    """
    remedy = REMEDIES[state.obstacle]
    return {
        "calibration": CALIBRATION.get((state.calibration, state.claim), "").format(
            level=state.level
        ),
        "live_auc": _of_ranking(state, remedy),
        "score_drift": {"look": DIFFERENT, "act": f"{UNLIKE} {remedy}"}.get(state.scores, ""),
        "field_drift": _of_fields(state, remedy),
        "selection": SELECTED if state.is_selected else "",
    }


def _of_ranking(state: State, remedy: str) -> str:
    if state.claim not in FOUND:
        return ""
    if state.obstacle == "fields":
        return f"{FOUND[state.claim]} {remedy}"
    if state.is_reversed:
        return REVERSED
    if state.claim == "failed":
        back = f"{WORSE} {remedy} Or go back to an earlier version."
        return OF_THE_BEST if state.is_selected else back
    return LUCK if state.claim == "luck" else f"{DOUBTFUL} {WATCH}"


def _of_fields(state: State, remedy: str) -> str:
    wrong = [pair for pair in state.causes if needs_correction([pair[1].kind])]
    for label, cause in (wrong or state.causes)[:1]:
        first = FIRST_STEPS[cause.kind].format(label=label)
        return f"{first} {remedy}" if state.fields == "act" and not wrong else first
    return ""


def _times(factor: float) -> str:
    """Write a factor with two digits, which is what units differ by."""
    times = max(factor, 1 / factor)
    return (
        f"about {number_text(float(f'{times:.2g}'))} times {'larger' if factor > 1 else 'smaller'}"
    )


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
