"""The fields of a lead: declared, changed and retired without a file or a restart."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.fields.fields_file import Field, Fields
from ml.sentences import gettext
from webapp import field_lists
from webapp.database import Session, read, utc_now, write
from webapp.field_lists import Declared
from webapp.pages.fields import field_form
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.fields import declaring, lead_values, usage
from webapp.services.fields.declaring import Author, ChangedMeanwhile, InvalidField

bp = Blueprint("fields", __name__, url_prefix="/settings/fields")


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: all fields, how many leads have them, and what uses them."""
    fields = product().fields
    coverage, used = read(lambda s: (lead_values.coverage(s, fields), usage.usage(s, fields)))
    return render_template(
        "fields/index.html",
        declared=fields.declared,
        others=[field for field in fields if not field.declared],
        coverage=coverage,
        used=used,
        facts=field_form.facts,
        file=product().settings.fields_file,
    )


# No field's name has a hyphen.
@bp.get("/new-field")
def new() -> ResponseReturnValue:
    """Administrators: the form of a new field."""
    return _new_page(field_form.BLANK, {})


@bp.post("/new-field")
def create() -> ResponseReturnValue:
    """Administrators: declare a field."""
    entry = field_form.entry_from(request.form, product().fields)
    try:
        field = write(lambda s: declaring.declare_field(s, entry, _author()))
    except InvalidField as error:
        return _new_page(request.form, error.errors), 422
    flash(
        gettext(
            "%(label)s declared. Forms, API, import and the next training know it now.",
            label=field.label,
        ),
        "good",
    )
    return redirect(url_for("pages.fields.show", name=field.name), 303)


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """Administrators: a field, its values and what they led to, and the form to change it."""
    return _page(name)


@bp.post("/<name>")
def change(name: str) -> ResponseReturnValue:
    """Administrators: change a field; what that takes from models and leads is said first."""
    fields = product().fields
    before = declaring.named(fields, name)
    entry = field_form.entry_from(request.form, fields)
    try:
        after = declaring.checked({**entry, "name": name}, fields, replaces=name)
        if "confirmed" not in request.form and (question := _question(before, after)):
            return question
        is_new_unit = request.form.get("known_values") == "old unit"
        seen, by = _seen_version(), _author()
        write(
            lambda s: declaring.change_field(
                s, name, entry, by, seen_version=seen, is_new_unit=is_new_unit
            )
        )
    except InvalidField as error:
        return _page(name, entered=request.form, errors=error.errors), 422
    except ChangedMeanwhile as error:
        return _page(name, entered=request.form, conflict=str(error)), 409
    flash(gettext("%(label)s changed.", label=after.label), "good")
    return redirect(url_for("pages.fields.show", name=name), 303)


@bp.post("/<name>/retire")
def retire(name: str) -> ResponseReturnValue:
    """Administrators: let people and models do without a field; values are still taken."""
    seen, by = _seen_version(), _author()
    field = write(lambda s: declaring.retire_field(s, name, by, seen_version=seen))
    flash(gettext("%(label)s retired. Values that are sent are still kept.", label=field.label))
    return redirect(url_for("pages.fields.index"), 303)


@bp.post("/<name>/restore")
def restore(name: str) -> ResponseReturnValue:
    """Administrators: take a field into use again."""
    seen, by = _seen_version(), _author()
    try:
        field = write(lambda s: declaring.restore_field(s, name, by, seen_version=seen))
        flash(gettext("%(label)s is in use.", label=field.label), "good")
    except declaring.InvalidField as error:
        flash(gettext("Nothing was changed: %(error)s.", error=error), "bad")
    return redirect(url_for("pages.fields.show", name=name), 303)


def _author() -> Author:
    return Author(current_user.email, utc_now(), product().settings.fields_file)


def _seen_version() -> int:
    text = request.form.get("version", "")
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest
    return int(text)


def _question(before: Field, after: Field) -> str | None:
    is_other_unit = bool(declaring.of_other_unit(Fields([before]), Fields([after])))

    def told(session: Session) -> tuple[list[str], list[str]]:
        used = usage.usage(session, Fields([before]))
        sentences = usage.consequences(session, before, after, used)
        if not is_other_unit:
            return sentences, []
        renewed = usage.consequences(session, before, after, used, is_new_unit=True)
        return sentences, [sentence for sentence in renewed if sentence not in sentences]

    sentences, unit_sentences = read(told)
    if not sentences and not unit_sentences:
        return None
    return render_template(
        "fields/check.html",
        before=before,
        after=after,
        sentences=sentences,
        unit_sentences=unit_sentences,
        entered={k: v for k, v in request.form.items() if k != "csrf_token"},
    )


def _new_page(entered: Any, errors: dict[str, str]) -> str:
    return render_template(
        "fields/new.html",
        entered=entered,
        errors=field_form.shown(errors),
        types=field_form.TYPES,
        file=product().settings.fields_file,
    )


def _page(
    name: str,
    *,
    entered: Any = None,
    errors: dict[str, str] | None = None,
    conflict: str | None = None,
) -> str:
    file_fields = product().file_fields
    declared = Declared(0, file_fields) if file_fields else read(field_lists.current)
    field = declaring.named(declared.fields, name)

    def look(session: Session) -> dict[str, Any]:
        used = usage.usage(session, declared.fields)
        return {
            "used": used,
            "coverage": lead_values.coverage(session, Fields([field])),
            "groups": lead_values.groups(session, field),
            "retiring": usage.consequences(session, field, declaring.retired(field), used),
        }

    return render_template(
        "fields/show.html",
        field=field,
        version=declared.version,
        facts=field_form.facts(field),
        entered=field_form.as_texts(field) if entered is None else entered,
        errors=field_form.shown(errors or {}),
        types=field_form.TYPES,
        conflict=conflict,
        file=product().settings.fields_file,
        **read(look),
    )
