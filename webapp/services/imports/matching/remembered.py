"""Mappings by the header that they were made for: offered when such a file comes again."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change
from webapp.intake_tables import Import, ImportMapping
from webapp.services.imports.matching.mapping import Mapping, header_key

MAX_NAME_LENGTH = 100


class MappingNotFound(LookupError):
    """No mapping has this name; the message lists those that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        listed = ", ".join(known) or "none so far"
        super().__init__(f"There is no mapping {name[:MAX_NAME_LENGTH]!r}. Known: {listed}.")


def signature(header: Sequence[str]) -> str:
    """Give the digest that two headers share if they name the same columns, in any order."""
    keys = "\n".join(sorted(header_key(name) for name in header))
    return hashlib.sha256(keys.encode()).hexdigest()


def by_header(session: Session, header: Sequence[str]) -> ImportMapping | None:
    """The mapping of the last file with this header, if there was one."""
    wanted = ImportMapping.signature == signature(header)
    return session.scalar(sa.select(ImportMapping).where(wanted))


def by_name(session: Session, name: str) -> Mapping:
    """The mapping of this name; else `MappingNotFound`."""
    found = session.scalar(sa.select(ImportMapping).where(ImportMapping.name == name))
    if found is None:
        names = session.scalars(sa.select(ImportMapping.name).order_by(ImportMapping.name))
        raise MappingNotFound(name, names.all())
    return Mapping.model_validate(found.mapping)


def asked(
    session: Session,
    name: str | None,
    *,
    time_zone: str | None,
    empty_clears: bool,
    id_from_email: bool,
) -> Mapping:
    """What a program or a command says of a file: a mapping by its name, if any, and options."""
    found = Mapping() if name in (None, "auto") else by_name(session, name or "")
    return found.model_copy(
        update={
            "time_zone": time_zone or found.time_zone,
            "empty_clears": empty_clears or found.empty_clears,
            "id_from_email": id_from_email or found.id_from_email,
        }
    )


def by_target(session: Session) -> dict[str, list[str]]:
    """The names of the mappings that fill each field, by the field's name."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in session.scalars(sa.select(ImportMapping).order_by(ImportMapping.name)):
        for target in {c.target for c in Mapping.model_validate(row.mapping).columns}:
            found[target].append(row.name)
    return dict(found)


def known(session: Session, found: Import, header: Sequence[str]) -> Mapping:
    """What is decided of a file's columns beforehand: for this import, or by the last such file."""
    decided = Mapping.model_validate(found.mapping)
    earlier = by_header(session, header) if found.uses_remembered else None
    if earlier is None:
        return decided
    mapping = Mapping.model_validate(earlier.mapping)
    return mapping.model_copy(
        update={
            "time_zone": decided.time_zone or mapping.time_zone,
            "empty_clears": decided.empty_clears or mapping.empty_clears,
            "id_from_email": decided.id_from_email or mapping.id_from_email,
        }
    )


def remember(
    session: Session, mapping: Mapping, *, file_name: str, actor: str, now: datetime
) -> None:
    """Keep a mapping for the next file with this header; a new one is called after its file."""
    header = [column.name for column in mapping.columns]
    found = by_header(session, header)
    if found is None:
        name = _free_name(session, PurePath(file_name).stem or "file")
        found = ImportMapping(name=name, signature=signature(header))
        session.add(found)
    found.mapping, found.used_at, found.used_by = mapping.to_store(), now, actor


def forget(session: Session, header: Sequence[str]) -> None:
    """Forget the mapping of files with this header, if there is one."""
    change(session, sa.delete(ImportMapping).where(ImportMapping.signature == signature(header)))


def _free_name(session: Session, wanted: str) -> str:
    taken = set(session.scalars(sa.select(ImportMapping.name)))
    wanted = wanted[: MAX_NAME_LENGTH - 8]
    numbered = (f"{wanted} {number}" for number in range(2, len(taken) + 3))
    return wanted if wanted not in taken else next(n for n in numbered if n not in taken)
