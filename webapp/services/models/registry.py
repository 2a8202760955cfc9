"""Model versions and their aliases: the champion, and a staged one being backfilled."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.scorecard.json_reader import ScorecardError
from ml.scorecard.scorecard import Scorecard
from ml.sentences import gettext
from webapp import field_lists
from webapp.database import BACKFILL, hold, look_up_again, once
from webapp.services.runs.runs import Explained
from webapp.services.sealing import signature
from webapp.stored import Decision
from webapp.tables import ModelAlias, ModelVersion

CHAMPION = "champion"
STAGED = "incoming"  # as stored
ALIASES = "aliases"
SINCE = "when the champion was promoted"
LIVE = "the live version"

MAX_KEPT = 16  # scorecards a process, of up to 3 MB each
_verified: dict[tuple[str, str], Scorecard] = {}  # by name and digest
REF = (ModelVersion.key, ModelVersion.name, ModelVersion.digest, ModelVersion.field_list)
# Built once, of plain columns: every scoring asks, and to build it takes longer than to run it.
_versions, _aliased = (cast("sa.Table", each.__table__) for each in (ModelVersion, ModelAlias))
_ALIASED = sa.select(_aliased.c.name, *(_versions.c[column.key] for column in REF)).join_from(
    _aliased, _versions, _aliased.c.version_key == _versions.c.key
)


@dataclass(frozen=True)
class VersionRef:
    """A version as far as scoring needs to know it."""

    key: int
    name: str
    digest: str
    field_list: int


@dataclass(frozen=True)
class InUse:
    """The versions that score leads at this moment: the champion, and a staged one."""

    champion: VersionRef
    card: Scorecard
    cards: dict[int, Scorecard]


class Parent(NamedTuple):
    """The version that another was compared with: its name, and whether its level was set anew."""

    name: str
    is_recalibrated: bool


class NoChampion(RuntimeError):
    """No model version is live, so nothing can be scored."""

    def __init__(self) -> None:
        super().__init__("No model version is live. Run `flask --app wsgi setup` to create 1.0.")


class VersionNotFound(LookupError):
    """No model version has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Model version {name} not found")


class DamagedVersion(Explained):
    """A stored scorecard is not the one that was saved, or was signed with another key."""

    def __init__(self, name: str) -> None:
        super().__init__(
            gettext(
                "Model version %(name)s does not match its signature, so it scores nothing. Restore"
                " the database, or the key that signed it (LEADLOOP_CRM_SECRET_KEY or the file"
                " crm_key in the data folder), or promote another version. If you changed the key"
                " yourself, run `flask --app wsgi setup --accept-models`.",
                name=name,
            )
        )


_key_of: list[Callable[[], str]] = []


def ask_key_of(source: Callable[[], str]) -> None:
    """Say who knows the key that signs versions: the edge, which has the settings."""
    _key_of[:] = [source]


def save(
    session: Session, scorecard: Scorecard, *, created_at: datetime, **details: Any
) -> ModelVersion:
    """Store a scorecard as the next version: 1.0 first, then 1.1, 1.2 and so on."""
    number = session.scalar(sa.select(sa.func.count()).select_from(ModelVersion)) or 0
    name = f"1.{number}"
    version = ModelVersion(
        name=name,
        created_at=created_at,
        family=scorecard.family,
        scorecard=scorecard.to_json(),
        digest=scorecard.digest,
        signature=_signature(name, scorecard),
        **details,
    )
    session.add(version)
    session.flush()
    return version


def version(session: Session, name: str) -> ModelVersion:
    """Return the version of this name; else `VersionNotFound`."""
    query = sa.select(ModelVersion).where(ModelVersion.name == name)
    # PostgreSQL takes no text with a NUL in it, not even to look for it.
    found = session.scalar(query) if name.isprintable() else None
    if found is None:
        raise VersionNotFound(name)
    return found


def versions(
    session: Session, *, after: str | None = None, limit: int | None = None
) -> list[ModelVersion]:
    """All versions, newest first, or some behind the one of this name; else `VersionNotFound`."""
    query = sa.select(ModelVersion)
    if after is not None:
        query = query.where(ModelVersion.key < version(session, after).key)
    return list(session.scalars(query.order_by(ModelVersion.key.desc()).limit(limit)))


def refs(session: Session) -> list[VersionRef]:
    """All versions as far as scoring needs to know them."""
    return [VersionRef(*row) for row in session.execute(sa.select(*REF))]


def aliased(session: Session, name: str) -> ModelVersion | None:
    """The version that this alias names now, or None."""
    query = sa.select(ModelVersion).join(ModelAlias, ModelAlias.version_key == ModelVersion.key)
    return session.scalar(query.where(ModelAlias.name == name))


def champion(session: Session) -> ModelVersion:
    """The live version; else `NoChampion`."""
    found = once(session, LIVE, lambda session: aliased(session, CHAMPION))
    if found is None:
        raise NoChampion
    return found


def starter(session: Session) -> ModelVersion:
    """The newest version that was not learned; else `NoChampion`."""
    query = sa.select(ModelVersion).where(ModelVersion.parent_key.is_(None))
    found = session.scalars(query.order_by(ModelVersion.key.desc()).limit(1)).one_or_none()
    if found is None:
        raise NoChampion
    return found


def fields_used(session: Session, version: ModelVersion) -> list[str]:
    """The fields of a version but those whose values mean something else since it learned them."""
    changed = field_lists.current(session).meanings.changed(version.field_list)
    return [name for name in version.fields if name not in changed]


def learned(session: Session, version: ModelVersion) -> ModelVersion:
    """The version as it was learned: its parent of old where only the intercept was changed."""
    if version.learned_key is None:
        return version
    return session.get_one(ModelVersion, version.learned_key)


