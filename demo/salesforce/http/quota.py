"""The org's API calls of the last 24 hours."""

from datetime import datetime, timedelta

from demo.salesforce.org.clock import Clock

DAY = timedelta(hours=24)


class Quota:
    """Counts by the hour; what is older than a day is free again."""

    def __init__(self, clock: Clock, limit: int = 15_000) -> None:
        self.clock = clock
        self.limit = limit
        self._used: dict[int, int] = {}

    @property
    def used(self) -> int:
        first = self._hour(self.clock.now - DAY) + 1
        for hour in [hour for hour in self._used if hour < first]:
            del self._used[hour]
        return sum(self._used.values())

    def use(self, calls: int = 1) -> None:
        """Calls of this product or of others in the org."""
        hour = self._hour(self.clock.now)
        self._used[hour] = self._used.get(hour, 0) + calls

    @property
    def header(self) -> str:
        return f"api-usage={self.used}/{self.limit}"

    @staticmethod
    def _hour(moment: datetime) -> int:
        return int(moment.timestamp() // 3600)
