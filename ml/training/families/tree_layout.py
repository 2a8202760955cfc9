"""How leads are laid out for trees, as they are grown and as they are served."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.scorecard.trees import LEAF, Input, LevelInput, NumberInput
from ml.training.encode import Bools, Columns, Floats, Ints, OneHot, filled, one_hot

ABOVE_ALL_KNOWN = 1e9  # as `signed_log1p`, which stays below 35


@dataclass(frozen=True)
class TreeLayout:
    """Trees are grown on numbers, NaN where unknown, and on a column for each level.

    A served tree finds each number twice, with the unknown below all and above all, and then the
    levels.
    """

    columns: Columns
    levels: OneHot

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Columns) -> Self:
        """Lay out the columns for the leads of a frame."""
        return cls(columns, one_hot(filled(frame, columns), columns))

    def encoded(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Encode leads, with another's value where one was not collected, so that it says nothing.

        In single precision, as served leads are.
        """
        told = filled(frame, self.columns)
        numbers = told.to_numpy()[:, : self._n_numbers]
        return np.hstack([numbers, self.levels.encoded(told)]).astype(np.float32)

    def rows(self, matrix: NDArray[np.float32]) -> Floats:
        """Lay encoded leads out as served ones."""
        numbers = matrix[:, : self._n_numbers]
        twice = [np.where(np.isnan(numbers), end, numbers) for end in (-np.inf, np.inf)]
        pairs = np.stack(twice, axis=2).reshape(len(matrix), 2 * self._n_numbers)
        rows: Floats = np.hstack([pairs, matrix[:, self._n_numbers :]]).astype(np.float64)
        return rows

    def inputs(self) -> tuple[Input, ...]:
        """Name the served columns: two a number, then levels."""
        names = self.columns.numbers
        numbers = [NumberInput(name, 2 * i, 2 * i + 1) for i, name in enumerate(names)]
        groups = self.levels.groups(self.columns, first=2 * len(numbers))
        return (*numbers, *(LevelInput(name, *each) for name, each in groups.items()))

    def served_questions(
        self, asked: Ints, threshold: Floats, unknown_is_first: Bools
    ) -> tuple[Ints, Floats]:
        """Give the served columns and thresholds of questions about columns that trees grow on.

        `unknown_is_first` tells whether leads whose number is unknown go to the first child.
        """
        side = 1 - unknown_is_first.astype(np.int64)
        column = np.where(asked < self._n_numbers, 2 * asked + side, asked + self._n_numbers)
        # Unknown or known is asked as "up to infinity", where an unknown value would say yes too.
        return column, np.minimum(threshold, ABOVE_ALL_KNOWN)

    def is_asked(self, asked: Iterable[Ints]) -> Bools:
        """Tell which fields the questions of trees are about, shape (n_fields,)."""
        owner = np.concatenate([np.arange(self._n_numbers), self._n_numbers + self.levels.owner])
        places = np.unique(np.concatenate(list(asked)))
        is_asked = np.zeros(len(self.columns.names), dtype=bool)
        is_asked[owner[places[places != LEAF]]] = True
        return is_asked

    @property
    def _n_numbers(self) -> int:
        return len(self.columns.numbers)
