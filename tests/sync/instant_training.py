"""Stands in for the training process: the challenger is the champion, a bit higher."""

import dataclasses

from webapp.database import read
from webapp.services.models import registry


class InstantTraining:
    """Has its answer at once, with a version that wins or does not."""

    def __init__(self, *, wins=True):
        self.wins = wins

    def train(self, run_key, *, limit_seconds, beat):
        beat(0.5, "Half way")
        return read(self._answer)

    def rest(self, idle_seconds):
        """There is nothing to let go."""

    def close(self):
        """There is nothing to end."""

    def _answer(self, session):
        champion = registry.champion(session)
        card = registry.scorecard(session, champion)
        reason = "Promoted: it won." if self.wins else "Not promoted."
        decision = {"promote": self.wins, "reason": reason}
        return {
            "champion_key": champion.key,
            "scorecard": dataclasses.replace(card, intercept=card.intercept + 0.5).to_json(),
            "promote": self.wins,
            "details": {"fields": [], "training": {}, "metrics": {}, "decision": decision},
        }
