"""How much old labels count: all alike, or the less the older they are, by what the past shows.

Weights halve with every so many labels, if at all: chosen on leads newer than those learned from,
by the first family of the table, which is quick to fit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import log_expit

from ml.training.encode import Bools, Columns, Floats
from ml.training.evaluate import delong
from ml.training.families import table
from ml.training.groups import Groups, Places, count, error_of_mean, numbered

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


class Block(NamedTuple):
    """Labels to be predicted from the `n_before` that came before them."""

    n_before: int
    places: Places


def blocks(converted: Bools, groups: Groups) -> list[Block]:
    """Cut the newest labels, those after 60 %, into blocks to be predicted from all labels before.

    As many of four, two or one as have twenty groups of each kind in each and before the first.
    Labels of a group that has one before its block are left out: they would be no news.
    """
    for n_blocks in N_BLOCKS:
        cuts = np.linspace(FIRST_CUT, 1, n_blocks + 1) * len(converted)
        ends = np.rint(cuts).astype(int).tolist()
        found = [
            Block(begin, begin + np.flatnonzero(~np.isin(groups[begin:end], groups[:begin])))
            for begin, end in pairwise(ends)
        ]
        parts = [np.arange(ends[0]), *(block.places for block in found)]
        counts = [count(converted[part], groups[part]) for part in parts]
        if (
            min(min(n.n_groups_converted, n.n_groups_lost) for n in counts)
            >= MIN_OF_EACH_IN_A_BLOCK
        ):
            return found
    return []


def predicted(
    fit: Fit,
    frame: pd.DataFrame,
    converted: Bools,
    groups: Groups,
    *,
    half_life: float | None,
) -> Iterator[Floats]:
    """Score each of `blocks` by a model learned from what was labelled before it."""
    for n_before, places in blocks(converted, groups):
        past = slice(n_before)
        score = fit(frame.iloc[past], converted[past], sample_weight(n_before, half_life))
        yield score(frame.iloc[places])


def half_lives(
    frame: pd.DataFrame, converted: Bools, columns: Columns, groups: Groups | None = None
) -> list[HalfLife]:
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
    together = numbered(groups, len(frame))[::step]
    frame, converted = frame.iloc[::step], converted[::step]
    places = [block.places for block in blocks(converted, together)]
    if not lengths or not places:
        return []
    outcomes = [converted[part] for part in places]
    signs = np.where(np.concatenate(outcomes), 1.0, -1.0)
    scores = {
        labels: [*predicted(fit, frame, converted, together, half_life=labels and labels / step)]
        for labels in (None, *lengths)
    }
    losses = {h: -log_expit(signs * np.concatenate(ahead)) for h, ahead in scores.items()}
    compared = []
    for labels, ahead in scores.items():
        loss, saved = losses[labels], losses[None] - losses[labels]
        error = error_of_mean(saved, together[np.concatenate(places)])
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
