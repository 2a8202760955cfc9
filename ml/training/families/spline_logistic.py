"""The model family `spline logistic`: a regularised logistic regression on splines and levels.

It is fitted with scikit-learn here and turned into a scorecard by `ml.training.families.compiling`.
How good it is and whether it may serve is the business of `ml.training.evaluate` and
`ml.gate.gate`.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.training.encode import Columns
from ml.training.levels import one_hot
from ml.training.splines import QuantileSplines

FAMILY = "spline logistic"
# C. To choose it by cross-validation moves AUC by at most 0.011.
INVERSE_REGULARISATION = 0.3

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def build(columns: Columns, n_leads: int) -> Pipeline:
    """Build the unfitted pipeline.

    Numbers enter twice, as they are and as splines, their gaps filled with the median and
    marked; categories enter one column a level, unknown being a level of its own.

    Parameters
    ----------
    columns : Columns
        Columns of the frames it will see.
    n_leads : int
        Leads it will be fitted on: decides which levels are rare.

    Returns
    -------
    Pipeline
        Takes frames of `frame_of`, gives probabilities.
    """
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
    return Pipeline(
        [
            ("columns", ColumnTransformer(transformers)),
            ("model", LogisticRegression(C=INVERSE_REGULARISATION, max_iter=500)),
        ]
    )


def fit(
    frame: pd.DataFrame, converted: Bools, columns: Columns, sample_weight: Floats | None = None
) -> Pipeline:
    """Fit the pipeline.

    Parameters
    ----------
    frame : DataFrame of shape (n_leads, n_columns)
        From `frame_of`.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes, some of each kind.
    columns : Columns
        Columns of the frame.
    sample_weight : ndarray of float64, shape (n_leads,), optional
        How much each lead counts, in (0, 1]; all count 1 where it is left out.

    Returns
    -------
    Pipeline
        Fitted; the same for the same input, nothing in it is random.
    """
    return build(columns, len(frame)).fit(frame, converted, model__sample_weight=sample_weight)
