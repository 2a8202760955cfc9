"""Streams of labelled leads whose truth is known, and the models learned along them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.model_selection import train_test_split

from bench.real_leads import RealLeads
from ml.training import batch_scoring, blending, train
from ml.training.encode import Bools, Floats, columns_of, frame_of
from ml.training.evaluate import delong, log_loss
from ml.training.readiness import shortage

N_LABELS, BATCH = 500, 50
MAX_UNSEEN, MIN_UNSEEN = 2_000, 500
N_WEAK, N_STRONG = 25, 1_500  # labels that a stream's first champion was learned from
MIN_AT_START = 5  # of each outcome
HOLDOUT = 0.2

Places = list[int]


class Model(NamedTuple):
    """Scores of a stream's leads, true AUC and log loss, and the AUC it was stored with."""

    scores: Floats
    auc: float
    log_loss: float
    stored_auc: float


class Round(NamedTuple):
    """What was learned from the first n labels: the product's challenger and the holdout's."""

    n: int
    challenger: Model
    out_of_fold: Floats
    held_out: Model


@dataclass(frozen=True)
class Stream:
    """Leads in the order in which they are labelled, and others that tell the truth."""

    leads: RealLeads
    labelled: Places
    unseen: Places
    seed: int

    @property
    def converted(self) -> Bools:
        return self.outcomes(self.labelled)

    def outcomes(self, places: Places) -> Bools:
        return np.array([self.leads.converted[place] for place in places])

    def rounds(self) -> list[Round]:
        """Learn after every 50 labels, as soon as the product would."""
        ends = range(BATCH, len(self.labelled) + 1, BATCH)
        n_converted = self.converted.cumsum().tolist()
        return [
            self._round(n) for n in ends if not shortage(n_converted[n - 1], n - n_converted[n - 1])
        ]

    def first_champion(self, places: Places) -> Model:
        """A model from leads outside the stream, its stored AUC an honest one."""
        return self._model(self._plainly_learned(places), None)

    def _round(self, n: int) -> Round:
        places = self.labelled[:n]
        records = [self.leads.records[place] for place in places]
        converted = self.outcomes(places)
        learned = train.learn(records, converted.tolist(), self.leads.fields, seed=self.seed)

        def score(leads: Places) -> Floats:
            records = [self.leads.records[place] for place in leads]
            return batch_scoring.probabilities(learned.scorecard, records)

        challenger = self._model(score, None)
        return Round(n, challenger, learned.probabilities, self._held_out(places, converted))

    def _held_out(self, places: Places, converted: Bools) -> Model:
        train, test = train_test_split(
            places, test_size=HOLDOUT, stratify=converted, random_state=self.seed
        )
        score = self._plainly_learned(train)
        outcomes = self.outcomes(test)
        is_measurable = min(outcomes.sum(), (~outcomes).sum()) >= 2
        return self._model(score, auc(outcomes, score(test)) if is_measurable else 0.0)

    def _plainly_learned(self, places: Places) -> Callable[[Places], Floats]:
        records = [self.leads.records[place] for place in places]
        columns = columns_of(records, self.leads.fields.model)
        frame, converted = frame_of(records, columns), self.outcomes(places)
        members = blending.fit(frame, converted, columns, self.seed)
        weights = blending.usual_weights(len(columns.names), len(places))

        def score(leads: Places) -> Floats:
            seen = frame_of([self.leads.records[place] for place in leads], columns)
            scores: Floats = expit(blending.blended(members.log_odds(seen), weights))
            return scores

        return score

    def _model(self, score: Callable[[Places], Floats], stored_auc: float | None) -> Model:
        truth, scores = self.outcomes(self.unseen), score(self.unseen)
        true_auc = auc(truth, scores)
        stored_auc = true_auc if stored_auc is None else stored_auc
        return Model(score(self.labelled), true_auc, log_loss(truth, scores), stored_auc)


def auc(converted: Bools, scores: Floats) -> float:
    return float(delong(converted, scores)[0][0])


def streams(leads: RealLeads, n_streams: int) -> Iterator[tuple[Stream, dict[str, Model]]]:
    """Draw streams with their first champions; a strong one where there are leads enough."""
    for seed in range(n_streams):
        order = np.random.default_rng(seed).permutation(len(leads.converted)).tolist()
        labelled, rest = order[:N_LABELS], order[N_LABELS:]
        weak = next(_draws(leads, rest, N_WEAK))
        rest = [place for place in rest if place not in set(weak)]
        unseen, rest = rest[:MAX_UNSEEN], rest[MAX_UNSEEN:]
        if len(unseen) < MIN_UNSEEN:
            return
        stream = Stream(leads, labelled, unseen, seed)
        first = {"weak": stream.first_champion(weak)}
        if len(rest) >= N_STRONG:
            first["strong"] = stream.first_champion(rest[:N_STRONG])
        yield stream, first


def _draws(leads: RealLeads, places: Places, n: int) -> Iterator[Places]:
    for begin in range(0, len(places) - n, n):
        piece = places[begin : begin + n]
        n_converted = sum(leads.converted[place] for place in piece)
        if min(n_converted, n - n_converted) >= MIN_AT_START:
            yield piece


def shuffled(leads: RealLeads) -> RealLeads:
    """Give every lead the outcome of another: nothing is left to learn."""
    order = np.random.default_rng(0).permutation(len(leads.converted))
    return leads._replace(converted=[leads.converted[place] for place in order])
