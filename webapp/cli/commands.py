"""The command line: `flask --app wsgi COMMAND`."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import click
import flask_migrate
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp import field_lists, server
from webapp.cli import copies, fields, imports, keys, people
from webapp.cli.command import Command, FirstCommand
from webapp.database import db, read, utc_now, write
from webapp.exporting import audit_lines, files
from webapp.private_file import keep_database_private, replace_private
from webapp.product import VERSION, product
from webapp.services import installation
from webapp.services import setup as first_setup
from webapp.services.accounts import accounts, audit, passwords
from webapp.services.accounts.errors import AccountError
from webapp.services.crm import connections
from webapp.services.demo import demo_data
from webapp.services.exports import exports, remarks
from webapp.services.exports.columns import FORMATS
from webapp.services.leads import lead_query
from webapp.services.leads.filters import table
from webapp.services.models import lifecycle, registry
from webapp.services.setup import FirstAccess
from webapp.tables import ROLES, User
from webapp.writer import is_missing, was_in_use


def register(app: Flask) -> None:
    """Add the commands to the application."""
    for command in (
        setup,
        serve,
        create_user,
        set_password,
        copies.backup,
        copies.restore,
        people.export_person,
        people.erase_person,
        keys.create_key,
        keys.rotate_key,
        imports.import_leads,
        export_leads,
        export_audit,
        retrain,
        models,
        promote,
        remove_demo,
        accept_losses,
        doctor,
        fields.fields,
        version,
    ):
        app.cli.add_command(command)


LOST = (
    "The database {} is missing or empty, but it was in use. Restore it from a backup, or begin"
    " with an empty one: `flask --app wsgi setup --new`."
)


@click.command(cls=FirstCommand)
@click.option("--before-serve", is_flag=True, help="Refuse at once if `serve` could not start.")
@click.option("--new", is_flag=True, help="Begin empty where a database was that is gone.")
@click.option("--accept-models", is_flag=True, help="Sign all model versions with the present key.")
@with_appcontext
def setup(before_serve: bool, new: bool, accept_models: bool) -> None:
    """Prepare the database and say how to get in; changes nothing where all is there."""
    settings = product().settings
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if before_serve and (reason := server.obstacle(settings)):
        raise click.ClickException(reason)
    if path := settings.database_file:
        if was_in_use(path) and is_missing(path) and not new:
            raise click.ClickException(LOST.format(path))
        keep_database_private(path)
    _make_secret_key()
    flask_migrate.upgrade()
    if signed := write(partial(_sign_models, anew=accept_models)):
        click.echo(f"Signed: model version{'' if len(signed) == 1 else 's'} {', '.join(signed)}.")
    access = write(_prepare)
    _greet(access, can_serve=server.obstacle(settings) is None)


def _make_secret_key() -> None:
    """Make it now rather than at the first request."""
    current_app.secret_key  # noqa: B018


def _prepare(session: Session) -> FirstAccess | None:
    settings, now = product().settings, utc_now()
    if settings.fields_file is None:
        field_lists.seed(session, now)
    first_setup.starter_version(session, settings.expected_conversion_percent, now)
    access = first_setup.first_access(session, now)
    if access is not None and settings.demo:
        demo_data.load(session, product().file_fields or field_lists.current(session).fields, now)
    if access is not None:
        # Before the commit: nobody could get in if we were stopped between the two.
        _keep_private(access)
    return access


def _sign_models(session: Session, *, anew: bool) -> list[str]:
    signed = registry.sign(session, anew=anew)
    if signed:
        names = ", ".join(signed)[:200]
        audit.record(session, "cli", "signed model versions", names, now=utc_now())
    return signed


def _first_access_file() -> Path:
    return product().settings.data_dir / "first-access.txt"


def _keep_private(access: FirstAccess) -> None:
    lines = (f"e-mail: {access.email}", f"password: {access.password}", f"key: {access.api_key}")
    replace_private(_first_access_file(), "\n".join(lines) + "\n")


def _greet(access: FirstAccess | None, *, can_serve: bool) -> None:
    address, file = product().settings.address, _first_access_file()
    click.echo(f"\n  Leadloop: {address}" if can_serve else "")
    # What is no terminal may be a journal that others read.
    if access is not None and sys.stdout.isatty():
        click.echo(f"  Sign in:  {access.email}  password: {access.password}")
        click.echo("            (you choose your own then)")
        if can_serve:
            click.echo(f"  Score a lead:\n\n{_curl(address, access.api_key)}\n")
        click.echo(f"  Kept in {file}: delete that file once noted.\n")
    elif file.exists():
        click.echo(f"  Sign in:  with what {file} says; delete that file once noted.\n")
    else:
        click.echo("  A new key: .venv/bin/flask --app wsgi create-key NAME\n")


def _curl(address: str, key: str) -> str:
    body = (
        '{"lead_id": "L-1", "name": "Ada Example", "lead_source": "Referral",'
        ' "industry": "Software", "email_opens": 8, "website_visits": 5, "days_since_contact": 2}'
    )
    return (
        f"curl -s {address}/score -H 'Authorization: Bearer {key}'"
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


@click.command(cls=FirstCommand)
@with_appcontext
def serve() -> None:
    """Serve pages and API."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    _make_secret_key()
    server.run(app, product().settings)


@click.command(cls=FirstCommand)
def version() -> None:
    """Print the version of Leadloop."""
    click.echo(VERSION)


