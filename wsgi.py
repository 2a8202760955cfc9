"""The entry point of servers and of `flask --app wsgi`."""

from ml.fields.fields_file import FieldsFileError
from webapp.app import create_app
from webapp.config import ConfigurationError
from webapp.database import UnsafeSQLite
from webapp.private_file import NotWritable

try:
    app = create_app()
except (ConfigurationError, FieldsFileError, UnsafeSQLite, NotWritable) as error:
    raise SystemExit(str(error)) from None
