"""The model families that are fitted and blended: a further one is a file and a place here.

The first has a term for each field, in which all effects are centred, and is quick to fit.
"""

from ml.training.families import boosted_trees, random_forest, spline_logistic
from ml.training.families.family import Family

FAMILIES: tuple[Family, ...] = (
    spline_logistic.FAMILY,
    random_forest.FAMILY,
    boosted_trees.FAMILY,
)
