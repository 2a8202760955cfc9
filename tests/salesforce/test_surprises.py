"""What Salesforce has against the rules is counted for the page Data quality, by runs that read."""

from ml.fields import reading
from tests.conftest import ON_BOTH
from webapp.services.imports import quality


@ON_BOTH
def test_values_outside_the_rules_are_counted_with_their_source(fake, salesforce):
    for _ in range(2):
        fake.lead(LeadSource="Purchased List")
    fake.lead(LeadSource="webinar")
    salesforce.run("dry")
    assert salesforce.read(quality.everything) == []
    salesforce.later()
    [one] = salesforce.read(quality.everything)
    assert (one.field, one.kind, one.value, one.n) == (
        "lead_source",
        reading.NOT_IN_LIST,
        "Purchased List",
        2,
    )
    assert one.last_source == "salesforce"
    salesforce.later()
    assert [one.n for one in salesforce.read(quality.everything)] == [2]
