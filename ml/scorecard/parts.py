"""Parts of a scorecard beside its terms: one small interface, and the kinds there are."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Protocol

from ml.fields.types import Value
from ml.scorecard.forest import Forest, read_forest
from ml.scorecard.json_reader import Reader


class Part(Protocol):
    """What moves a lead's log-odds on top of the terms; it is stored under `kind`."""

    kind: ClassVar[str]

    @property
    def fields(self) -> Collection[str]:
        """Names of the fields it asks about."""

    def effects(self, values: Mapping[str, Value]) -> dict[str, float]:
        """Give each field's part of the log-odds, from stored values by field."""

    def scaled(self, factor: float) -> "Part":
        """Multiply all its effects."""

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON, nothing lost or rounded."""


READERS: dict[str, Callable[[Reader], Part]] = {Forest.kind: read_forest}
MAX_PARTS = 20  # of one kind
