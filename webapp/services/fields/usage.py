"""What uses a field, and what a change of it does to that: told before anybody confirms it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ml.fields.fields_file import Field, Fields
from ml.fields.lenient import choice_of
from ml.sentences import Figure, gettext
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
            gettext(
                "Forms, filters and the field mapping no longer show %(label)s. Values "
                "sent are still taken and kept, so no program breaks.",
                label=before.label,
            )
        )
    if is_live and (before.use and before.declared) and not (after.use and after.declared):
        found.append(
            gettext(
                "Model %(version)s is live and uses %(label)s. It goes on doing so "
                "until a training makes a model without it.",
                version=used.version,
                label=before.label,
            )
        )
    return found


def _of_another_meaning(
    session: Session, before: Field, after: Field, used: Usage, *, is_new_unit: bool
) -> Iterator[str]:
    n_known = lead_values.coverage(session, Fields([before])).n_known[before.name]
    if n_known:
        leads = (
            gettext("1 lead has")
            if n_known == 1
            else gettext("%(n_known)s leads have", n_known=Figure(f"{n_known:,}"))
        )
        yield (
            gettext(
                "%(leads)s a value now and will lose it: %(label)s is unknown until "
                "new values come. Score histories keep the old ones, and training "
                "passes over them.",
                leads=leads,
                label=before.label,
            )
        )
    if before.name in used.in_version:
        learned = (
            gettext("in %(unit)s", unit=before.unit)
            if is_new_unit
            else gettext("as %(noun)s", noun=before.kind.noun)
        )
        yield (
            gettext(
                "Model %(version)s is live and learned %(label)s %(learned)s. It "
                "leaves %(label)s out, and all leads are scored again without it, "
                "until a model is trained on new values.",
                version=used.version,
                label=before.label,
                learned=learned,
            )
        )
    if before.name in used.crm_fields:
        name, crm_field = connections.kind(session).name, used.crm_fields[before.name]
        yield gettext(
            "%(name)s fills it from %(crm_field)s: check the field mapping afterwards.",
            name=name,
            crm_field=crm_field,
        )
    if names := used.imports.get(before.name):
        yield gettext(
            "Remembered imports fill it (%(names)s): look closely at the next preview.",
            names=", ".join(names),
        )


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
    leads = (
        gettext("1 lead has")
        if len(gone) == 1
        else gettext("%(n)s leads have", n=Figure(f"{len(gone):,}"))
    )
    yield (
        gettext(
            "%(leads)s a value that is no longer allowed%(named)s. They keep it; "
            "sent again, it is not used, with a warning to the sender.",
            leads=leads,
            named=named,
        )
    )


def _fits(field: Field, value: object) -> bool:
    if isinstance(value, str) and field.choices:
        return choice_of(value, field) is not None
    try:
        field.parse(value)
    except ValueError:
        return False
    return True
