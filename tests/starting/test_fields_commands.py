"""`flask fields`: export, and import with what it changes said first."""

import pytest

from ml.fields.fields_file import dumps, loads
from tests.factories import FIELDS, NOW, make_lead
from webapp import field_lists
from webapp.services.fields import declaring

SEATS = '[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"\n'


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both in tests/services/fields."""
    return "sqlite"


@pytest.fixture
def run(app, champion):
    def run(*args, **options):
        return app.test_cli_runner().invoke(args=["fields", *args], **options)

    return run


@pytest.fixture
def file(tmp_path):
    def file(text):
        path = tmp_path / "company.toml"
        path.write_text(text)
        return str(path)

    return file


def test_what_is_exported_is_what_counts(run):
    assert list(loads(run("export").output)) == list(FIELDS)


def test_what_was_exported_goes_back_in_and_changes_nothing(run, file, tmp_path):
    path = str(tmp_path / "exported.toml")
    assert run("export", path).exit_code == 0
    assert run("import", path).output == "Nothing changes.\n"


def test_an_import_says_what_changes_and_asks(run, file, read, write):
    write(lambda s: make_lead(s, "L-1", lead_source="Webinar"))
    text = dumps(FIELDS).replace('"Webinar", ', "").replace('label = "Age"', 'label = "Years"')
    path = file(text.replace('name = "email_opens"', 'name = "mails"') + SEATS)
    refused = run("import", path, input="n\n")
    assert refused.exit_code == 1
    assert read(field_lists.current).version == 0
    result = run("import", path, "--yes")
    assert "~ Years (age): label Age becomes Years" in result.output
    assert "+ Seats (seats): new, a whole number of 0 or more, or null" in result.output
    assert "- Email opens (email_opens): retired" in result.output
    assert "Model 1.0 is live and uses Email opens" in result.output
    assert "1 lead has a value that is no longer allowed (Webinar)" in result.output
    fields = read(field_lists.current).fields
    assert {"seats", "mails"} <= {f.name for f in fields.model}
    assert fields["email_opens"].retired


@pytest.mark.parametrize(
    ("options", "typed", "forgets"),
    [
        (["--yes"], "", False),
        (["--yes", "--new-unit", "age"], "", True),
        ([], "y\ny\n", True),
        ([], "n\ny\n", False),
    ],
)
def test_another_unit_is_asked_about_or_said(options, typed, forgets, run, file, read):
    path = file(dumps(FIELDS).replace('"years"', '"months"'))
    result = run("import", path, *options, input=typed)
    assert "The unit of Age changes from years to months" in result.output
    assert (read(field_lists.current).meanings.newest_change > 0) is forgets


def test_a_dry_run_changes_nothing(run, file, read):
    assert "+ Seats" in run("import", file(dumps(FIELDS) + "\n" + SEATS), "--dry-run").output
    assert read(field_lists.current).version == 0


def test_every_mistake_of_a_file_is_named_and_nothing_changes(run, file, read):
    result = run("import", file(SEATS + 'type2 = "x"\nmin = "a"\n'), "--yes")
    assert result.exit_code == 1
    assert "line 5: unknown key type2" in result.output
    assert "line 6: min must be a number" in result.output
    assert read(field_lists.current).version == 0


def test_what_somebody_changes_while_the_question_stands_is_not_overwritten(run, file, write, read):
    by = declaring.Author("ada", NOW, fields_file=None)
    plan = {"name": "plan", "type": "category", "label": "Plan"}
    write(lambda s: declaring.declare_field(s, plan, by))
    with pytest.raises(declaring.ChangedMeanwhile, match="changed the fields"):
        write(lambda s: declaring.replace_all(s, loads(SEATS), by, seen_version=0))
    assert "plan" in read(field_lists.current).fields.names
