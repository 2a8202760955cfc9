"""People who may sign in: invited, given roles, turned off and on. Administrators only."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import read, utc_now, write
from webapp.pages import formats
from webapp.pages.accounts import rights
from webapp.pages.language import flash
from webapp.product import product
from webapp.services import mail
from webapp.services.accounts import accounts, invitations
from webapp.services.accounts.errors import AccountError
from webapp.tables.people import Invitation

bp = Blueprint("users", __name__, url_prefix="/settings/users")


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: everybody who has an account."""
    return _page()


@bp.post("")
def create() -> ResponseReturnValue:
    """Administrators: invite a person; the link stands in this answer and in a mail only."""
    email, role = request.form.get("email", ""), request.form.get("role", "")
    actor, now = current_user.email, utc_now()
    try:
        made = write(lambda s: invitations.invite(s, email, role, actor=actor, now=now))
    except AccountError as error:
        return _page(error=formats.sentence(error), email=email, role=role), 422
    return _link_page(*made)


@bp.post("/<key:key>/role")
def change_role(key: int) -> ResponseReturnValue:
    """Administrators: give a user another role."""
    role, actor, now = request.form.get("role", ""), current_user.email, utc_now()
    user = write(lambda session: accounts.change_role(session, key, role, actor=actor, now=now))
    return _back(gettext("%(email)s now has the role %(role)s.", email=user.email, role=user.role))


@bp.post("/<key:key>/deactivate")
def deactivate(key: int) -> ResponseReturnValue:
    """Administrators: sign a user out everywhere and let them in no more."""
    actor, now = current_user.email, utc_now()
    user = write(lambda session: accounts.set_active(session, key, False, actor=actor, now=now))
    return _back(gettext("%(email)s is signed out and can no longer sign in.", email=user.email))


@bp.post("/<key:key>/activate")
def activate(key: int) -> ResponseReturnValue:
    """Administrators: let a user in again, with the password they had."""
    actor, now = current_user.email, utc_now()
    user = write(lambda session: accounts.set_active(session, key, True, actor=actor, now=now))
    return _back(gettext("%(email)s can sign in again.", email=user.email))


@bp.post("/<key:key>/password")
def link_to_reset(key: int) -> ResponseReturnValue:
    """Administrators: a link by which a user sets a new password."""
    actor, now = current_user.email, utc_now()
    return _link_page(*write(lambda s: invitations.invite_to_reset(s, key, actor=actor, now=now)))


@bp.post("/invitations/<key:key>/withdraw")
def withdraw(key: int) -> ResponseReturnValue:
    """Administrators: end an invitation that nobody has used."""
    actor, now = current_user.email, utc_now()
    email = write(lambda s: invitations.withdraw(s, key, actor=actor, now=now))
    return _back(
        gettext("%(email)s can no longer use the link.", email=email)
        if email
        else gettext("The link was used already.")
    )


def _link_page(made: Invitation, token: str) -> ResponseReturnValue:
    """Show the link once, and mail it where that is possible."""
    settings, path = product().settings, url_for("pages.invitations.show", token=token)
    # The host of this request is the administrator's own; a mail never relies on it.
    link = (settings.public_url or request.host_url).rstrip("/") + path
    mailed = failure = None
    if mail.is_on(settings):
        try:
            mail.send(settings, made.email, *_mail(made, mail.site(settings) + path))
            mailed = True
        except mail.MailFailed as error:
            failure = str(error)
    return _page(made=made, link=link, mailed=mailed, failure=failure)


def _mail(made: Invitation, link: str) -> tuple[str, str]:
    """Subject and text of the mail that carries a link."""
    until = formats.exact(made.expires_at)
    if made.user_key is not None:
        text = gettext(
            "Set a new password with this link. It works once, until %(until)s:", until=until
        )
        return gettext("Your new Leadloop password"), f"{text}\n\n{link}\n"
    text = gettext(
        "%(created_by)s has invited you to Leadloop, which says which leads to "
        "call first.\n\nSet your password with this link. It works once, until "
        "%(until)s:",
        created_by=made.created_by,
        until=until,
    )
    return gettext("You are invited to Leadloop"), f"{text}\n\n{link}\n"


def _back(sentence: str) -> ResponseReturnValue:
    flash(sentence, "good")
    return redirect(url_for("pages.users.index"), 303)


def _page(**values: object) -> str:
    return render_template(
        "accounts/users.html",
        **{"error": None, "email": "", "role": "rep", "made": None, **values},
        invited=read(lambda session: invitations.pending(session, utc_now())),
        users=read(accounts.everyone),
        sentences=rights.SENTENCES,
    )
