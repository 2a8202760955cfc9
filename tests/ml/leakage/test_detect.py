import random

import numpy as np
import pytest

from ml.fields.fields_file import loads
from ml.fields.types import Field, Value
from ml.gate.gate import GateRule
from ml.leakage import detect
from ml.leakage.detect import find_leaks, removed
from ml.leakage.words import named_later
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import CategoryTerm
from ml.training.train import Examples, FieldExclusions, NotEnoughToLearn, challenge

pytestmark = pytest.mark.usefixtures("small_forests")

FIELDS = loads("""
field = [
    {name = "lead_source", type = "category", label = "Lead source"},
    {name = "budget", type = "number", label = "Budget"},
    {name = "team", type = "category", label = "Team"},
    {name = "contract_number", type = "category", label = "Contract number"},
    {name = "mood", type = "category", label = "Mood"},
    {name = "lead_status", type = "category", label = "Lead status"},
    {name = "previous_status", type = "category", label = "Lead status before"},
    {name = "note", type = "category", label = "Note"},
]
""")


def leads(n, *, seed=0, **fields):
    """Leads that convert with a chance of 40 %, more often with a large budget.

    `fields` are functions of the draw and the outcome.
    """
    draw = random.Random(seed)
    records, converted = [], []
    for _ in range(n):
        budget = draw.gauss(0, 1)
        won = draw.random() < 1 / (1 + np.exp(0.4 - budget))
        record = {"budget": budget, "team": draw.choice("abcd")}
        records.append(record | {name: f(draw, won) for name, f in fields.items()})
        converted.append(won)
    return records, converted


def found(n=400, open_records=(), seed=0, **fields):
    records, converted = leads(n, seed=seed, **fields)
    return {s.field: s for s in find_leaks(records, converted, FIELDS.model, open_records)}


def telling(draw, won, share=0.97):
    return ("yes" if won else "no") if draw.random() < share else draw.choice(["yes", "no"])


def weakly(draw, won):
    return telling(draw, won, share=0.4)


def test_honest_fields_are_not_suspected_at_any_size():
    for n in (50, 100, 400, 3000):
        assert found(n, lead_source=weakly, mood=weakly, previous_status=weakly) == {}


def test_a_field_too_good_alone_is_suspected_whatever_its_name():
    suspicion = found(mood=telling)["mood"]
    assert suspicion.sign == "too good alone"
    assert suspicion.evidence["low"] > detect.MAX_REMOVED_ALONE
    assert "Mood alone removes" in suspicion.sentence
    assert "(at least, with 95 % confidence, " in suspicion.sentence
    assert "leads with “yes”" in suspicion.sentence


def copied(draw, won):
    """The outcome, wrong for one lead in ten."""
    return "yes" if won != (draw.random() < 0.1) else "no"


def test_the_outcome_copied_with_a_tenth_of_noise_is_suspected():
    shares = []
    for seed in range(40):
        suspicion = found(400, seed=seed, mood=copied).get("mood")
        shares += [suspicion.evidence["share"]] if suspicion else []
    assert len(shares) >= 36
    # Of an outcome of 40 % a channel that errs in 10 % removes 1 - (H(y|x) / H(y)) = 0.52.
    assert np.mean(shares) == pytest.approx(0.52, abs=0.04)


def test_a_field_as_good_as_the_best_honest_ones_is_not_suspected():
    def loyal(draw, won):
        return telling(draw, won, share=0.6)

    assert sum("mood" in found(400, seed=seed, mood=loyal) for seed in range(20)) <= 1


def test_a_number_too_good_alone_is_suspected():
    late = found(budget=lambda draw, won: draw.gauss(8 if won else 0, 1))
    assert late["budget"].sign == "too good alone"


def test_the_same_leak_is_not_believed_on_few_leads():
    weaker = {"mood": lambda draw, won: telling(draw, won, share=0.75)}
    assert sum(bool(found(50, seed=seed, **weaker)) for seed in range(10)) <= 3
    assert found(3000, **weaker)["mood"].sign == "too good alone"


