"""Made-up leads to time with: the same number is always the same lead."""

import random
from typing import Any

LEVELS = {
    "lead_source": ("Webinar", "Referral", "Cold Call", "Organic", "Trade Show"),
    "industry": tuple(f"Industry {n}" for n in range(12)),
    "location": tuple(f"City {n}" for n in range(50)),
}
COUNTS = ("age", "email_opens", "website_visits", "content_downloads", "days_since_contact")


def lead(number: int, version: int = 0) -> tuple[str, dict[str, Any]]:
    """Its id, and the eight inputs; another version of it has other values."""
    draw = random.Random(number * 1_000_003 + version)
    values: dict[str, Any] = {name: draw.randrange(18, 80) for name in COUNTS}
    values |= {name: draw.choice(levels) for name, levels in LEVELS.items()}
    return f"L-{number:07}", values
