"""What the monitors found, in words: for each measure what it means and what to do."""

from dataclasses import asdict
from typing import Any, NamedTuple

from ml.fields.fields_file import Fields
from ml.gate.gate import GROUPS
from ml.gate.intervals import interval_text
from ml.monitoring import claims, drift, performance
from ml.monitoring.causes import cause_of
from ml.monitoring.drift import Drift, Verdict
from ml.monitoring.performance import LiveAuc
from webapp.services.models import monitor_words
from webapp.services.models.monitor_samples import Samples
from webapp.stored import Metrics

# From calm to urgent.
VERDICTS: tuple[Verdict, ...] = ("unknown", "good", "look", "act")
# What leads alone show says that little has changed, not that the version is any good.
JUDGED_BY_OUTCOMES = ("calibration", "live_auc")
MET: dict[claims.Verdict, Verdict] = {
    "early": "unknown",
    "luck": "look",
    "holds": "good",
    "failed": "act",
}
MAX_NAMED = 3
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
    changed = field_drift(samples, fields)
    causes = (each.get("cause") for each in changed.figures.get("fields", {}).values())
    must_correct = monitor_words.needs_correction(causes)
    chosen = selection(samples)
    ranking = live_auc(samples, must_correct=must_correct, is_selected=chosen.is_warning)
    return [
        calibration(samples, ranking.verdict),
        ranking,
        score_drift(samples, must_correct=must_correct),
        changed,
        chosen,
    ]


def calibration(samples: Samples, ranking: Verdict) -> Finding:
    """Whether as many leads convert as the scores predict; `ranking` is the verdict on that."""
    evidence = samples.of_level
    found = performance.calibration_in_the_large(evidence.outcomes if evidence else [])
    if evidence is None:
        sentence = (
            "Leads have not been followed for long enough to tell how many convert in the end."
        )
    elif found.verdict == "unknown":
        sentence = (
            f"{found.n:,} outcomes of leads scored from their beginning since version"
            f" {samples.champion.name} went live; {performance.MIN_OUTCOMES} are needed."
        )
    else:
        sentence = f"{found.text}."
    level = "low" if found.z > 0 else "high"
    advised = monitor_words.of_calibration(found.verdict, ranking, level)
    figures = asdict(found) | ({} if found.n else dict.fromkeys(("expected", "z")))
    return Finding("calibration", "Calibration", found.verdict, sentence, advised, figures)


def live_auc(samples: Samples, *, must_correct: bool, is_selected: bool) -> Finding:
    """Whether leads are ranked as well as was claimed."""
    measured, matured = samples.learned.measured, samples.of_order.outcomes
    claimed = claims.Interval(*measured.claimed_auc) if measured else None
    met = claims.meet(claimed, matured, samples.told.outcomes)
    live, newest = met.live, met.newest
    if live.auc is None or not live.is_enough:
        sentence = (
            f"{live.n_converted:,} converted and {live.n_lost:,} lost leads that it did not learn"
            f" from had time to end either way; {performance.MIN_EACH_CLASS} of each are needed."
        )
    else:
        sentence = f"{_measured(live)} that were {samples.were_decided}."
    if claimed and measured:
        sentence += (
            f" It claimed {claimed.value:.2f} ({interval_text(*claimed[1:])}) when it was made, on"
            f" {measured.n:,} others."
        )
    if newest:
        sentence += f" Of the newest alone: {_measured(newest)}."
    advised = monitor_words.of_ranking(
        met.verdict,
        is_reversed=any(
            each is not None and each.high is not None and each.high < NO_ORDER
            for each in (live, newest)
        ),
        must_correct=must_correct,
        is_selected=is_selected,
    )
    figures = asdict(live) | {
        "claimed": claimed,
        "newest": asdict(newest) if newest else None,
        "claim": met.verdict,
        **claims.outcome_of(matured, samples.card.grade),
        "closing_days": samples.delays.mature_days(),
    }
    return Finding("live_auc", "Ranking", MET[met.verdict], sentence, advised, figures)


def score_drift(samples: Samples, *, must_correct: bool) -> Finding:
    """Whether scores are spread as they were over the leads learned from."""
    title, references = "Scores of new leads", _score_references(samples.learned.measured)
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
    advised = monitor_words.of_scores(found.verdict, must_correct=must_correct)
    return Finding("score_drift", title, found.verdict, sentence, advised, _figures(found))


