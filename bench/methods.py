"""The methods that learning curves compare: the product's own and its peers, with the same fields.

Numbers come compressed (`ml.training.encode`), which linear methods like. LightGBM, CatBoost and
EBM are left out where their library cannot be loaded.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from bench import naive_bayes, original
from ml.fields.fields_file import Fields
from ml.training import batch_scoring, train
from ml.training.encode import (
    MIN_OF_A_LEVEL,
    MIN_SHARE_OF_A_LEVEL,
    Bools,
    Columns,
    Floats,
    Record,
    columns_of,
    frame_of,
)
from ml.training.families import spline_logistic

LEFT_OUT: dict[str, str] = {}  # method: why
try:
    from lightgbm import LGBMClassifier
except (ImportError, OSError) as error:  # OSError: the system has no libgomp
    LEFT_OUT["lightgbm"] = str(error)
try:
    from catboost import CatBoostClassifier
except (ImportError, OSError) as error:
    LEFT_OUT["catboost"] = str(error)
try:
    from interpret.glassbox import ExplainableBoostingClassifier
except (ImportError, OSError) as error:
    LEFT_OUT["ebm"] = str(error)

MANY = 1_000  # leads from which on boosting grows more and larger trees
MAX_LEVELS = 200  # of one field that boosting tells apart


class Sample(NamedTuple):
    """Labelled leads to learn from."""

    records: Sequence[Record]
    converted: Bools
    fields: Fields
    seed: int


Predict: TypeAlias = Callable[[Sequence[Record]], Floats]
Method: TypeAlias = Callable[[Sample], Predict]
Fit: TypeAlias = Callable[[pd.DataFrame, Bools, Columns, int], Any]


def available(names: Sequence[str] = ()) -> dict[str, Method]:
    """The methods of these names, or all; without those that cannot be loaded."""
    chosen = names or list(METHODS)
    return {name: METHODS[name] for name in chosen if name not in LEFT_OUT}


def leadloop(sample: Sample) -> Predict:
    converted = sample.converted.tolist()
    card = train.learn(sample.records, converted, sample.fields, seed=sample.seed).scorecard
    return lambda records: batch_scoring.probabilities(card, records)


def odoo_naive_bayes(sample: Sample) -> Predict:
    predict = naive_bayes.fit(_known(sample, sample.records), sample.converted.tolist())
    return lambda records: np.array(predict(_known(sample, records)))


def logistic_alone(sample: Sample) -> Predict:
    columns = columns_of(sample.records, sample.fields.model)
    member = spline_logistic.fit(frame_of(sample.records, columns), sample.converted, columns)
    return lambda records: expit(member.log_odds(frame_of(records, columns)))


def on_frames(fit: Fit) -> Method:
    def method(sample: Sample) -> Predict:
        columns = columns_of(sample.records, sample.fields.model)

        def frame(records: Sequence[Record]) -> pd.DataFrame:
            return frame_of(_known(sample, records), columns)

        model = fit(frame(sample.records), sample.converted, columns, sample.seed)
        return lambda records: model.predict_proba(frame(records))[:, 1]

    return method


def _known(sample: Sample, records: Sequence[Record]) -> list[Record]:
    """Take what was not collected for unknown: peers cannot tell the two apart."""
    names = [field.name for field in sample.fields.model]
    return [{name: record.get(name) for name in names} for record in records]


def random_forest(frame: pd.DataFrame, converted: Bools, columns: Columns, seed: int) -> Any:
    """200 trees with at least 3 leads a leaf, gaps filled and marked, one column a level."""
    gaps = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    columns_as_needed = make_column_transformer(
        (gaps if columns.numbers else "drop", list(columns.numbers)),
        (_one_hot(len(frame)) if columns.levels else "drop", list(columns.levels)),
    )
    forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=seed)
    return make_pipeline(columns_as_needed, forest).fit(frame, converted)


def _one_hot(n_leads: int) -> OneHotEncoder:
    """A column for each level, rare ones together, as in `ml.training.encode.one_hot`."""
    rare = max(MIN_OF_A_LEVEL, int(MIN_SHARE_OF_A_LEVEL * n_leads))
    return OneHotEncoder(
        min_frequency=rare, handle_unknown="infrequent_if_exist", sparse_output=False
    )


def hist_gradient_boosting(
    frame: pd.DataFrame, converted: Bools, columns: Columns, seed: int
) -> Any:
    """Small trees, few rounds, categories as such."""
    booster = HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=_by_size(frame, 80, 150),
        max_leaf_nodes=_by_size(frame, 8, 16),
        min_samples_leaf=_leads_in_a_leaf(frame),
        l2_regularization=5,
        categorical_features=list(range(len(columns.levels))) or None,
        early_stopping=False,
        random_state=seed,
    )
    return make_pipeline(_levels_first(frame, columns), booster).fit(frame, converted)


def lightgbm(frame: pd.DataFrame, converted: Bools, columns: Columns, seed: int) -> Any:
    booster = LGBMClassifier(
        learning_rate=0.06,
        n_estimators=_by_size(frame, 80, 150),
        num_leaves=_by_size(frame, 8, 16),
        min_child_samples=_leads_in_a_leaf(frame),
        reg_lambda=5,
        cat_smooth=10,
        min_data_per_group=_leads_in_a_leaf(frame),
        n_jobs=1,
        random_state=seed,
        verbose=-1,
    )
    categories = {"lgbmclassifier__categorical_feature": list(range(len(columns.levels)))}
    return make_pipeline(_levels_first(frame, columns), booster).fit(frame, converted, **categories)


def catboost(frame: pd.DataFrame, converted: Bools, columns: Columns, seed: int) -> Any:
    """CatBoost with its own settings, categories as such."""
    codes = FunctionTransformer(_with_codes_as_texts, kw_args={"names": list(columns.levels)})
    booster = CatBoostClassifier(
        cat_features=list(columns.levels),
        thread_count=1,
        random_seed=seed,
        verbose=False,
        allow_writing_files=False,
    )
    return make_pipeline(codes, booster).fit(frame, converted)


def _with_codes_as_texts(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(names, np.int64)).astype(dict.fromkeys(names, str))


def ebm(frame: pd.DataFrame, converted: Bools, columns: Columns, seed: int) -> Any:
    """An explainable boosting machine with its own settings, pairs of fields included."""
    types = ["continuous"] * len(columns.numbers) + ["nominal"] * len(columns.levels)
    machine = ExplainableBoostingClassifier(feature_types=types, n_jobs=1, random_state=seed)
    return machine.fit(frame, converted)


METHODS: dict[str, Method] = {
    "leadloop": leadloop,
    "original": lambda sample: original.fit(sample.records, sample.converted, sample.fields),
    "odoo_naive_bayes": odoo_naive_bayes,
    "spline_logistic": logistic_alone,
    "random_forest": on_frames(random_forest),
    "hist_gradient_boosting": on_frames(hist_gradient_boosting),
    "lightgbm": on_frames(lightgbm),
    "catboost": on_frames(catboost),
    "ebm": on_frames(ebm),
}


def _by_size(frame: pd.DataFrame, few: int, many: int) -> int:
    return few if len(frame) < MANY else many


def _leads_in_a_leaf(frame: pd.DataFrame) -> int:
    return max(5, min(20, len(frame) // 20))


def _levels_first(frame: pd.DataFrame, columns: Columns) -> Any:
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        min_frequency=max(2, len(frame) // 200),
        max_categories=MAX_LEVELS,
    )
    # A column without a single value stops scikit-learn's booster.
    known = [name for name in columns.numbers if frame[name].notna().any()]
    return make_column_transformer(
        (encoder if columns.levels else "drop", list(columns.levels)), ("passthrough", known)
    )
