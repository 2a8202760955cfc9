"""Sentences about sync runs: what kind of run it is, what began it, what it has done."""

from flask import Flask

from ml.fields.fields_file import Fields
from ml.sentences import Figure, gettext, joined, mark_plural, ngettext
from webapp.pages.crm import words
from webapp.services.crm.sync_runs import SyncResult, mode
from webapp.tables import Run

MODES = {
    "live": "Sync",
    "dry": gettext("Dry run"),
    "check": gettext("Connection test"),
    "sample": gettext("Mapping test"),
    "reconcile": gettext("Reconciliation"),
}
TRIGGERS = {"clock": gettext("on schedule"), "settings": gettext("after new settings")}
# Counts of a run in the order in which they are told: name, one, many, in the words of the CRM.
COUNTS = (
    ("leads_read", *mark_plural("lead read", "leads read")),
    ("leads_new", *mark_plural("new lead", "new leads")),
    ("leads_changed", *mark_plural("lead changed", "leads changed")),
    ("leads_scored", *mark_plural("lead scored", "leads scored")),
    ("leads_aged", *mark_plural("lead rescored for its age", "leads rescored for their age")),
    ("leads_erased", *mark_plural("lead erased", "leads erased")),
    ("deals_read", *mark_plural("%(deal)s read", "%(deals)s read")),
    ("deals_changed", *mark_plural("%(deal)s changed", "%(deals)s changed")),
    ("converted", *mark_plural("converted", "converted")),
    ("lost", *mark_plural("lost", "lost")),
    ("never_worked", *mark_plural("not worked", "not worked")),
    ("withdrawn", *mark_plural("outcome withdrawn", "outcomes withdrawn")),
    ("conflicts", *mark_plural("conflict", "conflicts")),
    ("unmatched", *mark_plural("unmatched %(deal)s", "unmatched %(deals)s")),
    ("scores_due", *mark_plural("score to write", "scores to write")),
    ("scores_written", *mark_plural("score written", "scores written")),
    ("scores_rejected", *mark_plural("score rejected", "scores rejected")),
    ("scores_to_retry", *mark_plural("score to retry", "scores to retry")),
    ("scores_unwanted", *mark_plural("score skipped", "scores skipped")),
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
        return gettext("after news from %(name)s", name=words.crm().name)
    if run.trigger == "hint":
        return gettext("after a change by %(requested_by)s", requested_by=run.requested_by)
    return TRIGGERS.get(run.trigger, gettext("by %(who)s", who=run.requested_by))


def counts(result: SyncResult, fields: Fields) -> list[tuple[int, str]]:
    """All that a run has counted: numbers with their labels."""
    told = [(result.counts[n], label) for n, label in _labels(result)]
    wrong = {n.removeprefix(WRONG): k for n, k in result.counts.items() if n.startswith(WRONG)}
    labels = {name: fields[name].label if name in fields else name for name in wrong}
    return told + [
        (n, gettext("outside the rule of %(field)s", field=labels[name]))
        for name, n in wrong.items()
    ]


def summary(run: Run) -> str:
    """What a run has changed, or found, in one line."""
    if run.error:
        return run.error
    result = SyncResult.of(run)
    if result.checks is not None:
        failed, warned = (
            joined([c.name for c in found], ", ")
            for found in (result.failed_checks, result.warned_checks)
        )
        told = [
            failed and gettext("Failed: %(checks)s", checks=failed),
            warned and gettext("Warning: %(checks)s", checks=warned),
        ]
        return joined(told, ". ") or gettext("All checks passed")
    if result.sample is not None:
        return ngettext("%(n)s lead tested", "%(n)s leads tested", len(result.sample.leads))
    changed = [
        joined([Figure(f"{result.counts[name]:,}"), label])
        for name, label in _labels(result)
        if name not in LOOKED_AT
    ]
    effect = joined(changed, ", ")
    if effect and mode(run) == "dry":
        effect = gettext("would bring %(effect)s", effect=effect)
    text = joined([effect, joined(_rule_changes(result), ", ")], "; ") or gettext("Nothing new")
    return joined([text, result.stopped or ""], ". ")


def _rule_changes(result: SyncResult) -> list[str]:
    """What changed rules would do, as a dry run has found."""
    found = result.rule_changes
    if found is None:
        return []
    told = [
        (found.outcomes_gained, gettext("would get an outcome")),
        (found.outcomes_lost, gettext("would lose their outcome")),
        (found.outcomes_changed, gettext("would get another outcome")),
        (found.statuses_changed, gettext("would change status")),
    ]
    return [joined([Figure(f"{n:,}"), what]) for n, what in told if n]


def _labels(result: SyncResult) -> list[tuple[str, str]]:
    counts, kind = result.counts, words.crm()
    return [
        (n, ngettext(one, many, counts[n], deal=kind.deal, deals=kind.deals))
        for n, one, many in COUNTS
        if counts[n]
    ]
