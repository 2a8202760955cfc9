"""From a fitted `spline logistic` pipeline to the terms of a scorecard, without loss.

The pipeline adds up what each field contributes, so each field becomes one term: a table over
its levels, or a curve whose pieces are the pipeline's own polynomials.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from ml.fields.types import Value
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm, Term, level_key, signed_log1p
from ml.training.encode import Columns, Record
from ml.training.levels import groups_of
from ml.training.splines import knots_of, taylor

N_BINS = 5  # groups of a number in reasons, about equally many leads in each

OTHER = object()  # group of all levels that a table does not name

Floats = NDArray[np.float64]


class Compiled(NamedTuple):
    """A pipeline as a sum: baseline log-odds and one term a field."""

    intercept: float
    terms: tuple[Term, ...]


def compile_pipeline(pipeline: Pipeline, columns: Columns) -> Compiled:
    """Turn a fitted pipeline into the terms of a scorecard.

    Parameters
    ----------
    pipeline : Pipeline
        From `spline_logistic.fit`.
    columns : Columns
        Columns it was fitted on.

    Returns
    -------
    Compiled
        Sums to the pipeline's log-odds for any lead, up to rounding. Effects are as fitted,
        neither centred nor counted.
    """
    terms: list[Term] = [
        *(_curve(pipeline, columns, name) for name in columns.numbers),
        *_tables(pipeline, columns),
    ]
    return Compiled(float(pipeline["model"].intercept_[0]), tuple(terms))


def scaled(compiled: Compiled, weight: float) -> Compiled:
    """Multiply all effects and the intercept.

    Parameters
    ----------
    compiled : Compiled
        As fitted.
    weight : float
        0 leaves terms without an effect, which still tell which levels there are.

    Returns
    -------
    Compiled
        Sums to `weight` times the log-odds.
    """
    terms = tuple(_changed(term, weight, 0.0) for term in compiled.terms)
    return Compiled(weight * compiled.intercept, terms)


def centred(compiled: Compiled, effects: Mapping[str, float]) -> Compiled:
    """Take each field's mean effect out of its term and into the intercept.

    Parameters
    ----------
    compiled : Compiled
        With terms of any mean.
    effects : mapping of str to float
        By field: its mean effect over the leads learned from, whatever it comes from.

    Returns
    -------
    Compiled
        Same sum for any lead; mean effects of zero.
    """
    terms = tuple(_changed(term, 1.0, -effects[term.field]) for term in compiled.terms)
    return Compiled(math.fsum((compiled.intercept, *effects.values())), terms)


def counted(compiled: Compiled, records: Sequence[Record], converted: Sequence[bool]) -> Compiled:
    """Count the leads learned from in the groups that reasons speak of.

    Parameters
    ----------
    compiled : Compiled
        Its levels become groups; numbers are cut into bins of about equally many leads.
    records : sequence of mapping, length n_leads
        The leads learned from.
    converted : sequence of bool, length n_leads
        Their outcomes.

    Returns
    -------
    Compiled
        Same effects.
    """
    terms = []
    for term in compiled.terms:
        values = [record.get(term.field) for record in records]
        terms.append(_counted(term, values, converted))
    return compiled._replace(terms=tuple(terms))


def _weights(pipeline: Pipeline, part: str) -> Floats:
    """Give the coefficients of one part of the pipeline: line, splines or levels."""
    weights: Floats = pipeline["model"].coef_[0][pipeline["columns"].output_indices_[part]]
    return weights


def _part(pipeline: Pipeline, part: str) -> Any:
    return pipeline["columns"].named_transformers_[part]


def _curve(pipeline: Pipeline, columns: Columns, name: str) -> CurveTerm:
    place = columns.numbers.index(name)
    gaps = pd.DataFrame([[np.nan] * len(columns.numbers)], columns=list(columns.numbers))
    median = float(_part(pipeline, "splines")[0].transform(gaps)[0, place])
    line = _line(pipeline, columns, place)
    knots, around = _splines(pipeline, place, median)
    # From its centre the line is exact even where the column hardly varies.
    around[:, 0] += line.if_known + line.slope * (knots - line.centre)
    around[:, 1] += line.slope
    inner = [tuple(map(float, row)) for row in around[:-1]]
    first, last = ((float(around[end, 0]), line.slope) for end in (0, -1))
    term = CurveTerm(name, tuple(map(float, knots)), (first, *inner, last), missing=0.0)
    missing = term.at(median) - line.if_known + line.if_missing
    return replace(term, missing=missing)


class Line(NamedTuple):
    """The straight part of a curve: slope in u around a centre, and what knowing adds or not."""

    centre: float
    slope: float
    if_known: float
    if_missing: float


def _line(pipeline: Pipeline, columns: Columns, place: int) -> Line:
    imputer, scaler = _part(pipeline, "line")
    weights = _weights(pipeline, "line") / scaler.scale_
    centre, slope = float(scaler.mean_[place]), float(weights[place])
    # Marks of unknown values follow the numbers, only for columns that had some.
    marked = list(imputer.indicator_.features_)
    if place not in marked:
        return Line(centre, slope, 0.0, 0.0)
    mark = len(columns.numbers) + marked.index(place)
    share, weight = float(scaler.mean_[mark]), float(weights[mark])
    return Line(centre, slope, -share * weight, (1 - share) * weight)


def _splines(pipeline: Pipeline, place: int, median: float) -> tuple[Floats, Floats]:
    """Give a column's knots and its spline developed around each of them."""
    splines = _part(pipeline, "splines")[1]
    spline, end = splines.splines_[place], list(accumulate(splines.sizes_))[place]
    if spline is None:
        return np.array([median]), np.zeros((1, 3))
    knots = knots_of(spline)
    weights = _weights(pipeline, "splines")[end - splines.sizes_[place] : end]
    return knots, taylor(spline, knots, weights)


