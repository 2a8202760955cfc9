"""Proposals for columns and values: what is sure, what is likely, and what must be asked."""

import pytest

from ml.fields import fields_file
from ml.fields.checks import field_from
from tests.services.imports.reading import TEAM_FIELDS, proposal_of, read_file
from webapp.services.imports.files.table import detect
from webapp.services.imports.matching.mapping import ColumnMapping, Mapping
from webapp.services.imports.matching.profile import profile_file
from webapp.services.imports.matching.proposal import new_field
from webapp.services.imports.matching.questions import MappingRefused, accept, questions


@pytest.fixture
def file(tmp_path):
    """`file(*lines)` is a file of these lines."""

    def file(*lines):
        path = tmp_path / "leads.csv"
        path.write_text("\n".join(lines))
        return path

    return file


@pytest.fixture
def targets(file):
    """Which target each column of a header is sure to have; unsure ones with a question mark."""

    def targets(header, *rows):
        width = header.count(",") + 1
        lines = rows or [",".join(f"x{n}" for n in range(width))]
        columns = proposal_of(file(header, *lines)).columns
        return [c.target if c.confidence == "sure" else f"{c.target}?" for c in columns]

    return targets


def test_the_same_is_taken_from_one_column_the_best_known(targets):
    assert targets("Mobile,Phone,ID,Lead ID,Country,City") == [
        "phone",
        "phone",
        "",
        "lead_id",
        "",
        "location",
    ]


@pytest.mark.parametrize(
    ("header", "rows", "told"),
    [
        ("lead_id,age,age", ["L-1,30,", "L-2,,32", "L-3,33,33"], [30, 32, 33]),
        ("lead_id,Email Opens,email_opens", ["L-1,n/a,3", "L-2,4,"], [3, 4]),
        ("lead_id,Mobile,Phone", ["L-1,1,2", "L-2,3,"], ["2", "3"]),
        ("lead_id,Mobile,Phone,Telephone", ["L-1,1,,2", "L-2,,,4"], ["2", "4"]),
    ],
)
def test_a_second_column_of_a_meaning_fills_in_where_the_first_is_empty(file, header, rows, told):
    values = read_file(file(header, *rows)).values
    assert [list(values[row[:3]].values())[1] for row in rows] == told


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("lead_id,age,age", "L-1,30,31"),
        ("lead_id,Lead Source,Original Source", "L-1,Webinar,Organic"),
        ("lead_id,name,name", "L-1,Ada,Eve"),
    ],
)
def test_columns_of_one_meaning_that_differ_are_asked_about(file, header, row):
    one, other = header.split(",")[1:]
    path = file(header, row)
    with pytest.raises(MappingRefused, match=f"“{other}” means .*, and so does “{one}”: leave "):
        read_file(path)
    names = header.split(",")
    targets = ("lead_id", "", proposal_of(path).columns[1].target)
    known = Mapping(
        columns=tuple(ColumnMapping(name=n, target=t) for n, t in zip(names, targets, strict=True))
    )
    assert str(read_file(path, known=known).values["L-1"][targets[2]]) == row.split(",")[2]


def test_a_column_without_any_value_does_not_keep_another_from_its_target(targets):
    header = "Lead ID,Phone Number,Mobile"
    assert targets(header, "L-1,,555-0101") == ["lead_id", "", "phone"]


def test_one_column_with_the_whole_name_is_enough(targets):
    assert targets("Lead ID,First Name,Last Name,Full Name") == ["lead_id", "", "", "name"]


def test_similar_names_are_offered_and_not_taken(targets):
    assert targets("lead_id,No. of Employees,Expected amont,Channel,Colour,Page") == [
        "lead_id",
        "employees?",
        "amount?",
        "lead_source?",
        "",
        "",
    ]


def test_times_and_reasons_of_outcomes_need_an_outcome_in_the_file(targets):
    assert targets("lead_id,Closed on,Reason", "L-1,2026-01-01,x") == ["lead_id", "", ""]


def test_a_second_status_that_tells_nothing_is_left_out(targets):
    header = "lead_id,Lead Status,Stage"
    assert targets(header, "L-1,Lost Lead,Alpha", "L-2,New,Beta")[1:] == ["actual_outcome", ""]


@pytest.mark.parametrize(
    ("header", "words", "is_asked"),
    [
        ("What happened", ("Won", "Lost", "Ghosted"), True),
        ("Funnel state", ("Lost", "Alpha", "Beta", "Gamma"), True),
        ("Bought it", ("Yes", "No"), True),
        ("Newsletter", ("Yes", "No"), False),
        ("Remark", ("Lost", "Alpha", "Beta", "Gamma"), False),
        ("Mood", ("Open", "New", "Working"), False),
    ],
)
def test_a_column_of_no_known_name_that_tells_outcomes_is_asked_about(
    file, header, words, is_asked
):
    path = file(f"lead_id,age,{header}", *(f"L-{w},30,{w}" for w in words))
    asked = [q.column for q in questions(proposal_of(path)) if q.must_answer]
    assert asked == ([header] if is_asked else [])
    if is_asked:
        with pytest.raises(MappingRefused, match="looks like the outcome: say whether it is"):
            read_file(path)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("Became a Customer Date", "outcome_at"),
        ("Closed Lost Date", "outcome_at"),
        ("Date of signing the contract", ""),
        ("When signed", "outcome_at?"),
        ("Last contacted", ""),
    ],
)
def test_dates_of_outcomes_are_known_by_their_names(targets, header, target):
    rows = ("L-1,Won,2026-05-04 12:30",)
    assert targets(f"lead_id,Status,{header}", *rows)[2] == target


