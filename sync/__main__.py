"""`python -m sync` runs the worker."""

from ml.fields.fields_file import FieldsFileError
from sync import worker
from webapp.app import create_app
from webapp.config import ConfigurationError
from webapp.database import UnsafeSQLite
from webapp.private_file import NotWritable

if __name__ == "__main__":
    try:
        worker.run(create_app())
    except (
        ConfigurationError,
        FieldsFileError,
        UnsafeSQLite,
        NotWritable,
        worker.NotReady,
    ) as error:
        raise SystemExit(str(error)) from None
