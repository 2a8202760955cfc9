import pytest

from ml.fields.fields_file import FieldsFileError, dumps, load, loads

SEATS = '[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"\n'


def mistakes(text):
    with pytest.raises(FieldsFileError) as caught:
        loads(text)
    return [(line, message) for line, message in caught.value.mistakes]


def only_mistake(text):
    (mistake,) = mistakes(text)
    return mistake


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('lable = "S"', "unknown key lable (did you mean label?)"),
        ("zzz = 1", "unknown key zzz"),
        ("min = 5\nmax = 4", "max must not be below the smallest value, 5"),
        ("max = -1", "max must not be below the smallest value, 0"),
        ("min = 0.5", "min of a count must be a whole number, not 0.5"),
        ("min = true", "min must be a number between -10^15 and 10^15, not True"),
        ("max = nan", "max must be a number between -10^15 and 10^15, not nan"),
        ("max = inf", "max must be a number between -10^15 and 10^15, not inf"),
        ('max = "9"', "max must be a number between -10^15 and 10^15, not '9'"),
        (f"max = {'9' * 400}", "max must be a number between -10^15 and 10^15, not a number that"),
        ('choices = ["a"]', "choices are only for the type category, not count"),
        ("use = 1", "use must be true or false, not 1"),
        ('use = "no"', "use must be true or false, not 'no'"),
        ("unit = 3", "unit must be text"),
        ('help = " "', "help must not be blank"),
        ('salesforce = "Lead Source"', "salesforce must be the API name of a Lead field, not"),
        ("salesforce = 1979-05-27", "salesforce must be the API name of a Lead field, not 1979"),
    ],
)
def test_wrong_key_is_named_with_its_line(line, message):
    found_line, found = only_mistake(SEATS + line)
    assert found_line == 4 + len(line.split("\n"))
    assert found.startswith(message)


PLAN = '[[field]]\nname = "plan"\ntype = "category"\nlabel = "Plan"\nchoices = ["Pro", "Team"]\n'


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ("[]", "aliases must be a table of at least one word and its choice"),
        ("{}", "aliases must be a table of at least one word and its choice"),
        ("{ P = 1 }", "alias 'P' must stand for a text"),
        ('{ " " = "Pro" }', "alias ' ' must not be blank"),
        ('{ P = "Basic" }', "'P' stands for 'Basic', which is no choice"),
        ('{ TEAM = "Pro" }', "'TEAM' is a choice itself, so it cannot stand for another"),
        ('{ P = "Pro", p = "Team" }', "aliases hold 'p' twice (case does not matter)"),
    ],
)
def test_an_alias_must_stand_for_one_choice(aliases, message):
    assert only_mistake(f"{PLAN}aliases = {aliases}") == (6, message)


def test_aliases_are_only_for_categories_with_choices():
    assert mistakes(SEATS + 'aliases = { a = "b" }')[0][0] == 5
    free = PLAN.replace('choices = ["Pro", "Team"]', 'aliases = { P = "Pro" }')
    assert only_mistake(free) == (5, "'P' stands for 'Pro', which is no choice")


def test_aliases_are_written_as_they_are_read():
    fields = loads(PLAN + 'aliases = { "P \\"1\\" =" = "pro", "Größe" = "Team" }')
    assert fields["plan"].aliases == (("Größe", "Team"), ('P "1" =', "Pro"))
    assert list(loads(dumps(fields))) == list(fields)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('name = "Seats"\ntype = "count"', "name must be a small letter followed by"),
        (f'name = "a{"b" * 63}"\ntype = "count"', "name must be a small letter followed by"),
        ('name = ["a"]\ntype = "count"', "name must be a small letter followed by"),
        ('name = "email"\ntype = "count"', "name email is reserved"),
        ('name = "grade"\ntype = "count"', "name grade is reserved"),
        ('name = "reason"\ntype = "count"', "name reason is reserved"),
        ('name = "form_key"\ntype = "count"', "name form_key is reserved"),
        ('type = "count"', "name is missing"),
        ('name = "a"', "type is missing"),
        ('name = "a"\ntype = "cuont"', "type must be one of count, number, category, boolean"),
        ('name = "a"\ntype = {}', "type must be one of count, number, category, boolean"),
        ('name = "a"\ntype = "boolean"\nmin = 1', "min is only for the types count and number"),
        (
            'name = "a"\ntype = "category"\nunit = "m"',
            "unit is only for the types count and number",
        ),
        ('name = "a"\ntype = "category"\nchoices = []', "choices must be a list of at least one"),
        ('name = "a"\ntype = "category"\nchoices = "x"', "choices must be a list of at least one"),
        ('name = "a"\ntype = "category"\nchoices = ["x", "X "]', "choices hold 'X ' twice"),
        ('name = "a"\ntype = "category"\nchoices = [" "]', "choice ' ' must not be blank"),
        ('name = "a"\ntype = "category"\nchoices = [1]', "choice 1 must be text"),
        ('name = "age"\ntype = "category"', "type of the built-in field age must be count or"),
        ('name = "industry"\ntype = "count"', "type of the built-in field industry must be cat"),
        ('name = "age"\ntype = "count"\nmax = 121', "max of the built-in field age must be within"),
    ],
)
def test_wrong_entry_is_named(entry, message):
    found = [text for _, text in mistakes(f'[[field]]\nlabel = "A"\n{entry}')]
    assert len(found) == 1
    assert found[0].startswith(message)


