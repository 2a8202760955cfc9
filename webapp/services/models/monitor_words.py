"""What to do about what the monitors found, each with an eye on the others, and what has happened
to fields that changed.
"""

from collections.abc import Iterable, Sequence

from ml.fields.types import number_text, value_text
from ml.monitoring import claims
from ml.monitoring.causes import Cause, Kind
from ml.monitoring.drift import Verdict

CORRECT = "Put the changed fields right first."
RETRAIN = "Train now, so that the model learns from the leads of today."
MAX_VALUE_LENGTH = 40

# The first step; to train on values that are wrong would only teach the model what is wrong.
FIRST_STEPS: dict[Kind, str] = {
    "unit": "Has the unit of {label} changed, such as from seconds to milliseconds? Change it back"
    " where it comes from, and train only on one unit.",
    "lost": "Check whether {label} still arrives: a renamed column, a lost permission or another"
    " type of value leaves it unknown.",
    "constant": "{label} tells the model nothing yet: it had one value in all leads learned from.",
    "filled": "{label} is now filled in for more leads. If that stays so, the model can learn more"
    " from it.",
    "new values": "Check whether these are new names for old values of {label}; if so, use the old"
    " ones or add them as other words for them.",
    "range": "Check whether these values of {label} are right.",
    "spread": "Check whether {label} is still filled in the same way, here and where it comes"
    " from.",
}
CORRECT_FIRST: tuple[Kind, ...] = ("unit", "lost")


def happened(label: str, cause: Cause) -> str:
    """Name a field and what has happened to it.

    >>> happened("Time on site", Cause("unit", factor=1003.2))
    'Time on site (about 1,000 times larger)'
    >>> happened("Seats", Cause("constant", value=1.0)), happened("Age", Cause("spread"))
    ('Seats (always 1 in training)', 'Age')
    """
    what = {
        "unit": _times(cause.factor),
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


def needs_correction(causes: Iterable[Kind]) -> bool:
    """Whether values have to be put right before a model learns from them."""
    return any(cause in CORRECT_FIRST for cause in causes)


def of_fields(causes: Sequence[tuple[str, Cause]], *, is_critical: bool) -> str:
    """Advise on changed fields by label, the worst first; empty where none has changed."""
    wrong = [pair for pair in causes if needs_correction([pair[1].kind])]
    for label, cause in (wrong or causes)[:1]:
        first = FIRST_STEPS[cause.kind].format(label=label)
        return f"{first} {RETRAIN}" if is_critical and not wrong else first
    return ""


def of_calibration(verdict: Verdict, ranking: Verdict, level: str) -> str:
    """Advise on scores that run too high or low (`level`): the ranking is praised only if good."""
    if verdict == "look":
        return f"Scores may be running too {level}" + {
            "good": ". The ranking still holds; watch the next outcomes.",
            "act": ", and they rank leads badly.",
        }.get(ranking, ". Watch the next outcomes.")
    if verdict != "act":
        return ""
    return f"Scores run too {level}" + {
        "good": ". Trust the ranking, not the percentages, until they are recalibrated.",
        "act": " and rank leads badly: rely on neither until another version is live.",
    }.get(ranking, ". Do not rely on the percentages until they are recalibrated.")


def of_ranking(
    claim: claims.Verdict, *, is_reversed: bool, must_correct: bool, is_selected: bool
) -> str:
    """Advise on what became of the claim to rank leads, perhaps the wrong way round.

    `is_selected` where outcomes come from a part of the scores, among which any order looks worse.
    """
    if claim == "luck":
        return "Its order is hardly better than chance. Do not rely on it; more outcomes may help."
    if claim != "failed":
        return ""
    if must_correct:
        return f"It ranks leads worse than it claimed. {CORRECT}"
    if is_reversed:
        return (
            "It ranks leads the wrong way round: go back to an earlier version, and check whether"
            " outcomes are recorded the right way round before you train."
        )
    if is_selected:
        return (
            "It ranks the leads with an outcome worse than it claimed for all. Work some leads of"
            " all scores first: among the best alone any model ranks worse."
        )
    return f"It ranks leads worse than it claimed. {RETRAIN} Or go back to an earlier version."


def of_scores(verdict: Verdict, *, must_correct: bool) -> str:
    """Advise on leads whose scores are spread otherwise."""
    remedy = CORRECT if must_correct else RETRAIN
    return {
        "look": "New leads differ from earlier ones, or their values do. Look at the fields.",
        "act": f"The model is used on leads unlike those it knows. {remedy}",
    }.get(verdict, "")


def _times(factor: float) -> str:
    """Write a factor with two digits, which is what units differ by."""
    times = max(factor, 1 / factor)
    return (
        f"about {number_text(float(f'{times:.2g}'))} times {'larger' if factor > 1 else 'smaller'}"
    )


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
