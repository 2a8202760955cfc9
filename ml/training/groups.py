"""Groups: leads that are one person or one company are split together and counted once."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml.training.encode import Bools, Floats

Groups: TypeAlias = NDArray[np.int64]  # of each lead: the number of its group, from 0
Places: TypeAlias = NDArray[np.intp]


class Counts(NamedTuple):
    """Groups that hold a converted lead, those that hold a lost one (some hold both), and all."""

    n_groups_converted: int
    n_groups_lost: int
    n_groups: int


def numbered(groups: Sequence[int] | Groups | None, n_leads: int) -> Groups:
    """Number groups from 0, whatever they are called; each lead is alone where none are told.

    >>> numbered([7, 3, 7], 3).tolist(), numbered(None, 2).tolist()
    ([1, 0, 1], [0, 1])
    """
    if groups is None:
        return np.arange(n_leads)
    return np.unique(np.asarray(groups), return_inverse=True)[1]


def count(converted: Bools, groups: Groups) -> Counts:
    """Count the groups by outcome.

    >>> count(np.array([True, False, False]), np.array([0, 0, 1]))
    Counts(n_groups_converted=1, n_groups_lost=2, n_groups=2)
    """
    of = (np.unique(part).size for part in (groups[converted], groups[~converted], groups))
    return Counts(*of)


def sums(values: Floats, groups: Groups) -> Floats:
    """Add up rows of values by group, shape (n_leads, ...) to (n_groups, ...)."""
    total = np.zeros((int(groups.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(total, groups, values)
    return total


def error_of_mean(values: Floats, groups: Groups) -> float:
    """Give the standard error of a mean over leads of which those of a group may be alike.

    The usual one where each is alone, else the cluster-robust one; at least two groups.

    >>> values = np.array([1.0, 2.0, 4.0])
    >>> bool(np.isclose(error_of_mean(values, np.arange(3)), values.std(ddof=1) / 3**0.5))
    True
    >>> error_of_mean(np.repeat(values, 2), np.repeat(np.arange(3), 2)) == error_of_mean(
    ...     values, np.arange(3))
    True
    """
    n_groups = np.unique(groups).size
    squares = float(np.square(sums(values - values.mean(), groups)).sum())
    return float(np.sqrt(n_groups / (n_groups - 1) * squares) / len(values))


def folds(
    converted: Bools, groups: Groups, n_folds: int, draw: np.random.Generator
) -> Iterator[Places]:
    """Deal the groups into folds that have about as many leads of each outcome; give their places.

    Stratified group k-fold: groups in the order of what they hold are dealt a round at a time, each
    round in an order of its own, so that any `n_folds` groups alike go to different folds.

    >>> outcomes, groups = np.arange(8) < 4, np.array([0, 1, 2, 3, 4, 5, 4, 5])
    >>> draw = np.random.default_rng(0)
    >>> [sorted(outcomes[fold].tolist()) for fold in folds(outcomes, groups, 2, draw)]
    [[False, False, True, True], [False, False, True, True]]
    """
    n_of = np.bincount(groups)
    won_of = np.bincount(groups, weights=converted)
    order = np.lexsort((draw.random(len(n_of)), n_of - won_of, won_of))
    rounds = np.tile(np.arange(n_folds), (-(-len(n_of) // n_folds), 1))
    fold_of = np.empty(len(n_of), dtype=np.int64)
    fold_of[order] = draw.permuted(rounds, axis=1).ravel()[: len(n_of)]
    for fold in range(n_folds):
        yield np.flatnonzero(fold_of[groups] == fold)
