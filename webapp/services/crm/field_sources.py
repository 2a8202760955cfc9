"""Where each field of a lead may come from in the CRM, and what is wrong with a choice."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from ml.fields.fields_file import Field, Fields
from ml.sentences import gettext
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.kinds.table import KINDS

# Names of all CRMs at once: none of them is another thing in another CRM.
STABLE = frozenset[str]().union(*(kind.stable for kind in KINDS.values()))
WRITTEN = frozenset[str]().union(*(kind.written for kind in KINDS.values()))
NO_INPUTS = frozenset[str]().union(*(kind.no_inputs for kind in KINDS.values()))
NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
TIMES = frozenset({"date", "datetime"})
LISTS = frozenset({"picklist", "multipicklist", "combobox", "country"})
TEXTS = LISTS | {"string", "textarea"}
# What may be filled in or not; addresses and files are several values in one.
FILLABLE = NUMBERS | TIMES | TEXTS | {"boolean", "email", "phone", "url", "reference"}
# A text area longer than this holds prose, which is no category.
MAX_TEXTAREA_LENGTH = 255
MAX_NAME_LENGTH = 80


@dataclass(frozen=True)
class FieldSource:
    """How one field of a lead is filled: from a CRM field by a transform, or constant.

    `replacements` stand for values outside of the field's list, `fallback` for all others that
    break its rule.
    """

    field: str
    crm_field: str | None
    transform: str = "as_is"
    constant: str | None = None
    fallback: str | None = None
    is_stable: bool = False
    replacements: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def is_filled(self) -> bool:
        return self.crm_field is not None or self.transform == "constant"


@dataclass(frozen=True)
class Choice:
    """A CRM field that may fill a field, and the transforms that it can go through."""

    name: str
    label: str
    transforms: tuple[str, ...]
    is_custom: bool = False


def declared(fields: Fields, kind: CrmKind) -> list[FieldSource]:
    """The mapping that the fields declare for a CRM, by its key."""
    named = {f.name: getattr(f, kind.key, None) for f in fields.declared}
    return [
        FieldSource(name, crm_field, is_stable=crm_field in STABLE)
        for name, crm_field in named.items()
        if crm_field
    ]


def choices(field: Field, described: Iterable[Mapping[str, Any]]) -> list[Choice]:
    """The CRM fields that can fill a field, by label."""
    found = [
        Choice(
            str(d["name"]), str(d.get("label") or d["name"]), transforms, d.get("custom") is True
        )
        for d in described
        if (transforms := _transforms(field, d))
    ]
    return sorted(found, key=lambda choice: choice.label.casefold())


def calculated(described: Iterable[Mapping[str, Any]]) -> set[str]:
    """The CRM's fields that are formulas, sums or converted amounts: no stamp tells a change."""
    return {str(field["name"]) for field in described if field.get("calculated")}


def converted(described: Iterable[Mapping[str, Any]]) -> set[str]:
    """The CRM's amounts of several currencies, of which the values are converted to one."""
    return {str(field["name"]) for field in described if field.get("converted")}


def problems(
    chosen: Iterable[FieldSource], fields: Fields, described: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """What is wrong with a mapping by what the CRM describes: a sentence for each field."""
    by_name = {str(d["name"]): d for d in described}
    found = {}
    for source in chosen:
        if source.field not in fields:
            found[source.field] = gettext("is not a declared field")
            continue
        field = fields[source.field]
        problem = _origin_problem(field, source, by_name) or _stand_in_problem(field, source)
        found |= {source.field: problem} if problem else {}
    return found


def unwritable(kind: CrmKind, described: Iterable[Mapping[str, Any]]) -> list[str]:
    """The score fields that do not exist or that the integration user may not write."""
    writable = {field["name"] for field in described if field.get("updateable")}
    return [name for name in kind.written if name not in writable]


def outside(field: Field, values: Iterable[str]) -> list[str]:
    """Those of a picklist's values that break the field's rule as they are."""
    return [value for value in values if _text_problem(field, value, "")]


def _origin_problem(
    field: Field, source: FieldSource, described: Mapping[str, Mapping[str, Any]]
) -> str | None:
    if not source.is_filled:
        return None
    if source.transform == "constant":
        return None if source.constant else gettext("needs the default that every lead gets")
    name = source.crm_field[:MAX_NAME_LENGTH] if source.crm_field else "(none)"
    if name not in described:
        return gettext("There is no lead field %(name)s, or it is hidden", name=name)
    if name in NO_INPUTS:
        return gettext(
            "%(name)s must not be an input: it changes with the outcome, or when Leadloop reads it",
            name=name,
        )
    if source.transform not in _transforms(field, described[name]):
        return gettext(
            "%(name)s (%(described)s) cannot fill a %(type)s this way",
            name=name,
            described=described[name]["type"],
            type=field.type,
        )
    return None


def _stand_in_problem(field: Field, source: FieldSource) -> str | None:
    stand_ins = {"the default": source.constant or source.fallback} | {
        f"the replacement for {value}": text for value, text in source.replacements.items()
    }
    found = (_text_problem(field, text, what) for what, text in stand_ins.items())
    return next((problem for problem in found if problem), None)


def _text_problem(field: Field, text: str | None, what: str) -> str | None:
    try:
        field.parse(text, text=True)
    except ValueError as error:
        return f"{what} {error}"
    return None


def _transforms(field: Field, described: Mapping[str, Any]) -> tuple[str, ...]:
    name, crm_type = described["name"], str(described["type"])
    if name in NO_INPUTS:
        return ()
    match field.type:
        case "boolean":
            is_checkbox = crm_type == "boolean"
            return ("as_is",) if is_checkbox else ("boolean",) if crm_type in FILLABLE else ()
        case "category":
            is_long = (described.get("length") or 0) > MAX_TEXTAREA_LENGTH
            is_prose = is_long and crm_type == "textarea"
            return ("as_is",) if crm_type in TEXTS and not is_prose else ()
        case "count" | "number":
            return _number_transforms(field, described)
        case _:
            assert_never(field.type)


def _number_transforms(field: Field, described: Mapping[str, Any]) -> tuple[str, ...]:
    crm_type = str(described["type"])
    if crm_type in TIMES:
        return ("days_since",)
    # Numbers are also kept as texts, and as picklists such as 1 to 5.
    is_readable = crm_type in NUMBERS | {"string"} or (
        crm_type in LISTS
        and any(not _text_problem(field, v, "") for v in described.get("values") or ())
    )
    return ("as_is",) if is_readable else ()
