"""Version 1.0, the starter model: it ranks leads; its probabilities are unmeasured.

It is not trained, and no accuracy is claimed for it. The slopes are judgement; the order of the
lead sources follows close rates published for orientation (referral 12-20 %, inbound 8-12 %, paid
search 5-9 %, cold outbound 2-5 %; croindex.pages.dev). Age, location and industry have no effect
until leads have shown one.
"""

import math

from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import CategoryTerm, CurveTerm

FAMILY = "starter scorecard"
INTERCEPT = -1.6  # 17 % of leads at the reference values

# Field: slope in log(1 + value), value at which the effect is zero, value from which it is flat.
SLOPES = {
    "email_opens": (0.30, 5, 50),
    "website_visits": (0.30, 4, 50),
    "content_downloads": (0.40, 1, 50),
    "days_since_contact": (-0.30, 14, 365),
}

SOURCES = {
    "referral": 0.55,
    "webinar": 0.10,
    "organic": 0.0,
    "trade show": 0.0,
    "email campaign": -0.10,
    "advertisement": -0.40,
    "cold call": -1.10,
}

# Odds against those of a lead at the reference values (or wholly unknown, which counts the
# same): A is a good half above, B about even, C down to half, D below. Assumed, not measured.
GRADE_ODDS = (1.6, 1.1, 0.5)


def starter_scorecard(expected_conversion: float | None = None) -> Scorecard:
    """Build version 1.0, of the same form as a learned scorecard, without counts of leads.

    `expected_conversion`, in (0, 1) or else ValueError, is roughly what share of leads converts:
    that of a lead at the reference values, which moves all others along.

    >>> card = starter_scorecard()
    >>> round(card.score({}).probability, 3)
    0.168
    >>> card.score({"lead_source": "Referral"}).probability > card.score({}).probability
    True
    >>> round(starter_scorecard(0.05).score({}).probability, 3)
    0.05
    """
    if expected_conversion is None:
        intercept = INTERCEPT
    elif 0 < expected_conversion < 1:
        intercept = math.log(expected_conversion / (1 - expected_conversion))
    else:
        raise ValueError("the expected conversion must be a share between 0 and 1, such as 0.2")
    a, b, c = (_share(intercept + math.log(odds)) for odds in GRADE_ODDS)
    return Scorecard(
        family=FAMILY,
        intercept=intercept,
        base_rate=_share(intercept),
        n_leads=0,
        grades=(a, b, c),
        terms=(
            *(_curve(field, *shape) for field, shape in SLOPES.items()),
            CategoryTerm("lead_source", SOURCES, other=0.0, missing=0.0),
        ),
    )


def _curve(field: str, slope: float, reference: int, cap: int) -> CurveTerm:
    low, high = 0.0, math.log1p(cap)
    at_low, at_high = (slope * (end - math.log1p(reference)) for end in (low, high))
    pieces = ((at_low,), (at_low, slope), (at_high,))
    return CurveTerm(field, (low, high), pieces, missing=0.0)


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
