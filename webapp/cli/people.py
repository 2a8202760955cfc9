"""Commands for a person's data: given out, and erased."""

import json
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from flask.cli import with_appcontext

from webapp.cli.command import Command
from webapp.database import read, utc_now, write
from webapp.private_file import replace_private
from webapp.product import product
from webapp.services import store_copy
from webapp.services.accounts import audit
from webapp.services.imports import erasure
from webapp.services.leads import people, removal


@click.command("export-person", cls=Command)
@click.argument("who")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@with_appcontext
def export_person(who: str, file: Path) -> None:
    """Write all that is kept of a person as JSON; WHO is a lead ID or an e-mail address."""
    keys = _found(who)
    write(lambda s: audit.record(s, "cli", "exported", f"{len(keys)} leads", now=utc_now()))
    found = read(lambda s: people.everything_of(s, keys))
    text = json.dumps(found, default=_plain, ensure_ascii=False, indent=2) + "\n"
    if str(file) == "-":
        click.echo(text, nl=False)
    else:
        replace_private(file, [text])


@click.command("erase-person", cls=Command)
@click.argument("who")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def erase_person(who: str, dry_run: bool, yes: bool) -> None:
    """Erase a person for good; WHO is a lead ID or an e-mail address.

    Their leads, scorings, outcomes, notes, reports and overrides go, files of imports that name
    them, and their names and addresses in logs of runs and in the audit log.
    """
    keys, folder, now = _found(who), product().settings.data_dir, utc_now()
    rows = read(lambda s: people.everything_of(s, keys))
    for name, listed in rows.items():
        click.echo(f"{len(listed):>6}  {name.replace('_', ' ')}")
    named = read(lambda s: erasure.naming(s, folder, removal.named_by(s, keys), now))
    click.echo(f"{len(named):>6}  imports with a file that names them")
    if dry_run:
        return
    if not yes:
        click.confirm("Erase all of it? This cannot be undone.", abort=True)
    for key in named:
        write(partial(erasure.delete, data_dir=folder, key=key, now=now))
    done = write(lambda s: people.erase(s, keys, "cli", now))
    store_copy.scrub(product().settings)
    click.echo(f"Erased {done.n_leads} lead{'' if done.n_leads == 1 else 's'}.")
    if done.versions:
        click.echo(
            f"Trained while their outcomes were there: {', '.join(done.versions)}. The next"
            " training goes without them: run `retrain`."
        )
    click.echo("Backups of before still hold them: delete those when their time is over.")


def _found(who: str) -> list[int]:
    keys = read(lambda s: people.matching(s, who))
    if not keys:
        raise click.ClickException("Nobody has this lead ID or e-mail address.")
    return keys


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
