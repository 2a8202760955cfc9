"""What every request and job of this product shares: its settings and its fields."""

from dataclasses import dataclass

from flask import current_app

from ml.fields.fields_file import Fields
from webapp.config import Settings

VERSION = "0.2.0"


@dataclass(frozen=True)
class Product:
    """The settings and the declared fields, read once at start."""

    settings: Settings
    fields: Fields


def product() -> Product:
    """The product that the current application serves."""
    found: Product = current_app.extensions["leadloop"]
    return found
