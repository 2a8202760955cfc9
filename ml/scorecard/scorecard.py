"""A served model as data: one effect a field, read from JSON, summed up in plain Python."""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

from ml.fields.types import Value
from ml.scorecard.boosting import Boosting, read_boosting
from ml.scorecard.forest import Forest, read_forest
from ml.scorecard.json_reader import Reader, ScorecardError
from ml.scorecard.terms import Term, read_term

FORMAT = 1
MAX_TERMS = 1_000

Grade: TypeAlias = Literal["A", "B", "C", "D"]


class Part(Protocol):
    """What moves a lead's log-odds on top of the terms; it is stored under `kind`."""

    kind: ClassVar[str]

    @property
    def fields(self) -> Collection[str]:
        """Names of the fields it asks about."""

    def effects(self, values: Mapping[str, Value]) -> dict[str, float]:
        """Give each field's part of the log-odds, from stored values by field."""

    def scaled(self, factor: float) -> "Part":
        """Multiply all its effects."""

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON, nothing lost or rounded."""


READERS: dict[str, Callable[[Reader], Part]] = {
    Forest.kind: read_forest,
    Boosting.kind: read_boosting,
}
MAX_PARTS = 20  # of one kind


class Score(NamedTuple):
    """What a scorecard says of one lead: intercept and `effects`, one a term, sum to `log_odds`."""

    probability: float
    log_odds: float
    effects: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Bands:
    """From which probability a lead is in the high and the medium band."""

    high: float
    medium: float

    def of(self, probability: float) -> str:
        """Name a probability's band: high, medium or low; a bound belongs to the upper band."""
        if probability >= self.high:
            return "high"
        return "medium" if probability >= self.medium else "low"


def moved(probability: float, shift: float) -> float:
    """Move a probability by a step of its log-odds; 0 and 1 stay what they are.

    >>> round(moved(0.5, 1.0), 3), moved(1.0, -1.0)
    (0.731, 1.0)
    """
    if shift == 0 or probability in {0.0, 1.0}:
        return probability
    return _probability(math.log(probability / (1 - probability)) + shift)


@dataclass(frozen=True)
class Scorecard:
    """A model that adds one effect a field to an intercept: the log-odds without any effect.

    `base_rate` is the share converted of the `n_leads` learned from (0: not trained, an assumed
    rate); `grades` are the lowest probabilities of A, B and C. `parts` add to the effects of the
    `terms`, at most one a field. Fields in `ignored`, whose values are not what it learned from,
    take no part; they are not of the model itself and stay out of its JSON.
    """

    family: str
    intercept: float
    base_rate: float
    n_leads: int
    grades: tuple[float, float, float]
    terms: tuple[Term, ...]
    parts: tuple[Part, ...] = ()
    ignored: frozenset[str] = frozenset()

    def score(self, values: Mapping[str, Value]) -> Score:
        """Score one lead from its stored values by field, None where one is unknown.

        A field left out was not collected: it has its mean effect, and is no reason.

        >>> from ml.scorecard.terms import CategoryTerm
        >>> term = CategoryTerm("lead_source", {"referral": 0.5}, other=0.0, missing=-0.1)
        >>> card = Scorecard("example", -1.0, 0.27, 0, (0.5, 0.3, 0.2), (term,))
        >>> card.score({"lead_source": "Referral"}).effects
        (('lead_source', 0.5),)
        """
        if self.ignored:
            values = {name: value for name, value in values.items() if name not in self.ignored}
        more: dict[str, float] = {}
        for part in self.parts:
            for field, effect in part.effects(values).items():
                more[field] = more.get(field, 0.0) + effect
        effects = tuple(
            (
                term.field,
                (term.effect(values[term.field]) if term.field in values else term.not_collected)
                + more.get(term.field, 0.0),
            )
            for term in self.terms
            if term.field not in self.ignored
        )
        log_odds = math.fsum((self.intercept, *(effect for _, effect in effects)))
        return Score(_probability(log_odds), log_odds, effects)

    def grade(self, probability: float) -> Grade:
        """Give the grade that a probability falls in; A is best.

        >>> Scorecard("example", 0.0, 0.5, 0, (0.5, 0.3, 0.2), ()).grade(0.3)
        'B'
        """
        a, b, c = self.grades
        if probability >= b:
            return "A" if probability >= a else "B"
        return "C" if probability >= c else "D"

    def shifted(self, shift: float) -> "Scorecard":
        """Move the log-odds of every score by one step: each lead keeps its rank and grade.

        >>> card = Scorecard("example", -1.0, 0.27, 0, (0.5, 0.3, 0.2), ()).shifted(1.0)
        >>> card.intercept, round(card.score({}).probability, 3), card.grade(0.74)
        (0.0, 0.5, 'A')
        """
        a, b, c = (moved(bound, shift) for bound in self.grades)
        return replace(
            self,
            intercept=self.intercept + shift,
            grades=(a, b, c),
            base_rate=self.base_rate if self.n_leads else moved(self.base_rate, shift),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal: equal models have equal digests."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Give the scorecard as the plain JSON that `from_json` reads, nothing lost or rounded."""
        parts: dict[str, list[dict[str, Any]]] = {}
        for part in self.parts:
            parts.setdefault(part.kind, []).append(part.to_json())
        # The only part of a kind stands there itself.
        return {kind: found if len(found) > 1 else found[0] for kind, found in parts.items()} | {
            "format": FORMAT,
            "family": self.family,
            "intercept": self.intercept + 0.0,
            "base_rate": self.base_rate + 0.0,
            "n_leads": self.n_leads,
            "grades": [bound + 0.0 for bound in self.grades],
            "terms": [term.to_json() for term in self.terms],
        }

    @classmethod
    def from_json(cls, content: object) -> "Scorecard":
        """Read a scorecard that scores any lead; ScorecardError at the first mistake."""
        reader = Reader(content, "scorecard")
        if reader.integer("format") != FORMAT:
            raise ScorecardError(f"scorecard.format is not {FORMAT}: made by another release")
        terms = tuple(read_term(each) for each in reader.readers("terms", most=MAX_TERMS))
        card = cls(
            family=reader.text("family"),
            intercept=reader.number("intercept"),
            base_rate=reader.number("base_rate", low=0, high=1),
            n_leads=reader.integer("n_leads"),
            grades=_grades(reader),
            terms=terms,
            parts=tuple(
                read(each)
                for kind, read in READERS.items()
                for each in reader.one_or_more(kind, most=MAX_PARTS)
            ),
        )
        reader.finish()
        fields = {term.field for term in terms}
        if len(fields) < len(terms):
            raise ScorecardError("scorecard.terms hold a field twice")
        for part in card.parts:
            if not fields.issuperset(part.fields):
                raise ScorecardError(f"scorecard.{part.kind} asks about a field without a term")
        return card


def _grades(reader: Reader) -> tuple[float, float, float]:
    bounds = reader.numbers("grades", most=3)
    if len(bounds) != 3 or not 1 >= bounds[0] >= bounds[1] >= bounds[2] >= 0:
        raise ScorecardError("scorecard.grades must be three probabilities, falling")
    a, b, c = bounds
    return a, b, c


def _probability(log_odds: float) -> float:
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)
