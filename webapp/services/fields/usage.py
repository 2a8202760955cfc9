"""What uses a field, and what a change of it does to that: told before anybody confirms it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ml.fields.fields_file import Field, Fields
from ml.fields.lenient import choice_of
from webapp.services.crm import connections, saved_mapping
from webapp.services.fields import lead_values
from webapp.services.imports.matching import remembered
from webapp.services.models import registry


@dataclass(frozen=True)
class Usage:
    """The live version, the fields it uses, and what fills fields, by name: the CRM, imports."""

    version: str | None
    in_version: frozenset[str]
    crm_fields: dict[str, str]
    imports: dict[str, list[str]]


def usage(session: Session, fields: Fields) -> Usage:
    """Look up what uses the fields now."""
    live = registry.aliased(session, registry.CHAMPION)
    is_connected = connections.find(session) is not None
    sources = saved_mapping.sources(session, fields) if is_connected else []
    return Usage(
        live.name if live else None,
        frozenset(registry.fields_used(session, live) if live else ()),
        {source.field: source.crm_field for source in sources if source.crm_field},
        remembered.by_target(session),
    )


def consequences(
    session: Session, before: Field, after: Field, used: Usage, *, is_new_unit: bool = False
) -> list[str]:
    """Say what a change of a field takes from models and leads, a sentence each, if anything."""
    is_live = before.name in used.in_version
    found: list[str] = []
    if before.kind.measure != after.kind.measure or is_new_unit:
        found += _of_another_meaning(session, before, after, used, is_new_unit=is_new_unit)
    else:
        found += _refused_values(session, before, after)
    if before.declared and not after.declared:
        found.append(
            f"Forms, filters and the field mapping no longer show {before.label}. Values sent"
            " are still taken and kept, so no program breaks."
        )
    if is_live and (before.use and before.declared) and not (after.use and after.declared):
        found.append(
            f"Model {used.version} is live and uses {before.label}. It goes on doing so until a"
            " training makes a model without it."
        )
    return found


def _of_another_meaning(
    session: Session, before: Field, after: Field, used: Usage, *, is_new_unit: bool
) -> Iterator[str]:
    n_known = lead_values.coverage(session, Fields([before])).n_known[before.name]
    if n_known:
        leads = "1 lead has" if n_known == 1 else f"{n_known:,} leads have"
        yield (
            f"{leads} a value now and will lose it: {before.label} is unknown until new values"
            " come. Score histories keep the old ones, and training passes over them."
        )
    if before.name in used.in_version:
        learned = f"in {before.unit}" if is_new_unit else f"as {before.kind.noun}"
        yield (
            f"Model {used.version} is live and learned {before.label} {learned}. It leaves"
            f" {before.label} out, and all leads are scored again without it, until a model is"
            " trained on new values."
        )
    if before.name in used.crm_fields:
        name, crm_field = connections.kind(session).name, used.crm_fields[before.name]
        yield f"{name} fills it from {crm_field}: check the field mapping afterwards."
    if names := used.imports.get(before.name):
        yield f"Remembered imports fill it ({', '.join(names)}): look closely at the next preview."


def _refused_values(session: Session, before: Field, after: Field) -> Iterator[str]:
    if (before.choices, before.minimum, before.maximum) == (
        after.choices,
        after.minimum,
        after.maximum,
    ):
        return
    gone = [value for value in lead_values.values(session, before) if not _fits(after, value)]
    removed = [choice for choice in before.choices if after.choices and not _fits(after, choice)]
    if not gone and not removed:
        return
    named = f" ({', '.join(removed[:5])}{' ...' if len(removed) > 5 else ''})" if removed else ""
    leads = "1 lead has" if len(gone) == 1 else f"{len(gone):,} leads have"
    yield (
        f"{leads} a value that is no longer allowed{named}. They keep it; sent again, it is not"
        " used, with a warning to the sender."
    )


def _fits(field: Field, value: object) -> bool:
    if isinstance(value, str) and field.choices:
        return choice_of(value, field) is not None
    try:
        field.parse(value)
    except ValueError:
        return False
    return True
