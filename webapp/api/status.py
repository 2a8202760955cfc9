"""The live version and whether all works: `/info`, `/health`, `/readyz`, `/metrics`."""

from flask import Blueprint, Response

from webapp import observability
from webapp.api import answers, requests
from webapp.api.document.contract import describe
from webapp.database import Session, read, utc_now
from webapp.product import VERSION, product
from webapp.services import health
from webapp.services.crm import sync_status
from webapp.services.models import lifecycle, monitoring, registry, rescoring
from webapp.services.outcomes import waiting
from webapp.services.runs import workers
from webapp.services.webhooks import deliveries
from webapp.tables import ModelVersion, Run

bp = Blueprint("status", __name__)

PROMETHEUS_TEXT = "text/plain; version=1.0.0; charset=utf-8"
MEASURED = "Measured on {n:,} leads that this version had not seen."
RECALIBRATED = (
    "Measured on the {n:,} leads it was recalibrated on, so log loss and Brier score look better"
    " than on new leads; AUC is not affected."
)
FIGURES = ("auc", "auc_low", "auc_high", "log_loss", "brier")
WAITING = "Outcomes whose lead is not known yet"
NOT_MEASURED = "This version was not trained on your data, so nothing has been measured."


@bp.get("/info")
@describe("The live version", scope="score", answers={200: answers.Info})
def info() -> Response:
    """The live version, what is known, and how far the next training is."""
    return requests.reply(read(_info))


@bp.get("/health")
@describe("Whether the process answers", answers={200: answers.Health})
def alive() -> Response:
    """For supervisors: touches no database."""
    return requests.reply(answers.Health())


@bp.get("/readyz")
@describe(
    "Whether requests can be served", answers={200: answers.Readiness, 503: answers.Readiness}
)
def ready() -> Response:
    """For load balancers: the database, its migrations, and a live model version."""
    checks = read(health.readiness)
    is_ready = all(check.is_good for check in checks)
    found = answers.Readiness(
        status="ready" if is_ready else "not ready",
        checks=[answers.Check(name=c.name, ok=c.is_good, sentence=c.sentence) for c in checks],
    )
    return requests.reply(found, 200 if is_ready else 503)


@bp.get("/metrics")
@describe("Figures for Prometheus", answers={200: None})
def metrics() -> Response:
    """Counts and times by route, of this process; sync and monitors. No personal data."""
    now = utc_now()
    sync = read(lambda session: sync_status.figures(session, now))
    text = observability.exposition() + observability.gauges("leadloop_sync", sync)
    text += observability.gauges("leadloop_worker", read(workers.figures))
    text += observability.gauges("leadloop_model", read(monitoring.figures))
    n_waiting = read(lambda session: waiting.count(session, now)).n
    text += observability.gauges("leadloop_outcomes", {"waiting": (WAITING, n_waiting)})
    text += observability.gauges("leadloop_webhooks", read(lambda s: deliveries.gauges(s, now)))
    return Response(text, content_type=PROMETHEUS_TEXT)


def _info(session: Session) -> answers.Info:
    threshold = product().settings.retrain_threshold
    found = lifecycle.readiness(session, threshold)
    champion = registry.champion(session)
    n_known = found.n_converted + found.n_lost
    return answers.Info(
        model_version=champion.name,
        total_leads_scored=rescoring.n_leads(session),
        feedback_samples_collected=n_known,
        retraining_status=answers.RetrainingStatus(
            feedback_count=n_known,
            retraining_threshold=threshold,
            ready_for_retraining=found.is_ready,
            new_feedback_count=found.n_new,
            is_retraining=found.unfinished is not None,
            last_run=_last_run(found.last),
        ),
        model_metrics=_metrics(champion),
        version=VERSION,
    )


def _last_run(run: Run | None) -> answers.LastRun | None:
    if run is None:
        return None
    made = run.training_result
    return answers.LastRun(
        id=run.key,
        state=run.state,
        requested_at=run.requested_at,
        finished_at=run.finished_at,
        version=made.version,
        promoted=made.promoted,
        reason=run.error or made.reason,
    )


def _metrics(version: ModelVersion) -> answers.ModelMetrics:
    measured = version.measured
    sentence = MEASURED if version.learned_key is None else RECALIBRATED
    return answers.ModelMetrics(
        **{name: getattr(measured, name, None) for name in FIGURES},
        n_leads=measured.n if measured else None,
        sentence=sentence.format(n=measured.n) if measured else NOT_MEASURED,
    )
