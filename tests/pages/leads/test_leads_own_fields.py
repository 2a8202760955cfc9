"""The lead table of a team whose fields file has neither a source nor a contact."""

import pytest

from ml.fields import fields_file
from tests.factories import make_lead

SEATS = '[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"\n'


@pytest.fixture
def settings(settings, tmp_path):
    path = tmp_path / "fields.toml"
    path.write_text(SEATS)
    return settings.model_copy(update={"fields_file": path})


def test_columns_and_filters_follow_the_fields_file(rita, sign_in, write):
    own = fields_file.loads(SEATS)
    write(lambda s: make_lead(s, "L-1", fields=own, lead_source="Referral", seats=3))
    page = sign_in(rita).get("/leads").text
    assert "L-1" in page
    assert "Last contact" not in page
    assert 'name="source"' not in page
