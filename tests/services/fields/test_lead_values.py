"""What leads hold of their fields: counted in SQL, on both databases."""

from tests.factories import FIELDS, NOW, make_lead, make_outcome
from webapp import field_lists
from webapp.services.fields import declaring, lead_values
from webapp.services.fields.declaring import Author
from webapp.services.fields.lead_values import Group

ADA = Author("ada@example.com", NOW, fields_file=None)


def test_coverage_counts_built_in_and_own_fields(write, read):
    for name, kind in (("seats", "count"), ("is_partner", "boolean"), ("plan", "category")):
        entry = {"name": name, "type": kind, "label": name}
        write(lambda s, entry=entry: declaring.declare_field(s, entry, ADA))
    fields = read(field_lists.current).fields
    write(lambda s: make_lead(s, "L-1", fields=fields, seats=0, is_partner=False, age=30))
    write(lambda s: make_lead(s, "L-2", fields=fields, seats=3))
    write(lambda s: make_lead(s, "L-3", fields=fields, seats=None, age=31))
    found = read(lambda s: lead_values.coverage(s, fields))
    assert found.n_leads == 3
    names = ("seats", "is_partner", "plan", "age", "location")
    assert [found.n_known[name] for name in names] == [2, 1, 0, 2, 0]
    assert found.share("seats") == 2 / 3


def test_without_leads_no_field_is_covered(read):
    found = read(lambda s: lead_values.coverage(s, FIELDS))
    assert (found.n_leads, found.share("age")) == (0, 0)


def test_values_are_counted_with_their_outcomes(write, read):
    entry = {"name": "is_partner", "type": "boolean", "label": "Partner"}
    field = write(lambda s: declaring.declare_field(s, entry, ADA))
    fields = read(field_lists.current).fields
    for number, (value, outcome) in enumerate([(True, True), (True, False), (False, None)]):
        lead_id = f"L-{number}"
        write(lambda s, i=lead_id, v=value: make_lead(s, i, fields=fields, is_partner=v))
        write(lambda s, i=lead_id, o=outcome: make_outcome(s, i, o))
    groups = read(lambda s: lead_values.groups(s, field))
    assert groups == [Group("yes", 2, 1, 1), Group("no", 1, 0, 0)]
    assert [group.conversion for group in groups] == [0.5, None]


def test_of_many_values_the_rarest_stand_together(write, read, monkeypatch):
    monkeypatch.setattr(lead_values, "MAX_SHOWN", 1)
    for number, place in enumerate(["Bonn", "Bonn", "Lyon", "Oslo"]):
        write(lambda s, n=number, p=place: make_lead(s, f"L-{n}", location=p))
    found = read(lambda s: lead_values.groups(s, FIELDS["location"]))
    assert [(group.text, group.n_leads) for group in found] == [("Bonn", 2), ("2 other values", 2)]
