"""The step *Match* of an import: what its columns and values mean."""

from collections.abc import Callable

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from ml.fields.fields_file import Fields
from ml.sentences import gettext
from webapp import field_lists
from webapp.database import Session, write
from webapp.pages.fields import field_form
from webapp.pages.imports import match_form, step
from webapp.pages.imports.step import Entered
from webapp.product import product
from webapp.services.fields import declaring
from webapp.services.fields.declaring import InvalidField
from webapp.services.imports import conversation, new_fields
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.imports.matching.questions import Question

bp = Blueprint("matching", __name__, url_prefix="/imports/<key:key>")


class _Open(Exception):
    """The answers leave something open, or declare a field wrongly; nothing is kept."""

    def __init__(self, problems: list[str], errors: dict[int, dict[str, str]]) -> None:
        self.entered = Entered(request.form, problems, errors)


@bp.post("/columns")
def columns(key: int) -> ResponseReturnValue:
    """Managers, fragment: the form with what the chosen columns bring and ask."""
    is_fragment = bool(request.headers.get("HX-Request"))
    template = step.FRAGMENT if is_fragment else step.PAGE
    return step.render(template, key, Entered(request.form))


@bp.post("/match")
def save(key: int) -> ResponseReturnValue:
    """Managers: go on to the preview, if every question is answered."""
    try:
        problems = write(lambda session: _answer(session, key))
    except _Open as still_open:
        return step.render(step.PAGE, key, still_open.entered), 422
    if problems:
        return step.render(step.PAGE, key, Entered(request.form, problems)), 422
    return redirect(url_for("pages.imports.show", key=key), 303)


@bp.post("/sheet")
def choose_sheet(key: int) -> ResponseReturnValue:
    """Managers: read another sheet of the workbook."""
    return _read_again(key, conversation.choose_sheet, request.form.get("sheet", ""))


@bp.post("/encoding")
def choose_encoding(key: int) -> ResponseReturnValue:
    """Managers: read the text by another encoding."""
    return _read_again(key, conversation.choose_encoding, request.form.get("encoding", ""))


def _read_again(
    key: int, choose: Callable[[Session, int, str], None], chosen: str
) -> ResponseReturnValue:
    try:
        write(lambda session: choose(session, key, chosen))
    except ValueError as error:
        return step.render(step.PAGE, key, Entered(problems=[str(error)])), 422
    return redirect(url_for("pages.imports.show", key=key), 303)


@bp.post("/forget")
def forget(key: int) -> ResponseReturnValue:
    """Managers: forget how such files were matched before, and propose anew."""
    write(lambda session: conversation.forget_remembered(session, key))
    return redirect(url_for("pages.imports.show", key=key), 303)


def _answer(session: Session, key: int) -> list[str]:
    """Take the answers, with what they declare; return what is open still, as sentences."""
    base = product().file_fields or field_lists.current(session).fields
    shown = step.shown(session, key, request.form)
    fields = new_fields.applied(base, shown.mapping)
    found = match_form.answers(request.form, shown, fields)
    if (found.new_fields or found.new_choices) and not step.may_declare():
        raise Forbidden
    decided = _with_new(found, fields, shown.mapping)
    fields = new_fields.applied(base, decided)
    try:
        still_open = list(map(_sentence, conversation.answer(session, fields, key, decided)))
    except conversation.WrongState:
        raise
    except ValueError as error:
        raise _Open([f"{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}."], {}) from None
    if still_open and found.new_fields:
        # The form goes on to ask for these fields, and would declare them a second time.
        raise _Open(still_open, {})
    return still_open


def _with_new(found: match_form.Answers, fields: Fields, before: Mapping) -> Mapping:
    """The mapping answered, with the fields and values to declare once it is confirmed."""
    meant = {column.target for column in found.mapping.columns}
    entries = [entry for entry in before.new_fields if entry["name"] in meant]
    names: dict[int, str] = {}
    errors: dict[int, dict[str, str]] = {}
    for place, entry in found.new_fields.items():
        if f"new.{place}.label" not in request.form:
            errors[place] = {}
            continue
        try:
            fields = declaring.with_field(fields, entry)
        except InvalidField as error:
            errors[place] = field_form.shown(error.errors)
        else:
            names[place] = entry["name"]
            entries.append(entry)
    if errors:
        raise _Open([gettext("Say what the new field is, then continue.")], errors)
    for name, value in found.new_choices:
        try:
            declaring.with_choice(declaring.named(fields, name), value)
        except InvalidField as error:
            raise _Open(
                [gettext("“%(value)s” was not added: %(error)s.", value=value[:40], error=error)],
                {},
            ) from None
    choices = dict.fromkeys([*before.new_choices, *found.new_choices])
    new = {"new_fields": tuple(entries), "new_choices": tuple(choices)}
    return found.with_fields(names).model_copy(update=new)


def _sentence(question: Question) -> str:
    if question.kind == "lead_id":
        return gettext("No column is the lead's ID. Choose “Lead ID” for one of them.")
    return f"“{question.column}”: {question.message}{'' if question.message[-1] in '.?' else '.'}"
