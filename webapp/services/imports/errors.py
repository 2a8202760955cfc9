"""What is wrong with an import file, by line and column."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RowError:
    """One thing wrong in a file: the line it stands on, from 1, the column, and a sentence."""

    line: int
    field: str
    message: str


class ImportFileError(ValueError):
    """The file cannot be read as a whole; `errors` says where and why."""

    def __init__(self, errors: list[RowError]) -> None:
        super().__init__("; ".join(f"line {e.line}: {e.message}" for e in errors))
        self.errors = errors

    @classmethod
    def at(cls, line: int, message: str) -> "ImportFileError":
        """One mistake."""
        return cls([RowError(line, "", message)])