def test_a_field_filled_for_one_outcome_only_is_suspected():
    def number(draw, won):
        return f"C-{draw.randrange(10**6)}" if won and draw.random() < 0.4 else None

    suspicion = found(contract_number=number)["contract_number"]
    assert suspicion.sign == "one outcome only"
    assert "and for 0 % of the" in suspicion.sentence


def test_the_evidence_in_numbers_keeps_counts_whole_and_small_chances_above_zero():
    evidence = found(lead_status=telling)["lead_status"].to_json()["evidence"]
    assert (evidence["n_leads"], type(evidence["n_leads"])) == (400, int)
    suspicion = detect.Leak("a", "written later", ".", {"p_value": 1.23456e-9, "n_leads": 300})
    assert suspicion.to_json()["evidence"] == {"p_value": 1.235e-9, "n_leads": 300}


def test_a_field_that_open_leads_do_not_have_is_suspected():
    def mood(draw, won):
        return draw.choice(["good", "bad"])

    open_records = [{"budget": 1.0}] * 300
    assert found(mood=mood) == {}
    assert found(open_records=open_records, mood=mood)["mood"].sign == "closed leads only"
    filled = [{"budget": 1.0, "team": "a", "mood": "good"}, {"budget": 1.0, "team": "b"}] * 150
    assert found(open_records=filled, mood=mood) == {}


def test_a_field_whose_name_says_that_it_is_written_later_needs_little_evidence():
    suspicion = found(lead_status=weakly)["lead_status"]
    assert suspicion.sign == "written later"
    assert suspicion.evidence["p_value"] < 0.05
    assert "Its values are associated with the outcome" in suspicion.sentence


def test_values_that_speak_of_the_end_count_as_well():
    def note(draw, won):
        return draw.choice(["Closed by Ann" if won else "busy", "busy", "asks"])

    assert found(note=note)["note"].sentence.startswith(
        "Note contains “Closed by Ann”, which describes how a lead ended. Such values are"
        " associated with the outcome on 400 leads (p < 0.001), and nothing shows that they were"
        " known earlier."
    )


def test_a_value_that_speaks_of_the_end_says_nothing_where_few_leads_hold_it():
    def note(draw, won):
        rare = draw.random() < 0.01 and won
        return "Closed beta, call Ann Smith" if rare else weakly(draw, won)

    assert found(note=note, n=300) == {}


def test_a_value_that_speaks_of_the_end_has_to_go_with_the_outcome_itself():
    def note(draw, won):
        return "Closed beta" if draw.random() < 0.2 else weakly(draw, won)

    assert sum("note" in found(100, seed=seed, note=note) for seed in range(40)) <= 5


def test_lost_and_won_deals_do_not_cancel_out():
    def note(draw, won):
        return ("Closed won" if won else "Closed lost") if draw.random() < 0.2 else "busy"

    assert found(note=note)["note"].sign == "written later"


def test_no_value_that_few_leads_hold_is_quoted():
    def mood(draw, won):
        return f"Ann Smith {draw.random()}" if draw.random() < 0.2 else telling(draw, won)

    sentence = found(mood=mood)["mood"].sentence
    assert "“yes”" in sentence
    assert "Ann" not in sentence


def test_values_kept_from_when_a_field_was_of_another_type_are_told_by_their_own_name():
    def mood(draw, won):
        return True if draw.random() < 0.2 else {"yes": "z", "no": "a"}[telling(draw, won)]

    assert "leads with “z” 9" in found(mood=mood, n=1000)["mood"].sentence


@pytest.mark.parametrize(
    "label",
    ["Credit rating of the prospect", "LinkedIn profile of the lead", "Value of lost luggage"],
)
def test_words_that_do_not_belong_together_name_nothing(label):
    assert named_later(Field("own_field", "category", label)) is None
    assert named_later(Field("lead", "category", "Status")) is None


@pytest.mark.parametrize(
    "label", ["Last notable activity", "Lead quality", "Close date", "Date closed", "Tags"]
)
def test_names_of_what_is_written_later_are_known(label):
    assert named_later(Field("own_field", "category", label))
    assert named_later(Field(label.lower().replace(" ", "_"), "category", "Own"))


