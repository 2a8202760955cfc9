"""The frame of the API: who is let in, how errors are told, and which parts there are."""

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from webapp.api import problems, requests, status
from webapp.api.accounts import keys
from webapp.api.crm import hooks
from webapp.api.document import docs
from webapp.api.exports import exports
from webapp.api.imports import imports
from webapp.api.leads import leads, remarks, scores
from webapp.api.models import fields, model_versions, monitors
from webapp.api.outcomes import feedback
from webapp.api.paths import LeadIds
from webapp.api.runs import runs
from webapp.database import UNAVAILABLE
from webapp.services.accounts import api_keys
from webapp.services.imports import imports as imports_service
from webapp.services.imports.errors import ImportNotFound
from webapp.services.imports.matching import remembered
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.leads import LeadNotFound
from webapp.services.leads.records import InvalidRecord
from webapp.services.models import leakage, lifecycle, registry
from webapp.services.outcomes import stale
from webapp.services.owners.assigning import OwnedByCrm
from webapp.services.remarks.notes import NoteNotFound, NotYourNote
from webapp.services.remarks.score_reports import NoScore
from webapp.services.runs import idempotency
from webapp.services.runs.runs import AlreadyRunning, RunNotFound

# Each part is a blueprint of its own; a new one is added here.
PARTS = (
    scores.bp,
    feedback.bp,
    status.bp,
    leads.bp,
    remarks.bp,
    model_versions.bp,
    fields.bp,
    monitors.bp,
    runs.bp,
    exports.bp,
    imports.bp,
    keys.bp,
    hooks.bp,
    docs.bp,
)


# Errors of the services: their status, and headers that say when to come back.
SERVICE_ERRORS: dict[type[Exception], tuple[int, dict[str, str]]] = {
    LeadNotFound: (404, {}),
    registry.VersionNotFound: (404, {}),
    leakage.NotSuspected: (404, {}),
    RunNotFound: (404, {}),
    ImportNotFound: (404, {}),
    imports_service.FileTooLarge: (413, {}),
    remembered.MappingNotFound: (422, {}),
    api_keys.KeyNotFound: (404, {}),
    api_keys.KeyNotLive: (409, {}),
    lifecycle.NothingToLearn: (400, {}),
    NoteNotFound: (404, {}),
    NotYourNote: (403, {}),
    NoScore: (409, {}),
    OwnedByCrm: (409, {}),
    AlreadyRunning: (409, {}),
    lifecycle.AlreadyChampion: (409, {}),
    stale.ChangedMeanwhile: (409, {}),
    idempotency.InFlight: (409, problems.RETRY_SOON),
    idempotency.KeyReused: (422, {}),
    registry.NoChampion: (503, {}),
    registry.DamagedVersion: (503, {}),
}


def register(app: Flask) -> None:
    """Add the API to the application."""
    app.url_map.converters["lead"] = LeadIds
    app.register_blueprint(api)


def is_api_path(rules: Map, path: str) -> bool:
    """Whether programs use this part of the address space, also where there is nothing."""
    ours = (rule.rule for rule in rules.iter_rules() if rule.endpoint.startswith("api."))
    first = path.split("/")[1].strip().casefold()
    return first in {rule.split("/")[1] for rule in ours}


def service_error(error: Exception) -> Response:
    """Answer with a service's own sentence."""
    status, headers = next(v for kind, v in SERVICE_ERRORS.items() if isinstance(error, kind))
    return problems.reply(problems.problem(status, str(error)), headers)


api = Blueprint("api", __name__)
for part in PARTS:
    api.register_blueprint(part)
# Scopes of keys decide; no cookie counts here.
api.before_request(requests.guard)
api.after_request(requests.finish)
api.register_error_handler(problems.Refused, problems.refused)
api.register_error_handler(InvalidRecord, problems.invalid_record)
api.register_error_handler(InvalidQuery, problems.invalid_query)
api.register_error_handler(HTTPException, problems.http_error)
for kind in SERVICE_ERRORS:
    api.register_error_handler(kind, service_error)
for kind in UNAVAILABLE:
    api.register_error_handler(kind, problems.unavailable)
