"""A file that cannot be read as a whole."""

from collections.abc import Sequence

from webapp.stored import RowError


class ImportFileError(ValueError):
    """The file cannot be read as a whole; `errors` says where and why."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__("; ".join(f"line {e.line}: {e.message}" for e in errors))
        self.errors = errors

    @classmethod
    def at(cls, line: int, message: str) -> "ImportFileError":
        return cls([RowError(line=line, field="", message=message)])
