"""The original implementation's recipe, to compare with, written from a description of it.

A balanced logistic regression on 80 % of the leads, with scaled numbers, three figures derived from
the engagement counts, and 0 for an unknown number.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml.fields.fields_file import Fields
from ml.fields.types import Value, level_key
from ml.training.encode import Record

SEED = 42
DERIVED = ["engagement_intensity", "recency_weight", "interaction_frequency"]


def fit(
    records: Sequence[Record], converted: NDArray[np.bool_], fields: Fields
) -> Callable[[Sequence[Record]], NDArray[np.float64]]:
    numbers = [f.name for f in fields.model if f.type in ("count", "number")]
    levels = [f.name for f in fields.model if f.name not in numbers]
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), [*numbers, *DERIVED]),
            (OneHotEncoder(drop="first", handle_unknown="ignore"), levels),
        ),
        LogisticRegression(class_weight="balanced", max_iter=1000, random_state=SEED),
    )
    table = _table(records, numbers, levels)
    kept, _ = train_test_split(
        np.arange(len(table)), test_size=0.2, stratify=converted, random_state=SEED
    )
    model.fit(table.iloc[kept], converted[kept])
    return lambda leads: model.predict_proba(_table(leads, numbers, levels))[:, 1]


def _table(records: Sequence[Record], numbers: list[str], levels: list[str]) -> pd.DataFrame:
    amounts = {name: [_number(record.get(name)) for record in records] for name in numbers}
    texts = {name: [level_key(record.get(name)) or "" for record in records] for name in levels}
    none = [0.0] * len(records)
    opens, visits, downloads, days = (
        np.array(amounts.get(name, none))
        for name in ("email_opens", "website_visits", "content_downloads", "days_since_contact")
    )
    derived = {
        "engagement_intensity": 0.3 * opens + 0.4 * visits + 0.3 * downloads,
        "recency_weight": np.exp(-days / 30),
        "interaction_frequency": (opens + visits + downloads) / 3,
    }
    return pd.DataFrame({**amounts, **derived, **texts})


def _number(value: Value) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else 0.0  # type: ignore[arg-type]
