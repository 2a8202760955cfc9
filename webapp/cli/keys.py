"""Commands for API keys: made and replaced; what they print is the key alone."""

from datetime import timedelta
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.cli.command import Command
from webapp.database import utc_now, write
from webapp.services.accounts import api_keys


@click.command("create-key", cls=Command)
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice((*api_keys.SCOPES, api_keys.FORM)), multiple=True
)
@click.option("--origin", "origins", multiple=True, help="Of a form key: a site it is good on.")
@click.option(
    "--ignore-unknown", is_flag=True, help="Leave out fields that are not known, with a warning."
)
@click.option(
    "--expires-in-days", type=click.IntRange(1, api_keys.MAX_DAYS), help="90 are usual; else never."
)
@with_appcontext
def create_key(name: str, scopes: tuple[str, ...], **made: Any) -> None:
    """Make an API key and print it, alone; the default scopes are score and feedback."""
    wanted, now = scopes or ("score", "feedback"), utc_now()
    _, text = write(lambda s: api_keys.create(s, name, wanted, **made, created_by="cli", now=now))
    click.echo(text)


@click.command("rotate-key", cls=Command)
@click.argument("key", type=int)
@click.option(
    "--overlap-days", type=click.IntRange(0, 30), default=api_keys.OVERLAP.days, show_default=True
)
@with_appcontext
def rotate_key(key: int, overlap_days: int) -> None:
    """Replace the API key of this number and print the new one, alone."""
    overlap = timedelta(days=overlap_days)
    _, text = write(lambda s: api_keys.rotate(s, key, "cli", utc_now(), overlap=overlap))
    click.echo(text)
