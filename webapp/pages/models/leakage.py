"""Leaking and excluded fields: a panel on the models pages, two buttons for each."""

from typing import Any, NamedTuple

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.scorecard.starter import FAMILY
from ml.sentences import gettext
from webapp.database import Session, utc_now, write
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.models import leakage, registry
from webapp.tables import LeakingField, ModelVersion

bp = Blueprint("leakage", __name__, url_prefix="/models/fields")


class LeakagePanel(NamedTuple):
    """Leaking fields, those the live model uses, and the newest version without them."""

    rows: list[LeakingField]
    labels: dict[str, str]
    champion: ModelVersion
    used: dict[str, str]
    better: ModelVersion | None

    @property
    def needs_training(self) -> bool:
        """Whether no version that has learned is without them."""
        return self.better is None or self.better.family == FAMILY


@bp.post("/<field>/allow")
def allow(field: str) -> ResponseReturnValue:
    """Administrators: let training use a leaking field again."""
    return _decide(field, leakage.ALLOWED)


@bp.post("/<field>/leave-out")
def leave_out(field: str) -> ResponseReturnValue:
    """Administrators: confirm that a leaking field stays excluded."""
    return _decide(field, leakage.LEFT_OUT)


def state(session: Session) -> dict[str, Any]:
    """What the panel is drawn from."""
    fields, champion = product().fields, registry.champion(session)
    rows = leakage.every(session)
    found = leakage.excluded_but_used(champion, fields, rows)
    better = leakage.newest_without_leaks(session, fields, champion) if found else None
    labels = {row.name: fields.named(row.name).label for row in rows}
    used = {fields.named(name).label: why for name, why in found.items()}
    return {"leakage": LeakagePanel(rows, labels, champion, used, better)}


def _decide(field: str, state: str) -> ResponseReturnValue:
    actor, now = current_user.email, utc_now()
    write(lambda session: leakage.decide(session, field, state, actor=actor, now=now))
    is_allowed = state == leakage.ALLOWED
    label = product().fields[field].label if field in product().fields else field
    flash(
        gettext("The next training uses %(label)s.", label=label)
        if is_allowed
        else gettext("The next training excludes %(label)s.", label=label)
    )
    return redirect(url_for("pages.models.index"), 303)