def _tables(pipeline: Pipeline, columns: Columns) -> Iterator[CategoryTerm]:
    if not columns.levels:
        return
    # A value without a column of its own has no effect.
    effects = {None: 0.0} | dict(enumerate(_weights(pipeline, "levels").tolist()))
    for name, groups in groups_of(_part(pipeline, "levels"), columns).items():
        levels = {level: effects[column] for level, column in groups.levels.items()}
        yield CategoryTerm(name, levels, effects[groups.other], effects[groups.missing])


def _changed(term: Term, factor: float, shift: float) -> Term:
    """Multiply a term's effects and then move them."""
    missing = factor * term.missing + shift
    if isinstance(term, CategoryTerm):
        levels = {level: factor * effect + shift for level, effect in term.levels.items()}
        return replace(term, levels=levels, other=factor * term.other + shift, missing=missing)
    pieces = tuple(
        (factor * constant + shift, *(factor * each for each in rest))
        for constant, *rest in term.pieces
    )
    return replace(term, pieces=pieces, missing=missing)


def _counted(term: Term, values: Sequence[Value], converted: Sequence[bool]) -> Term:
    if isinstance(term, CategoryTerm):
        return _counted_levels(term, values, converted)
    return _counted_bins(term, values, converted)


def _counted_levels(
    term: CategoryTerm, values: Sequence[Value], converted: Sequence[bool]
) -> CategoryTerm:
    keys = [level_key(value) for value in values]
    groups = [key if key is None or key in term.levels else OTHER for key in keys]
    counts = _counts(groups, converted)
    return replace(
        term,
        level_counts={level: counts(level) for level in term.levels},
        other_counts=counts(OTHER),
        missing_counts=counts(None),
    )


def _counted_bins(term: CurveTerm, values: Sequence[Value], converted: Sequence[bool]) -> CurveTerm:
    numbers = [None if signed_log1p(v) is None else float(v) for v in values]  # type: ignore[arg-type]
    uppers = _uppers(np.array([x for x in numbers if x is not None], dtype=np.float64))
    groups = [None if x is None else bisect_left(uppers, x) for x in numbers]
    counts = _counts(groups, converted)
    bins = (Bin(upper, counts(place)) for place, upper in enumerate([*uppers, None]))
    return replace(term, bins=tuple(bins), missing_counts=counts(None))


def _uppers(known: Floats) -> list[float]:
    """Choose the upper ends of all bins but the last, each a value that some lead has."""
    if not len(known):
        return []
    cuts = np.quantile(known, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf")
    return [float(cut) for cut in np.unique(cuts) if cut < known.max()]


def _counts(groups: Sequence[object], converted: Sequence[bool]) -> Callable[[object], Counts]:
    n = Counter(groups)
    n_converted = Counter(
        g for g, is_converted in zip(groups, converted, strict=True) if is_converted
    )
    return lambda group: Counts(n[group], n_converted[group])
