"""The connection to Salesforce: how to log in, how far back to read, and its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.fields.fields_file import clean_text
from webapp.database import read, utc_now, write
from webapp.pages import formats
from webapp.pages.crm import words
from webapp.product import product
from webapp.services.crm import connections, sync_runs
from webapp.services.crm.credentials import (
    METHODS,
    NEEDED,
    SECRET_VALUES,
    Credentials,
    host_of,
    may_connect,
    my_domain_of,
)
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.runs import runs

bp = Blueprint("connection", __name__, url_prefix="/sync/connection")

# Method -> its name, and what it takes.
METHOD_WORDS = {
    "client_credentials": (
        "Client credentials",
        "The usual way. In Salesforce Setup make an External Client App, enable Client Credentials"
        " Flow, choose an integration user as Run As, and copy key and secret from its settings.",
    ),
    "jwt": (
        "JWT bearer",
        "Where no secret may be shared: the External Client App has a certificate, and here is its"
        " private key.",
    ),
    "session": ("Session ID", "For a quick try. It ends when the session does."),
    "password": (
        "User name and token",
        "For older orgs only: Salesforce ends this way of logging in in 2027.",
    ),
}
LABELS = {
    "domain": "My Domain",
    "username": "User name",
    "consumer_key": "Consumer key",
    "consumer_secret": "Consumer secret",
    "private_key": "Private key",
    "password": "Password",
    "security_token": "Security token",
    "session_id": "Session ID",
}
HINTS = {
    "domain": "Such as acme.my.salesforce.com: in Salesforce under Setup, My Domain.",
    "username": "Of the integration user, such as leadloop@acme.com.",
    "private_key": "In PEM form, from BEGIN to END.",
}
MAX_LENGTHS = {"domain": 255, "username": 200, "private_key": 20_000}
MAX_SECRET_LENGTH = 2000
SAVED_UNTESTED = (
    "Saved but not tested: another run is in progress. Press “Test connection” when it is done."
)
PAGES_RULE = "This address is for people in a browser. Programs of the same org use {}: enter that."
HOST_RULE = "Must be the address of your My Domain: it ends in .salesforce.com or .force.com."
# How far back a new reading may go, in days.
HISTORIES = {
    90: "3 months",
    365: "1 year",
    730: "2 years",
    1095: "3 years",
    1825: "5 years",
    3650: "10 years",
    36_500: "everything",
}


@dataclass(frozen=True)
class Entry:
    """One value of the form, as the template draws it; of a secret never the value."""

    name: str
    value: str
    error: str | None
    is_kept: bool

    @property
    def label(self) -> str:
        return LABELS[self.name]

    @property
    def hint(self) -> str:
        return "Stored. Leave it empty to keep it." if self.is_kept else HINTS.get(self.name, "")

    @property
    def is_secret(self) -> bool:
        return self.name in SECRET_VALUES

    @property
    def max_length(self) -> int:
        return MAX_LENGTHS.get(self.name, MAX_SECRET_LENGTH)


@bp.get("")
def show() -> ResponseReturnValue:
    """Administrators: how Leadloop logs in to Salesforce."""
    return _page(request.args, {})


@bp.post("")
def save() -> ResponseReturnValue:
    """Administrators: store how to log in, and test it."""
    entered, errors = _entered()
    if errors:
        return _page(request.form, errors), 422
    settings, actor, now = product().settings, current_user.email, utc_now()
    if connections.from_environment(settings) is not None:
        raise BadRequest
    try:
        write(lambda s: connections.save(s, entered, settings, actor=actor, now=now))
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
    if connections.from_environment(product().settings) is not None:
        raise BadRequest
    write(lambda session: connections.disconnect(session, actor, now))
    flash(
        f"{words.crm().name} is disconnected. Leads, scores and outcomes are all still here.",
        "good",
    )
    return redirect(url_for("pages.sync.index"), 303)


def _entered() -> tuple[Credentials, dict[str, str]]:
    method = request.form.get("method", "")
    if method not in METHODS:
        raise BadRequest
    values, errors = {}, {}
    for name in ("domain", *NEEDED[method]):
        try:
            values[name] = _clean(name, request.form.get(name, ""))
        except ValueError as error:
            errors[name] = formats.rule_in_words(str(error))
    host = values.get("domain", "")
    if proposed := my_domain_of(host):
        errors["domain"] = PAGES_RULE.format(proposed)
    elif host and not may_connect(host, product().settings.salesforce_extra_host):
        errors["domain"] = HOST_RULE
    return Credentials(method, **{"domain": "", **values}), errors


def _clean(name: str, text: str) -> str:
    """A value as it is stored: a secret as it was typed, a key without what copying adds."""
    max_length = MAX_LENGTHS.get(name, MAX_SECRET_LENGTH)
    if name not in SECRET_VALUES:
        cleaned = clean_text(text, maximum=max_length) or ""
        return host_of(cleaned) if name == "domain" else cleaned
    if len(text) > max_length:
        raise ValueError(f"must be at most {max_length:,} characters long")
    return text if name == "password" else text.strip().replace("\r\n", "\n")


def _page(entered: Mapping[str, str], errors: Mapping[str, str]) -> str:
    settings = product().settings
    stored = read(connections.find)
    fixed = connections.from_environment(settings)
    method = entered.get("method") or (stored.method if stored else METHODS[0])
    if method not in METHODS:
        raise BadRequest
    return render_template(
        "crm/connection/show.html",
        connection=stored,
        fixed=fixed,
        methods=METHOD_WORDS,
        method=method,
        labels=LABELS,
        needed=NEEDED[fixed.method if fixed else method],
        entries=_entries(stored, method, entered, errors),
        n_errors=len(errors),
        api_version=settings.salesforce_api_version,
        histories=HISTORIES,
        history_days=(connections.rules(stored) if stored else CrmRules()).history_days,
    )


def _entries(
    stored: Any, method: str, entered: Mapping[str, str], errors: Mapping[str, str]
) -> list[Entry]:
    is_same = stored is not None and stored.method == method and bool(stored.sealed_secrets)

    def entry(name: str) -> Entry:
        known = getattr(stored, name, "") if name in {"domain", "username"} else ""
        is_secret = name in SECRET_VALUES
        value = "" if is_secret else entered.get(name, known)
        return Entry(name, value, errors.get(name), is_kept=is_secret and is_same)

    return [entry(name) for name in ("domain", *NEEDED[method])]
