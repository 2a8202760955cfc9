"""Data quality: values taken with a warning, likely duplicates, and what to do about them."""

from collections.abc import Callable

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.fields import reading
from ml.fields.fields_file import Field
from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.intake_tables import Surprise
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.imports import quality
from webapp.services.imports.quality import Gathered
from webapp.services.leads import duplicates, records
from webapp.services.leads.duplicates import Duplicates
from webapp.services.models import monitoring
from webapp.services.outcomes import waiting
from webapp.tables import Run

bp = Blueprint("quality", __name__, url_prefix="/data-quality")

PROBLEMS = {
    reading.NOT_IN_LIST: gettext("Not in the list, not used"),
    reading.NULL: gettext("Word for unknown"),
    records.UNKNOWN_FIELD: gettext("Field not known, left out"),
    reading.OUT_OF_RANGE: gettext("Number out of range, not used"),
    reading.WRONG_ENCODING: gettext("Text in a wrong encoding (Ã¶ for ö), kept as it is"),
    reading.FOREIGN_DIGITS: gettext("Digits of another script, read as 0 to 9"),
    reading.CONTROLS: gettext("Line breaks or control characters, turned into blanks"),
    reading.TOO_LONG: gettext("Text too long, cut"),
    reading.OTHER: gettext("Value of another kind, not used"),
}


@bp.get("")
def index() -> str:
    """Administrators: what surprised, by field and value, and the outcomes that wait."""
    gathered: Gathered = current_app.extensions["leadloop_surprises"]
    surprises = read(quality.everything)
    checked, alike = read(_duplicates)
    fields = product().fields

    def is_open(one: Surprise) -> bool:
        """Whether somebody can say what the value means."""
        has_list = one.field in fields and bool(fields[one.field].choices)
        return has_list and one.kind == reading.NOT_IN_LIST and bool(one.value)

    return render_template(
        "imports/quality.html",
        fields=fields,
        problems=PROBLEMS,
        not_declared=quality.NOT_DECLARED,
        open_values=[one for one in surprises if is_open(one)],
        others=[one for one in surprises if not is_open(one)],
        duplicates=alike,
        checked=checked,
        n_uncounted=gathered.n_waiting,
        waiting=read(lambda s: waiting.count(s, utc_now())),
        waiting_days=product().settings.waiting_outcome_days,
        file=product().settings.fields_file,
    )


@bp.post("/<key:key>/add")
def add(key: int) -> ResponseReturnValue:
    """Administrators: add a value to the list of its field."""

    def work(session: Session, found: Surprise) -> tuple[Field, str]:
        field = declaring.add_choice(session, found.field, found.value, _author())
        return field, gettext(
            "%(value)s is a value of %(label)s from now on.", value=found.value, label=field.label
        )

    return _decide(key, work)


@bp.post("/<key:key>/treat-as")
def treat_as(key: int) -> ResponseReturnValue:
    """Administrators: read a value as one of the choices of its field."""
    choice = request.form.get("choice", "")

    def work(session: Session, found: Surprise) -> tuple[Field, str]:
        field = declaring.add_alias(session, found.field, found.value, _author(), choice=choice)
        return field, gettext(
            "%(value)s is read as %(choice)s in %(label)s from now on.",
            value=found.value,
            choice=choice,
            label=field.label,
        )

    return _decide(key, work)


@bp.post("/<key:key>/forget")
def forget(key: int) -> ResponseReturnValue:
    """Administrators: take a count off the page; it comes back when the value does."""
    write(lambda session: quality.forget(session, key))
    return redirect(url_for("pages.quality.index"), 303)


def _duplicates(session: Session) -> tuple[Run | None, list[Duplicates]]:
    """Leads that are probably one person, as the newest check of the monitors has found them."""
    report = monitoring.newest(session)
    if report is None:
        return None, []
    return report.run, duplicates.known(session, report.run.result.get("duplicates", {}))


def _author() -> Author:
    return Author(current_user.email, utc_now(), product().settings.fields_file)


def _decide(
    key: int, work: Callable[[Session, Surprise], tuple[Field, str]]
) -> ResponseReturnValue:
    """Change the field of a value that is outside its list; what it reads now leaves the page."""

    def whole(session: Session) -> str | None:
        found = session.get(Surprise, key)
        if found is None or found.kind != reading.NOT_IN_LIST or not found.value:
            return None
        field, sentence = work(session, found)
        quality.forget_read(session, field)
        return sentence

    try:
        flash(write(whole) or gettext("This value is not on the page any more."), "good")
    except (declaring.InvalidField, declaring.FieldsInFile, declaring.FieldNotFound) as error:
        flash(gettext("Nothing was changed: %(error)s.", error=error), "bad")
        return index(), 422
    return redirect(url_for("pages.quality.index"), 303)
