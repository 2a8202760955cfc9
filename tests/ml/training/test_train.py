import dataclasses
import json
import math
import random
import re

import numpy as np
import pytest

from ml.fields.fields_file import loads
from ml.fields.types import Value
from ml.gate.gate import GateRule
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.training.train import Examples, NotEnoughToLearn, challenge, learn
from tests.conftest import grow_few_trees
from tests.ml.leads import FIELDS, blind_champion, make_examples

RULE = GateRule()
X = loads('[[field]]\nname = "x"\ntype = "number"\nlabel = "X"\n')
EXAMPLES = make_examples(400, n_evidence=200)


@pytest.fixture(scope="module")
def progress():
    """The shares and stages that `attempt` told of."""
    return []


@pytest.fixture(scope="module")
def attempt(progress):
    def tell(done, stage):
        progress.append((done, stage))

    return challenge(EXAMPLES, FIELDS, blind_champion(), RULE, seed=1, progress=tell)


@pytest.fixture(scope="module")
def small_attempt():
    """The same with few trees, for what holds of any number."""
    with pytest.MonkeyPatch.context() as patch:
        grow_few_trees(patch)
        return challenge(EXAMPLES, FIELDS, blind_champion(), RULE, seed=1)


@pytest.fixture
def few_trees(attempt, few_trees):
    """`attempt` was made before, with all trees."""


def few(n_converted, n_lost):
    converted = [True] * n_converted + [False] * n_lost
    n = len(converted)
    return Examples([{"email_opens": i % 9} for i in range(n)], converted, [True] * n)


@pytest.mark.usefixtures("few_trees")
def test_clearly_better_challenger_is_promoted():
    examples = make_examples(600, n_evidence=400)
    found = challenge(examples, FIELDS, blind_champion(), RULE, seed=1)
    assert found.decision.promote
    assert (found.decision.gain or 0) > 0.05
    assert found.family == found.scorecard.family


def test_only_leads_marked_as_evidence_are_compared_on(attempt):
    assert attempt.decision.n_evidence == 200
    assert attempt.decision.n_converted == sum(EXAMPLES.converted[200:])
    assert attempt.metrics["n"] == 400


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize(
    ("n_new_groups", "min_each_class", "n_evidence"), [(0, 20, 200), (0, 0, 200), (150, 20, 150)]
)
def test_leads_of_known_groups_are_evidence_where_others_are_too_few(
    n_new_groups, min_each_class, n_evidence
):
    groups = [place % 60 for place in range(400 - n_new_groups)]
    groups += range(100, 100 + n_new_groups)
    examples = dataclasses.replace(EXAMPLES, groups=groups)
    rule = dataclasses.replace(RULE, min_each_class=min_each_class)
    decision = challenge(examples, FIELDS, blind_champion(), rule, seed=1).decision
    assert decision.n_evidence == n_evidence


@pytest.mark.usefixtures("few_trees")
def test_the_level_is_that_of_a_fair_sample(small_attempt):
    assert "level" not in small_attempt.metrics
    stand_for = [3.0 if converted else 1.0 for converted in EXAMPLES.converted]
    examples = dataclasses.replace(EXAMPLES, stand_for=stand_for)
    weighed = challenge(examples, FIELDS, blind_champion(), RULE, seed=1)
    level = weighed.metrics["level"]
    assert 0.7 < level < np.log(3)
    assert weighed.scorecard.intercept == pytest.approx(small_attempt.scorecard.intercept + level)
    assert weighed.scorecard.terms == small_attempt.scorecard.terms
    assert [row["n"] for row in weighed.metrics["grades"]] == [
        row["n"] for row in small_attempt.metrics["grades"]
    ]
    assert weighed.decision == small_attempt.decision


def test_other_seed_changes_folds_and_draws_but_hardly_the_model(attempt):
    other = challenge(EXAMPLES, FIELDS, blind_champion(), RULE, seed=2)
    assert other.decision.auc_challenger != attempt.decision.auc_challenger
    assert other.decision.gain == pytest.approx(attempt.decision.gain, abs=0.05)
    scores = [
        [a.scorecard.score(r).probability for r in EXAMPLES.records] for a in (attempt, other)
    ]
    assert np.corrcoef(scores)[0, 1] > 0.97


def test_families_are_compared_and_the_chosen_one_serves(attempt):
    rows = attempt.metrics["families"]
    assert [row["family"] for row in rows[:2]] == ["spline logistic", "random forest"]
    (chosen,) = (row for row in rows if row["is_chosen"])
    assert chosen["family"] == attempt.family
    assert chosen["log_loss"] == pytest.approx(attempt.metrics["log_loss"])


def test_blend_is_scored_out_of_fold_hardly_worse_than_its_better_member(attempt):
    losses = [row["log_loss"] for row in attempt.metrics["families"]]
    assert attempt.metrics["log_loss"] < min(losses) + 0.01


