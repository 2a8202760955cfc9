"""The frame of all pages: who is let in, what a change must prove, and which parts there are."""

from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from flask import current_app as app_now
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from webapp.database import UNAVAILABLE, prepare_sessions, utc_now, write
from webapp.pages import demo, errors, formats, language, own_site
from webapp.pages.accounts import (
    confirming,
    invitations,
    keys,
    new_password,
    rights,
    settings,
    sign_in,
    signed_in,
    users,
)
from webapp.pages.addresses import KeyConverter, RecordIdConverter
from webapp.pages.crm import (
    conflicts,
    connection,
    mapping,
    rejected,
    run_labels,
    sync,
    unmatched,
    words,
)
from webapp.pages.exports import exports
from webapp.pages.fields import fields
from webapp.pages.imports import imports, matching, quality
from webapp.pages.leads import (
    bulk,
    lead,
    lead_form,
    leads,
    lost_reasons,
    neighbours,
    notes,
    overrides,
    owner,
    score_reports,
    views,
)
from webapp.pages.models import leakage, models, monitors
from webapp.pages.my_day import my_day, setup_list
from webapp.pages.webhooks import webhooks
from webapp.product import VERSION, product
from webapp.services.accounts import audit
from webapp.services.owners import sight

# Each part is a blueprint of its own; a new one is added here, its rights in `rights.py`.
PARTS = (
    sign_in.bp,
    new_password.bp,
    demo.bp,
    my_day.bp,
    setup_list.bp,
    leads.bp,
    lead_form.bp,
    lead.bp,
    bulk.bp,
    views.bp,
    lost_reasons.bp,
    notes.bp,
    neighbours.bp,
    owner.bp,
    overrides.bp,
    score_reports.bp,
    models.bp,
    mapping.bp,
    sync.bp,
    connection.bp,
    conflicts.bp,
    unmatched.bp,
    rejected.bp,
    leakage.bp,
    monitors.bp,
    imports.bp,
    matching.bp,
    quality.bp,
    exports.bp,
    settings.bp,
    fields.bp,
    keys.bp,
    users.bp,
    invitations.bp,
    webhooks.bp,
)

FORM_BYTES = 1_000_000

csrf = CSRFProtect()
pages = Blueprint("pages", __name__)
for part in PARTS:
    pages.register_blueprint(part)


def register(app: Flask) -> None:
    """Add the pages to the application."""
    # Checked in the guard below instead, after the sign-in: an expired session is no forgery.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf.init_app(app)
    language.init_app(app)
    signed_in.init_app(app)
    formats.init_app(app)
    run_labels.init_app(app)
    words.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.url_map.converters["key"] = KeyConverter
    app.url_map.converters["record_id"] = RecordIdConverter
    app.register_blueprint(pages)


@pages.before_request
def guard() -> ResponseReturnValue | None:
    """Let in who may see this page, and refuse changes that do not come from our own forms."""
    endpoint = request.endpoint or ""
    if not rights.is_public(endpoint):
        if not current_user.is_authenticated:
            return sign_in.ask()
        if not rights.allows(current_user.role, endpoint):
            email, now = current_user.email, utc_now()
            write(lambda session: audit.record_refusal(session, email, endpoint, now))
            abort(403)
        if (answer := new_password.ask(endpoint)) is not None:
            return answer
        if sight.is_limited(current_user.role, product().settings.reps_see):
            prepare_sessions(partial(sight.limit, email=current_user.email))
    # Read in full by the check of the token, so the bound comes first.
    request.max_content_length = largest_body(endpoint)
    if request.method == "POST" and not own_site.is_ours():
        raise CSRFError("The form is of another site.")
    csrf.protect()
    return None if rights.is_public(endpoint) else confirming.ask(endpoint)


def largest_body(endpoint: str) -> int:
    """How much a request to this page may send, in bytes."""
    if endpoint != "pages.imports.upload":
        return FORM_BYTES
    return product().settings.import_max_bytes + FORM_BYTES


@pages.after_request
def keep_private(response: Response) -> Response:
    """Leads are personal data: no browser or proxy keeps a page."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@pages.app_context_processor
def for_templates() -> dict[str, Any]:
    """What every template may use beside its own arguments."""
    return {"may": may, "assets": product().settings.assets, "product_version": VERSION}


def may(endpoint: str) -> bool:
    """Whether this page exists and the signed-in person may open it."""
    return endpoint in app_now.view_functions and signed_in.may(endpoint)


for kind in errors.SERVICE_ERRORS:
    pages.register_error_handler(kind, errors.service_error)
for kind in UNAVAILABLE:
    pages.register_error_handler(kind, errors.unavailable)
pages.register_error_handler(HTTPException, errors.http_error)
