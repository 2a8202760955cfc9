"""`python -m sync` runs the scheduler."""

from ml.fields.fields_file import FieldsFileError
from sync import scheduler
from webapp.app import create_app
from webapp.config import ConfigurationError
from webapp.database import UnsafeSQLite
from webapp.private_file import NotWritable

if __name__ == "__main__":
    try:
        scheduler.run(create_app())
    except (
        ConfigurationError,
        FieldsFileError,
        UnsafeSQLite,
        NotWritable,
        scheduler.NotReady,
    ) as error:
        raise SystemExit(str(error)) from None
