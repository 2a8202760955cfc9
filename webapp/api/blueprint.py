"""The frame of the API: who is let in, how errors are told, and which parts there are."""

from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from webapp.api import problems, requests, status
from webapp.api.accounts import keys
from webapp.api.crm import hooks
from webapp.api.document import docs
from webapp.api.leads import leads, scores
from webapp.api.models import fields, model_versions, monitors
from webapp.api.outcomes import feedback
from webapp.api.paths import LeadIds
from webapp.api.runs import runs
from webapp.database import UNAVAILABLE
from webapp.services.leads.lead_query import InvalidQuery
from webapp.services.leads.records import InvalidRecord

# Each part is a blueprint of its own; a new one is added here.
PARTS = (
    scores.bp,
    feedback.bp,
    status.bp,
    leads.bp,
    model_versions.bp,
    fields.bp,
    monitors.bp,
    runs.bp,
    keys.bp,
    hooks.bp,
    docs.bp,
)


def register(app: Flask) -> None:
    """Add the API to the application."""
    app.url_map.converters["lead"] = LeadIds
    app.register_blueprint(api)


def is_api_path(rules: Map, path: str) -> bool:
    """Whether programs use this part of the address space, also where there is nothing."""
    ours = (rule.rule for rule in rules.iter_rules() if rule.endpoint.startswith("api."))
    return path.split("/")[1] in {rule.split("/")[1] for rule in ours}


api = Blueprint("api", __name__)
for part in PARTS:
    api.register_blueprint(part)
# Scopes of keys decide; no cookie counts here.
api.before_request(requests.guard)
api.after_request(requests.forbid_caching)
api.register_error_handler(problems.Refused, problems.refused)
api.register_error_handler(InvalidRecord, problems.invalid_record)
api.register_error_handler(InvalidQuery, problems.invalid_query)
api.register_error_handler(HTTPException, problems.http_error)
for kind in problems.SERVICE_ERRORS:
    api.register_error_handler(kind, problems.service_error)
for kind in UNAVAILABLE:
    api.register_error_handler(kind, problems.unavailable)
