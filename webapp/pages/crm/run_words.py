"""What a run of the sync has done, in words."""

from collections.abc import Mapping

from flask import Flask

from ml.fields.fields_file import Fields
from webapp.tables import Run

MODES = {
    "live": "Sync",
    "dry": "Dry run",
    "check": "Test of the connection",
    "sample": "Look at some leads",
    "reconcile": "Reconciliation",
}
TRIGGERS = {"clock": "by the clock", "hint": "after a hint", "settings": "after new settings"}
# Counts of a run in the order in which they are told: name, one, many.
COUNTS = (
    ("leads_read", "lead read", "leads read"),
    ("leads_new", "new lead", "new leads"),
    ("leads_changed", "lead changed", "leads changed"),
    ("leads_scored", "lead scored", "leads scored"),
    ("leads_aged", "lead scored again for its age", "leads scored again for their age"),
    ("leads_erased", "lead erased", "leads erased"),
    ("opportunities_read", "opportunity read", "opportunities read"),
    ("opportunities_changed", "opportunity changed", "opportunities changed"),
    ("converted", "converted", "converted"),
    ("lost", "lost", "lost"),
    ("never_worked", "never worked", "never worked"),
    ("withdrawn", "outcome withdrawn", "outcomes withdrawn"),
    ("conflicts", "conflict", "conflicts"),
    ("unmatched", "unmatched opportunity", "unmatched opportunities"),
    ("scores_due", "score to write", "scores to write"),
    ("scores_written", "score written", "scores written"),
    ("scores_refused", "score refused", "scores refused"),
    ("scores_put_off", "score to try again", "scores to try again"),
    ("scores_unwanted", "score of a lead that takes none", "scores of leads that take none"),
)
# What a summary leaves out: it says what has changed, not what was looked at.
LOOKED_AT = {
    "leads_read",
    "opportunities_read",
    "opportunities_changed",
    "leads_scored",
    "scores_due",
}
WRONG = "wrong:"


def init_app(app: Flask) -> None:
    """Make the words known to the templates."""
    for function in (summary, mode_in_words, trigger_in_words):
        app.add_template_filter(function)


def mode_of(run: Run) -> str:
    """What kind of run it is; one by the clock says nothing."""
    mode: str = run.task.get("mode", "live")
    return mode


def mode_in_words(run: Run) -> str:
    """What kind of run it is, for people."""
    return MODES.get(mode_of(run), mode_of(run))


def trigger_in_words(run: Run) -> str:
    """What made the run begin."""
    return TRIGGERS.get(run.trigger, f"by {run.requested_by}")


def counts(run: Run, fields: Fields) -> list[tuple[int, str]]:
    """All that a run has counted: numbers with their words."""
    found: Mapping[str, int] = run.result.get("counts", {})
    told = [(found[n], one if found[n] == 1 else many) for n, one, many in COUNTS if found.get(n)]
    wrong = {n.removeprefix(WRONG): k for n, k in found.items() if n.startswith(WRONG)}
    labels = {name: fields[name].label if name in fields else name for name in wrong}
    return told + [(n, f"outside the rule of {labels[name]}") for name, n in wrong.items()]


def summary(run: Run) -> str:
    """What a run has changed, or found, in one line."""
    if run.error:
        return run.error
    result = run.result
    if "checks" in result:
        bad = [check["name"] for check in result["checks"] if not check["is_good"]]
        return f"Not right: {', '.join(bad)}" if bad else "Everything is there"
    if "sample" in result:
        return f"{len(result['sample']['leads'])} leads looked at"
    found: Mapping[str, int] = result.get("counts", {})
    told = [
        f"{found[name]:,} {one if found[name] == 1 else many}"
        for name, one, many in COUNTS
        if found.get(name) and name not in LOOKED_AT
    ]
    text = ", ".join(told) or "Nothing new"
    return f"{text}. {result['stopped']}" if "stopped" in result else text
