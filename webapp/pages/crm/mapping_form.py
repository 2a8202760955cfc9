"""The form of the field mapping: what was entered, and the rows that show it.

Of each field it sends `name.from` (a transform and a CRM field), `name.default`,
`name.stable`, `name.was` (the field that the page showed), and `name:value` for each picklist value
outside of the field's list.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from ml.fields.fields_file import Field, Fields
from ml.sentences import gettext, mark
from webapp.services.crm import field_sources
from webapp.services.crm.field_sources import STABLE, FieldSource

Described = Sequence[Mapping[str, Any]]
Options = list[tuple[str, str]]

PART = re.compile(r"(\w+)(?:\.(?:from|default|stable|was)|:.*)", re.DOTALL)
CONSTANT = "constant"
# How a CRM field becomes ours, as the drop-down says it.
HOW = {
    "as_is": "%(field)s",
    "days_since": mark("Days since %(field)s"),
    "boolean": mark("%(field)s is filled in"),
}
MAX_SHOWN_LENGTH = 80
NOT_SENT = gettext("was not sent: choose a source for it, or none")


@dataclass(frozen=True)
class MappingRow:
    """One field of a lead; `outside` are picklist values that break its rule, with stand-ins."""

    field: Field
    chosen: str
    options: list[tuple[str, Options]]
    default: str
    is_stable: bool
    crm_field: str
    n_values: int
    outside: Options
    # A formula or a sum in the CRM: read again every night for open leads.
    is_calculated: bool
    # An amount of one of several currencies, converted to one; it is calculated too.
    is_converted: bool
    error: str | None

    @property
    def answers(self) -> Options:
        return list(self.field.answers)


def entered(
    form: MultiDict[str, str], fields: Fields, described: Described
) -> tuple[list[FieldSource], dict[str, str]]:
    """Read the mapping as entered, mistakes included, and a sentence for each wrong name."""
    sources = [_source(form, field, described) for field in fields.declared]
    errors = field_sources.problems(sources, fields, described)
    # What was not sent was not chosen: a form cut short must not take fields from the mapping.
    errors |= {s.field: NOT_SENT for s in sources if f"{s.field}.from" not in form}
    names = {field.name for field in fields.declared}
    for part in form:
        found = PART.fullmatch(part)
        if found is None or found[1] not in names:
            errors[part[:MAX_SHOWN_LENGTH]] = gettext("is not a declared field")
        elif len(form.getlist(part)) > 1:
            errors[found[1]] = gettext("was sent twice")
    return sources, errors


def rows(
    sources: Iterable[FieldSource], fields: Fields, described: Described, errors: Mapping[str, str]
) -> list[MappingRow]:
    """A row for each field of the file, with all that may be chosen for it."""
    by_field = {source.field: source for source in sources}
    return [
        _row(f, by_field.get(f.name, FieldSource(f.name, None)), described, errors.get(f.name))
        for f in fields.declared
    ]


def _source(form: MultiDict[str, str], field: Field, described: Described) -> FieldSource:
    name = field.name
    transform, _, crm_field = form.get(f"{name}.from", "").partition(":")
    default = unicodedata.normalize("NFC", form.get(f"{name}.default", "").strip()) or None
    if transform == CONSTANT:
        return FieldSource(name, None, CONSTANT, constant=default, is_stable=True)
    if not transform:
        return FieldSource(name, None, fallback=default)
    given = {value: form.get(f"{name}:{value}", "") for value in _values(crm_field, described)}
    return FieldSource(
        name,
        crm_field,
        transform,
        fallback=default,
        is_stable=transform != "days_since" and _is_stable(form, name, crm_field),
        replacements={value: chosen for value, chosen in given.items() if chosen},
    )


def _is_stable(form: MultiDict[str, str], name: str, crm_field: str) -> bool:
    """Whether the tick is meant for this CRM field, and not for the one shown before."""
    tick = form.get(f"{name}.stable")
    if form.get(f"{name}.was") == crm_field:
        return tick is not None
    return crm_field in STABLE or tick == "yes"


def _row(field: Field, source: FieldSource, described: Described, error: str | None) -> MappingRow:
    chosen = f"{source.transform}:{source.crm_field}" if source.crm_field is not None else ""
    chosen = CONSTANT if source.transform == CONSTANT else chosen
    values = _values(source.crm_field, described) if source.transform == "as_is" else []
    outside = field_sources.outside(field, values)
    return MappingRow(
        field=field,
        chosen=chosen,
        options=_options(field, described, chosen),
        default=(source.constant if source.transform == CONSTANT else source.fallback) or "",
        is_stable=source.is_stable,
        crm_field=source.crm_field or "",
        n_values=len(values),
        outside=[(value, source.replacements.get(value, "")) for value in outside],
        is_calculated=source.crm_field in field_sources.calculated(described),
        is_converted=source.crm_field in field_sources.converted(described),
        error=error,
    )


def _options(field: Field, described: Described, chosen: str) -> list[tuple[str, Options]]:
    """The drop-down's groups; what was chosen stands in it even where it is not possible."""
    groups: dict[str, Options] = {gettext("Standard fields"): [], gettext("Custom fields"): []}
    choices = field_sources.choices(field, described)
    for transform, words in HOW.items():
        for choice in choices:
            if transform in choice.transforms:
                group = gettext("Custom fields") if choice.is_custom else gettext("Standard fields")
                # With the name of the API, where that says more.
                is_same = choice.label.replace(" ", "").casefold() == choice.name.casefold()
                label = choice.label if is_same else f"{choice.label} ({choice.name})"
                groups[group].append((f"{transform}:{choice.name}", gettext(words, field=label)))
    possible = {value for options in groups.values() for value, _ in options}
    if chosen not in {"", CONSTANT, *possible}:
        name = chosen.partition(":")[2] or chosen
        groups = {"Not possible": [(chosen, name[:MAX_SHOWN_LENGTH])]} | groups
    return [(label, options) for label, options in groups.items() if options]


def _values(crm_field: str | None, described: Described) -> list[str]:
    found = next((d for d in described if d["name"] == crm_field), {})
    return list(found.get("values") or [])