def test_missing_key_stands_at_the_line_of_its_table():
    assert only_mistake(SEATS + '\n\n[[field]]\nname = "b"\ntype = "count"') == (
        7,
        "label is missing",
    )


def test_name_declared_twice_is_named_with_both_lines():
    assert only_mistake(SEATS + SEATS) == (6, "name seats is declared twice, first on line 2")


def test_all_mistakes_are_named_at_once_in_the_order_of_lines():
    text = 'x = 1\n[[field]]\nname = "email"\ntype = "count"\n[[field]]\nlabel = 7\n[y]\na = 1'
    assert [line for line, _ in mistakes(text)] == [1, 2, 3, 5, 5, 6, 7]


def test_lines_are_right_after_lists_texts_and_comments_over_several_lines():
    text = (
        '[[field]] # [[field]]\nname = "a"\ntype = "category"\nlabel = """\nA # "B"\n'
        'min = 3"""\nchoices = [ # ]\n \'x\',\n \'y[\', ]\n\n  "use" = 5\n'
    )
    assert only_mistake(text) == (11, "use must be true or false, not 5")


def test_windows_line_ends_count_as_one_line():
    assert only_mistake((SEATS + "use = 5").replace("\n", "\r\n"))[0] == 5


def test_entries_written_in_one_line_are_read_and_named_by_it():
    assert loads('field = [{name = "a", type = "count", label = "A"}]')["a"].label == "A"
    assert only_mistake('\nfield = [{name = "a", type = "count"}]') == (2, "label is missing")


@pytest.mark.parametrize("text", ["[field]\nname = 1", "field = 3", "field = [1]"])
def test_field_that_is_no_list_of_tables_is_refused(text):
    assert only_mistake(text) == (1, "each field must be a table that starts [[field]]")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SEATS + 'unit = "x', 5),
        (SEATS + "unit", 5),
        ("[[field]]\nname = 'a'\nname = 'b'", 3),
        (f"[[field]]\nmax = {'9' * 5000}", 1),
    ],
)
def test_syntax_error_is_named_with_its_line(text, line):
    found_line, message = only_mistake(text)
    assert message.startswith("not valid TOML: ")
    assert found_line == line or "digits" in message


def test_empty_file_is_refused():
    assert only_mistake("# nothing\n")[1].startswith("no field is declared")


def test_counts_start_at_zero_unless_the_file_says_otherwise():
    assert loads(SEATS)["seats"].rule == "a whole number of 0 or more, or null"
    assert loads(SEATS + "min = -5.0\nmax = 5")["seats"].rule == (
        "a whole number from -5 to 5, or null"
    )


def test_builtin_bounds_hold_where_the_entry_gives_none():
    fields = loads('[[field]]\nname = "age"\ntype = "number"\nlabel = "Lead age"\nmin = 18')
    assert fields["age"].rule == "a number from 18 to 120, or null"
    assert fields["age"].builtin


def test_file_that_cannot_be_read_is_a_mistake_too(tmp_path):
    (tmp_path / "bad.toml").write_bytes(b"[[field]]\n\nlabel = '\xff'")
    with pytest.raises(FieldsFileError, match=r"bad.toml has 1 mistake:\n  line 3: .* not UTF-8"):
        load(tmp_path / "bad.toml")
    with pytest.raises(FieldsFileError, match="No such file"):
        load(tmp_path / "none.toml")


def test_byte_order_mark_is_no_mistake(tmp_path):
    (tmp_path / "fields.toml").write_bytes(b"\xef\xbb\xbf" + SEATS.encode())
    assert "seats" in load(tmp_path / "fields.toml")


def test_no_more_fields_are_declared_than_a_model_can_have():
    entries = [f'[[field]]\nname = "x{n}"\ntype = "count"\nlabel = "X"' for n in range(501)]
    with pytest.raises(FieldsFileError, match="more than 500 fields"):
        loads("\n".join(entries))
    retired = "\nretired = true\n"
    assert len(loads("\n".join([*entries[:500], entries[500] + retired])).model) == 500
