"""Whether the product can do its work, each thing checked with what to do where it cannot."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp import field_lists
from webapp.config import ROOT, Settings
from webapp.services.models import leakage, registry
from webapp.writer import DatabaseGone, check_file


@dataclass(frozen=True)
class Check:
    """One thing checked: whether it is good, and in words what was found or what to do.

    `is_advice` where all works, but something is better done.
    """

    name: str
    is_good: bool
    sentence: str
    is_advice: bool = False


def not_set_up(settings: Settings) -> str | None:
    """Say so where these settings name no installation: to look makes nothing."""
    path = settings.database_file
    if path is None or path.exists():
        return None
    # A demo keeps its data in a folder of its own below.
    below = [str(found.parent) for found in sorted(settings.data_dir.glob(f"*/{path.name}"))]
    hint = f" (there is one in {', '.join(below)})" if below else ""
    return (
        f"There is no Leadloop database at {path}. Set LEADLOOP_DATA_DIR to your data folder{hint},"
        " or run `flask --app wsgi setup` to begin here."
    )


def readiness(session: Session) -> list[Check]:
    """What must hold to answer requests: the database, its schema, a champion."""
    try:
        _look_for_its_file(session)
        session.execute(sa.text("SELECT 1"))
    except DatabaseGone as error:
        return [Check("database", False, str(error))]
    except sa.exc.SQLAlchemyError as error:
        sentence = f"cannot be reached ({type(error).__name__}): check LEADLOOP_DATABASE_URL"
        return [Check("database", False, sentence)]
    return [Check("database", True, "answers"), _migrations(session), _champion(session)]


def _look_for_its_file(session: Session) -> None:
    url = session.connection().engine.url
    if url.get_backend_name() == "sqlite":
        check_file(Path(str(url.database)))


def of_store(session: Session, file_fields: Fields | None) -> list[Check]:
    """What is stored, where it is ready; `file_fields` are those of a file that rules."""
    fields = file_fields or field_lists.current(session).fields
    return [*_versions(session), _fields(session, fields)]


def _migrations(session: Session) -> Check:
    head = ScriptDirectory(str(ROOT / "migrations")).get_current_head()
    found = MigrationContext.configure(session.connection()).get_current_revision()
    if found == head:
        return Check("migrations", True, f"at {head}")
    sentence = f"at {found or 'none'}, needs {head}: run `flask --app wsgi setup`"
    return Check("migrations", False, sentence)


def _champion(session: Session) -> Check:
    try:
        version, _ = registry.serving(session)
        return Check("champion", True, f"version {version.name} is live")
    except (registry.NoChampion, registry.DamagedVersion) as error:
        return Check("champion", False, str(error))
    except sa.exc.SQLAlchemyError:
        return Check("champion", False, "cannot be read before the migrations have run")


def _versions(session: Session) -> Iterator[Check]:
    for version in registry.versions(session):
        name = f"version {version.name}"
        if registry.is_whole(version):
            yield Check(name, True, "matches its signature")
        else:
            yield Check(name, False, str(registry.DamagedVersion(version.name)))


def _fields(session: Session, fields: Fields) -> Check:
    champion, rows = registry.champion(session), leakage.every(session)
    reasons = leakage.excluded_but_used(champion, fields, rows)
    if not reasons:
        return Check("fields", True, f"version {champion.name} uses no excluded field")
    better = leakage.newest_without_leaks(session, fields, champion)
    step = f"run `promote {better.name}` or `retrain`" if better else "run `retrain`"
    uses = f"version {champion.name} uses {', '.join(reasons)}"
    return Check("fields", False, f"{uses}: {' '.join(reasons.values())} To end that, {step}")


def data_folder(settings: Settings) -> Check:
    """Whether the product can write where it keeps its files."""
    folder = settings.data_dir
    if os.access(folder, os.W_OK):
        return Check("data folder", True, f"{folder} can be written")
    return Check("data folder", False, f"{folder} cannot be written: check its owner and rights")
