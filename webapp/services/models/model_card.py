"""A model card, after Mitchell et al. (2019): what a version is, learned from and is worth.

No lead is in it: only counts, levels that several leads share, and the ends of groups of numbers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.scorecard.shapes import assumed_shapes
from ml.scorecard.starter import FAMILY
from webapp.services.models import registry
from webapp.tables import ModelVersion

FORMAT = 1
FIGURES = (
    "n",
    "n_groups",
    "n_converted",
    "n_lost",
    "base_rate",
    "auc",
    "auc_low",
    "auc_high",
    "log_loss",
    "log_loss_base",
    "brier",
    "ece",
    "lift_10",
    "lift_20",
)
TABLES = ("grades", "calibration", "gains", "families")
INTENDED_USE = (
    "To put a team's own sales leads in the order in which they are worth a call, by the"
    " probability that each converts, with reasons."
)
OUT_OF_SCOPE = (
    "Decisions about people other than whom to call first, such as prices, credit or employment;"
    " leads of another company or market than those it was learned from."
)
CAVEATS = (
    "Figures are measured by cross-validation on leads that each fitted model had not seen, drawn"
    " at random: where the world changes with time, leads to come are ranked less well.",
    "Outcomes that come only from the leads called first say little about the others.",
    "Reasons say what the model uses, not what makes a lead convert.",
)
RECALIBRATED = (
    "This is an earlier version, recalibrated on the leads it is measured on. Log loss, Brier score"
    " and calibration error therefore look better than they will on new leads; the ranking was not"
    " fitted to them. The decision judges each lead with the level estimated from the leads before"
    " it.",
    *CAVEATS[1:],
)
UNTRAINED = ("Starter model: general rules, not trained on your data yet. No accuracy is claimed.",)


def model_card(session: Session, fields: Fields, version: ModelVersion) -> dict[str, Any]:
    """The card of a version as plain JSON; what an older release did not measure is left out."""
    measured = version.measured
    figures = measured.model_dump(exclude_unset=True) if measured else {}
    parent = registry.parents(session, [version.parent_key]).get(version.parent_key or 0)
    champion = registry.champion(session)
    caveats = CAVEATS if version.metrics else UNTRAINED
    return {
        "format": FORMAT,
        "model": {
            "version": version.name,
            "family": version.family,
            "is_learned": version.family != FAMILY,
            "made_at": version.created_at.isoformat(),
            "is_in_use": version.key == champion.key,
            "compared_with": parent.name if parent else None,
            "sha256": version.digest,
        },
        "intended_use": INTENDED_USE,
        "out_of_scope": OUT_OF_SCOPE,
        "training_data": version.training,
        "fields": _fields(fields, version, shapes(session, version)),
        "figures": {name: figures[name] for name in FIGURES if name in figures},
        **{name: figures[name] for name in TABLES if name in figures},
        "decision": version.decision,
        "caveats": list(caveats if version.learned_key is None else RECALIBRATED),
    }


def shapes(session: Session, version: ModelVersion) -> list[dict[str, Any]]:
    """What each field does in a version, as measured or assumed; empty where neither was done."""
    found = registry.learned(session, version)
    measured: list[dict[str, Any]] = found.metrics.get("shapes", [])
    card = registry.scorecard(session, found)
    return measured if measured or card.n_leads else assumed_shapes(card)


def _fields(
    fields: Fields, version: ModelVersion, found: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    shapes = {shape["field"]: shape for shape in found}
    return [
        {
            "name": name,
            "label": fields[name].label if name in fields else name,
            **{key: shapes[name][key] for key in ("influence", "groups") if name in shapes},
        }
        for name in version.fields
    ]
