"""The model family `spline logistic`: a regularised logistic regression on splines and levels.

It is served without loss as one term a field: a table over its levels, or a curve whose pieces are
the pipeline's own polynomials.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from ml.scorecard.terms import CategoryTerm, CurveTerm, Term
from ml.training.encode import (
    Bools,
    Columns,
    Floats,
    Ints,
    filled,
    groups_of,
    is_collected,
    one_hot,
    widths,
)
from ml.training.families.family import Family, Served
from ml.training.term_sums import centred, scaled

# C. To choose it by cross-validation moves AUC by at most 0.011.
INVERSE_REGULARISATION = 0.3
DEGREE = 2
MIN_GAP = 1e-6  # of the column's range: knots closer than this are one


class QuantileSplines(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Expand each column into a basis of quadratic splines, constant outside its knots.

    scikit-learn's own quantile knots may coincide (a count that is mostly zero), which leaves its
    splines with jumps; here such knots are merged. `splines_` has one a column, None where that is
    constant, `sizes_` the number of their basis functions.
    """

    def __init__(self, n_knots: int = 4) -> None:
        self.n_knots = n_knots

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803
        """Find the knots of each column of a matrix without missing values."""
        matrix = validate_data(self, X, dtype=np.float64)
        self.splines_ = [_spline(column, self.n_knots) for column in matrix.T]
        self.sizes_ = [0 if s is None else s.n_features_out_ for s in self.splines_]
        return self

    def transform(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Evaluate the basis: values in [0, 1], shape (n_rows, sum of `sizes_`)."""
        check_is_fitted(self)
        matrix = validate_data(self, X, dtype=np.float64, reset=False)
        bases = [
            spline.transform(matrix[:, [place]])
            for place, spline in enumerate(self.splines_)
            if spline is not None
        ]
        return np.hstack(bases) if bases else np.empty((len(matrix), 0))


@dataclass(frozen=True)
class SplineLogistic:
    """The fitted encoder and regression.

    Effects are those of what the encoder gives beyond `centre`, its means over the leads of whom a
    field was collected; `owner` has the place in `columns.names` of each of its columns.
    """

    columns: Columns
    encoder: ColumnTransformer
    model: LogisticRegression
    centre: Floats
    owner: Ints

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame."""
        matrix = self.encoder.transform(filled(frame, self.columns))
        away = np.where(is_collected(frame)[:, self.owner], matrix - self.centre, 0.0)
        trust = np.array([self._trust(name) for name in self.columns.names])[self.owner]
        log_odds: Floats = self._intercept + away @ (trust * self._weights)
        return log_odds

    def served(self, weight: float) -> Served:
        """Give a term for each field: centred, and not counted."""
        terms: list[Term] = [
            *(_curve(self, name) for name in self.columns.numbers),
            *_tables(self),
        ]
        means = np.bincount(
            self.owner, self._weights * self.centre, minlength=len(self.columns.names)
        )
        by_name = dict(zip(self.columns.names, means.tolist(), strict=True))
        trusted = (
            scaled([term], weight * self._trust(term.field))[0] for term in centred(terms, by_name)
        )
        # A field that was not collected adds what it adds on average.
        own = tuple(replace(term, not_collected=0.0) for term in trusted)
        return Served(weight * self._intercept, own)

    @property
    def _weights(self) -> Floats:
        weights: Floats = self.model.coef_[0]
        return weights

    @property
    def _intercept(self) -> float:
        return float(self.model.intercept_[0] + self.centre @ self._weights)

    def _trust(self, name: str) -> float:
        return self.columns.trust.get(name, 1.0)


def build(columns: Columns, n_leads: int) -> ColumnTransformer:
    """Build the unfitted encoder: numbers as they are and as splines, a column for each level."""
    line = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    splines = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), QuantileSplines()
    )
    transformers = []
    if columns.numbers:
        transformers += [("line", line, list(columns.numbers))]
        transformers += [("splines", splines, list(columns.numbers))]
    if columns.levels:
        transformers += [("levels", one_hot(n_leads), list(columns.levels))]
    return ColumnTransformer(transformers)


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
    encoder = build(columns, len(frame))
    matrix = encoder.fit_transform(filled(frame, columns))
    owner = _owner(encoder, columns)
    told = is_collected(frame)[:, owner]
    centre = np.where(told, matrix, 0.0).sum(axis=0) / np.maximum(told.sum(axis=0), 1)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=500)
    model.fit(np.where(told, matrix, centre), converted, sample_weight=sample_weight)
    return SplineLogistic(columns, encoder, model, centre, owner)


FAMILY = Family("spline logistic", fit)