def test_odoo_names_owners_and_reasons_with_their_columns_of_names(targets):
    header = "id,contact_name,partner_name,email_from,active,user_id/name,lost_reason_id/name"
    assert targets(header, "1,A,B,c@x.com,False,Rita,Price")[-2:] == ["owner", "outcome.reason"]


def test_a_title_called_lead_name_leaves_the_name_to_the_person(targets):
    header = "ID,Lead Name,First name,Last name,Responsible person"
    row = "101,Lead #101,Hans,Huber,Anna"
    assert targets(header, row) == ["lead_id", "", "name.first", "name.last", "owner"]
    assert targets("ID,Lead Name", "101,Hans Huber") == ["lead_id", "name"]


@pytest.mark.parametrize(("field", "is_asked"), [("age", False), ("amount", True)])
def test_two_decimal_marks_in_one_column_are_asked_about_unless_it_is_of_whole_numbers(
    file, field, is_asked
):
    path = file(f"lead_id;{field}", "L-1;30.5", "L-2;1,5", "L-3;31")
    asked = [q.message for q in questions(proposal_of(path)) if q.kind == "decimal"]
    if is_asked:
        assert [message[:46] for message in asked] == [
            "“30.5” and “1,5” have different decimal marks:"
        ]
    else:
        assert asked == []
        result = read_file(path)
        assert (result.values["L-3"], len(result.result.warnings)) == (
            {"lead_id": "L-3", "age": 31},
            1,
        )


def test_a_further_column_of_outcomes_is_told_where_it_is_left_out(file):
    result = read_file(file("lead_id,age,Status,What happened", "L-1,30,Won,Lost"))
    assert "The column “What happened” was left out: “Status” is taken instead." in result.notes


def test_an_outcome_by_its_own_name_needs_no_other_column(targets):
    header = "lead_id,actual_outcome,Status"
    assert targets(header, "L-1,true,Won", "L-2,false,Lost")[1:] == ["actual_outcome", ""]


def test_no_in_a_lone_column_of_conversions_is_asked_about(file):
    path = file("lead_id,Converted", "L-1,Yes", "L-2,No")
    with pytest.raises(MappingRefused, match="does “No” mean converted, lost") as refused:
        read_file(path)
    assert refused.value.errors[0].field == "Converted"
    known = Mapping(
        columns=(
            ColumnMapping(name="lead_id", target="lead_id"),
            ColumnMapping(
                name="Converted",
                target="actual_outcome",
                words="converted",
                values={"no": False},
            ),
        )
    )
    outcomes = [row.record.outcome for row in read_file(path, known=known).right]
    assert outcomes == [True, False]


def test_words_of_outcomes_that_nobody_knows_are_refused_by_name(file):
    path = file("lead_id,Status", "L-1,Won", "L-2,Ghosted", "L-3,Ghosted", "L-4,Parked")
    with pytest.raises(MappingRefused) as refused:
        read_file(path)
    assert [(e.field, e.message[:15]) for e in refused.value.errors] == [
        ("Status", "does “Ghosted” "),
        ("Status", "does “Parked” m"),
    ]


def test_a_file_with_neither_id_nor_e_mail_is_refused(file):
    with pytest.raises(MappingRefused, match="no column is the lead's ID, and none the e-mail"):
        read_file(file("name,company", "Ada,Acme"), id_from_email=True)


def test_a_column_that_may_be_the_id_must_be_named(file):
    with pytest.raises(MappingRefused, match="may be the lead's ID"):
        read_file(file("Number,name", "1,Ada"))


def test_numbers_that_may_be_two_are_asked_about(file):
    path = file("lead_id;amount", "L-1;1.200", "L-2;3.500")
    with pytest.raises(MappingRefused, match=r"“1\.200” can mean two numbers"):
        read_file(path)


def test_a_count_cannot_have_decimals_so_its_point_parts_thousands(file):
    values = read_file(file("lead_id;employees", "L-1;1.234", "L-2;2.000")).values
    assert [row["employees"] for row in values.values()] == [1234, 2000]


def test_the_day_order_is_told_by_any_day_above_twelve(file):
    rows = [f"L-{n},won,0{n}/02/2026" for n in range(1, 10)]
    result = read_file(file("lead_id,outcome,closed on", *rows, "L-10,lost,13/01/2026"))
    assert [row.outcome_at.month for row in result.right] == [2] * 9 + [1]


