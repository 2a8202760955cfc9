"""Sentences about sync runs: what kind of run it is, what began it, what it has done."""

from flask import Flask

from ml.fields.fields_file import Fields
from webapp.pages.crm import words
from webapp.services.crm.sync_runs import SyncResult, mode
from webapp.tables import Run

MODES = {
    "live": "Sync",
    "dry": "Dry run",
    "check": "Connection test",
    "sample": "Mapping test",
    "reconcile": "Reconciliation",
}
TRIGGERS = {"clock": "on schedule", "settings": "after new settings"}
# Counts of a run in the order in which they are told: name, one, many, in the words of the CRM.
COUNTS = (
    ("leads_read", "lead read", "leads read"),
    ("leads_new", "new lead", "new leads"),
    ("leads_changed", "lead changed", "leads changed"),
    ("leads_scored", "lead scored", "leads scored"),
    ("leads_aged", "lead rescored for its age", "leads rescored for their age"),
    ("leads_erased", "lead erased", "leads erased"),
    ("deals_read", "{deal} read", "{deals} read"),
    ("deals_changed", "{deal} changed", "{deals} changed"),
    ("converted", "converted", "converted"),
    ("lost", "lost", "lost"),
    ("never_worked", "not worked", "not worked"),
    ("withdrawn", "outcome withdrawn", "outcomes withdrawn"),
    ("conflicts", "conflict", "conflicts"),
    ("unmatched", "unmatched {deal}", "unmatched {deals}"),
    ("scores_due", "score to write", "scores to write"),
    ("scores_written", "score written", "scores written"),
    ("scores_rejected", "score rejected", "scores rejected"),
    ("scores_to_retry", "score to retry", "scores to retry"),
    ("scores_unwanted", "score skipped", "scores skipped"),
)
# What a summary leaves out: it says what has changed, not what was looked at.
LOOKED_AT = {
    "leads_read",
    "deals_read",
    "deals_changed",
    "leads_scored",
    "scores_due",
}
WRONG = "wrong:"


def init_app(app: Flask) -> None:
    """Give the templates what they tell of runs."""
    app.add_template_filter(SyncResult.of, "sync_result")
    for function in (summary, mode_label, trigger_label):
        app.add_template_filter(function)


def mode_label(run: Run) -> str:
    """What kind of run it is, for people."""
    return MODES.get(mode(run), mode(run))


def trigger_label(run: Run) -> str:
    """What made the run begin."""
    if run.trigger == "hint" and run.requested_by == "worker":
        return f"after news from {words.crm().name}"
    if run.trigger == "hint":
        return f"after a change by {run.requested_by}"
    return TRIGGERS.get(run.trigger, f"by {run.requested_by}")


def counts(result: SyncResult, fields: Fields) -> list[tuple[int, str]]:
    """All that a run has counted: numbers with their labels."""
    told = [(result.counts[n], label) for n, label in _labels(result)]
    wrong = {n.removeprefix(WRONG): k for n, k in result.counts.items() if n.startswith(WRONG)}
    labels = {name: fields[name].label if name in fields else name for name in wrong}
    return told + [(n, f"outside the rule of {labels[name]}") for name, n in wrong.items()]


def summary(run: Run) -> str:
    """What a run has changed, or found, in one line."""
    if run.error:
        return run.error
    result = SyncResult.of(run)
    if result.checks is not None:
        named = {"Failed": result.failed_checks, "Warning": result.warned_checks}
        told = [
            f"{word}: {', '.join(c.name for c in found)}" for word, found in named.items() if found
        ]
        return ". ".join(told) or "All checks passed"
    if result.sample is not None:
        return f"{len(result.sample.leads)} leads tested"
    changed = [
        f"{result.counts[name]:,} {label}"
        for name, label in _labels(result)
        if name not in LOOKED_AT
    ]
    effect = ", ".join(changed)
    if effect and mode(run) == "dry":
        effect = f"would bring {effect}"
    text = "; ".join(filter(None, [effect, ", ".join(_rule_changes(result))])) or "Nothing new"
    return text if result.stopped is None else f"{text}. {result.stopped}"


def _rule_changes(result: SyncResult) -> list[str]:
    """What changed rules would do, as a dry run has found."""
    found = result.rule_changes
    if found is None:
        return []
    told = [
        (found.outcomes_gained, "would get an outcome"),
        (found.outcomes_lost, "would lose their outcome"),
        (found.outcomes_changed, "would get another outcome"),
        (found.statuses_changed, "would change status"),
    ]
    return [f"{n:,} {what}" for n, what in told if n]


def _labels(result: SyncResult) -> list[tuple[str, str]]:
    counts, kind = result.counts, words.crm()
    told = [(n, one if counts[n] == 1 else many) for n, one, many in COUNTS if counts[n]]
    return [(n, label.format(deal=kind.deal, deals=kind.deals)) for n, label in told]