@pytest.mark.usefixtures("few_trees")
def test_challenger_does_not_replace_itself(attempt):
    second = challenge(EXAMPLES, FIELDS, attempt.scorecard, RULE, seed=1)
    assert not second.decision.promote


@pytest.mark.usefixtures("few_trees")
def test_without_evidence_nothing_is_promoted():
    attempt = challenge(make_examples(60, n_evidence=0), FIELDS, blind_champion(), RULE, seed=1)
    assert not attempt.decision.promote
    assert attempt.decision.reason == (
        "Not promoted: no outcomes have come in since the current model was trained."
    )


def test_scorecard_survives_json_and_the_result_is_plain_json(attempt):
    assert Scorecard.from_json(json.loads(json.dumps(attempt.scorecard.to_json()))) == (
        attempt.scorecard
    )
    json.dumps([attempt.metrics, attempt.decision.to_json()], allow_nan=False)


def test_learned_effects_are_centred_on_the_leads_learned_from(attempt):
    effects = np.array(
        [
            [effect for _, effect in attempt.scorecard.score(record).effects]
            for record in EXAMPLES.records
        ]
    )
    assert np.abs(effects.mean(axis=0)).max() < 1e-12


@pytest.mark.usefixtures("few_trees")
def test_truth_is_found_again():
    card = challenge(make_examples(3000), FIELDS, blind_champion(), RULE, seed=1).scorecard
    effects = dict(card.score({"trial": True, "lead_source": "referral"}).effects)
    others = dict(card.score({"trial": False, "lead_source": "Organic"}).effects)
    assert effects["trial"] - others["trial"] == pytest.approx(1.2, abs=0.3)
    assert effects["lead_source"] - others["lead_source"] == pytest.approx(0.9, abs=0.3)
    assert abs(effects["is_eu"]) < 0.2


def test_terms_count_the_leads_learned_from(attempt):
    (source,) = (term for term in attempt.scorecard.terms if term.field == "lead_source")
    referrals = [
        converted
        for record, converted in zip(EXAMPLES.records, EXAMPLES.converted, strict=True)
        if record["lead_source"].strip().lower() == "referral"
    ]
    assert source.level_counts["referral"] == (len(referrals), sum(referrals))


@pytest.mark.parametrize("field", ["email_opens", "balance", "purchases", "region", "trial"])
def test_counts_of_every_term_add_up_to_all_leads(attempt, field):
    (term,) = (term for term in attempt.scorecard.terms if term.field == field)
    counts = term.to_json()["counts"]
    groups = [counts["missing"]]
    groups += [row[1:] for row in counts.get("bins", [])]
    groups += [*counts.get("levels", {}).values(), counts.get("other", [0, 0])]
    assert [sum(column) for column in zip(*groups, strict=True)] == [400, sum(EXAMPLES.converted)]


def test_reasons_of_a_learned_model_give_rates(attempt):
    reasons = explain(attempt.scorecard, FIELDS, EXAMPLES.records[0])
    assert len(reasons) == 5
    for reason in reasons:
        how, verb = ("more", "raise") if reason.effect > 0 else ("less", "lower")
        rate = rf"convert {how} often: (under )?\d+ %, against \d+ % overall\.$"
        assert re.search(rf"{rate}|{verb}s? this score( slightly)?\.$", reason.sentence)
    assert any("overall" in reason.sentence for reason in reasons)


def test_field_not_for_use_is_not_learned_from(attempt):
    assert "noted" not in attempt.metrics["fields"]
    assert "noted" not in {term.field for term in attempt.scorecard.terms}


def test_field_that_was_never_known_has_no_effect(attempt):
    effects = [dict(attempt.scorecard.score({"never_known": x}).effects) for x in (None, -5.0, 9e9)]
    assert {each["never_known"] for each in effects} == {0.0}


@pytest.mark.usefixtures("few_trees")
def test_same_examples_and_seed_give_the_same_whether_unknowns_are_none_or_of_a_wrong_type(
    small_attempt,
):
    strange = dataclasses.replace(
        EXAMPLES,
        records=[
            record | {"email_opens": "many"} if record["email_opens"] is None else record
            for record in EXAMPLES.records
        ],
    )
    again = challenge(strange, FIELDS, blind_champion(), RULE, seed=1)
    assert again == small_attempt
    assert again.scorecard.digest == small_attempt.scorecard.digest


@pytest.mark.parametrize(("n_converted", "n_lost"), [(0, 0), (50, 0), (0, 50), (9, 100), (100, 9)])
def test_too_few_outcomes_are_named_with_their_numbers(n_converted, n_lost):
    with pytest.raises(NotEnoughToLearn, match=f"{n_converted} converted and {n_lost} lost leads"):
        challenge(few(n_converted, n_lost), FIELDS, starter_scorecard(), RULE, seed=1)


