"""One version: its evidence in pictures and numbers, what each field does, its model card."""

import re

import pytest

from tests.factories import make_version
from tests.learned import challenge, make_learned_version
from webapp.services.models import registry

MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor, path="/models/1.1"):
    """The page's text, white space folded."""
    return re.sub(r"\s+", " ", visitor.get(path).text)


def test_a_version_shows_its_evidence_in_pictures_and_numbers(manager, write):
    write(make_learned_version)
    page = show(manager)
    metrics = challenge(True).metrics
    for title in (
        "ROC curve",
        "Gains",
        "Calibration",
        "Conversion by grade",
        "Fields by influence",
    ):
        assert f">{title}</title>" in page
    assert f"{metrics['auc']:.3f}" in page
    drawn = [shape for shape in metrics["shapes"] if shape["influence"]]
    assert page.count("<summary>Numbers</summary>") == 7 + len(drawn) == 9
    assert "take no part in its scores." in page
    assert "3 leads first arrived together with the outcome" in page
    assert "2 more leads: their data is known only from after the outcome" in page


def test_a_version_tells_how_many_outcomes_from_before_a_change_it_left_out(manager, write):
    def make(session):
        version = make_learned_version(session)
        version.training = {**version.training, "n_outdated": 120}

    write(make)
    told = "120 older outcomes were left out: what makes leads convert has changed since."
    assert told in show(manager)


def test_a_version_tells_which_families_it_was_chosen_from(manager, write):
    write(make_learned_version)
    page = show(manager)
    families = challenge(True).metrics["families"]
    assert len(families) > 1
    for row in families:
        assert re.search(f"{row['family'].capitalize()}.{{0,300}}{row['log_loss']:.4f}", page)
    assert page.count(">chosen</span>") == 1
    assert "A blend starts from default weights" in page


def test_a_field_is_drawn_with_what_each_of_its_values_does(manager, write):
    write(make_learned_version)
    page = show(manager)
    shape = next(s for s in challenge(True).metrics["shapes"] if s["field"] == "industry")
    for group in shape["groups"]:
        effect = f"{group['effect']:+.2f}".replace("-", MINUS)
        assert f"{group['label']}: {effect}, {group['n']} lead" in page
    retail = next(g for g in shape["groups"] if g["label"] == "Retail")
    share = f"{100 * retail['n_converted'] / retail['n']:.0f} %"
    assert re.search(rf"Retail</th>.{{0,200}}{MINUS}{-retail['effect']:.2f}.*?{share}", page)


def test_a_version_made_before_something_was_measured_shows_the_rest(manager, write):
    def make(session):
        version = make_learned_version(session)
        newer = ("shapes", "gains", "families", "in_time_order")
        version.metrics = {k: v for k, v in version.metrics.items() if k not in newer}

    write(make)
    page = show(manager)
    assert ">ROC curve</title>" in page
    assert ">Gains</title>" not in page
    assert "The effects of fields were not measured for this version." in page
    assert manager.get("/models/1.1/card.md").status_code == 200


def test_a_model_card_tells_programs_what_the_page_tells_people(manager, write):
    version = write(make_learned_version)
    answer = manager.get("/models/1.1/card.json")
    assert "model-card-1.1.json" in answer.headers["Content-Disposition"]
    card = answer.json
    assert card["model"]["sha256"] == version.digest
    assert card["model"]["compared_with"] == "1.0"
    assert card["figures"]["auc"] == version.metrics["auc"]
    assert card["training_data"]["n_came_with_outcome"] == 3
    assert card["decision"]["promote"] is True
    assert [f["name"] for f in card["fields"]] == ["industry", "website_visits"]
    assert {g["label"] for g in card["fields"][0]["groups"]} >= {"Software", "Retail", "unknown"}


def test_a_model_card_for_people_is_markdown(manager, write):
    version = write(make_learned_version)
    answer = manager.get("/models/1.1/card.md")
    assert answer.mimetype == "text/markdown"
    assert answer.text.startswith("# Model card: Leadloop 1.1\n")
    assert f"| AUC | {version.metrics['auc']:.3f} (95 % interval" in answer.text
    row = rf"^\| Retail \| \d+ \| \d+ \| {MINUS}\d\.\d\d \|$"
    assert re.search(row, answer.text, re.MULTILINE)
    assert "\n\n\n" not in answer.text


def test_the_card_of_a_version_whose_scores_all_tie_has_no_interval(manager, write):
    def make(session):
        version = make_learned_version(session)
        all_tied = {"auc": 0.5, "auc_low": 0.5, "auc_high": 0.5}
        version.metrics = {**version.metrics, **all_tied}

    write(make)
    assert "| AUC | 0.500 |" in manager.get("/models/1.1/card.md").text


def test_the_card_of_the_starter_claims_nothing(manager):
    card = manager.get("/models/1.0/card.json").json
    assert card["figures"] == {}
    assert card["caveats"] == [
        "Starter model: general rules, not trained on your data yet. No accuracy is claimed."
    ]
    sources = next(f for f in card["fields"] if f["name"] == "lead_source")
    assert {g["label"]: g["n"] for g in sources["groups"]}["referral"] is None
    text = manager.get("/models/1.0/card.md").text
    assert "AUC" not in text
    assert "| referral | - | - | +0.55 |" in text


def test_a_card_of_another_form_or_version_is_not_there(manager):
    assert manager.get("/models/1.0/card.pkl").status_code == 404
    assert manager.get("/models/7.7/card.json").status_code == 404


def test_the_starter_claims_no_accuracy(manager):
    page = show(manager, "/models/1.0")
    assert "Version 1.0 is the starter model: general rules, not trained on your data." in page
    assert "AUC" not in page
    assert ">Fields by influence</title>" in page


def test_a_version_that_is_not_there_is_told_in_words(manager):
    answer = manager.get("/models/7.7")
    assert answer.status_code == 404
    assert "Model version 7.7 not found" in answer.text


def test_a_live_version_that_was_tampered_with_is_named_and_another_can_be_promoted(
    manager, write, monkeypatch
):
    def damage(session):
        make_version(session)
        registry.champion(session).signature = "0" * 64

    write(damage)
    monkeypatch.setattr(registry, "_verified", {})
    assert "Model version 1.0 does not match its signature" in manager.get("/models").text
    assert "Promote" in manager.get("/models/1.1").text