def test_words_without_numbers_are_no_evidence():
    assert found(lead_status=lambda draw, won: draw.choice("abc"), seed=3) == {}


def test_built_in_fields_are_looked_at_like_all_others():
    assert found(lead_source=telling)["lead_source"].sign == "too good alone"


@pytest.mark.parametrize("n", [20, 200])
def test_noise_removes_no_uncertainty(n):
    shares = [
        removed(np.random.default_rng(seed).integers(0, 6, n), np.arange(n) % 3 == 0).share
        for seed in range(40)
    ]
    assert np.mean(shares) < 0


def test_a_suspected_field_is_left_out_of_the_very_training_that_suspects_it():
    records, converted = leads(120, mood=telling)
    examples = Examples(records, converted, [True] * 120)

    def attempt(**known):
        champion = starter_scorecard()
        return challenge(
            examples, FIELDS, champion, GateRule(), seed=1, exclusions=FieldExclusions(**known)
        )

    first = attempt()
    assert [s.field for s in first.leaks] == ["mood"]
    assert "mood" not in first.fields
    assert all(term.field != "mood" for term in first.scorecard.terms)
    later = attempt(left_out={"mood": "Because."})
    assert later.leaks == first.leaks  # the evidence of these examples
    assert later.left_out == first.left_out
    allowed = attempt(allowed=frozenset(["mood"]))
    assert "mood" in allowed.fields
    assert allowed.left_out == {}


def test_a_champion_that_knows_a_field_left_out_is_judged_without_it():
    records, converted = leads(200, mood=telling)
    examples = Examples(records, converted, [True] * 200)
    peeking = Scorecard(
        "test",
        0.0,
        0.5,
        100,
        (0.6, 0.5, 0.4),
        (CategoryTerm("mood", {"yes": 4.0, "no": -4.0}, other=0.0, missing=0.0),),
    )
    attempt = challenge(examples, FIELDS, peeking, GateRule(), seed=1)
    assert attempt.champion_knew == ("mood",)
    assert attempt.decision.auc_champion == 0.5


def test_a_champion_that_knows_a_field_kept_from_models_by_the_file_is_judged_without_it():
    fields = FIELDS.without(["mood"])
    records, converted = leads(200, mood=telling)
    examples = Examples(records, converted, [True] * 200)
    mood = CategoryTerm("mood", {"yes": 4.0, "no": -4.0}, other=0.0, missing=0.0)
    knowing = Scorecard("test", 0.0, 0.5, 100, (0.6, 0.5, 0.4), (mood,))
    exclusions = FieldExclusions(
        left_out={"mood": "Mood has use = false.", "never seen": "Dropped."}
    )
    attempt = challenge(examples, fields, knowing, GateRule(), seed=1, exclusions=exclusions)
    assert attempt.champion_knew == ("mood",)
    assert attempt.left_out == {"mood": "Mood has use = false."}
    assert attempt.decision.auc_champion == 0.5


def test_nothing_is_learned_where_every_field_is_left_out():
    only = loads('[[field]]\nname = "mood"\ntype = "category"\nlabel = "Mood"')
    records, converted = leads(200, mood=telling)
    examples = Examples(records, converted, [True] * 200)
    with pytest.raises(NotEnoughToLearn, match="allow one"):
        challenge(examples, only, starter_scorecard(), GateRule(), seed=1)


def test_a_field_not_collected_from_most_leads_of_an_outcome_is_no_leak():
    records, converted = leads(600, mood=lambda draw, won: draw.choice("abc"))
    for place in np.flatnonzero(converted)[3:]:
        del records[place]["mood"]
    assert find_leaks(records, converted, FIELDS.model) == []


def test_a_field_never_sent_of_open_leads_is_filled_for_closed_ones_only():
    records, converted = leads(200, mood=lambda draw, won: draw.choice("abc"))
    still_open: list[dict[str, Value]] = [{"budget": 1.0, "team": "a"}] * 60
    [leak] = find_leaks(records, converted, FIELDS.model, still_open)
    assert (leak.field, leak.sign) == ("mood", "closed leads only")