@pytest.mark.usefixtures("few_trees")
def test_ten_of_each_are_enough_to_learn():
    attempt = challenge(few(10, 10), FIELDS, starter_scorecard(), RULE, seed=1)
    assert not attempt.decision.promote
    assert "at least 20 of each are required" in attempt.decision.reason


def test_file_without_a_field_for_models_is_named():
    fields = loads('[[field]]\nname = "a"\ntype = "count"\nlabel = "A"\nuse = false')
    with pytest.raises(NotEnoughToLearn, match="use = false"):
        challenge(EXAMPLES, fields, starter_scorecard(), RULE, seed=1)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("kind", ["count", "number", "category", "boolean"])
def test_single_field_of_any_type_can_be_learned_from(kind):
    fields = loads(f'[[field]]\nname = "x"\ntype = "{kind}"\nlabel = "X"')
    by_kind: dict[str, tuple[Value, Value]] = {"boolean": (True, False), "category": ("a", "b")}
    values = by_kind.get(kind, (1, 5))
    n = 100
    records: list[dict[str, Value]] = [{"x": values[i % 2]} for i in range(n)]
    converted = [i % 10 == 1 if i % 2 else i % 8 > 0 for i in range(n)]
    attempt = challenge(
        Examples(records, converted, [True] * n), fields, starter_scorecard(), RULE, seed=0
    )
    low, high = (attempt.scorecard.score({"x": values[i]}).probability for i in (1, 0))
    assert low < 0.4 < 0.6 < high


@pytest.mark.usefixtures("few_trees")
def test_noise_is_learned_from_without_a_fall():
    examples = dataclasses.replace(EXAMPLES, records=[{} for _ in EXAMPLES.records])
    attempt = challenge(examples, FIELDS, blind_champion(), RULE, seed=1)
    assert not attempt.decision.promote
    assert attempt.scorecard.score({}).probability == pytest.approx(
        sum(EXAMPLES.converted) / 400, abs=0.01
    )


def test_progress_runs_from_0_to_1_with_a_stage_in_words(attempt, progress):
    shares = [done for done, _ in progress]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(stage for _, stage in progress)


def test_error_in_the_progress_callback_stops_the_work():
    def stop(done, stage):
        raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="Reading 60 leads"):
        challenge(make_examples(60), FIELDS, starter_scorecard(), RULE, seed=1, progress=stop)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="equally long"):
        Examples([{}], [True, False], [True])


def test_libraries_are_named_with_their_versions(attempt):
    assert set(attempt.libraries) == {"python", "scikit-learn", "numpy", "pandas"}
    assert all(version[0].isdigit() for version in attempt.libraries.values())


def test_scores_of_strange_leads_are_probabilities(attempt):
    for value in (None, -3, 10**15, 1e-9, "nowhere", True, math.pi):
        probability = attempt.scorecard.score(dict.fromkeys(FIELDS.names, value)).probability
        assert 0 < probability < 1


def turned(n_before, n_after, seed=3):
    """Leads since the champion; after some of them outcomes mean the opposite."""
    draw = random.Random(seed)
    numbers = [draw.gauss(0, 1) for _ in range(n_before + n_after)]
    signs = [1] * n_before + [-1] * n_after
    converted = [
        draw.random() < 1 / (1 + math.exp(-2 * sign * x))
        for sign, x in zip(signs, numbers, strict=True)
    ]
    return Examples([{"x": x} for x in numbers], converted, [True] * len(numbers))


def a_champion_of(n_leads):
    known = turned(n_leads, 0, seed=4)
    return learn(known.records, known.converted, X, seed=0).scorecard


@pytest.mark.usefixtures("few_trees")
def test_after_a_change_of_the_world_the_newest_leads_alone_teach():
    champion, examples = a_champion_of(200), turned(300, 120)
    found = challenge(examples, X, champion, GateRule(), seed=1)
    assert found.decision.promote
    assert 250 <= found.n_outdated == found.decision.n_older <= 320
    assert found.metrics["n"] == 420 - found.n_outdated
    low, high = (found.scorecard.score({"x": x}).probability for x in (1.5, -1.5))
    assert low < 0.3 < 0.7 < high


@pytest.mark.usefixtures("few_trees")
def test_without_a_change_all_leads_teach():
    found = challenge(turned(420, 0), X, a_champion_of(200), GateRule(), seed=1)
    assert (found.n_outdated, found.decision.n_older, found.metrics["n"]) == (0, 0, 420)


@pytest.mark.usefixtures("few_trees")
def test_a_champion_made_right_before_a_change_is_followed_by_a_model_of_later_leads():
    examples = turned(200, 120)
    later = dataclasses.replace(examples, is_evidence=[False] * 200 + [True] * 120)
    found = challenge(later, X, a_champion_of(200), GateRule(), seed=1)
    assert found.decision.promote
    assert (found.n_outdated, found.decision.n_older, found.metrics["n"]) == (200, 0, 120)
