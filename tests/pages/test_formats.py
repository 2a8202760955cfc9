"""How moments and figures read."""

import math
from datetime import timedelta

import pytest

from tests.factories import NOW
from webapp.pages import formats


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3_599, "59 minutes ago"),
        (86_400, "1 day ago"),
        (61 * 86_400, "2 months ago"),
        (800 * 86_400, "2 years ago"),
        (-30, "in less than a minute"),
        (-7_200, "in 2 hours"),
        (1 - 90 * 86_400, "in 3 months"),
    ],
)
def test_a_moment_reads_in_its_largest_unit(seconds, words):
    assert formats.ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.004, "<1 %"), (0.256, "26 %"), (0.996, ">99 %"), (1, "100 %")],
)
def test_only_what_is_certain_reads_as_certain(share, text):
    assert formats.percent(share) == text


@pytest.mark.parametrize(
    ("change", "text"), [(0.064, "+6.4"), (-0.1, "\N{MINUS SIGN}10.0"), (-0.0004, "+0.0")]
)
def test_a_change_has_a_sign_and_never_a_hyphen(change, text):
    assert formats.points(change) == text


@pytest.mark.parametrize(
    ("effect", "probability", "words"),
    [
        (math.log(3), 0.75, "+25 points"),
        (-math.log(3), 0.25, "\N{MINUS SIGN}25 points"),
        (0.05, 0.5, "+1 point"),
        (0.01, 0.5, "<1 point"),
        (2.0, 0.0, "<1 point"),
    ],
)
def test_a_reason_is_told_in_points_of_the_score(effect, probability, words):
    assert formats.effect_in_points(effect, probability) == words
