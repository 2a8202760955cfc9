"""The connection to a CRM: how to log in, how far back to read, and its end."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from ml.fields.fields_file import clean_text
from ml.sentences import Figure, gettext
from webapp.crm_tables import CrmConnection
from webapp.database import read, utc_now, write
from webapp.pages import formats
from webapp.pages.crm import words
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.crm import connections, sync_runs
from webapp.services.crm.credentials import Credentials, host_of, may_connect
from webapp.services.crm.kinds import table
from webapp.services.crm.kinds.exchange import ORG_SHARE
from webapp.services.crm.kinds.kind import CrmKind, LoginField, LoginMethod
from webapp.services.crm.outcome_rules import SPANS, CrmRules
from webapp.services.runs import runs

bp = Blueprint("connection", __name__, url_prefix="/sync/connection")

SAVED_UNTESTED = gettext(
    "Saved but not tested: another run is in progress. Press “Test connection” when it is done."
)
# How far back a new reading may go, in days.
HISTORIES = {
    90: "3 months",
    365: "1 year",
    730: "2 years",
    1095: "3 years",
    1825: "5 years",
    3650: "10 years",
    SPANS["history_days"][1]: "everything",
}


@dataclass(frozen=True)
class Entry:
    """One value of the form, as the template draws it; of a secret never the value."""

    field: LoginField
    value: str
    error: str | None
    is_kept: bool

    @property
    def hint(self) -> str:
        return gettext("Stored. Leave it empty to keep it.") if self.is_kept else self.field.hint


@bp.get("")
def show() -> ResponseReturnValue:
    """Administrators: how Leadloop logs in to the CRM."""
    return _page(request.args, {})


@bp.post("")
def save() -> ResponseReturnValue:
    """Administrators: store how to log in, and test it."""
    settings, actor, now = product().settings, current_user.email, utc_now()
    if table.configured(settings) is not None:
        raise BadRequest
    kind = _kind(read(connections.find), request.form)
    entered, errors = _entered(kind)
    if errors:
        return _page(request.form, errors), 422
    try:
        write(lambda s: connections.save(s, entered, settings, actor=actor, now=now, kind=kind))
    except connections.InvalidConnection as error:
        in_words = {name: formats.rule_in_words(text) for name, text in error.errors.items()}
        return _page(request.form, in_words), 422
    try:
        run = write(lambda s: sync_runs.request(s, "check", actor, utc_now()))
    except runs.AlreadyRunning:
        flash(SAVED_UNTESTED, "good")
        return redirect(url_for("pages.sync.index"), 303)
    return redirect(url_for("pages.sync.run", key=run.key), 303)


@bp.post("/history")
def read_history() -> ResponseReturnValue:
    """Administrators: have everything read again, from some time ago on."""
    n_days = next((n for n in HISTORIES if str(n) == request.form.get("days")), None)
    if n_days is None:
        raise BadRequest
    actor, now = current_user.email, utc_now()
    write(lambda s: sync_runs.request_history(s, n_days, actor, now))
    return redirect(url_for("pages.sync.index"), 303)


@bp.post("/disconnect")
def disconnect() -> ResponseReturnValue:
    """Administrators: forget how to log in and what was read of the org."""
    actor, now = current_user.email, utc_now()
    if table.configured(product().settings) is not None:
        raise BadRequest
    write(lambda session: connections.disconnect(session, actor, now))
    flash(
        gettext(
            "%(name)s is disconnected. Leads, scores and outcomes are all still here.",
            name=words.crm().name,
        ),
        "good",
    )
    return redirect(url_for("pages.sync.index"), 303)


def _kind(stored: CrmConnection | None, sent: Mapping[str, str]) -> CrmKind:
    """The CRM that is connected, else the one that was chosen; else the first."""
    fixed = table.configured(product().settings)
    if fixed is not None:
        return fixed
    if stored is None and sent.get("kind", "") in table.KINDS:
        return table.KINDS[sent["kind"]]
    return words.crm()


def _method(kind: CrmKind, name: str) -> LoginMethod:
    if name not in kind.login.methods:
        raise BadRequest
    return kind.login.methods[name]


def _entered(kind: CrmKind) -> tuple[Credentials, dict[str, str]]:
    method = request.form.get("method", "")
    values, errors = {}, {}
    for field in _method(kind, method).fields:
        try:
            values[field.name] = _clean(field, request.form.get(field.name, ""))
        except ValueError as error:
            errors[field.name] = formats.rule_in_words(str(error))
    host, extra_host = values.get("domain", ""), kind.setting(product().settings, "extra_host")
    if problem := kind.login.host_problem(host, method):
        errors["domain"] = problem
    elif host and not may_connect(host, kind.login.endings, extra_host):
        errors["domain"] = kind.login.host_rule
    return Credentials.of(method, values), errors


def _clean(field: LoginField, text: str) -> str:
    """A value as it is stored: a secret as it was typed, a key without what copying adds."""
    if not field.is_secret:
        cleaned = clean_text(text, maximum=field.max_length) or ""
        return host_of(cleaned) if field.name == "domain" else cleaned
    if len(text) > field.max_length:
        raise ValueError(
            gettext(
                "must be at most %(max_length)s characters long",
                max_length=Figure(f"{field.max_length:,}"),
            )
        )
    cleaned = text if field.is_verbatim else text.strip().replace("\r\n", "\n")
    if cleaned and not field.is_valid(cleaned):
        raise ValueError(field.rule)
    return cleaned


def _page(entered: Mapping[str, str], errors: Mapping[str, str]) -> str:
    settings = product().settings
    stored = read(connections.find)
    fixed = connections.from_environment(settings)
    kind = _kind(stored, entered)
    first = stored.method if stored else next(iter(kind.login.methods))
    name = fixed.method if fixed else entered.get("method") or first
    method = _method(kind, name)
    is_same = stored is not None and stored.method == name and bool(stored.sealed_secrets)
    about = {"connection": stored, "fixed": fixed, "method": name}
    guide = render_template(kind.login.guide, **about) if kind.login.guide else ""
    return render_template(
        "crm/connection/show.html",
        **about,
        kind=kind,
        guide=Markup(guide),  # noqa: S704 - it comes from a template
        missing=fixed.missing(method) if fixed else (),
        entries=[
            Entry(
                field,
                "" if field.is_secret else entered.get(field.name, getattr(stored, field.name, "")),
                errors.get(field.name),
                is_kept=is_same and field.is_secret,
            )
            for field in method.fields
        ],
        n_errors=len(errors),
        api_version=kind.setting(settings, "api_version"),
        histories=HISTORIES,
        rules=connections.rules(stored) if stored else CrmRules(),
        stops_at=ORG_SHARE,
    )
