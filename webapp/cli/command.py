"""What every command does when it is refused: it ends with a sentence."""

from typing import Any

import click
import sqlalchemy as sa
from flask.cli import ScriptInfo

from ml.fields.fields_file import FieldsFileError
from webapp import server
from webapp.private_file import NotWritable
from webapp.services import health, store_copy
from webapp.services.accounts import api_keys
from webapp.services.accounts.errors import AccountError
from webapp.services.crm import connections
from webapp.services.fields import declaring
from webapp.services.imports.matching import remembered
from webapp.services.leads.filters import kinds
from webapp.services.models import lifecycle, registry
from webapp.services.runs import runs

# Told in one place, so that every command ends on such a fault with a sentence.
REFUSALS = (
    FieldsFileError,
    declaring.ChangedMeanwhile,
    AccountError,
    api_keys.InvalidKey,
    api_keys.KeyNotFound,
    api_keys.KeyNotLive,
    connections.NotConnected,
    store_copy.CannotCopy,
    kinds.InvalidQuery,
    lifecycle.AlreadyChampion,
    lifecycle.NothingToLearn,
    registry.NoChampion,
    registry.VersionNotFound,
    remembered.MappingNotFound,
    runs.AlreadyRunning,
    server.CannotServe,
    NotWritable,
)


class Command(click.Command):
    """A command that ends with a sentence and exit code 1 where it is refused.

    It works on what was set up before, and makes neither a folder nor a database.
    """

    needs_setup = True

    def invoke(self, ctx: click.Context) -> Any:
        settings = ctx.ensure_object(ScriptInfo).load_app().extensions["leadloop"].settings
        if self.needs_setup and (reason := health.not_set_up(settings)):
            raise click.ClickException(reason)
        try:
            return super().invoke(ctx)
        except REFUSALS as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            if error.filename is None:  # of no file: a closed pipe, say
                raise
            raise click.ClickException(str(NotWritable(error))) from None
        except sa.exc.DBAPIError as error:
            # The error's own text can name people's data; its kind cannot.
            kind = type(error.orig).__name__
            raise click.ClickException(
                f"The database cannot be used ({kind}). Check LEADLOOP_DATABASE_URL, or where that"
                " is not set LEADLOOP_DATA_DIR, whether the database runs, and whether"
                " `flask --app wsgi setup` was run."
            ) from None


class FirstCommand(Command):
    """A command that also works where nothing was set up yet."""

    needs_setup = False
