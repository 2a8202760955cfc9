"""What has probably happened to a field whose values have changed, in words, and what to do."""

from collections.abc import Sequence

from ml.fields.types import number_text, value_text
from ml.monitoring.causes import Cause, Kind

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


def advice(causes: Sequence[tuple[str, Cause]], *, is_critical: bool) -> str:
    """Say where to look first, and whether to train, of changed fields by label, the worst first.

    Empty where none has changed.
    """
    wrong = [pair for pair in causes if pair[1].kind in CORRECT_FIRST]
    for label, cause in (wrong or causes)[:1]:
        first = FIRST_STEPS[cause.kind].format(label=label)
        return f"{first} {RETRAIN}" if is_critical and not wrong else first
    return ""


def _times(factor: float) -> str:
    """Write a factor with two digits, which is what units differ by."""
    times = max(factor, 1 / factor)
    return (
        f"about {number_text(float(f'{times:.2g}'))} times {'larger' if factor > 1 else 'smaller'}"
    )


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
