"""What a field and an object are, and the table that declares them (in `objects`).

A line of such a table: name | type and size | flags | label | the rest. Flags: U updateable,
C createable, N nillable, F filterable, S sortable, D defaulted on create. The rest, parted by
semicolons: `-> Lead as MasterRecord` (looks up), `in Name` (part of a compound),
`of A, B` (picklist), `only A, B` (restricted picklist), `formula`, `is name`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

TEXT_TYPES = frozenset({"string", "picklist", "email", "phone", "url", "textarea"})
ID_TYPES = frozenset({"id", "reference"})
DECIMAL_TYPES = frozenset({"double", "currency", "percent"})
NUMBER_TYPES = DECIMAL_TYPES | {"int"}


@dataclass(frozen=True)
class SField:
    """A field of an object as the integration user sees it."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    updateable: bool = False
    createable: bool = False
    nillable: bool = False
    filterable: bool = False
    sortable: bool = False
    defaulted: bool = False
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    choices: tuple[str, ...] = ()
    inactive: tuple[str, ...] = ()
    is_restricted: bool = False
    is_name: bool = False
    is_calculated: bool = False
    is_visible: bool = True

    @property
    def is_custom(self) -> bool:
        return self.name.endswith("__c")


@dataclass
class SObject:
    """An object: its fields by lower-case name, since Salesforce does not mind the case."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: dict[str, SField] = field(default_factory=dict)

    def add(self, added: SField) -> None:
        self.fields[added.name.lower()] = added

    def find(self, name: str) -> SField | None:
        """The field of this name, or None where there is none or the user may not see it."""
        found = self.fields.get(name.lower())
        return found if found and found.is_visible else None

    def relationship(self, name: str) -> SField | None:
        """The look-up field behind `Owner` in `Owner.Name`."""
        wanted = name.lower()
        matches = (f for f in self.visible if f.relationship and f.relationship.lower() == wanted)
        return next(matches, None)

    @property
    def visible(self) -> list[SField]:
        return [f for f in self.fields.values() if f.is_visible]


def sobject(name: str, prefix: str, plural: str, table: str) -> SObject:
    """Read the table of an object."""
    label = "".join(" " + c if c.isupper() else c for c in name).strip()
    declared = SObject(name, prefix, label, plural)
    for line in table.strip().splitlines():
        declared.add(sfield(line))
    return declared


def sfield(line: str) -> SField:
    """Read one line of a table."""
    name, kind, flags, label, *rest = (part.strip() for part in line.split(" | "))
    made = SField(
        name=name,
        label=label,
        updateable="U" in flags,
        createable="C" in flags,
        nillable="N" in flags,
        filterable="F" in flags,
        sortable="S" in flags,
        defaulted="D" in flags,
        **_size(kind),
    )
    for remark in rest[0].split("; ") if rest else ():
        made = _with_remark(made, remark)
    return made


def _size(kind: str) -> dict[str, Any]:
    type_, _, size = kind.partition(" ")
    if type_ == "int":
        return {"type": type_, "digits": int(size)}
    if "," in size:
        precision, scale = size.split(",")
        return {"type": type_, "precision": int(precision), "scale": int(scale)}
    return {"type": type_, "length": int(size or 0)}


def _with_remark(made: SField, remark: str) -> SField:
    word, _, text = remark.partition(" ")
    if word == "->":
        targets, _, relationship = text.partition("as ")
        return replace(
            made,
            refers_to=tuple(t for t in targets.strip().split("/") if t),
            relationship=relationship or None,
        )
    if word in {"of", "only"}:
        return replace(made, choices=tuple(text.split(", ")), is_restricted=word == "only")
    if word == "in":
        return replace(made, compound=text)
    if remark == "formula":
        return replace(made, is_calculated=True, updateable=False, createable=False)
    if remark == "is name":
        return replace(made, is_name=True)
    raise ValueError(f"{made.name}: what is {remark!r}?")
