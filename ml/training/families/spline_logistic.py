"""The model family `spline logistic`: a regularised logistic regression on splines and levels.

It is served without loss as one term a field: a table over its levels, or a curve whose pieces are
the pipeline's own polynomials.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.interpolate import BSpline
from sklearn.linear_model import LogisticRegression

from ml.scorecard.terms import CategoryTerm, CurveTerm, Term
from ml.training.encode import Bools, Columns, Floats, Ints, OneHot, filled, is_collected, one_hot
from ml.training.families.family import Family, Served
from ml.training.term_sums import centred, scaled

# C. To choose it by cross-validation moves AUC by at most 0.011.
INVERSE_REGULARISATION = 0.3
N_KNOTS, DEGREE = 4, 2
MIN_GAP = 1e-6  # of the column's range: knots closer than this are one


@dataclass(frozen=True)
class Encoder:
    """Numbers as they are, marks of the `marked` ones' unknown values, splines, a column a level.

    Unknown numbers are `medians`; numbers and marks have a mean of 0 and a spread of 1 among the
    leads fitted on: `means` and `spreads` are what they had. A constant number has no spline.
    """

    medians: Floats
    marked: Ints
    means: Floats
    spreads: Floats
    splines: tuple[BSpline | None, ...]
    levels: OneHot

    def encoded(self, frame: pd.DataFrame) -> Floats:
        """Encode the leads of a frame without a value that was not collected."""
        line = (self._line(frame) - self.means) / self.spreads
        numbers = self._numbers(frame)
        bases = [basis(s, x) for s, x in zip(self.splines, numbers.T, strict=True) if s is not None]
        return np.hstack([line, *bases, self.levels.encoded(frame)])

    @property
    def owner(self) -> Ints:
        """The place in `Columns.names` of the field that each column is about."""
        numbers = np.arange(len(self.medians))
        of_splines = np.repeat(numbers, self.sizes)
        return np.concatenate([numbers, self.marked, of_splines, len(numbers) + self.levels.owner])

    @property
    def sizes(self) -> list[int]:
        """How many functions the basis of each number has."""
        return [0 if spline is None else len(spline.c) - 1 for spline in self.splines]

    def _numbers(self, frame: pd.DataFrame) -> Floats:
        numbers = frame.to_numpy()[:, : len(self.medians)]
        return np.where(np.isnan(numbers), self.medians, numbers)

    def _line(self, frame: pd.DataFrame) -> Floats:
        marks = np.isnan(frame.to_numpy()[:, self.marked])
        return np.hstack([self._numbers(frame), marks])


@dataclass(frozen=True)
class SplineLogistic:
    """The fitted encoder and regression.

    Effects are those of what the encoder gives beyond `centre`, its means over the leads of whom a
    field was collected; `owner` has the place in `columns.names` of each of its columns.
    """

    columns: Columns
    encoder: Encoder
    model: LogisticRegression
    centre: Floats
    owner: Ints

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame."""
        matrix = self.encoder.encoded(filled(frame, self.columns))
        away = np.where(is_collected(frame)[:, self.owner], matrix - self.centre, 0.0)
        trust = np.array([self._trust(name) for name in self.columns.names])[self.owner]
        log_odds: Floats = self._intercept + away @ (trust * self.weights)
        return log_odds

    def served(self, weight: float) -> Served:
        """Give a term for each field: centred, and not counted."""
        terms: list[Term] = [
            *(_curve(self, name) for name in self.columns.numbers),
            *_tables(self),
        ]
        means = np.bincount(
            self.owner, self.weights * self.centre, minlength=len(self.columns.names)
        )
        by_name = dict(zip(self.columns.names, means.tolist(), strict=True))
        trusted = (
            scaled([term], weight * self._trust(term.field))[0] for term in centred(terms, by_name)
        )
        # A field that was not collected adds what it adds on average.
        own = tuple(replace(term, not_collected=0.0) for term in trusted)
        return Served(weight * self._intercept, own)

    @property
    def weights(self) -> Floats:
        """By column of the encoder."""
        weights: Floats = self.model.coef_[0]
        return weights

    @property
    def _intercept(self) -> float:
        return float(self.model.intercept_[0] + self.centre @ self.weights)

    def _trust(self, name: str) -> float:
        return self.columns.trust.get(name, 1.0)


def build(frame: pd.DataFrame, columns: Columns) -> Encoder:
    """Fit the encoder to a frame without a value that was not collected."""
    numbers = frame.to_numpy()[:, : len(columns.numbers)]
    is_unknown = np.isnan(numbers)
    known = [x[~gaps] for x, gaps in zip(numbers.T, is_unknown.T, strict=True)]
    medians = np.array([np.median(x) if len(x) else 0.0 for x in known])
    marked = np.flatnonzero(is_unknown.any(axis=0))
    numbers = np.where(is_unknown, medians, numbers)
    line = np.hstack([numbers, is_unknown[:, marked]])
    return Encoder(
        medians,
        marked,
        line.mean(axis=0),
        _spreads(line),
        tuple(spline_of(x) for x in numbers.T),
        one_hot(frame, columns),
    )


def _spreads(line: Floats) -> Floats:
    """Give standard deviations, 1 for columns that vary by no more than rounding.

    The bound is that of the two-pass algorithm (Chan, Golub and LeVeque, 1983, The American
    Statistician 37(3), 242-247).
    """
    n, epsilon, variance = len(line), np.finfo(np.float64).eps, line.var(axis=0)
    rounding = n * epsilon * variance + (n * line.mean(axis=0) * epsilon) ** 2
    return np.sqrt(np.where(variance <= rounding, 1.0, variance))


