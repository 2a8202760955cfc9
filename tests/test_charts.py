"""Charts: well-formed, within the strict policy, described for those who do not see them."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from ml.shapes import assumed_shapes
from ml.starter import starter_scorecard
from tests.factories import NOW
from tests.learned import challenge
from webapp.charts import decisions, effects
from webapp.charts.drawing import bars
from webapp.charts.history import score_history
from webapp.pages import model_charts

METRICS = challenge(True).metrics
SHAPES = [*METRICS["shapes"], *assumed_shapes(starter_scorecard())]
CHARTS = {
    "score history": score_history([(NOW, 0.7), (NOW - timedelta(days=2), 0.2)], NOW),
    "one score": score_history([(NOW, 0.5)], NOW),
    "gain": decisions.gain_interval("g", gain=0.01, low=-0.01, high=0.03, needed=0.02),
    "leads": decisions.leads_of_each_kind("l", n_converted=3, n_lost=40_000, needed=20),
    "no leads": decisions.leads_of_each_kind("l", n_converted=0, n_lost=0, needed=0),
    "log loss falls": decisions.log_loss_change("o", before=0.61, after=0.52),
    "log loss rises": decisions.log_loss_change("o", before=0.52, after=0.61),
    "log loss stays": decisions.log_loss_change("o", before=0.5, after=0.5),
    "sure gain": decisions.gain_interval("g", gain=0.3, low=0.3, high=0.3, needed=0.0),
    **model_charts.of_quality(METRICS),
    "bars": bars("b", "T", [('<script>"&', 0.0, "0"), ("x" * 90, 2.0, "2")]),
    "no bars": bars("b", "T", []),
    **{
        f"effect {place}": effects.shape("s", shape["field"], shape, effects.reach(SHAPES))
        for place, shape in enumerate(SHAPES)
    },
    "no effects": effects.shape("s", "T", {"is_ordered": True, "groups": []}, 1.0),
    "no levels": effects.shape("s", "T", {"is_ordered": False, "groups": []}, 1.0),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_well_formed_and_says_what_it_shows(name):
    root = ElementTree.fromstring(CHARTS[name])
    assert root.get("role") == "img"
    title, description = root[0], root[1]
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_needs_no_inline_style_and_no_script(name):
    for element in ElementTree.fromstring(CHARTS[name]).iter():
        assert element.tag in {
            "svg",
            "title",
            "desc",
            "g",
            "line",
            "path",
            "rect",
            "circle",
            "text",
        }
        assert not [a for a in element.attrib if a == "style" or a.startswith("on")]


@pytest.mark.parametrize("name", CHARTS)
def test_every_place_in_a_chart_is_a_number_within_it(name):
    root = ElementTree.fromstring(CHARTS[name])
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in root.iter():
        for side, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert -1 <= float(element.get(side, 0)) <= limit + 1
    assert "nan" not in CHARTS[name]


def test_a_score_holds_until_the_next_one():
    day = timedelta(days=1)
    picture = score_history([(NOW - day, 0.5), (NOW - 2 * day, 0.25)], NOW)
    heights = re.search(r'd="M([^"]+)"', picture)[1].split("L")
    ys = [point.split(",")[1] for point in heights]
    assert ys[0] == ys[1] != ys[2] == ys[3]


def test_a_cut_label_is_whole_in_its_title():
    assert "x" * 90 in CHARTS["bars"]
    assert ">" + "x" * 19 + "…<" in CHARTS["bars"]
