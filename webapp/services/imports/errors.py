"""What can be wrong with what somebody asks of an import."""

from ml.sentences import gettext
from webapp.services.runs.runs import Explained


class ImportNotFound(LookupError):
    """No import has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Import %(key)s not found", key=str(key)))


class WrongState(Explained, ValueError):
    """The import has gone on, or somebody else has answered meanwhile."""

    def __init__(self, state: str, wanted: str) -> None:
        super().__init__(
            gettext(
                "This import is in the state %(state)s, not %(wanted)s: nothing was "
                "changed. Reload the page.",
                state=state,
                wanted=wanted,
            )
        )


class UndoRefused(Explained, ValueError):
    """The import cannot be undone (any more)."""