def fit(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    seed: int = 0,
    *,
    sample_weight: Floats | None = None,
) -> SplineLogistic:
    """Fit encoder and regression; the seed does not matter.

    A lead of whom a field was not collected stands at the mean of the others, so that it takes no
    part in the effect of that field.
    """
    told_frame = filled(frame, columns)
    encoder = build(told_frame, columns)
    matrix, owner = encoder.encoded(told_frame), encoder.owner
    told = is_collected(frame)[:, owner]
    centre = np.where(told, matrix, 0.0).sum(axis=0) / np.maximum(told.sum(axis=0), 1)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=500)
    model.fit(np.where(told, matrix, centre), converted, sample_weight=sample_weight)
    return SplineLogistic(columns, encoder, model, centre, owner)


FAMILY = Family("spline logistic", fit)


def spline_of(column: Floats, n_knots: int = N_KNOTS) -> BSpline | None:
    """Lay a basis of quadratic splines over a column, None where that is constant.

    Knots are quantiles; those that coincide (a count that is mostly zero) are one. Beyond the ends
    knots go on at the same distance (Eilers and Marx, 1996, Statistical Science 11(2), 89-121).
    """
    knots = _distinct(np.quantile(column, np.linspace(0, 1, n_knots)))
    if len(knots) < 2:
        return None
    beyond = np.arange(1, DEGREE + 1)
    before = knots[0] - beyond[::-1] * (knots[1] - knots[0])
    behind = knots[-1] + beyond * (knots[-1] - knots[-2])
    n_functions = len(knots) + DEGREE - 1
    return BSpline(np.concatenate([before, knots, behind]), np.eye(n_functions), DEGREE)


def basis(spline: BSpline, at: Floats) -> Floats:
    """Evaluate all functions of a basis but the last, constant beyond the knots.

    Values in [0, 1], shape (n_points, n_functions - 1): the last is what the others leave of 1.
    """
    knots = knots_of(spline)
    values: Floats = spline(np.clip(at, knots[0], knots[-1]))[:, :-1]
    return values


def knots_of(spline: BSpline) -> Floats:
    """Give the knots of a basis, strictly rising from minimum to maximum."""
    knots: Floats = spline.t[DEGREE:-DEGREE]
    return knots


def taylor(spline: BSpline, at: Floats, weights: Floats) -> Floats:
    """Develop a weighted sum of basis functions in 1, d and d² behind each point, (n_points, 3).

    Exact up to the next knot, because the splines are quadratic; at the last for that point alone.
    """
    value, slope, bend = (spline(at, nu=order)[:, :-1] @ weights for order in range(3))
    return np.column_stack([value, slope, bend / 2])


def _distinct(knots: Floats) -> Floats:
    """Merge knots that coincide; the first and the last stay where they are."""
    gap = MIN_GAP * (knots[-1] - knots[0])
    kept = [knots[0]]
    for knot in knots[1:-1]:
        if knot - kept[-1] > gap and knots[-1] - knot > gap:
            kept.append(knot)
    return np.array([*kept, knots[-1]] if knots[-1] > knots[0] else kept)


def _curve(fitted: SplineLogistic, name: str) -> CurveTerm:
    place = fitted.columns.numbers.index(name)
    median = float(fitted.encoder.medians[place])
    centre, slope, if_known, if_missing = _line(fitted, place)
    knots, around = _splines(fitted, place, median)
    # From its centre the line is exact even where the column hardly varies.
    around[:, 0] += if_known + slope * (knots - centre)
    around[:, 1] += slope
    inner = [tuple(map(float, row)) for row in around[:-1]]
    first, last = ((float(around[end, 0]), slope) for end in (0, -1))
    term = CurveTerm(name, tuple(map(float, knots)), (first, *inner, last), missing=0.0)
    return replace(term, missing=term.at(median) - if_known + if_missing)


def _line(fitted: SplineLogistic, place: int) -> tuple[float, float, float, float]:
    """The straight part of a curve: centre and slope in u, and what knowing adds or not."""
    encoder = fitted.encoder
    weights = fitted.weights[: len(encoder.means)] / encoder.spreads
    centre, slope = float(encoder.means[place]), float(weights[place])
    # Marks of unknown values follow the numbers, only for columns that had some.
    marked = encoder.marked.tolist()
    if place not in marked:
        return centre, slope, 0.0, 0.0
    mark = len(encoder.medians) + marked.index(place)
    share, weight = float(encoder.means[mark]), float(weights[mark])
    return centre, slope, -share * weight, (1 - share) * weight


def _splines(fitted: SplineLogistic, place: int, median: float) -> tuple[Floats, Floats]:
    """Give a column's knots and its spline developed around each of them."""
    encoder = fitted.encoder
    spline = encoder.splines[place]
    if spline is None:
        return np.array([median]), np.zeros((1, 3))
    first = len(encoder.means) + sum(encoder.sizes[:place])
    knots = knots_of(spline)
    return knots, taylor(spline, knots, fitted.weights[first : first + encoder.sizes[place]])


def _tables(fitted: SplineLogistic) -> Iterator[CategoryTerm]:
    levels = fitted.encoder.levels
    of_levels = fitted.weights[len(fitted.weights) - levels.n_columns :].tolist()
    # A value without a column of its own has no effect.
    effects = {None: 0.0} | dict(enumerate(of_levels))
    for name, groups in levels.groups(fitted.columns).items():
        of_level = {level: effects[column] for level, column in groups.levels.items()}
        yield CategoryTerm(name, of_level, effects[groups.other], effects[groups.missing])