def test_dates_in_both_orders_decide_nothing(file):
    path = file("lead_id,outcome,closed on", "L-1,won,13/01/2026", "L-2,won,01/13/2026")
    with pytest.raises(MappingRefused, match="which comes first"):
        read_file(path)


def test_choices_that_are_not_known_are_left_unknown_and_named(file):
    result = read_file(file("lead_id,Lead Source", "L-1,TRADE_SHOW", "L-2,Web", "L-3,Web"))
    assert [row.get("lead_source") for row in result.values.values()] == ["Trade Show", None, None]
    [warning] = result.result.warnings
    assert (warning.column, warning.count, warning.lines) == ("Lead Source", 2, [3, 4])


def test_choices_can_be_taken_as_others(file):
    path = file("lead_id,Lead Source", "L-1,Web", "L-2,Partner Referral", "L-3,Fair")
    known = Mapping(
        columns=(
            ColumnMapping(name="lead_id", target="lead_id"),
            ColumnMapping(
                name="Lead Source",
                target="lead_source",
                values={"partner referral": "Referral", "fair": None, "web": "Organic"},
            ),
        ),
    )
    result = read_file(path, known=known)
    sources = [row.get("lead_source") for row in result.values.values()]
    assert sources == ["Organic", "Referral", None]
    assert result.result.warnings == []


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["4", "12"], "count"),
        (["-4", "12"], "number"),
        (["1.5", "2"], "number"),
        (["yes", "No", "no"], "boolean"),
        (["red", "blue"], "category"),
    ],
)
def test_a_new_field_is_proposed_by_its_values(cells, kind, file):
    path = file("lead_id,2nd Colour!", *(f"L,{cell}" for cell in cells))
    entry = new_field(profile_file(path, detect(path)).columns[1])
    assert (entry["name"], entry["type"]) == ("field_2nd_colour", kind)
    assert field_from(entry).type == kind


def test_a_mapping_of_last_week_decides_what_its_names_would_not(file):
    path = file("Nr,Farbe,Newsletter", "L-1,rot,ja", "L-2,blau,nein")
    columns = (
        ColumnMapping(name="nr", target="lead_id"),
        ColumnMapping(name="FARBE", target="industry"),
        ColumnMapping(name="Newsletter", target="newsletter", values={"ja": True, "nein": False}),
    )
    result = read_file(path, known=Mapping(columns=columns))
    assert list(result.values.values()) == [
        {"lead_id": "L-1", "industry": "rot", "newsletter": True},
        {"lead_id": "L-2", "industry": "blau", "newsletter": False},
    ]


def test_what_a_column_shows_itself_counts_more_than_last_week(file):
    header = "lead_id;Status;Closed on;amount"
    first = read_file(file(header, "L-1;won;13/01/2026;1.200,5", "L-2;won;02/01/2026;7")).mapping
    assert (first.column("Closed on").day_first, first.column("amount").decimal) == (True, ",")
    told = read_file(file(header, "L-1;won;02/01/2026;1.200"), known=first).right[0]
    assert (told.outcome_at.month, told.values["amount"]) == (1, 1200)
    shown = read_file(file(header, "L-1;won;01/13/2026;7.5"), known=first).right[0]
    assert (shown.outcome_at.month, shown.values["amount"]) == (1, 7.5)


def test_what_did_not_matter_last_week_decides_nothing_today(file):
    first = read_file(file("lead_id;amount", "L-1;7")).mapping
    assert read_file(file("lead_id;amount", "L-1;7,5"), known=first).values["L-1"]["amount"] == 7.5


def test_a_remembered_target_that_is_gone_is_proposed_anew(file):
    columns = (
        ColumnMapping(name="lead_id", target="lead_id"),
        ColumnMapping(name="Industry", target="gone"),
    )
    result = read_file(file("lead_id,Industry", "L-1,Retail"), known=Mapping(columns=columns))
    assert result.values["L-1"]["industry"] == "Retail"


def test_questions_that_must_be_answered_come_first(file):
    path = file("lead_id,Lead Source,Status", "L-1,Web,Ghosted")
    kinds = [q.kind for q in questions(proposal_of(path))]
    assert kinds == ["outcome", "choice"]


def test_a_mapping_is_the_same_after_it_was_written_down(file):
    fields = TEAM_FIELDS
    path = file("lead_id;Status;Closed on;amount", "L-1;Won;13/01/2026 10:00;1,5")
    mapping = accept(proposal_of(path, fields=fields), time_zone="Europe/Berlin").mapping
    assert Mapping.model_validate_json(mapping.model_dump_json()) == mapping
    assert mapping.column("Amount").decimal == ","


def test_a_file_of_the_product_itself_is_taken_as_it_stands(targets):
    fields = fields_file.loads('[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"')
    names = ["lead_id", "name", "company", "email", "phone", "owner", "actual_outcome"]
    names += ["outcome_at", "scored_at", *(field.name for field in fields if field.builtin)]
    assert targets(",".join(names)) == names
