"""Charts: well-formed, within the strict policy, described for those who do not see them."""

import re
from datetime import timedelta
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

from ml.scorecard.shapes import assumed_shapes
from ml.scorecard.starter import starter_scorecard
from tests.factories import NOW
from tests.learned import challenge
from webapp.charts import decisions, effects
from webapp.charts.drawing import bars
from webapp.charts.history import score_history
from webapp.pages.models import model_charts
from webapp.stored import Metrics


@cache
def charts():
    """Every kind of chart by a name, drawn from a version that was learned and from odd figures."""
    metrics = challenge(True).metrics
    shapes = [*metrics["shapes"], *assumed_shapes(starter_scorecard())]
    reach = effects.reach(shapes)
    learned = {
        f"effect {n}": effects.shape("s", s["field"], s, reach) for n, s in enumerate(shapes)
    }
    return ODD_CHARTS | model_charts.of_quality(Metrics.model_validate(metrics)) | learned


ODD_CHARTS = {
    "score history": score_history([(NOW, 0.7), (NOW - timedelta(days=2), 0.2)], NOW),
    "one score": score_history([(NOW, 0.5)], NOW),
    "gain": decisions.gain_interval("g", gain=0.01, low=-0.01, high=0.03, needed=0.02),
    "leads": decisions.leads_of_each_kind("l", n_converted=3, n_lost=40_000, needed=20),
    "no leads": decisions.leads_of_each_kind("l", n_converted=0, n_lost=0, needed=0),
    "log loss falls": decisions.log_loss_change("o", before=0.61, after=0.52),
    "log loss rises": decisions.log_loss_change("o", before=0.52, after=0.61),
    "log loss stays": decisions.log_loss_change("o", before=0.5, after=0.5),
    "sure gain": decisions.gain_interval("g", gain=0.3, low=0.3, high=0.3, needed=0.0),
    "bars": bars("b", "T", [('<script>"&', 0.0, "0"), ("x" * 90, 2.0, "2")]),
    "no bars": bars("b", "T", []),
    "no effects": effects.shape("s", "T", {"is_ordered": True, "groups": []}, 1.0),
    "no levels": effects.shape("s", "T", {"is_ordered": False, "groups": []}, 1.0),
}


def test_a_chart_is_well_formed_and_says_what_it_shows():
    for name, picture in charts().items():
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img", name
        title, description = root[0], root[1]
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}", name
        assert title.text, name


def test_a_chart_needs_no_inline_style_and_no_script():
    allowed = {"svg", "title", "desc", "g", "line", "path", "rect", "circle", "text"}
    for name, picture in charts().items():
        for element in ElementTree.fromstring(picture).iter():
            assert element.tag in allowed, name
            assert not [a for a in element.attrib if a == "style" or a.startswith("on")], name


def test_every_place_in_a_chart_is_a_number_within_it():
    for name, picture in charts().items():
        root = ElementTree.fromstring(picture)
        _, _, width, height = map(float, root.get("viewBox").split())
        for element in root.iter():
            for side, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                assert -1 <= float(element.get(side, 0)) <= limit + 1, name
        assert "nan" not in picture, name


def test_a_score_holds_until_the_next_one():
    day = timedelta(days=1)
    picture = score_history([(NOW - day, 0.5), (NOW - 2 * day, 0.25)], NOW)
    heights = re.search(r'd="M([^"]+)"', picture)[1].split("L")
    ys = [point.split(",")[1] for point in heights]
    assert ys[0] == ys[1] != ys[2] == ys[3]


def test_a_cut_label_is_whole_in_its_title():
    assert "x" * 90 in ODD_CHARTS["bars"]
    assert ">" + "x" * 19 + "…<" in ODD_CHARTS["bars"]


def group(label, n=20):
    return {"label": label, "n": n, "n_converted": 5, "effect": 0.1, "low": 0.1, "high": 0.1}


def texts(picture):
    """The lines of text in a picture, each with where it stands."""
    found = [each for each in ElementTree.fromstring(picture).iter() if each.tag == "text"]
    return {each.text: (float(each.get("x", 0)), each.get("text-anchor")) for each in found}


def test_rare_and_unknown_values_are_drawn_however_many_levels_there_are():
    groups = [group(f"level {n}") for n in range(12)]
    groups += [group("rare values"), group("unknown", 96)]
    drawn = texts(effects.shape("s", "T", {"is_ordered": False, "groups": groups}, 1.0))
    assert {"level 0", "level 6", "rare values", "unknown", "96", "5 more"} <= set(drawn)
    assert "level 7" not in drawn


def test_a_long_label_has_room_at_the_left():
    groups = [group("Human Resource Management")]
    pictures = (
        effects.shape("s", "T", {"is_ordered": False, "groups": groups}, 1.0),
        bars("b", "T", [("Human Resource Management", 1.0, "1")]),
    )
    for picture in pictures:
        end, anchor = texts(picture)["Human Resource Mana…"]
        assert anchor == "end"
        assert end > 20 * 7


def test_the_figure_of_a_bar_is_not_struck_through_by_the_line():
    rows = [("A", 0.9, "90 % of 10"), ("B", 0.38, "38 % of 148"), ("C", 0.0, "0 % of 10")]
    drawn = texts(bars("b", "T", rows, mark=0.4))
    line = float(re.search(r'<line x1="([\d.]+)"', bars("b", "T", rows, mark=0.4))[1])
    assert drawn["38 % of 148"][0] > line
    assert drawn["0 % of 10"][0] + 100 < line
    few = decisions.leads_of_each_kind("l", n_converted=15, n_lost=60, needed=20)
    assert texts(few)["15"][0] > float(re.search(r'<line x1="([\d.]+)"', few)[1])


def test_large_numbers_at_an_axis_leave_room_between_them():
    labels = [f"{n},250,000 to {n},999,999" for n in range(1, 10)] + ["unknown"]
    groups = [group(label) for label in labels]
    drawn = texts(effects.shape("s", "T", {"is_ordered": True, "groups": groups}, 1.0))
    places = sorted((x, text) for text, (x, _) in drawn.items() if "," in text or text == "unknown")
    assert len(places) > 2
    assert places[-1][1] == "unknown"
    for (x, text), (next_x, next_text) in pairwise(places):
        assert next_x - x > 7 * (len(text) + len(next_text)) / 2


def test_words_in_the_distribution_stand_clear_of_the_columns():
    root = ElementTree.fromstring(charts()["distribution"])
    tops = [float(each.get("y", 0)) for each in root if each.tag == "rect"]
    ends = [float(e.get("y", 0)) + float(e.get("height", 0)) for e in root if e.tag == "rect"]
    heights = {each.text: float(each.get("y", 0)) for each in root if each.tag == "text"}
    assert heights["converted"] < min(tops)
    assert heights["lost"] - 12 > max(ends)
