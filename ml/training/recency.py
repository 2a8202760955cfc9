"""How much old labels count: all alike, or the less the older they are, by what the past shows.

Weights halve with every so many labels, if at all: chosen on leads newer than those learned from,
by the first family of the table, which is quick to fit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy.special import log_expit

from ml.training.encode import Bools, Columns, Floats
from ml.training.evaluate import delong
from ml.training.families import table

HALF_LIVES = (1 / 2, 1 / 8, 1 / 32)  # of all labels: far apart, for each choice has its price
MIN_HALF_LIFE = 250  # labels
MAX_COMPARED_ON = 20_000  # labels; of more, some are taken, evenly in time
CLEARLY = 3.0  # standard errors; they do not know that leads of a block share one model
SMALL_LOSS = 0.005  # of AUC
N_BLOCKS = (4, 2, 1)  # as many as have enough of each class
FIRST_CUT = 0.6  # share of all labels before the first block
MIN_OF_EACH_IN_A_BLOCK = 20  # the AUC of fewer says little

Score: TypeAlias = Callable[[pd.DataFrame], Floats]
Fit: TypeAlias = Callable[[pd.DataFrame, Bools, Floats | None], Score]


@dataclass(frozen=True)
class HalfLife:
    """A half-life in labels (None: all count alike), and how well it predicts.

    `log_loss` is the mean over all leads predicted, `saved` how much less that is than where all
    count alike; `auc` is the mean over the blocks.
    """

    labels: int | None
    log_loss: float
    saved: float
    standard_error: float
    auc: float
    is_chosen: bool = False


def sample_weight(n_leads: int, half_life: float | None) -> Floats | None:
    """Weigh labels, the oldest first, by their age, up to 1 for the newest; None where all count 1.

    >>> sample_weight(3, 1).tolist()
    [0.25, 0.5, 1.0]
    """
    if half_life is None:
        return None
    weights: Floats = 0.5 ** (np.arange(n_leads)[::-1] / half_life)
    return weights


def blocks(converted: Bools) -> list[slice]:
    """Cut the newest labels, those after 60 %, into blocks to be predicted from all labels before.

    As many of four, two or one as have twenty of each kind in each and before the first.
    """
    for n_blocks in N_BLOCKS:
        cuts = np.linspace(FIRST_CUT, 1, n_blocks + 1) * len(converted)
        ends = np.rint(cuts).astype(int).tolist()
        found = [slice(begin, end) for begin, end in pairwise(ends)]
        parts = [converted[part] for part in (slice(ends[0]), *found)]
        if min(min(part.sum(), (~part).sum()) for part in parts) >= MIN_OF_EACH_IN_A_BLOCK:
            return found
    return []


def predicted(
    fit: Fit, frame: pd.DataFrame, converted: Bools, half_life: float | None
) -> Iterator[Floats]:
    """Score each of `blocks` by a model learned from what was labelled before it."""
    for block in blocks(converted):
        past = slice(block.start)
        score = fit(frame.iloc[past], converted[past], sample_weight(block.start, half_life))
        yield score(frame.iloc[block])


def half_lives(frame: pd.DataFrame, converted: Bools, columns: Columns) -> list[HalfLife]:
    """Compare half-lives by what they predict, and choose one; the oldest label comes first.

    All counting alike stays, unless others save log loss by more than three standard errors and
    rank no worse. Empty where there are too few labels to compare. After Klinkenberg (2004),
    Intelligent Data Analysis 8(3), 281-300.
    """

    def fit(known: pd.DataFrame, outcomes: Bools, weights: Floats | None) -> Score:
        return table.FAMILIES[0].fit(known, outcomes, columns, 0, sample_weight=weights).log_odds

    lengths = [round(share * len(frame)) for share in HALF_LIVES]
    lengths = [length for length in lengths if length >= MIN_HALF_LIFE]
    # Every so many labels tell as much of what is long ago as all of them.
    step = -(-len(frame) // MAX_COMPARED_ON)
    frame, converted = frame.iloc[::step], converted[::step]
    places = blocks(converted)
    if not lengths or not places:
        return []
    outcomes = [converted[block] for block in places]
    signs = np.where(np.concatenate(outcomes), 1.0, -1.0)
    scores = {
        labels: [*predicted(fit, frame, converted, labels and labels / step)]
        for labels in (None, *lengths)
    }
    losses = {h: -log_expit(signs * np.concatenate(ahead)) for h, ahead in scores.items()}
    compared = []
    for labels, ahead in scores.items():
        loss, saved = losses[labels], losses[None] - losses[labels]
        error = float(saved.std(ddof=1) / len(saved) ** 0.5)
        pairs = zip(outcomes, ahead, strict=True)
        auc = float(np.mean([delong(known, log_odds)[0][0] for known, log_odds in pairs]))
        compared.append(HalfLife(labels, float(loss.mean()), float(saved.mean()), error, auc))
    return _marked(compared)


def chosen(compared: Sequence[HalfLife]) -> int | None:
    """Give the half-life that was chosen, in labels; None where all labels count alike."""
    return next((each.labels for each in compared if each.is_chosen), None)


def _marked(compared: Sequence[HalfLife]) -> list[HalfLife]:
    """Mark the one to be taken; the first has all labels count alike."""
    first, *others = compared
    better = [
        each
        for each in others
        if each.saved > CLEARLY * each.standard_error and each.auc >= first.auc - SMALL_LOSS
    ]
    best = min(better, key=lambda each: each.log_loss, default=first)
    return [replace(each, is_chosen=each is best) for each in compared]
