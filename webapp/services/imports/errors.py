"""What can be wrong with what somebody asks of an import."""

from webapp.services.runs.runs import Explained


class ImportNotFound(LookupError):
    """No import has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(f"Import {key} not found")


class WrongState(Explained, ValueError):
    """The import has gone on, or somebody else has answered meanwhile."""

    def __init__(self, state: str, wanted: str) -> None:
        super().__init__(
            f"This import is in the state {state}, not {wanted}: nothing was changed."
            " Reload the page."
        )


class UndoRefused(Explained, ValueError):
    """The import cannot be undone (any more)."""
