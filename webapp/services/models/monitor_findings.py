"""What the monitors found, in words: for each measure what it means and what to do."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from ml.fields.fields_file import Fields
from ml.gate.gate import GROUPS
from ml.gate.intervals import interval_text
from ml.monitoring import claims, drift, performance
from ml.monitoring.causes import Cause, cause_of, is_coming_in, is_unlearned
from ml.monitoring.drift import Drift, Verdict
from ml.monitoring.performance import LiveAuc
from ml.sentences import Figure, gettext
from webapp.services.models import monitor_words
from webapp.services.models.monitor_samples import Samples
from webapp.services.models.monitor_words import State
from webapp.stored import Metrics

# From calm to urgent.
VERDICTS: tuple[Verdict, ...] = ("unknown", "good", "look", "act")
# What leads alone show says that little has changed, not that the version is any good.
JUDGED_BY_OUTCOMES = ("calibration", "live_auc")
MET: dict[claims.Verdict, Verdict] = {
    "early": "unknown",
    "luck": "look",
    "holds": "good",
    "doubtful": "look",
    "failed": "act",
}
NO_ORDER = 0.5  # the AUC of scores that say nothing


class Finding(NamedTuple):
    """One measure: its verdict, what was found, what to do about it, and its figures."""

    name: str
    title: str
    verdict: Verdict
    sentence: str
    advice: str
    figures: dict[str, Any]

    @property
    def is_warning(self) -> bool:
        return self.verdict in {"look", "act"}


def all_of(samples: Samples, fields: Fields) -> list[Finding]:
    """Take every measure of the live version, in the order in which they are shown."""
    level, ranking, scores = calibration(samples), live_auc(samples), score_drift(samples)
    chosen, (changed, causes) = selection(samples), field_drift(samples, fields)
    state = State(
        calibration=level.verdict,
        level="low" if (level.figures["z"] or 0) > 0 else "high",
        claim=ranking.figures["claim"],
        is_reversed=_is_reversed(ranking.figures),
        scores=scores.verdict,
        fields=changed.verdict,
        causes=causes,
        is_selected=chosen.is_warning,
    )
    advice = monitor_words.advice(state)
    findings = (level, ranking, scores, changed, chosen)
    return [finding._replace(advice=advice[finding.name]) for finding in findings]


def _is_reversed(ranking: dict[str, Any]) -> bool:
    """Whether leads, or the newest of them, are surely ranked worse than by luck."""
    ends = [each["high"] for each in (ranking, ranking["newest"]) if each is not None]
    return any(end is not None and end < NO_ORDER for end in ends)


def calibration(samples: Samples) -> Finding:
    """Whether as many leads convert as the scores predict."""
    evidence = samples.of_level
    found = performance.calibration_in_the_large(evidence.outcomes if evidence else [])
    verdict = "act" if evidence and evidence.is_partly_learned else found.verdict
    if evidence is None:
        sentence = gettext(
            "Leads have not been followed for long enough to tell how many convert in the end."
        )
    elif found.verdict == "unknown":
        sentence = gettext(
            "%(n)s outcomes of leads scored from their beginning since version "
            "%(name)s went live; %(MIN_OUTCOMES)s are needed.",
            n=Figure(f"{found.n:,}"),
            name=samples.champion.name,
            MIN_OUTCOMES=performance.MIN_OUTCOMES,
        )
    else:
        sentence = f"{found.text}."
    figures = asdict(found) | ({} if found.n else dict.fromkeys(("expected", "z")))
    return Finding("calibration", "Calibration", verdict, sentence, "", figures)


def live_auc(samples: Samples) -> Finding:
    """Whether leads are ranked as well as was claimed."""
    measured, matured = samples.learned.measured, samples.of_order.outcomes
    claimed = claims.Interval(*measured.claimed_auc) if measured else None
    met = samples.met
    live, newest = met.live, met.newest
    is_told = live.auc is not None and live.is_enough
    if not is_told:
        sentence = gettext(
            "Of the leads that had the time to end either way, %(n_converted)s "
            "converted and %(n_lost)s were lost %(after_what)s; %(MIN_EACH_CLASS)s "
            "of each are needed.",
            n_converted=Figure(f"{live.n_converted:,}"),
            n_lost=Figure(f"{live.n_lost:,}"),
            after_what=samples.after_what,
            MIN_EACH_CLASS=performance.MIN_EACH_CLASS,
        )
    else:
        sentence = gettext(
            "%(measured)s that were decided %(after_what)s.",
            measured=_measured(live),
            after_what=samples.after_what,
        )
    if claimed and measured:
        sentence += (
            f" When it was made it claimed AUC {claimed.value:.2f} ({interval_text(*claimed[1:])}),"
            f" on {measured.n:,} leads decided before"
            f"{': other leads at another time never give quite the same' if is_told else ''}."
        )
    if newest:
        sentence += gettext(" Of the newest alone: %(measured)s.", measured=_measured(newest))
    figures = asdict(live) | {
        "claimed": claimed,
        "newest": asdict(newest) if newest else None,
        "claim": met.verdict,
        **claims.outcome_of(matured, samples.card.grade),
        "closing_days": samples.delays.mature_days(),
    }
    return Finding("live_auc", "Ranking", MET[met.verdict], sentence, "", figures)


def score_drift(samples: Samples) -> Finding:
    """Whether scores are spread as they were over the leads learned from."""
    title, references = gettext("Scores of new leads"), _score_references(samples.learned.measured)
    if not references:
        return _no_reference("score_drift", title, samples)
    # On the scale of the version that was learned: a recalibration is no drift.
    recent = [samples.learned_card.score(lead.inputs).probability for lead in samples.recent]
    found = min(
        (drift.judge(drift.coarse(each, drift.histogram(recent))) for each in references),
        key=lambda each: each.psi / each.look,
    )
    sentence = _few(found) or (
        f"The scores of the last {found.n_recent:,} leads"
        f" {'differ from' if found.verdict != 'good' else 'are spread like'} those of the"
        f" {found.n_reference:,} it learned from (PSI {found.psi:.2f})."
    )
    return Finding("score_drift", title, found.verdict, sentence, "", _figures(found))


def field_drift(samples: Samples, fields: Fields) -> tuple[Finding, tuple[tuple[str, Cause], ...]]:
    """Whether each field's values are spread as they were over the leads learned from.

    With the likely cause by label of each that is not, the worst first.
    """
    title, card = gettext("Fields of new leads"), samples.card
    terms = {term.field: drift.with_absent(term, card.n_leads) for term in card.terms}
    values = {name: [lead.inputs.get(name) for lead in samples.recent] for name in terms}
    labels = {name: fields[name].label if name in fields else name for name in terms}
    counted = {name: drift.term_bins(term, values[name]) for name, term in terms.items()}
    known = {name: bins for name, bins in counted.items() if bins is not None}
    if not known:
        return _no_reference("field_drift", title, samples), ()
    unlearned = [name for name in known if is_unlearned(terms[name])]
    found = {
        name: drift.judge(bins, n_compared=len(known))
        for name, bins in known.items()
        if name not in unlearned
    }
    worst = sorted(found, key=lambda name: -found[name].psi / found[name].look)
    verdicts = [each.verdict for each in found.values()] or ["unknown"]
    verdict = max(verdicts, key=VERDICTS.index)
    drifted = [name for name in worst if found[name].verdict in {"look", "act"}]
    causes = {name: cause_of(terms[name], values[name]) for name in drifted}
    told = tuple((labels[name], cause) for name, cause in causes.items())
    coming_in = [labels[name] for name in unlearned if is_coming_in(terms[name], values[name])]
    sentence = (found and _few(found[worst[0]])) or " ".join(
        part for part in (_changed(told, len(found)), monitor_words.coming_in(coming_in)) if part
    )
    by_field = {name: _figures(each) for name, each in found.items()}
    for name, cause in causes.items():
        by_field[name]["cause"] = cause.kind
    figures = {"psi": _figures(found[worst[0]])["psi"] if found else None, "fields": by_field}
    return Finding("field_drift", title, verdict, sentence, "", figures), told


def _changed(causes: Sequence[tuple[str, Cause]], n_fields: int) -> str:
    if causes:
        named = [monitor_words.happened(*each) for each in causes]
        return gettext("Changed since training: %(listed)s.", listed=monitor_words.listed(named))
    return (
        gettext(
            "All %(n_fields)s fields are spread as in the leads it learned from.", n_fields=n_fields
        )
        if n_fields
        else ""
    )


def selection(samples: Samples) -> Finding:
    """Whether outcomes come from all leads, or from a part that the scores have chosen."""
    bins = drift.coarse(samples.scored_by_score, samples.labelled_by_score)
    found = drift.judge(bins)
    # Between the two limits nothing is said: outcomes never come evenly from all leads.
    verdict: Verdict = {"look": "good", "act": "look"}.get(found.verdict, found.verdict)  # type: ignore[assignment]
    sentence = (
        gettext(
            "%(n_recent)s of %(n_reference)s leads have an outcome; %(MIN_LEADS)s are needed.",
            n_recent=Figure(f"{found.n_recent:,}"),
            n_reference=Figure(f"{found.n_reference:,}"),
            MIN_LEADS=drift.MIN_LEADS,
        )
        if verdict == "unknown"
        else f"The {found.n_recent:,} leads with an outcome are scored"
        f" {'differently from' if verdict == 'look' else 'like'} all {found.n_reference:,} leads"
        f" (PSI {found.psi:.2f})."
    )
    return Finding(
        "selection", gettext("Where outcomes come from"), verdict, sentence, "", _figures(found)
    )


def verdict_of(findings: list[Finding]) -> Verdict:
    """The most urgent of them; good only where outcomes could show calibration or ranking."""
    worst = max((finding.verdict for finding in findings), key=VERDICTS.index)
    by_outcomes = {f.verdict for f in findings if f.name in JUDGED_BY_OUTCOMES}
    return "unknown" if worst == "good" and by_outcomes == {"unknown"} else worst


def _score_references(metrics: Metrics | None) -> list[list[int]]:
    """The scores of the leads learned from, out of fold and as served; drift is what both show."""
    if metrics is None or metrics.served_scores is None:
        return []
    out_of_fold = zip(metrics.histogram.converted, metrics.histogram.lost, strict=True)
    return [metrics.served_scores, [sum(pair) for pair in out_of_fold]]


def _no_reference(name: str, title: str, samples: Samples) -> Finding:
    sentence = gettext(
        "Version %(name)s was not trained on leads, so there is nothing to compare with.",
        name=samples.learned.name,
    )
    return Finding(name, title, "unknown", sentence, "", {})


def _few(found: Drift) -> str:
    if found.verdict != "unknown":
        return ""
    return gettext(
        "It learned from %(n_reference)s leads, and %(n_recent)s were scored "
        "lately; %(MIN_LEADS)s of each are needed.",
        n_reference=Figure(f"{found.n_reference:,}"),
        n_recent=Figure(f"{found.n_recent:,}"),
        MIN_LEADS=drift.MIN_LEADS,
    )


def _figures(found: Drift) -> dict[str, Any]:
    is_measured = found.n_reference and found.n_recent
    return asdict(found) | {"verdict": found.verdict, "psi": found.psi if is_measured else None}


def _measured(found: LiveAuc) -> str:
    interval = interval_text(found.low, found.high)
    n = found.n_converted + found.n_lost
    of_groups = (
        gettext(
            " of %(n_groups)s %(GROUPS)s", n_groups=Figure(f"{found.n_groups:,}"), GROUPS=GROUPS
        )
        if found.n_groups < n
        else ""
    )
    bounds = f" ({interval})" if interval else ""
    return gettext(
        "AUC %(auc)s%(bounds)s on %(n)s leads%(of_groups)s",
        auc=Figure(f"{found.auc:.2f}"),
        bounds=bounds,
        n=Figure(f"{n:,}"),
        of_groups=of_groups,
    )
