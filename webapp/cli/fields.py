"""`flask fields`: the declared fields as a file, for teams that keep them in git."""

from pathlib import Path
from typing import TextIO

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from ml.fields import fields_file
from ml.fields.fields_file import Field
from webapp import field_lists
from webapp.cli.command import Command
from webapp.database import read, utc_now, write
from webapp.product import product
from webapp.services.fields import declaring, differences
from webapp.services.fields.declaring import Author

ANOTHER_RULES = "{} (LEADLOOP_FIELDS_FILE) goes on to rule until that setting is removed."


@click.group()
def fields() -> None:
    """Write the fields of leads to a file, or take them from one."""


@fields.command(cls=Command)
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@with_appcontext
def export(file: TextIO) -> None:
    """Write the fields that count now as a fields file, to FILE or standard output."""
    file.write(fields_file.dumps(product().fields))


@fields.command("import", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--new-unit",
    multiple=True,
    metavar="FIELD",
    help="Known values of FIELD are in its old unit: leads forget them. Repeatable.",
)
@with_appcontext
def import_fields(file: Path, dry_run: bool, yes: bool, new_unit: tuple[str, ...]) -> None:
    """Let the fields of FILE count, after showing what changes; fields it leaves out are retired.

    All mistakes in FILE are named with their lines, and nothing is changed then. Where a unit
    changes, it asks whether the known values are still right; with --yes they are, but for
    --new-unit.
    """
    wanted = fields_file.load(file)
    before = read(field_lists.current)
    after = declaring.with_retired(before.fields, wanted)
    changes = read(lambda s: differences.told(s, before.fields, after))
    click.echo("\n".join(changes) if changes else "Nothing changes.")
    if dry_run or not changes:
        return
    renewed = [
        name
        for name in declaring.of_other_unit(before.fields, after)
        if _is_new_unit(before.fields[name], after[name], yes=yes, told=name in new_unit)
    ]
    if not yes:
        click.confirm("Change the fields?", abort=True)
    by = Author("cli", utc_now(), fields_file=None)

    def change(session: Session) -> None:
        declaring.replace_all(session, wanted, by, seen_version=before.version, renewed=renewed)

    write(change)
    click.echo("The fields are changed. Every process knows them from its next request or job.")
    if file_that_rules := product().settings.fields_file:
        click.echo(ANOTHER_RULES.format(file_that_rules.name))


def _is_new_unit(before: Field, after: Field, *, yes: bool, told: bool) -> bool:
    """Whether known values are in the old unit, by the option or the answer to a question."""
    changes = f"The unit of {before.label} changes from {before.unit} to {after.unit or 'none'}"
    if told or yes:
        forget = f"leads forget values in {before.unit}"
        click.echo(f"{changes}: {forget if told else 'only the word was wrong'}.")
        return told
    question = f"{changes}. Are the known values in {before.unit}, so that leads forget them?"
    return click.confirm(question)
