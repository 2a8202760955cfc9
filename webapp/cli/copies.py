"""Commands that copy the store while it runs, and put a copy back."""

from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from webapp import server
from webapp.cli.command import Command, FirstCommand
from webapp.config import Settings
from webapp.database import db, read, utc_now, write
from webapp.product import product
from webapp.services import store_copy
from webapp.services.accounts import audit
from webapp.services.runs import workers


@click.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@with_appcontext
def backup(file: Path | None, dry_run: bool) -> None:
    """Write the database and its keys to a FILE that only you can read, while everything runs."""
    settings = product().settings
    file = file or Path(f"leadloop-{utc_now():%Y-%m-%dT%H%M%SZ}.tar")
    if dry_run:
        size = settings.database_file.stat().st_size if settings.database_file else 0
        click.echo(f"Would write about {size / 2**20:,.1f} MB to {file}.")
        return
    with click.progressbar(length=1, label="Copying") as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        n_tables = store_copy.make(settings, file, progress)
    write(lambda s: audit.record(s, "cli", audit.BACKED_UP, file.name, now=utc_now()))
    click.echo(f"{file}: {n_tables} tables, read back and whole.")


@click.command(cls=FirstCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the file, and change nothing.")
@click.option("--worker-stopped", is_flag=True, help="Go on: the worker seen lately is stopped.")
@with_appcontext
def restore(file: Path, dry_run: bool, worker_stopped: bool) -> None:
    """Put a backup in place of the present store, which is kept; stop web and worker first."""
    settings: Any = product().settings
    n_tables = store_copy.check(file)
    click.echo(f"{file}: {n_tables} tables, whole.")
    if dry_run:
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if reason := server.obstacle(settings):
        raise click.ClickException(reason)
    if not worker_stopped and (reason := _worker_at_work(settings)):
        raise click.ClickException(reason)
    db.engine.dispose()
    before = store_copy.put_back(settings, file)
    if before is not None:
        click.echo(f"The store of before is kept as {before}: delete it once all is well.")
    click.echo("Restored. Run `setup`, then start web and worker.")


def _worker_at_work(settings: Settings) -> str | None:
    """Say so where the present store, if it can be read, has seen a worker just now."""
    path = settings.database_file
    if path is None or not path.exists():
        return None
    try:
        seen_at = read(workers.last_seen)
    except sa.exc.SQLAlchemyError:  # damaged, or of before workers were noted
        return None
    if seen_at is None or workers.is_gone(seen_at, utc_now()):
        return None
    return (
        f"A worker was at work on this store at {seen_at:%H:%M:%S} in UTC, and would go on with the"
        " file of before. Stop it (`python -m sync`) and say `restore --worker-stopped`, or try"
        f" again {workers.GONE_AFTER.seconds // 60} minutes after it has ended."
    )