def field_drift(samples: Samples, fields: Fields) -> Finding:
    """Whether each field's values are spread as they were over the leads learned from."""
    title, card = "Fields of new leads", samples.card
    terms = {term.field: drift.with_absent(term, card.n_leads) for term in card.terms}
    values = {name: [lead.inputs.get(name) for lead in samples.recent] for name in terms}
    counted = {name: drift.term_bins(term, values[name]) for name, term in terms.items()}
    known = {name: bins for name, bins in counted.items() if bins is not None}
    found = {name: drift.judge(bins, n_compared=len(known)) for name, bins in known.items()}
    if not found:
        return _no_reference("field_drift", title, samples)
    worst = sorted(found, key=lambda name: -found[name].psi / found[name].look)
    verdict = max((each.verdict for each in found.values()), key=VERDICTS.index)
    drifted = [name for name in worst if found[name].verdict in {"look", "act"}]
    causes = [
        (fields[name].label if name in fields else name, cause_of(terms[name], values[name]))
        for name in drifted
    ]
    named = [monitor_words.happened(label, cause) for label, cause in causes[:MAX_NAMED]]
    more = f" and {len(drifted) - MAX_NAMED} more" if len(drifted) > MAX_NAMED else ""
    top = found[worst[0]]
    sentence = _few(top) or (
        f"Changed since training: {', '.join(named)}{more}."
        if drifted
        else f"All {len(found)} fields are spread as in the leads it learned from."
    )
    advised = monitor_words.of_fields(causes, is_critical=verdict == "act")
    by_field = {name: _figures(each) for name, each in found.items()}
    for name, (_, cause) in zip(drifted, causes, strict=True):
        by_field[name]["cause"] = cause.kind
    figures = {"psi": _figures(top)["psi"], "fields": by_field}
    return Finding("field_drift", title, verdict, sentence, advised, figures)


def selection(samples: Samples) -> Finding:
    """Whether outcomes come from all leads, or from a part that the scores have chosen."""
    bins = drift.coarse(samples.scored_by_score, samples.labelled_by_score)
    found = drift.judge(bins)
    # Between the two limits nothing is said: outcomes never come evenly from all leads.
    verdict: Verdict = {"look": "good", "act": "look"}.get(found.verdict, found.verdict)  # type: ignore[assignment]
    sentence = (
        f"{found.n_recent:,} of {found.n_reference:,} leads have an outcome;"
        f" {drift.MIN_LEADS} are needed."
        if verdict == "unknown"
        else f"The {found.n_recent:,} leads with an outcome are scored"
        f" {'differently from' if verdict == 'look' else 'like'} all {found.n_reference:,} leads"
        f" (PSI {found.psi:.2f})."
    )
    advice = (
        "Outcomes come from a part of the leads only, so the next model learns little about the"
        " others. Work some leads with low scores, too, and record what becomes of them."
    )
    title, advised = "Where outcomes come from", advice if verdict == "look" else ""
    return Finding("selection", title, verdict, sentence, advised, _figures(found))


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
    sentence = (
        f"Version {samples.learned.name} was not trained on leads, so there is nothing to"
        " compare with."
    )
    return Finding(name, title, "unknown", sentence, "", {})


def _few(found: Drift) -> str:
    if found.verdict != "unknown":
        return ""
    return (
        f"It learned from {found.n_reference:,} leads, and {found.n_recent:,} were scored lately;"
        f" {drift.MIN_LEADS} of each are needed."
    )


def _figures(found: Drift) -> dict[str, Any]:
    is_measured = found.n_reference and found.n_recent
    return asdict(found) | {"verdict": found.verdict, "psi": found.psi if is_measured else None}


def _measured(found: LiveAuc) -> str:
    interval = interval_text(found.low, found.high)
    n = found.n_converted + found.n_lost
    of_groups = f" of {found.n_groups:,} {GROUPS}" if found.n_groups < n else ""
    bounds = f" ({interval})" if interval else ""
    return f"AUC {found.auc:.2f}{bounds} on {n:,} leads{of_groups}"