def knots_of(spline: SplineTransformer) -> Floats:
    """Give the knots of a fitted one-column spline, strictly rising from minimum to maximum."""
    knots: Floats = spline.bsplines_[0].t[DEGREE:-DEGREE]
    return knots


def taylor(spline: SplineTransformer, at: Floats, weights: Floats) -> Floats:
    """Develop a weighted sum of basis functions in 1, d and d² behind each point, (n_points, 3).

    Exact up to the next knot, because the splines are quadratic; at the last for that point alone.
    """
    whole_basis: Any = spline.bsplines_[0]
    kept = slice(None, len(weights))  # the last function of the basis is left out
    value, slope, bend = (whole_basis(at, nu=order)[:, kept] @ weights for order in range(3))
    return np.column_stack([value, slope, bend / 2])


def _spline(column: Floats, n_knots: int) -> SplineTransformer | None:
    knots = _distinct(np.quantile(column, np.linspace(0, 1, n_knots)))
    if len(knots) < 2:
        return None
    spline = SplineTransformer(
        knots=knots[:, np.newaxis], degree=DEGREE, extrapolation="constant", include_bias=False
    )
    return spline.fit(column[:, np.newaxis])


def _distinct(knots: Floats) -> Floats:
    """Merge knots that coincide; the first and the last stay where they are."""
    gap = MIN_GAP * (knots[-1] - knots[0])
    kept = [knots[0]]
    for knot in knots[1:-1]:
        if knot - kept[-1] > gap and knots[-1] - knot > gap:
            kept.append(knot)
    return np.array([*kept, knots[-1]] if knots[-1] > knots[0] else kept)


def _owner(encoder: ColumnTransformer, columns: Columns) -> Ints:
    """Give the place in `columns.names` of the field that each column of the encoder is about."""
    numbers = np.arange(len(columns.numbers))
    parts = []
    if columns.numbers:
        imputer, splines = encoder.named_transformers_["line"][0], _part(encoder, "splines")[1]
        parts += [numbers, imputer.indicator_.features_, np.repeat(numbers, splines.sizes_)]
    if columns.levels:
        sizes = widths(_part(encoder, "levels"))
        parts += [np.repeat(len(numbers) + np.arange(len(sizes)), sizes)]
    return np.concatenate(parts).astype(np.int64)


def _weights(fitted: SplineLogistic, part: str) -> Floats:
    """Give the coefficients of one part of the encoder: line, splines or levels."""
    weights: Floats = fitted.model.coef_[0][fitted.encoder.output_indices_[part]]
    return weights


def _part(encoder: ColumnTransformer, part: str) -> Any:
    return encoder.named_transformers_[part]


def _curve(fitted: SplineLogistic, name: str) -> CurveTerm:
    numbers = fitted.columns.numbers
    place = numbers.index(name)
    gaps = pd.DataFrame([[np.nan] * len(numbers)], columns=list(numbers))
    median = float(_part(fitted.encoder, "splines")[0].transform(gaps)[0, place])
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
    imputer, scaler = _part(fitted.encoder, "line")
    weights = _weights(fitted, "line") / scaler.scale_
    centre, slope = float(scaler.mean_[place]), float(weights[place])
    # Marks of unknown values follow the numbers, only for columns that had some.
    marked = list(imputer.indicator_.features_)
    if place not in marked:
        return centre, slope, 0.0, 0.0
    mark = len(fitted.columns.numbers) + marked.index(place)
    share, weight = float(scaler.mean_[mark]), float(weights[mark])
    return centre, slope, -share * weight, (1 - share) * weight


def _splines(fitted: SplineLogistic, place: int, median: float) -> tuple[Floats, Floats]:
    """Give a column's knots and its spline developed around each of them."""
    splines = _part(fitted.encoder, "splines")[1]
    spline, end = splines.splines_[place], list(accumulate(splines.sizes_))[place]
    if spline is None:
        return np.array([median]), np.zeros((1, 3))
    knots = knots_of(spline)
    weights = _weights(fitted, "splines")[end - splines.sizes_[place] : end]
    return knots, taylor(spline, knots, weights)


def _tables(fitted: SplineLogistic) -> Iterator[CategoryTerm]:
    if not fitted.columns.levels:
        return
    # A value without a column of its own has no effect.
    effects = {None: 0.0} | dict(enumerate(_weights(fitted, "levels").tolist()))
    for name, groups in groups_of(_part(fitted.encoder, "levels"), fitted.columns).items():
        levels = {level: effects[column] for level, column in groups.levels.items()}
        yield CategoryTerm(name, levels, effects[groups.other], effects[groups.missing])
