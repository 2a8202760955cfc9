"""Where the fields of a lead come from in the CRM, and the rules of what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from ml.sentences import gettext, mark
from webapp.crm_tables import CrmConnection
from webapp.database import Session, read, utc_now, write
from webapp.pages import formats
from webapp.pages.crm import mapping_form, rules_form, words
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.crm import connections, field_sources, outcome_rules, saved_mapping, sync_runs
from webapp.services.crm.field_sources import FieldSource
from webapp.services.runs import runs
from webapp.tables import Run

bp = Blueprint("mapping", __name__, url_prefix="/sync")

AT_WORK = gettext("A sync run is in progress. Wait until it is done, then try again.")
SAVED = gettext(
    "The mapping is saved. The next run reads all leads again and scores those that change."
)
RULES_SAVED = gettext("The rules are saved. The next run applies them to all leads.")
RULES_WAIT = gettext(
    "The rules are saved. The sync is paused; once it runs, they apply to all leads."
)
READ_AGAIN = mark("The rules are saved. The next run reads %(leads)s and %(deals)s again.")


@dataclass(frozen=True)
class _State:
    """What the page stands on: the connection, the saved mapping, and a test that is watched."""

    connection: CrmConnection | None
    described: list[Mapping[str, Any]]
    saved: list[FieldSource]
    run: Run | None = None


@bp.get("/mapping")
def index() -> ResponseReturnValue:
    """Administrators: the mapping in force, with what is wrong with it."""
    return _shown(read(_state))


@bp.get("/mapping/<key:key>")
def show(key: int) -> ResponseReturnValue:
    """Administrators: the mapping that a test tries, and what comes of it."""
    return _shown(read(lambda session: _state(session, key)))


@bp.get("/mapping/<key:key>/status")
def status(key: int) -> ResponseReturnValue:
    """Administrators, fragment: how far a test is, or what came of it."""
    run = read(lambda session: _test(session, key))
    return render_template("crm/mapping/_test.html", run=run, labels=_labels())


@bp.post("/mapping")
def save() -> ResponseReturnValue:
    """Administrators: keep the mapping that was entered."""
    _, sources, refusal = _entered()
    if refusal is not None:
        return refusal
    actor, now = current_user.email, utc_now()
    is_new = write(lambda session: saved_mapping.save(session, sources, actor, now))
    flash(
        SAVED if is_new else gettext("This mapping is already saved; nothing was changed."), "good"
    )
    return redirect(url_for("pages.mapping.index"), 303)


@bp.post("/mapping/test")
def test() -> ResponseReturnValue:
    """Administrators: look at some leads by the mapping that was entered, without saving it."""
    state, sources, refusal = _entered()
    return _ask("sample", state, sources) if refusal is None else refusal


@bp.post("/mapping/describe")
def describe() -> ResponseReturnValue:
    """Administrators: ask the CRM anew which fields a lead has there."""
    return _ask("check", read(_state), None)


def _ask(mode: str, state: _State, sources: Sequence[FieldSource] | None) -> ResponseReturnValue:
    actor, now = current_user.email, utc_now()
    try:
        run = write(lambda s: sync_runs.request(s, mode, actor, now, sources=sources))
    except runs.AlreadyRunning:
        flash(AT_WORK, "bad")
        tried = state.saved if sources is None else sources
        return _page(state, tried, {}, is_entered=sources is not None), 409
    # What comes of a test stands below the form.
    place = "mapping-run" if mode == "sample" else None
    return redirect(url_for("pages.mapping.show", key=run.key, _anchor=place), 303)


def _state(session: Session, key: int | None = None) -> _State:
    run = None if key is None else _test(session, key)
    saved = saved_mapping.sources(session, product().fields)
    return _State(connections.find(session), saved_mapping.described(session), saved, run)


def _test(session: Session, key: int) -> Run:
    run = runs.by_key(session, key)
    if run.kind != sync_runs.KIND or run.task.get("mode") not in sync_runs.TESTS:
        raise runs.RunNotFound(key)
    return run


def _entered() -> tuple[_State, list[FieldSource], ResponseReturnValue | None]:
    state = read(_state)
    sources, errors = mapping_form.entered(_form(), product().fields, state.described)
    refusal = (_page(state, sources, errors, is_entered=True), 422) if errors else None
    return state, sources, refusal


def _form() -> MultiDict[str, str]:
    form = MultiDict(request.form)
    form.poplist("csrf_token")
    return form


def _shown(state: _State) -> str:
    tried = sync_runs.sources_to_test(state.run) if state.run is not None else None
    sources = state.saved if tried is None else tried
    errors = field_sources.problems(sources, product().fields, state.described)
    # Before the CRM was asked nothing can be wrong.
    errors = errors if state.described else {}
    return _page(state, sources, errors, is_entered=tried is not None)


def _page(
    state: _State,
    sources: Sequence[FieldSource],
    errors: Mapping[str, str],
    *,
    is_entered: bool,
) -> str:
    fields = product().fields
    sentences = {name: formats.rule_in_words(text) for name, text in errors.items()}
    return render_template(
        "crm/mapping/index.html",
        connection=state.connection,
        described=state.described,
        rows=mapping_form.rows(sources, fields, state.described, sentences),
        other_errors={n: text for n, text in sentences.items() if n not in fields},
        n_errors=len(errors),
        is_entered=is_entered,
        run=state.run,
        labels=_labels(),
    )


def _labels() -> dict[str, str]:
    return {field.name: field.label for field in product().fields}


@bp.get("/rules")
def rules() -> ResponseReturnValue:
    """Administrators: what counts as converted and lost, and what is read and written."""
    connection = read(connections.find)
    if connection is None:
        return _rules_page(None, outcome_rules.CrmRules(), {}, {})
    return _rules_page(connection, connections.rules(connection), {}, {})


@bp.post("/rules")
def save_rules() -> ResponseReturnValue:
    """Administrators: keep the rules that were entered."""
    connection = read(connections.get)
    before, form = connections.rules(connection), _form()
    is_tried_first = bool(form.poplist("dry_run"))
    chosen, errors = rules_form.entered(form, read(saved_mapping.described), before)
    if errors:
        return _rules_page(connection, chosen, errors, form.to_dict()), 422
    actor, now = current_user.email, utc_now()

    def save(session: Session) -> bool:
        connections.save_rules(session, chosen, actor, now)
        if is_tried_first:
            # In the same step: no run may apply the rules before the dry run.
            connections.pause(session, True, actor, now)
        return connections.get(session).is_paused

    is_paused = write(save)
    if is_tried_first:
        flash(RULES_WAIT, "good")
        return _dry_run(actor, now)
    kind = words.crm()
    again = gettext(READ_AGAIN, leads=kind.leads, deals=kind.deals)
    saved = RULES_WAIT if is_paused else RULES_SAVED
    flash(again if chosen.needs_reading(before) else saved, "good")
    return redirect(url_for("pages.mapping.rules"), 303)


def _dry_run(actor: str, now: datetime) -> ResponseReturnValue:
    """Make a dry run and show it; where another run has not ended yet, show the sync."""
    try:
        run = write(lambda session: sync_runs.request(session, "dry", actor, now))
    except (runs.AlreadyRunning, sync_runs.ConnectionBroken):
        return redirect(url_for("pages.sync.index"), 303)
    return redirect(url_for("pages.sync.run", key=run.key), 303)


def _rules_page(
    connection: CrmConnection | None,
    shown: outcome_rules.CrmRules,
    errors: Mapping[str, str],
    form: Mapping[str, str],
) -> str:
    described = read(saved_mapping.described)
    sentences = {name: formats.rule_in_words(text) for name, text in errors.items()}
    return render_template(
        "crm/rules.html",
        connection=connection,
        values=rules_form.shown(shown, form),
        statuses=rules_form.statuses(described, shown),
        id_fields=rules_form.id_fields(described, shown),
        errors=sentences,
        other_errors={n: text for n, text in sentences.items() if n not in rules_form.NAMES},
    )
