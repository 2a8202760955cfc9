"""The picture that the models page opens with: how each version ranked as time went on."""

import re
from datetime import timedelta

import pytest

from tests.factories import NOW
from tests.learned import make_learned_version
from tests.pages.models.test_monitors import check_done
from webapp.charts.drawing import Frame
from webapp.services.models import lifecycle, monitoring
from webapp.services.runs import runs


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor):
    return re.sub(r"\s+", " ", visitor.get("/models").text)


def batch(hours, auc, n=30):
    since = NOW + timedelta(hours=hours)
    measured = {"n": n, "n_groups": n, "auc": auc, "low": auc - 0.15, "high": auc + 0.12}
    return {
        "since": since.isoformat(),
        "until": (since + timedelta(hours=9)).isoformat(),
    } | measured


def lived(session):
    """A version promoted, one refused, and the check that tells how either live one ranked."""
    version = make_learned_version(session)
    make_learned_version(session, is_telling=False).created_at = NOW + timedelta(hours=40)
    lifecycle.switch(session, version, "gate", NOW + timedelta(hours=20))
    check_done(session)
    run = runs.last_success(session, monitoring.KIND)
    tracks = {
        "1.0": {"met": "early", "batches": [batch(0, 0.58), batch(10, 0.61)]},
        "1.1": {"met": "failed", "batches": [batch(24, 0.78), batch(34, 0.42, n=41)]},
    }
    run.result = {**run.result, "tracks": tracks}


def test_it_shows_each_version_its_claim_and_each_decision(manager, write):
    write(lived)
    page = show(manager)
    assert page.index("How well it ranks leads</h2>") < page.index('id="monitors"')
    [picture] = re.findall(r"<svg[^>]*ranking-over-time.*?</svg>", page)
    assert "version 1.0: AUC 0.58, 0.61 in the end; version 1.1: AUC 0.78, 0.42" in picture
    assert "<title>Version 1.1: 0.42 (0.27 to 0.54) on 41 leads</title>" in picture
    assert re.search(r"<title>Version 1.1 claimed 0\.\d\d \(0\.\d\d to 0\.\d\d\)</title>", picture)
    assert "<title>Version 1.1 promoted</title>" in picture
    assert "<title>Version 1.2 refused</title>" in picture


def test_the_numbers_stand_in_tables_beneath(manager, write):
    write(lived)
    page = show(manager)
    numbers = page[page.index("</svg>") : page.index('id="monitors"')]
    assert re.search(
        r"Version 1.1</th>.{0,200}41 leads</td>.{0,90}0.42</td>.*?0.27 to 0.54", numbers
    )
    assert '<span class="chip chip-bad">claim failed</span>' in numbers
    assert "▲ Version 1.1 promoted, 2026-03-03 05:30:00 UTC" in numbers
    assert "✕ Version 1.2 refused, 2026-03-04 01:30:00 UTC" in numbers


def test_why_decisions_have_other_aucs_is_said_once_the_live_version_has_one(manager, write):
    told = "Each was made on other leads than the figure at the top, at another time"
    assert told not in show(manager)
    write(lived)
    assert told in show(manager)


def test_nothing_is_drawn_outside_of_the_picture(manager, write):
    write(lived)
    [picture] = re.findall(r"<svg[^>]*ranking-over-time.*?</svg>", show(manager))
    frame = Frame(640, 300)
    for name, most in (("x", frame.width), ("y", frame.height), ("cx", 640), ("cy", 300)):
        places = [float(place) for place in re.findall(rf' {name}="(-?[\d.]+)"', picture)]
        assert places
        assert min(places) >= 0
        assert max(places) <= most


def test_before_the_first_outcomes_a_sentence_says_what_is_missing(manager, write):
    page = show(manager)
    assert "Version 1.0 has not been checked yet. The first check follows within an hour." in page
    assert "starts once 10 converted and 10 lost leads were scored before they were decided" in page
    write(lambda s: lifecycle.switch(s, make_learned_version(s), "gate", NOW))
    assert re.search(
        r"Version 1\.1 claims AUC 0\.\d\d \(0\.\d\d to 0\.\d\d\), measured on 200 leads with an"
        r" outcome, each scored by a model that had not seen it\.",
        show(manager),
    )


def test_older_decisions_come_without_the_picture(manager, write):
    write(lived)
    assert "ranking-over-time" not in manager.get("/models?before=9999999999999999").text