@click.command("create-user", cls=Command)
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.password_option()
@with_appcontext
def create_user(email: str, role: str, password: str) -> None:
    """Make an account; the password is asked for, and changed by its person at first use."""
    email = accounts.clean_email(email)
    chosen = passwords.hashed(password, email)
    write(lambda s: accounts.create(s, email, chosen, role, now=utc_now(), must_change=True))
    click.echo(f"{email} can sign in as {role}, and then chooses a password of their own.")


@click.command("set-password", cls=Command)
@click.argument("email")
@click.password_option()
@with_appcontext
def set_password(email: str, password: str) -> None:
    """Give an account a password, which its person changes at first use, and end its sessions."""

    def found(session: Session) -> User:
        user = accounts.find(session, email, lock=True)
        if user is None:
            raise AccountError(f"{email} has no account")
        return user

    former = read(lambda s: accounts.former_passwords(found(s)))
    chosen = passwords.hashed(password, email, former)

    def change(session: Session) -> None:
        user = found(session)
        accounts.set_password(session, user, chosen, must_change=True)
        audit.record(session, "cli", "set password", user.email, now=utc_now())

    write(change)
    click.echo(f"{email} has a new password, and chooses one of their own after signing in.")


EXPORTED = ("leads", "outcomes", "scores", "notes", "score-reports", "overrides")


@click.command("export-leads", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--of", type=click.Choice(EXPORTED), default="leads")
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), default="csv")
@click.option("--view", default="", help="Only some: the lead table's address behind its ?.")
@with_appcontext
def export_leads(file: Path, of: str, form: str, view: str) -> None:
    """Export leads or what is kept on them to a FILE that only you can read, or to the screen."""
    if view and of != "leads":
        raise click.UsageError("--view is for leads.")
    asked = dict(parse_qsl(view))
    declared = product().fields
    if unknown := sorted(asked.keys() - {*lead_query.OTHERS, *table.all_filters(declared)}):
        known = ", ".join((*lead_query.OTHERS, *table.all_filters(declared)))
        raise click.UsageError(f"--view does not know {', '.join(unknown)}: it knows {known}.")
    percent = product().settings.explore_percent
    export = {
        "leads": exports.leads_asked(declared, asked, explore_percent=percent),
        "outcomes": exports.outcomes(),
        "scores": exports.scores(declared),
        "notes": remarks.notes(),
        "score-reports": remarks.score_reports(),
        "overrides": remarks.overrides(),
    }[of]
    _put(file, files.begin(export, form, "cli"))


def _put(file: Path, pieces: Iterable[str]) -> None:
    if str(file) == "-":
        for piece in pieces:
            click.echo(piece, nl=False)
    else:
        replace_private(file, pieces)


@click.command("export-audit", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@with_appcontext
def export_audit(file: Path) -> None:
    """Export the audit log as JSON lines to a FILE that only you can read, or to the screen."""
    _put(file, audit_lines.begin("cli"))


@click.command(cls=Command)
@with_appcontext
def retrain() -> None:
    """Ask the worker for a training now."""
    run = write(lambda s: lifecycle.request_retraining(s, "cli", utc_now()))
    click.echo(f"Run {run.key}: the worker trains; `models` shows what came of it.")


@click.command(cls=Command)
@with_appcontext
def models() -> None:
    """List the model versions, newest first."""
    in_use = registry.champion(db.session()).key
    for version in registry.versions(db.session()):
        mark = "*" if version.key == in_use else " "
        made = f"{version.created_at:%Y-%m-%d %H:%M}"
        reason = version.verdict.reason or "not trained on your data"
        click.echo(f"{mark} {version.name:<6} {made}  {version.family}: {reason}")


@click.command(cls=Command)
@click.argument("version")
@with_appcontext
def promote(version: str) -> None:
    """Ask the worker to promote a version; an older one is a rollback."""
    run = write(lambda s: lifecycle.request_promotion(s, version, "cli", utc_now()))
    click.echo(f"Run {run.key}: the worker scores all leads by {version} and then switches to it.")


@click.command("remove-demo", cls=Command)
@with_appcontext
def remove_demo() -> None:
    """Delete the demo leads and all that belongs to them."""
    n_leads, _ = write(lambda s: demo_data.remove(s, "cli", utc_now()))
    click.echo(f"{n_leads} demo leads deleted.")


@click.command("accept-lost-records", cls=Command)
@with_appcontext
def accept_losses() -> None:
    """Let the sync go on without the records that it can no longer read, as it asked."""
    kind = connections.kind(db.session())
    losses = write(lambda s: connections.accept_losses(s, "cli", utc_now()))
    if not losses:
        raise click.ClickException("All records are visible: there is nothing to accept.")
    named = ", ".join(loss.in_words(kind) for loss in losses)
    click.echo(f"The sync goes on without {named}. Their last outcomes stay.")


@click.command(cls=Command)
@with_appcontext
def doctor() -> None:
    """Check what the product needs; exit code 1 where something is wrong."""
    checks = installation.everything(db.session(), product().settings, product().file_fields)
    for check in checks:
        found = "FAIL" if not check.is_good else "note" if check.is_advice else "ok  "
        click.echo(f"{found}  {check.name}: {check.sentence}")
    if not all(check.is_good for check in checks):
        raise SystemExit(1)
