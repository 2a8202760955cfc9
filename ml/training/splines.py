"""Quadratic splines through the quantiles of each column, fit for columns of any shape.

scikit-learn's own quantile knots may coincide (a count that is mostly zero), which leaves its
splines with jumps outside the values they were fitted on. Here knots that coincide are merged.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import check_is_fitted, validate_data

DEGREE = 2
MIN_GAP = 1e-6  # of the column's range: knots closer than this are one


class QuantileSplines(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Expand each column into a basis of quadratic splines, constant outside its knots.

    Parameters
    ----------
    n_knots : int, default=4
        Knots a column at most, at evenly spaced quantiles with both ends.

    Attributes
    ----------
    splines_ : list of SplineTransformer or None, length n_columns
        One a column; None where the column is constant and has no basis.
    sizes_ : list of int, length n_columns
        Basis functions a column: knots it kept, 0 where it is constant.
    """

    def __init__(self, n_knots: int = 4) -> None:
        self.n_knots = n_knots

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803
        """Find the knots of each column.

        Parameters
        ----------
        X : array-like of float, shape (n_rows, n_columns)
            Without missing values.
        y : object, optional
            Not used.

        Returns
        -------
        QuantileSplines
            Itself.
        """
        matrix = validate_data(self, X, dtype=np.float64)
        self.splines_ = [_spline(column, self.n_knots) for column in matrix.T]
        self.sizes_ = [0 if s is None else s.n_features_out_ for s in self.splines_]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Evaluate the basis.

        Parameters
        ----------
        X : array-like of float, shape (n_rows, n_columns)
            Without missing values.

        Returns
        -------
        ndarray of float64, shape (n_rows, sum of `sizes_`)
            Values in [0, 1].
        """
        check_is_fitted(self)
        matrix = validate_data(self, X, dtype=np.float64, reset=False)
        bases = [
            spline.transform(matrix[:, [place]])
            for place, spline in enumerate(self.splines_)
            if spline is not None
        ]
        return np.hstack(bases) if bases else np.empty((len(matrix), 0))


def knots_of(spline: SplineTransformer) -> NDArray[np.float64]:
    """Give the knots of a fitted one-column spline.

    Parameters
    ----------
    spline : SplineTransformer
        From `QuantileSplines.splines_`.

    Returns
    -------
    ndarray of float64, shape (n_knots,)
        Strictly rising, from the column's minimum to its maximum.
    """
    knots: NDArray[np.float64] = spline.bsplines_[0].t[DEGREE:-DEGREE]
    return knots


def taylor(
    spline: SplineTransformer, at: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Develop a weighted sum of basis functions around some points, to the right of each.

    Parameters
    ----------
    spline : SplineTransformer
        From `QuantileSplines.splines_`.
    at : ndarray of float64, shape (n_points,)
        Within the knots; at the last knot the development holds for that point alone.
    weights : ndarray of float64, shape (n_basis,)
        One a basis function.

    Returns
    -------
    ndarray of float64, shape (n_points, 3)
        Coefficients of 1, d and d² in the distance d from each point: exact up to the next
        knot, because the splines are quadratic.
    """
    whole_basis: Any = spline.bsplines_[0]
    kept = slice(None, len(weights))  # the last function of the basis is left out
    value, slope, bend = (whole_basis(at, nu=order)[:, kept] @ weights for order in range(3))
    return np.column_stack([value, slope, bend / 2])


def _spline(column: NDArray[np.float64], n_knots: int) -> SplineTransformer | None:
    knots = _distinct(np.quantile(column, np.linspace(0, 1, n_knots)))
    if len(knots) < 2:
        return None
    spline = SplineTransformer(
        knots=knots[:, np.newaxis], degree=DEGREE, extrapolation="constant", include_bias=False
    )
    return spline.fit(column[:, np.newaxis])


def _distinct(knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Merge knots that coincide; the first and the last stay where they are."""
    gap = MIN_GAP * (knots[-1] - knots[0])
    kept = [knots[0]]
    for knot in knots[1:-1]:
        if knot - kept[-1] > gap and knots[-1] - knot > gap:
            kept.append(knot)
    return np.array([*kept, knots[-1]] if knots[-1] > knots[0] else kept)
