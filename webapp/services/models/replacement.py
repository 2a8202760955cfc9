"""A live version that ranks leads surely wrong: which earlier one takes its place at once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from ml.monitoring.performance import ScoredOutcome, errors_below, live_auc
from ml.sentences import Figure, gettext
from webapp.services.demo import demo_leads
from webapp.services.models import lifecycle, registry
from webapp.services.models.monitor_samples import Samples

LUCK = 0.5  # the AUC of scores that say nothing
SURELY = 3.0  # standard errors: a check looks every hour
MAX_TRIED = 10  # versions, the newest that were live
STARTER = "1.0"
BEGINNING = datetime.fromtimestamp(0, UTC)


class Replacement(NamedTuple):
    """The version that takes over, and why, in words."""

    name: str
    sentence: str


def needed(session: Session, samples: Samples) -> Replacement | None:
    """Find the best version once live that does not rank surely worse than luck or version 1.0.

    None unless the live version does, on leads old enough for slow outcomes, ten of each kind; and
    where even the best ranks them worse than luck, if perhaps by chance.
    """
    leads, outcomes = samples.of_order.leads, samples.of_order.outcomes
    measured = live_auc(outcomes)
    if not measured.is_enough:
        return None

    def scores(name: str) -> list[float]:
        card = registry.scorecard(session, registry.version(session, name))
        return [card.score(lead.inputs).probability for lead in leads]

    yardsticks = {"by chance": [0.5] * len(leads), "the starter model": scores(STARTER)}

    def behind(own: Sequence[ScoredOutcome]) -> str | None:
        found = (what for what, others in yardsticks.items() if errors_below(own, others) > SURELY)
        return next(found, None)

    what = behind(outcomes)
    if what is None:
        return None
    tried = {
        name: [
            outcome._replace(score=score)
            for outcome, score in zip(outcomes, scores(name), strict=True)
        ]
        for name in _once_live(session, samples.champion.key)
    }
    aucs = {name: live_auc(each).auc or 0.0 for name, each in tried.items() if behind(each) is None}
    if max(aucs.values(), default=0.0) < LUCK:
        return None
    best = max(aucs, key=lambda name: aucs[name])
    order = (
        gettext("ranks leads worse than the starter model")
        if what != "by chance"
        else gettext("ranks leads wrongly")
    )
    auc = measured.auc or 0.0
    sentence = gettext(
        "Version %(name)s surely %(order)s (AUC %(auc)s on %(n)s outcomes); "
        "version %(best)s (%(aucs)s) replaces it now.",
        name=samples.champion.name,
        order=order,
        auc=Figure(f"{auc:.2f}"),
        n=Figure(f"{len(leads):,}"),
        best=best,
        aucs=Figure(f"{aucs[best]:.2f}"),
    )
    return Replacement(best, sentence)


def _once_live(session: Session, champion_key: int) -> list[str]:
    """Name the versions made before the champion that were live, the newest first, and 1.0."""
    names = {STARTER} | {
        name
        for switch in lifecycle.switches(session, BEGINNING)
        for name in (switch.before, switch.after)
    }
    versions = [registry.version(session, name) for name in names]
    is_demo = demo_leads.are_here(session)
    # What was learned from invented leads never scores real ones.
    found = [v for v in versions if is_demo or not v.training.get("is_demo")]
    earlier = sorted((v for v in found if v.key < champion_key), key=lambda v: -v.key)
    newest = [version.name for version in earlier if version.name != STARTER][:MAX_TRIED]
    return [*newest, *(version.name for version in earlier if version.name == STARTER)]