def parents(session: Session, keys: Iterable[int | None]) -> dict[int, Parent]:
    """The versions with which others were compared, by their keys."""
    keys = set(keys)
    if not keys:
        return {}
    query = sa.select(ModelVersion.key, ModelVersion.name, ModelVersion.learned_key)
    found = session.execute(query.where(ModelVersion.key.in_(keys)))
    return {key: Parent(name, learned_key is not None) for key, name, learned_key in found}


def serving(session: Session) -> tuple[VersionRef, Scorecard]:
    """The champion as far as reading scores needs to know it; else `NoChampion`."""
    found = aliases(session).get(CHAMPION)
    if found is None:
        raise NoChampion
    return found, scorecard(session, found)


def fault(session: Session) -> str | None:
    """Why the live version scores nothing, if so."""
    try:
        serving(session)
    except (NoChampion, DamagedVersion) as error:
        return str(error)
    return None


def champion_since(session: Session) -> datetime:
    """When the champion was promoted."""
    return once(session, SINCE, lambda session: session.get_one(ModelAlias, CHAMPION).since)


def in_use(session: Session) -> InUse:
    """The versions to score by; until the transaction ends, a backfill waits."""
    hold(session, BACKFILL, shared=True)
    named = aliases(session)
    if CHAMPION not in named:
        raise NoChampion
    cards = {version.key: scorecard(session, version) for version in named.values()}
    champion = named[CHAMPION]
    return InUse(champion, cards[champion.key], cards)


def stage(session: Session, version: ModelVersion, now: datetime) -> None:
    """Let scoring write this version's scores too; wait for scorings that do not know of it."""
    hold(session, BACKFILL)
    set_alias(session, STAGED, version.key, now)


def set_alias(session: Session, name: str, version_key: int | None, now: datetime) -> None:
    """Point an alias to a version, or to none: the one row whose change switches all leads."""
    row = session.get(ModelAlias, name)
    if version_key is None:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(ModelAlias(name=name, version_key=version_key, since=now))
    else:
        row.version_key, row.since = version_key, now
    session.flush()
    for known in (ALIASES, SINCE, LIVE):
        look_up_again(session, known)


def aliases(session: Session) -> dict[str, VersionRef]:
    """Which version each alias names at this moment, in one small query; asked once a `read`."""
    return once(session, ALIASES, _aliases)


def _aliases(session: Session) -> dict[str, VersionRef]:
    return {row[0]: VersionRef(*row[1:]) for row in session.execute(_ALIASED)}


def last_test(session: Session, version: VersionRef | ModelVersion) -> Decision | None:
    """The newest comparison of a challenger with a version, None where there was none.

    What was compared on invented leads tells nothing of a team's own.
    """
    is_demo = ModelVersion.training["is_demo"].as_boolean().is_(True)
    compared = (
        ModelVersion.parent_key == version.key,
        ModelVersion.learned_key.is_(None),
        sa.func.coalesce(is_demo, False).is_(False),
    )
    query = sa.select(ModelVersion.decision).where(*compared).order_by(ModelVersion.key.desc())
    found = Decision.model_validate(session.scalar(query.limit(1)) or {})
    return found if found.auc_champion is not None else None


def scorecard(
    session: Session, version: VersionRef | ModelVersion, under: int | None = None
) -> Scorecard:
    """The scorecard of a version, to score values of now, or those taken under an older list.

    A field whose values mean something else by then than those it learned from takes no part.
    """
    meanings = field_lists.current(session).meanings
    ignored = meanings.changed(version.field_list, under)
    card = _saved(session, version)
    return replace(card, ignored=ignored) if ignored else card


def is_whole(version: ModelVersion) -> bool:
    """Whether a stored version is the one that was saved, by its digest and its signature."""
    try:
        _verify(version)
    except DamagedVersion:
        return False
    return True


def sign(session: Session, *, anew: bool = False) -> list[str]:
    """Sign the versions of a store that has no signed one yet; return their names.

    `anew` where the key is another one: those that match their digest but not their signature.
    """
    any_signed = sa.select(ModelVersion.key).where(ModelVersion.signature.is_not(None)).limit(1)
    if not anew and session.scalar(any_signed) is not None:
        return []
    signed = []
    for each in versions(session):
        card = _parsed(each)
        if card is not None and not _is_signed(each, card):
            each.signature = _signature(each.name, card)
            signed.append(each.name)
    return signed


def _saved(session: Session, version: VersionRef | ModelVersion) -> Scorecard:
    """The scorecard as saved, kept once it is read and verified: versions never change."""
    known = (version.name, version.digest)
    kept = _verified.get(known)
    if kept is not None:
        return kept
    loaded = _verify(session.get_one(ModelVersion, version.key))
    if len(_verified) >= MAX_KEPT:
        _verified.clear()  # the live ones are back at once
    _verified[known] = loaded
    return loaded


def _verify(version: ModelVersion) -> Scorecard:
    card = _parsed(version)
    if card is None or not _is_signed(version, card):
        raise DamagedVersion(version.name)
    return card


def _parsed(version: ModelVersion) -> Scorecard | None:
    try:
        card = Scorecard.from_json(version.scorecard)
    except ScorecardError:
        return None
    return card if card.digest == version.digest else None


def _is_signed(version: ModelVersion, card: Scorecard) -> bool:
    expected = _signature(version.name, card)
    return hmac.compare_digest((version.signature or "").encode(), expected.encode())


def _signature(name: str, card: Scorecard) -> str:
    # With the name: a card of another version would pass otherwise.
    return signature(f"{name} {card.digest}", _key_of[0]())
