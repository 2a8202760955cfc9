"""Fields that seem to be filled in after the outcome: a panel on the models pages, two buttons."""

from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import read, utc_now, write
from webapp.models import GuardedField, ModelVersion
from webapp.product import product
from webapp.services import guarded_fields, registry

bp = Blueprint("guarded_fields", __name__, url_prefix="/models/fields")


class Guarded(NamedTuple):
    """What the panel shows; `used` are fields left out that the version in use knows all the same.

    `better` is the newest version learned without them.
    """

    rows: list[GuardedField]
    labels: dict[str, str]
    champion: ModelVersion
    used: list[str]
    better: ModelVersion | None


@bp.post("/<field>/allow")
def allow(field: str) -> ResponseReturnValue:
    """Administrators: let training use a suspected field again."""
    return _decide(field, guarded_fields.ALLOWED)


@bp.post("/<field>/leave-out")
def leave_out(field: str) -> ResponseReturnValue:
    """Administrators: confirm that a suspected field is left out."""
    return _decide(field, guarded_fields.LEFT_OUT)


@bp.app_template_global()
def guarded_now() -> Guarded:
    """Every field ever suspected, and whether the version in use knows one."""
    return read(_guarded)


def _guarded(session: Any) -> Guarded:
    rows, champion = guarded_fields.every(session), registry.champion(session)
    used = guarded_fields.in_use(champion, rows)
    newer = (v for v in registry.versions(session) if v.key > champion.key) if used else ()
    better = next((v for v in newer if not guarded_fields.in_use(v, rows)), None)
    labels = {field.name: field.label for field in product().fields}
    return Guarded(rows, labels, champion, used, better)


def _decide(field: str, state: str) -> ResponseReturnValue:
    actor, now = current_user.email, utc_now()
    write(lambda session: guarded_fields.decide(session, field, state, actor=actor, now=now))
    is_allowed = state == guarded_fields.ALLOWED
    label = product().fields[field].label if field in product().fields else field
    flash(f"{label} is {'used again' if is_allowed else 'left out'} from the next training on.")
    return redirect(url_for("pages.models.index"), 303)
