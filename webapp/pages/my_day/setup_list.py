"""Setting Leadloop up: the list on My day, and the rate that the starter model expects."""

from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import Figure, gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages.accounts import signed_in
from webapp.pages.language import flash
from webapp.product import product
from webapp.services import setup
from webapp.services.models import registry
from webapp.services.my_day import setup_list

bp = Blueprint("setup_list", __name__, url_prefix="/setup")


class Step(NamedTuple):
    """One line of the list: where it is done, and what for."""

    endpoint: str
    text: str
    why: str
    is_done: bool


def steps(session: Session) -> list[Step]:
    """What administrators have left to set up; empty where nothing is, and for everybody else."""
    if not signed_in.may("pages.setup_list.hide"):
        return []
    done = setup_list.steps(session, current_user.email)
    if done is None:
        return []
    settings = product().settings
    is_rate_told = done.rate or settings.expected_conversion_percent is not None
    return [
        Step(
            "pages.setup_list.show_rate",
            gettext("Say how many leads convert"),
            gettext("so that the percentages fit before the first training"),
            is_rate_told,
        ),
        Step(
            "pages.fields.index",
            gettext("Declare your fields"),
            gettext("what only you know of a lead ranks best"),
            done.fields or settings.fields_file is not None,
        ),
        Step(
            "pages.imports.index",
            gettext("Import your leads"),
            gettext("with their outcomes, or connect your CRM on the page Sync"),
            done.leads,
        ),
        Step(
            "pages.users.index",
            gettext("Invite your team"),
            gettext("each person by a link"),
            done.people,
        ),
    ]


@bp.post("/hide")
def hide() -> ResponseReturnValue:
    """Administrators: take the list from one's own My day."""
    who, now = current_user.email, utc_now()
    write(lambda session: setup_list.hide(session, who, now))
    return redirect(url_for("pages.my_day.index"), 303)


@bp.get("/conversion-rate")
def show_rate() -> ResponseReturnValue:
    """Administrators: the form for the rate that the starter model expects."""
    return _rate_page()


@bp.post("/conversion-rate")
def expect_rate() -> ResponseReturnValue:
    """Administrators: let the starter model expect another conversion rate."""
    entered = request.form.get("percent", "").strip().removesuffix("%").strip().replace(",", ".")
    percent = _percent(entered)
    if percent is None:
        error = gettext("Enter a number above 0 and below 100, such as 12.")
        return _rate_page(entered=entered, error=error), 422
    who, now = current_user.email, utc_now()
    write(lambda session: setup.expect_conversion(session, percent, who, now))
    flash(
        gettext(
            "Saved: about %(percent)s of 100 leads convert. The scores follow in a moment.",
            percent=Figure(f"{percent:g}"),
        ),
        "good",
    )
    return redirect(url_for("pages.my_day.index"), 303)


def _percent(text: str) -> float | None:
    try:
        percent = float(text) if len(text) <= 10 else 0.0
    except ValueError:
        return None
    return percent if 0 < percent < 100 else None


def _rate_page(*, entered: str | None = None, error: str | None = None) -> str:
    def look(session: Session) -> dict[str, object]:
        starter = registry.starter(session)
        live = registry.champion(session).learned_from
        return {
            "rate": registry.scorecard(session, starter).base_rate,
            "is_learned": live is not None and not live.is_demo,
            "is_demo": live is not None and live.is_demo,
        }

    return render_template(
        "my_day/conversion_rate.html", entered=entered, error=error, **read(look)
    )
