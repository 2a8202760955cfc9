"""Data quality: values that were taken with a warning, and what to do about them."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import Session, read, utc_now, write
from webapp.intake_tables import Surprise
from webapp.product import product
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.imports import quality
from webapp.services.imports.quality import Gathered

bp = Blueprint("quality", __name__, url_prefix="/data-quality")


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: what surprised, by field and value."""
    gathered: Gathered = current_app.extensions["leadloop_surprises"]
    if found := gathered.take():
        write(lambda s: quality.store(s, found, utc_now()))
    return render_template(
        "imports/quality.html",
        surprises=read(quality.everything),
        not_in_list=quality.NOT_IN_LIST,
        file=product().settings.fields_file,
    )


@bp.post("/<key:key>/add")
def add(key: int) -> ResponseReturnValue:
    """Administrators: add a value to the list of its field."""
    by = Author(current_user.email, utc_now(), product().settings.fields_file)

    def work(session: Session) -> str | None:
        found = session.get(Surprise, key)
        if found is None or found.kind != quality.NOT_IN_LIST or not found.value:
            return None
        field = declaring.add_choice(session, found.field, found.value, by)
        quality.forget(session, key)
        return f"{found.value} is a value of {field.label} from now on."

    try:
        flash(write(work) or "This value is not on the page any more.", "good")
    except (declaring.InvalidField, declaring.FieldsInFile, declaring.FieldNotFound) as error:
        flash(f"Nothing was added: {error}.", "bad")
    return redirect(url_for("pages.quality.index"), 303)


@bp.post("/<key:key>/forget")
def forget(key: int) -> ResponseReturnValue:
    """Administrators: take a count off the page; it comes back when the value does."""
    write(lambda session: quality.forget(session, key))
    return redirect(url_for("pages.quality.index"), 303)
