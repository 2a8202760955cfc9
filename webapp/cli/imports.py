"""`flask import-leads`: a file taken in without a person to ask."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
from flask.cli import with_appcontext

from webapp import importing
from webapp.cli.command import Command
from webapp.database import read
from webapp.intake_tables import Import
from webapp.product import product
from webapp.services.imports import imports
from webapp.services.imports.cells.times import zone_of
from webapp.services.imports.matching import remembered
from webapp.services.runs import runs

MAX_WAIT_SECONDS = 600
IMPORT_COUNTS = {
    "n_rows": "rows",
    "n_wrong": "wrong",
    "n_new_leads": "new leads",
    "n_changed": "changed",
    "n_outcomes": "new outcomes",
    "n_waiting": "outcomes waiting for their lead",
}


@click.command("import-leads", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    metavar="NAME|auto",
    help="A mapping by its name, or auto: only what is beyond doubt. Without it the mapping of the"
    " last file with this header, else auto.",
)
@click.option("--skip-bad-rows", is_flag=True, help="Import the rows that are right.")
@click.option("--empty-clears", is_flag=True, help="Empty cells clear the value.")
@click.option("--email-as-id", is_flag=True, help="Where no column is the ID, the e-mail is.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook; else the first one.")
@click.option(
    "--time-zone",
    metavar="NAME",
    callback=lambda context, option, name: _zone(name),
    help="That of times without an offset, such as Europe/Berlin; else UTC.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_appcontext
def import_leads(
    file: Path,
    *,
    mapping: str | None,
    skip_bad_rows: bool,
    empty_clears: bool,
    email_as_id: bool,
    sheet: str | None,
    time_zone: str | None,
    as_json: bool,
) -> None:
    """Import a table of leads or outcomes (CSV, CSV.gz or XLSX); safe to repeat."""
    options = {"empty_clears": empty_clears, "id_from_email": email_as_id}
    decided = read(lambda s: remembered.asked(s, mapping, time_zone=time_zone, **options))
    with file.open("rb") as stream:
        size, folder = file.stat().st_size, product().settings.data_dir
        kept = imports.keep_file(stream, file.name, folder, max_bytes=size)
    bar = click.progressbar(length=100, label="Importing", show_pos=False, hidden=as_json)
    work = partial(
        importing.import_now,
        kept,
        decided=decided,
        uses_remembered=mapping is None,
        skip_bad_rows=skip_bad_rows,
        sheet=sheet,
        requested_by="cli",
        on_step=lambda step: bar.update(round(step.share * 100) - bar.pos),
    )
    try:
        with bar:
            found = _in_turn(work)
    except importing.ImportRefused as refused:
        _tell_refusal(refused, as_json=as_json)
    finally:
        imports.discard(folder, kept.path)
    _tell_import(found, as_json=as_json)


def _zone(name: str | None) -> str | None:
    try:
        return zone_of(name).key if name else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _in_turn(work: Callable[[], Import]) -> Import:
    """Wait for the end of an import that is at work, as two of a timetable may meet."""
    latest = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            return work()
        except runs.AlreadyRunning:
            if time.monotonic() > latest:
                raise
            time.sleep(1)


def _tell_import(found: Import, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(imports.summary(found.found), ensure_ascii=False))
        return
    counts = (f"{getattr(found.found, n):,} {words}" for n, words in IMPORT_COUNTS.items())
    click.echo(", ".join(counts))
    for warning in found.found.warnings:
        about = f"  {warning.column} ({warning.count:,}): " if warning.column else "  "
        click.echo(about + warning.message)


def _tell_refusal(refused: importing.ImportRefused, *, as_json: bool) -> NoReturn:
    lines = [f"  line {e.line}, {e.field or 'row'}: {e.message}" for e in refused.result.errors]
    is_skippable = 0 < refused.result.n_wrong < refused.result.n_rows
    way = ["--skip-bad-rows leaves them out."] if is_skippable else []
    if as_json:
        click.echo(json.dumps(imports.summary(refused.result), ensure_ascii=False))
    raise click.ClickException("\n".join([str(refused), *([] if as_json else lines), *way]))
