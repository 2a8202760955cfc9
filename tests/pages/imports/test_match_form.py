"""What the form of the step Match offers."""

import pytest
from werkzeug.datastructures import MultiDict

from ml.fields import fields_file
from webapp.pages.imports.match_form import drafted, target_groups

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


@pytest.mark.parametrize(
    ("entered", "targets"),
    [("1", ["", "lead_id"]), ("2", ["", ""]), ("²", ["", ""]), ("1" * 5_000, ["", ""])],
)
def test_the_column_of_ids_is_one_that_the_file_has(entered, targets):
    columns = drafted(MultiDict({"id": entered}), ["Name", "Number"]).columns
    assert [column.target for column in columns] == targets
