"""How good the queue is, which only a made-up company can tell: it knows who will buy."""

import threading
from collections.abc import Mapping

import sqlalchemy as sa

from demo.salesforce.company import Fate
from ml.gate.intervals import interval_text
from ml.monitoring.performance import ScoredOutcome, live_auc
from webapp.database import Session, read
from webapp.services.models import registry
from webapp.tables import Lead, Score

HIGH = 0.9
EVERY_SECONDS = 300


def tell(fates: Mapping[str, Fate], stopping: threading.Event) -> None:
    """Print every five minutes, and at the end, how good the queue is; within an app's context."""
    while not stopping.wait(EVERY_SECONDS):
        print(read(lambda session: of_queue(session, fates)), flush=True)
    print(read(lambda session: of_queue(session, fates)), flush=True)


def of_queue(session: Session, fates: Mapping[str, Fate]) -> str:
    """Compare the order of the open leads with who of them will buy.

    Nothing could rank them better, on average, than the probabilities by which it was drawn.
    """
    version = registry.champion(session)
    query = (
        sa.select(sa.func.coalesce(Lead.crm_id, ""), Score.probability)
        .join(Score, Score.lead_key == Lead.key)
        .where(Score.version_key == version.key, Score.status == "open")
    )
    found = [(fates[crm_id], p) for crm_id, p in session.execute(query) if crm_id in fates]
    known, scores = [fate for fate, _ in found], [probability for _, probability in found]
    n_buy = sum(fate.buys for fate in known)
    n_high = sum(probability > HIGH for probability in scores)
    return (
        f"Truth: {n_buy:,} of {len(known):,} open leads will buy. Version {version.name} ranks them"
        f" with AUC {_auc(scores, known)}; all that may be known would give"
        f" {_auc([fate.probability for fate in known], known)}."
        f" {n_high / max(len(known), 1):.1%} are scored above {HIGH:.0%}."
    )


def _auc(scores: list[float], fates: list[Fate]) -> str:
    pairs = enumerate(zip(scores, fates, strict=True))
    found = live_auc([ScoredOutcome(score, fate.buys, place) for place, (score, fate) in pairs])
    if found.auc is None:
        return "unknown"
    return f"{found.auc:.2f} ({interval_text(found.low, found.high)})"
