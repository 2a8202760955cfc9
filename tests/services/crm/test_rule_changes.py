"""What a dry run keeps of what changed rules would do."""

from webapp.services.crm.outcome_rules import MAX_ALIKE, RuleChanges, StatusChange


def test_some_of_each_kind_are_kept_and_changed_outcomes_come_first():
    changes = RuleChanges()
    for n in range(50):
        changes.count(StatusChange(f"L-{n}", "open", "lost"))
    changes.count(StatusChange("L-50", "lost", "converted"))
    changes.count(StatusChange("L-51", "converted", "open"))
    assert changes.statuses_changed == 52
    kinds = [(each.before, each.after) for each in changes.by_weight()]
    assert kinds == [("lost", "converted"), ("converted", "open"), *[("open", "lost")] * MAX_ALIKE]
