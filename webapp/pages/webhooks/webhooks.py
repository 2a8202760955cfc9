"""Webhooks: added, tried out, watched, turned off and on. Administrators only."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext, ngettext
from webapp.database import Session, read, utc_now, write
from webapp.pages.addresses import key_argument
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.webhooks import deliveries, endpoints, events, messages
from webapp.services.webhooks.addresses import AddressRefused
from webapp.services.webhooks.endpoints import InvalidEndpoint, Wanted

bp = Blueprint("webhooks", __name__, url_prefix="/settings/webhooks")

LOG_PAGE = 50
KINDS = {
    "webhook": gettext("Signed webhook, for a program"),
    "slack": gettext("Slack message, by an incoming webhook"),
    "teams": gettext("Teams message, by a workflow"),
}
EMPTY = Wanted("", "webhook", "", list(events.TYPES))


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: all webhooks and how they do, and a form for another."""
    return _list_page()


@bp.post("")
def create() -> ResponseReturnValue:
    """Administrators: add a webhook; its secret stands in this answer and nowhere else."""
    wanted, settings = _entered(), product().settings
    actor, now = current_user.email, utc_now()
    try:
        _check_address(wanted)
        made = write(lambda s: endpoints.create(s, wanted, settings, actor=actor, now=now))
    except InvalidEndpoint as error:
        return _list_page(wanted=wanted, errors=error.errors), 422
    if wanted.kind != "webhook":
        flash(
            gettext("“%(name)s” added. Send a test message to see it arrive.", name=made[0].name),
            "good",
        )
        return redirect(url_for("pages.webhooks.show", key=made[0].key), 303)
    return _page(made[0].key, secret=made[1])


@bp.get("/<key:key>")
def show(key: int) -> ResponseReturnValue:
    """Administrators: one webhook, its settings and the log of its deliveries."""
    return _page(key)


@bp.get("/<key:key>/log")
def log(key: int) -> ResponseReturnValue:
    """Administrators, fragment: the log, which asks for itself while something waits."""
    return render_template("webhooks/_log.html", **read(lambda s: _log(s, key)))


@bp.post("/<key:key>")
def change(key: int) -> ResponseReturnValue:
    """Administrators: another name, address or choice of events."""
    wanted, settings = _entered(), product().settings
    actor, now = current_user.email, utc_now()
    try:
        if wanted.url:
            _check_address(wanted)
        write(lambda s: endpoints.change(s, key, wanted, settings, actor=actor, now=now))
    except InvalidEndpoint as error:
        return _page(key, wanted=wanted, errors=error.errors), 422
    flash(gettext("Webhook saved."), "good")
    return _back(key)


@bp.post("/<key:key>/secret")
def renew_secret(key: int) -> ResponseReturnValue:
    """Administrators: a new secret, which stands in this answer only."""
    settings, actor, now = product().settings, current_user.email, utc_now()
    _, secret = write(lambda s: endpoints.renew_secret(s, key, settings, actor=actor, now=now))
    return _page(key, secret=secret)


@bp.post("/<key:key>/test")
def test(key: int) -> ResponseReturnValue:
    """Administrators: put a test message into the queue."""
    now = utc_now()
    write(lambda s: events.note_test(s, endpoints.by_key(s, key), now))
    flash(gettext("Test message on its way. The log below shows what comes of it."), "good")
    return _back(key)


@bp.post("/<key:key>/replay")
def replay(key: int) -> ResponseReturnValue:
    """Administrators: send one message again, or all that failed."""
    chosen, now = key_argument("delivery"), utc_now()
    n_again = write(lambda s: deliveries.replay(s, key, now, key=chosen))
    flash(
        ngettext(
            "%(n)s message put back into the queue.",
            "%(n)s messages put back into the queue.",
            n_again,
        ),
        "good",
    )
    return _back(key)


@bp.post("/<key:key>/disable")
def disable(key: int) -> ResponseReturnValue:
    """Administrators: send nothing more."""
    actor, now = current_user.email, utc_now()
    write(lambda s: endpoints.disable(s, key, actor=actor, now=now))
    flash(gettext("Webhook disabled. What happens from now on is not sent."))
    return _back(key)


@bp.post("/<key:key>/enable")
def enable(key: int) -> ResponseReturnValue:
    """Administrators: send again."""
    actor, now = current_user.email, utc_now()
    write(lambda s: endpoints.enable(s, key, actor=actor, now=now))
    flash(gettext("Webhook enabled. What waited in its queue is sent now."), "good")
    return _back(key)


@bp.post("/<key:key>/remove")
def remove(key: int) -> ResponseReturnValue:
    """Administrators: delete it with its queue and log."""
    actor, now = current_user.email, utc_now()
    name = write(lambda s: endpoints.remove(s, key, actor=actor, now=now))
    flash(f"“{name}” removed.")
    return redirect(url_for("pages.webhooks.index"), 303)


def _entered() -> Wanted:
    form = request.form
    return Wanted(
        name=form.get("name", "").strip(),
        kind=form.get("kind", "webhook"),
        url=form.get("url", "").strip(),
        events=form.getlist("events"),
        min_points=form.get("min_points", "").strip() or str(endpoints.USUAL_POINTS),
    )


def _check_address(wanted: Wanted) -> None:
    """Outside any transaction: the name server may take its time."""
    try:
        endpoints.check_address(wanted.url, product().settings)
    except AddressRefused as error:
        raise InvalidEndpoint({"url": str(error)}) from None


def _back(key: int) -> ResponseReturnValue:
    return redirect(url_for("pages.webhooks.show", key=key), 303)


def _list_page(**values: Any) -> str:
    return render_template(
        "webhooks/index.html",
        **{"wanted": EMPTY, "errors": {}, **values},
        webhooks=read(endpoints.everything),
        kinds=KINDS,
        types=events.TYPES,
    )


def _page(key: int, **values: Any) -> str:
    def find(session: Session) -> dict[str, Any]:
        endpoint = endpoints.by_key(session, key)
        return {**_log(session, key), "wanted": _as_entered(endpoint)}

    view = read(find)
    return render_template(
        "webhooks/show.html",
        **{"secret": None, "errors": {}, **view, **values},
        kinds=KINDS,
        types=events.TYPES,
    )


def _as_entered(endpoint: Any) -> Wanted:
    return Wanted(
        endpoint.name, endpoint.kind, "", endpoint.events, min_points=str(endpoint.min_points)
    )


def _log(session: Session, key: int) -> dict[str, Any]:
    """The webhook, its newest deliveries with their tries, and the number to go on from."""
    found = deliveries.log(session, key, LOG_PAGE + 1, key_argument("before"))
    rows = found[:LOG_PAGE]
    return {
        "webhook": endpoints.by_key(session, key),
        "rows": rows,
        "tries": deliveries.tries(session, [delivery.key for delivery, _ in rows]),
        "older": rows[-1][0].key if len(found) > LOG_PAGE else None,
        "is_waiting": any(d.state == "pending" and d.n_tries == 0 for d, _ in rows),
        "n_failed": deliveries.n_failed(session, key),
        "summary": messages.summary,
    }
