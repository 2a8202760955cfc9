"""What the form of the step Match offers."""

from ml.fields import fields_file
from webapp.pages.imports.match_form import target_groups

FIELDS = fields_file.loads(
    """
    [[field]]
    name = "revenue"
    type = "number"
    label = "Annual revenue"
    retired = true
    """
)


def test_a_retired_field_that_a_column_means_can_be_chosen():
    for target, offered in (("revenue", [("revenue", "Annual revenue (retired)")]), ("", [])):
        assert target_groups(FIELDS, {target})[-1] == ("Fields", offered)
