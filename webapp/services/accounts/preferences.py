"""How a person reads pages: language, number and date format, time zone."""

from collections.abc import Collection
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.services.accounts import accounts

# How dates and numbers may be written, by the locales of CLDR; "en" is how this product does.
FORMATS = (
    *("en", "en_GB", "en_US", "cs", "da", "de", "de_CH", "es", "fi", "fr", "it", "ja", "nb", "nl"),
    *("pl", "pt", "pt_BR", "sv"),
)


class InvalidPreference(ValueError):
    """A page cannot be written like this; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def prefer(
    session: Session, key: int, wanted: dict[str, str], *, languages: Collection[str]
) -> None:
    """Keep a person's `language`, `formats` and `time_zone`; empty ones go by the browser or UTC.

    `InvalidPreference` where one of them does not exist, AccountNotFound without the account.
    """
    language, formats, zone = (wanted[name] for name in ("language", "formats", "time_zone"))
    if language and language not in languages:
        raise InvalidPreference("language", gettext("Choose a language from the list."))
    if formats and formats not in FORMATS:
        raise InvalidPreference("formats", gettext("Choose a format from the list."))
    if zone:
        zone_named(zone)
    user = accounts.by_key(session, key)
    user.language, user.formats, user.time_zone = language or None, formats or None, zone or None


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name; `InvalidPreference` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = gettext("No time zone has this name. Use one such as Europe/Berlin.")
        raise InvalidPreference("time_zone", message) from error
