"""What people read when something cannot be done: what it means, and what to do next."""

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from ml.sentences import gettext, joined, mark
from webapp.database import read
from webapp.pages import formats, language
from webapp.pages.accounts import signed_in
from webapp.product import product
from webapp.services import setup
from webapp.services.accounts import accounts, api_keys, invitations
from webapp.services.accounts import errors as account_errors
from webapp.services.crm import conflicts, connections, sync_runs, unmatched
from webapp.services.fields import declaring
from webapp.services.imports import errors as import_errors
from webapp.services.leads import leads, views
from webapp.services.leads.filters import kinds
from webapp.services.leads.filters.table import all_filters
from webapp.services.models import leakage, lifecycle, registry
from webapp.services.outcomes import lost_reason_changes
from webapp.services.remarks import notes, score_reports
from webapp.services.runs import runs
from webapp.services.webhooks import endpoints

# Errors of the services: which status they are, and the next step beside their own sentence.
SERVICE_ERRORS: dict[type[Exception], tuple[int, str]] = {
    kinds.InvalidQuery: (400, gettext("Go back to the lead table and choose again.")),
    lost_reason_changes.ReasonNotFound: (404, gettext("The list of lost reasons shows all.")),
    views.ViewNotFound: (404, gettext("The lead table shows the views that there are.")),
    leads.LeadNotFound: (404, gettext("Search the lead table by name, company or ID.")),
    notes.NoteNotFound: (404, gettext("Its author has deleted it; the timeline shows the rest.")),
    notes.NotYourNote: (403, gettext("Write a note of your own.")),
    notes.InvalidNote: (422, gettext("Nothing was saved. Go back and write it again.")),
    score_reports.ReportNotFound: (
        404,
        gettext("Somebody has resolved it already; the list shows the rest."),
    ),
    score_reports.NoScore: (409, gettext("Its history stays on its page.")),
    registry.VersionNotFound: (404, gettext("The models page lists all versions.")),
    leakage.NotSuspected: (404, gettext("The models page lists the excluded fields.")),
    import_errors.ImportNotFound: (404, gettext("The import page lists all imports.")),
    import_errors.WrongState: (409, gettext("The import page shows how it stands now.")),
    import_errors.UndoRefused: (409, gettext("The import page lists all imports.")),
    runs.RunNotFound: (404, gettext("Its own page lists all runs: sync, models or imports.")),
    api_keys.KeyNotLive: (409, gettext("The settings page lists all keys.")),
    api_keys.KeyNotFound: (404, gettext("The settings page lists all keys.")),
    declaring.FieldNotFound: (404, gettext("The settings page lists all fields.")),
    declaring.FieldsInFile: (409, gettext("The page of fields shows what they are.")),
    declaring.ChangedMeanwhile: (409, gettext("Go back, reload the page and look at it again.")),
    endpoints.EndpointNotFound: (404, gettext("The settings page lists all webhooks.")),
    account_errors.AccountNotFound: (404, gettext("The settings page lists all users.")),
    account_errors.SessionNotFound: (404, gettext("Your account lists where you are signed in.")),
    invitations.LinkEnded: (404, gettext("Ask whoever sent it for a new one, or sign in.")),
    account_errors.AccountError: (409, gettext("Go back to the list of users.")),
    conflicts.ConflictNotFound: (
        404,
        gettext("Somebody has resolved it already; the list shows the rest."),
    ),
    unmatched.UnmatchedNotFound: (404, gettext("The lists of unmatched show what is left to do.")),
    unmatched.NotFromCrm: (409, gettext("Choose a lead that came from the CRM.")),
    unmatched.NamedByCrm: (409, gettext("Change it there; the next run follows.")),
    connections.NotConnected: (409, gettext("An administrator can connect it on the sync page.")),
    sync_runs.NotStarted: (409, gettext("An administrator starts it on the sync page.")),
    sync_runs.ConnectionBroken: (409, gettext("An administrator can fix it on the sync page.")),
    account_errors.TooManySignIns: (429, gettext("Wait a minute, then try again.")),
    registry.DamagedVersion: (
        503,
        gettext("Ask an administrator to do this or choose another version."),
    ),
    registry.NoChampion: (503, gettext("Ask an administrator to fix this on the server.")),
    runs.AlreadyRunning: (409, gettext("Wait until it is done, then try again.")),
    lifecycle.NothingToLearn: (
        409,
        gettext("Record more outcomes in the lead table, then try again."),
    ),
    setup.RateIsLearned: (409, gettext("The models page shows what it learned from.")),
    lifecycle.AlreadyChampion: (409, gettext("There is nothing to do.")),
}

