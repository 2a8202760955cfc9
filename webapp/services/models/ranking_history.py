"""How well each version ranked as time went on, and what was decided meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from typing import Any, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.monitoring.over_time import batches
from webapp.services.models import lifecycle
from webapp.services.models.lifecycle import Switch
from webapp.services.models.monitor_samples import Samples
from webapp.stored import Interval, Track
from webapp.tables import ModelVersion

MAX_VERSIONS = 50  # the newest are told
MAX_BATCHES = 60

Kind: TypeAlias = Literal["promoted", "refused", "recalibrated", "rolled back"]


class Mark(NamedTuple):
    """A decision about a version."""

    at: datetime
    kind: Kind
    version: str


class Claimed(NamedTuple):
    """The AUC that a version claimed of leads to come, and from when to when it was live."""

    version: str
    since: datetime
    until: datetime
    auc: Interval


@dataclass(frozen=True)
class History:
    """What the picture of the versions shows; `tracks` by name, none before the first outcomes."""

    tracks: dict[str, Track]
    marks: list[Mark]
    claims: list[Claimed]
    now: datetime


class _Version(NamedTuple):
    key: int
    name: str
    created_at: datetime
    learned_key: int | None
    promoted: bool | None
    claimed_auc: list[float] | None


def history(session: Session, tracks: Mapping[str, Any], now: datetime) -> History:
    """Tell how versions ranked, by what the newest check kept of each, and what was decided."""
    found = _newest({name: Track.model_validate(track) for name, track in tracks.items()})
    versions = {each.name: each for each in _versions(session)}
    if not found or not versions:
        return History({}, [], [], now)
    since = min(track.batches[0].since for track in found.values())
    switches = lifecycle.switches(session, min(each.created_at for each in versions.values()))
    marks = [Mark(s.at, _kind(s, versions), s.after) for s in switches if s.at >= since] + [
        Mark(each.created_at, "refused", each.name)
        for each in versions.values()
        if each.promoted is False and each.created_at >= since
    ]
    promises = _claims(switches, versions, now)
    return History(found, sorted(marks), [each for each in promises if each.until >= since], now)


def measured(before: Mapping[str, Any], samples: Samples) -> dict[str, Any]:
    """Add how the version of the samples has ranked to what is kept of each so far (`before`).

    A recalibration leaves the order as it is, so it goes on with the track of the version learned.
    """
    name, evidence = samples.learned.name, samples.of_order
    pairs = zip(evidence.leads, evidence.outcomes, strict=True)
    ended = sorted(((lead.outcome_at, told) for lead, told in pairs), key=itemgetter(0))
    found = [
        {
            "since": since.isoformat(),
            "until": until.isoformat(),
            "n": live.n_converted + live.n_lost,
            "n_groups": live.n_groups,
            "auc": live.auc,
            "low": live.low,
            "high": live.high,
        }
        for since, until, live in batches(ended)
    ]
    # A check reads the newest outcomes only; of those before them it was told earlier.
    kept = [
        batch
        for batch in before.get(name, {}).get("batches", [])
        if not found or batch["until"] < found[0]["since"]
    ]
    others = {each: track for each, track in before.items() if each != name}
    track = {"met": samples.met.verdict, "batches": kept + found}
    return dict([*others.items(), (name, track)][-MAX_VERSIONS:])


def _newest(tracks: dict[str, Track]) -> dict[str, Track]:
    """Leave out the oldest batches where there are more than a picture can show."""
    ends = sorted(batch.until for track in tracks.values() for batch in track.batches)
    shown = {
        name: [batch for batch in track.batches if batch.until >= ends[-MAX_BATCHES:][0]]
        for name, track in tracks.items()
        if track.batches
    }
    return {
        name: tracks[name].model_copy(update={"batches": some})
        for name, some in shown.items()
        if some
    }


def _versions(session: Session) -> list[_Version]:
    query = sa.select(
        ModelVersion.key,
        ModelVersion.name,
        ModelVersion.created_at,
        ModelVersion.learned_key,
        ModelVersion.decision["promote"].as_boolean(),
        ModelVersion.metrics["claim"]["auc"],
    )
    newest = query.order_by(ModelVersion.key.desc()).limit(MAX_VERSIONS)
    return [_Version(*row) for row in session.execute(newest)]


def _kind(switch: Switch, versions: Mapping[str, _Version]) -> Kind:
    before, after = versions.get(switch.before), versions.get(switch.after)
    if before and after and after.key < before.key:
        return "rolled back"
    return "recalibrated" if after and after.learned_key else "promoted"


def _claims(
    switches: list[Switch], versions: Mapping[str, _Version], now: datetime
) -> list[Claimed]:
    """What versions claimed while they were live; a recalibration goes on with the same claim."""
    by_key = {each.key: each for each in versions.values()}
    ends = [*(switch.at for switch in switches), now]
    found: list[Claimed] = []
    for switch, (since, until) in zip(switches, pairwise(ends), strict=True):
        live = versions.get(switch.after)
        learned = by_key.get(live.learned_key or live.key) if live else None
        if learned is None or learned.claimed_auc is None:
            continue
        goes_on = found and (found[-1].version, found[-1].until) == (learned.name, since)
        began = found.pop().since if goes_on else since
        found.append(Claimed(learned.name, began, until, Interval(*learned.claimed_auc)))
    return found
