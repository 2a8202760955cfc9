"""What a model family has to offer. `ml.training.families.table` lists those there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import pandas as pd

from ml.scorecard.scorecard import Part
from ml.scorecard.terms import Term
from ml.training.encode import Floats, Record


class Served(NamedTuple):
    """A fitted model as data: baseline log-odds, at most one term a field, parts beside them."""

    intercept: float
    terms: tuple[Term, ...] = ()
    parts: tuple[Part, ...] = ()


class Member(Protocol):
    """A fitted model of one family."""

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame from `frame_of`: finite log-odds, shape (n_leads,)."""

    def served(self, weight: float) -> Served:
        """Turn `weight`, in [0, 3], times the log-odds into data, equal up to rounding."""


@dataclass(frozen=True)
class Family:
    """A way to learn from leads that can be served as data.

    `fit` takes what `blending.fit` does; the same input and seed give the same member.
    `usual_weight` in a blend, in [0, 1], is for numbers of fields and of leads: a share of what the
    families behind it in the table leave; the first takes the rest. `batch_effects` gives a part's
    effects, by its kind, for many leads at once, shape (n_leads, n_fields); other kinds are asked
    lead by lead.
    """

    name: str
    fit: Callable[..., Member]
    usual_weight: Callable[[int, int], float] = lambda n_fields, n_leads: 0.0
    batch_effects: Mapping[type, Callable[[Any, Sequence[Record]], Floats]] = field(
        default_factory=dict
    )