# Where to go from an error, by the part of the product that it came up in; else to the leads.
SECTIONS = {
    "pages.models": gettext("Models"),
    "pages.sync": gettext("Sync"),
    "pages.conflicts": gettext("Conflicts"),
    "pages.unmatched": gettext("Unmatched"),
    "pages.mapping": gettext("Fields"),
    "pages.imports": gettext("Import"),
    "pages.fields": gettext("Fields"),
    "pages.settings": gettext("Settings"),
    "pages.webhooks": gettext("Webhooks"),
}

# Parts of an address of the lead table that are no filters of its form.
LABELS = {
    "q": gettext("Search"),
    "status": gettext("Status"),
    "grade": gettext("Grade"),
    "score_from": gettext("Score from"),
    "score_to": gettext("Score to"),
    "sort": gettext("Sort"),
    "after": gettext("Page"),
}

# Where htmx puts a notice instead of the fragment it asked for.
BESIDE_THE_PAGE = {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}

# Status -> what it means, and what to do next.
SENTENCES = {
    400: (
        gettext("Something is missing from this request."),
        gettext("Go back, reload the page and try again."),
    ),
    403: (
        gettext("Your role does not allow this."),
        mark("Ask %(who)s to do it or to change your role."),
    ),
    404: (
        gettext("This page does not exist."),
        gettext("It may have moved, or the address is mistyped."),
    ),
    405: (
        gettext("This address works only from a form."),
        gettext("Go back and use the button on the page."),
    ),
    413: (
        gettext("The file or text is too large."),
        gettext("Send less at once, or split the file."),
    ),
    429: (gettext("Too many requests at once."), gettext("Wait a minute, then try again.")),
    500: (
        gettext("Something went wrong on our side."),
        gettext("Try again. If it happens again, tell an administrator when."),
    ),
    503: (gettext("Leadloop cannot do this right now."), gettext("Try again in a minute.")),
}
STALE = (
    gettext("This page was open too long, or in another session."),
    gettext("Nothing was changed. Reload the page and try again."),
)


def http_error(error: HTTPException) -> ResponseReturnValue:
    """Say in words what an HTTP error means."""
    if error.response is not None:
        return error.response
    status = error.code or 500
    if status == 403 and not isinstance(error, CSRFError):
        return _refused()
    sentences = STALE if isinstance(error, CSRFError) else SENTENCES.get(status, SENTENCES[400])
    return answer(status, *sentences)


def _refused() -> ResponseReturnValue:
    """Name somebody who can help: the administrator who was here last."""
    means, next_step = SENTENCES[403]
    names = read(accounts.admins)
    who = names[0] if names else gettext("an administrator")
    return answer(403, means, gettext(next_step, who=who))


def service_error(error: Exception) -> ResponseReturnValue:
    """Give a service's own sentence, and the next step."""
    status, next_step = next(v for kind, v in SERVICE_ERRORS.items() if isinstance(error, kind))
    means = _filters(error) if isinstance(error, kinds.InvalidQuery) else formats.sentence(error)
    return answer(status, means, next_step)


def _filters(error: kinds.InvalidQuery) -> str:
    """Name each wrong filter as the form of the lead table does."""
    labels = LABELS | {f.name: f.label for f in all_filters(product().fields).values()}
    told = "; ".join(f"{labels.get(e.field, e.field)}: {e.message}" for e in error.errors)
    return f"{told[:1].upper()}{told[1:]}."


def unavailable(error: Exception) -> ResponseReturnValue:
    """Say that the database is out of reach, without asking it who is asking."""
    means = gettext("The database is not available right now.")
    next_step = gettext("Try again in a minute.")
    is_fragment = bool(request.headers.get("HX-Request"))
    name = "partials/notice.html" if is_fragment else "unavailable.html"
    values = {"means": means, "next_step": next_step, "kind": "bad"}
    # Not by `render_template`, which looks up the signed-in user first.
    with language.without_account():
        text = current_app.jinja_env.get_template(name).render(
            **values, sentence=joined([means, next_step])
        )
    return text, 503, {"Retry-After": "60"} | (BESIDE_THE_PAGE if is_fragment else {})


def answer(status: int, means: str, next_step: str) -> ResponseReturnValue:
    """A page that says what is wrong; where htmx asked for a fragment, a notice beside it all."""
    if request.headers.get("HX-Request"):
        text = joined([means, next_step])
        notice = render_template("partials/notice.html", kind="bad", sentence=text)
        return notice, status, BESIDE_THE_PAGE
    section, label = _section()
    words = {"means": means, "next_step": next_step, "section": section, "label": label}
    return render_template("error.html", status=status, **words), status


def _section() -> tuple[str, str]:
    """The first page of the part that was asked for, with its name; never the page that failed."""
    name = request.blueprint or ""
    index = f"{name}.index"
    if name in SECTIONS and request.endpoint != index and signed_in.may(index):
        return index, SECTIONS[name]
    return "pages.leads.index", gettext("the leads")
